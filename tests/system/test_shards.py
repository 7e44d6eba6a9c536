"""Shards in real processes: the same bits whoever sweeps them, workers that are killed, Ctrl-C, nobody left behind."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, go_on
from evloom.dispatch.sharded import HereAndNow, optimise_sharded
from evloom.dispatch.verify import verify_schedule
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.runner import Local, local

EVLOOM = Path(sys.executable).parent / "evloom"
PROBLEM = generate(Recipe(5000, seed=3, tree="5/20/10", headroom_share=0.6, v2g_share=0.3)).problem
AIM, EFFORT, N_SHARD = parse_objective("cost+wear"), Effort("sweeps", 1e-3, 21), 4


@pytest.fixture(scope="module")
def here():
    """What four shards come to in one process."""
    return optimise_sharded(PROBLEM, AIM, EFFORT, go_on, (N_SHARD, HereAndNow))


class Hired:
    """Hires a crew and remembers it."""

    def __init__(self, make):
        self.make = make

    def __call__(self, n_shard, piece):
        self.crew = self.make(n_shard, piece)
        return self.crew


def same(one, other):
    charge = np.array_equal(one.schedule.charge_kwh, other.schedule.charge_kwh)
    discharge = np.array_equal(one.schedule.discharge_kwh, other.schedule.discharge_kwh)
    prices = np.array_equal(one.node_price_per_kwh, other.node_price_per_kwh)
    return charge and discharge and prices and (one.value, one.bound, one.rounds) == (other.value, other.bound, other.rounds)


def pid_of(process):
    assert process.pid is not None
    return process.pid


def children():
    """Processes that this one started and that live, by number; what keeps track of resources for `multiprocessing` is none of ours."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_text()
        except OSError:
            continue
        if fields[1] == str(os.getpid()) and fields[0] != "Z" and "resource_tracker" not in command:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("n_worker", [1, 2, 4])
def test_the_same_shards_give_the_same_bits_whatever_the_number_of_workers(here, n_worker):
    before = set(children())
    assert same(optimise_sharded(PROBLEM, AIM, EFFORT, go_on, (N_SHARD, local(n_worker))), here)
    assert set(children()) == before


def test_a_killed_worker_is_replaced_and_the_bits_are_the_same(here):
    hired = Hired(lambda n, piece: Local(n, piece, 2))
    killed: list[int] = []

    def kill(at):
        killed.append(hired.crew.processes[len(killed) % 2].pid)
        os.kill(killed[-1], signal.SIGKILL)
        return True

    assert same(optimise_sharded(PROBLEM, AIM, EFFORT, kill, (N_SHARD, hired)), here)
    assert len(set(killed)) == len(killed) == len(here.rounds)
    assert not set(killed) & set(children())


def test_a_worker_killed_in_the_middle_of_its_work_is_replaced(here):
    class Struck(Local):
        def ask(self, requests):
            first = next(iter(requests.values()))
            if first.number in (3, 5):
                pid = pid_of(self.processes[0])
                os.kill(pid, signal.SIGSTOP)  # it will have taken the request and not have answered
                killer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
                killer.start()
                try:
                    return super().ask(requests)
                finally:
                    killer.join()
            return super().ask(requests)

    assert same(optimise_sharded(PROBLEM, AIM, EFFORT, go_on, (N_SHARD, lambda n, piece: Struck(n, piece, 2))), here)


def test_a_shard_whose_workers_die_three_times_stays_at_its_last_good_plan(here):
    killed: set[int] = set()

    class Doomed(Local):
        def ask(self, requests):
            if 1 not in requests or requests[1].number < 4:
                return super().ask(requests)
            done = threading.Event()
            hunter = threading.Thread(target=self.hunt, args=(done,))
            hunter.start()
            try:
                return super().ask(requests)
            finally:
                done.set()
                hunter.join()

        def hunt(self, done):
            while not done.wait(0.01):
                process = self.processes[1]
                if process.is_alive():
                    killed.add(pid_of(process))
                    os.kill(pid_of(process), signal.SIGKILL)

    effort = Effort("sweeps", 1e-9, 13)
    solved = optimise_sharded(PROBLEM, AIM, effort, go_on, (N_SHARD, lambda n, piece: Doomed(n, piece, 4)))
    assert len(killed) == 3
    (finding,) = [one for one in solved.findings if one.code == "dispatch.shard-given-up"]
    assert "its last good plan" in finding.advice
    assert not verify_schedule(PROBLEM, solved.schedule, 1e-6)
    assert solved.bound <= here.value <= solved.value * (1 + 1e-12) < 1.05 * here.value
    assert solved.rounds[-1].sweep == 13


def test_ctrl_c_gives_the_best_plan_so_far_and_leaves_no_worker(tmp_path):
    figures = tmp_path / "out.json"
    command = [EVLOOM, "dispatch", "--generate", "8000", "--v2g", "0.5", "--gap", "0", "--sweeps", "100000"]
    command += ["--shards", "4", "--workers", "2", "--json", figures]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        heard = ""
        while "sweep " not in heard and process.poll() is None:
            heard += process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "PARTIAL: interrupted" in out
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert content["partial"] is True
    assert 0.0 < content["gap"] < 0.05
    assert content["largest_violation"] == 0.0
    left_s = time.monotonic() + 5.0
    while time.monotonic() < left_s and any(_is_of(process.pid, one) for one in Path("/proc").glob("[0-9]*")):
        time.sleep(0.05)
    assert not [one.name for one in Path("/proc").glob("[0-9]*") if _is_of(process.pid, one)]


def _is_of(session, process):
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[3] == str(session) and fields[0] != "Z"


def test_the_command_says_what_it_cannot_do():
    def refused(*words):
        done = subprocess.run([EVLOOM, "dispatch", "--generate", "50", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "--shards = 0" in refused("--shards", "0")
    assert "--workers = -1" in refused("--shards", "2", "--workers", "-1")
    assert "--shards = none" in refused("--workers", "2")
    assert "--method exact" in refused("--shards", "2", "--method", "exact")


@pytest.mark.enable_socket  # Ray's own processes talk by TCP on this machine
def test_actors_of_ray_give_the_same_bits_and_are_replaced_when_killed(here):
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'evloom[ray]'")
    from evloom.plan.fleet.ray_runner import Ray

    hired = Hired(lambda n, piece: Ray(n, piece, 2))

    def kill_once(at):
        if at.sweep == 1:
            os.kill(ray.get(hired.crew.actors[1].pid.remote()), signal.SIGKILL)
        return True

    assert same(optimise_sharded(PROBLEM, AIM, EFFORT, kill_once, (N_SHARD, hired)), here)


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_the_command_says_so():
    done = subprocess.run(
        [EVLOOM, "dispatch", "--generate", "50", "--shards", "2", "--runner", "ray"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "dispatch.no-ray" in done.stderr
    assert "Traceback" not in done.stderr
