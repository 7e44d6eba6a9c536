"""Who does the jobs: the results do not depend on it, and a worker that dies is replaced."""

import os
import signal
from pathlib import Path

from evloom.plan.battery.jobs import Job, demo_jobs, list_jobs
from evloom.plan.battery.runner import FAILURES_MAX, Pool, here, local
from evloom.plan.battery.work import Done, Order
from evloom.store.battery.account import Account
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.battery.rules import load_rules
from tests.unit.plan.battery.fleets import fleet, pack, write_csv

ORDER = Order(load_rules(), json=True, pages="en")


def told(done: list[Done | Job]) -> dict[str, tuple[str, str | None]]:
    """JSON and page of each pack."""
    return {result.row.pack_id: (result.json, result.page) for each in done if isinstance(each, Done) for result in each.results}


def test_one_worker_or_several_and_one_that_is_killed_tell_the_same(tmp_path: Path) -> None:
    jobs = list_jobs(fleet(tmp_path), Account())
    alone = told(list(here(jobs, ORDER, lambda _: None)))
    assert len(alone) == 5
    pool = Pool(2)
    killed: list[int] = []

    def kill(_: int) -> None:
        pid = pool.processes[0].pid
        if len(killed) < 2 and pid is not None and pid not in killed:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    assert told(list(pool(jobs, ORDER, kill))) == alone
    assert len(killed) == 2
    assert pool.processes == []


def test_a_job_whose_workers_die_again_and_again_is_given_up(tmp_path: Path) -> None:
    jobs = list_jobs(fleet(tmp_path), Account())[:1]
    pool = Pool(1)
    killed: list[int] = []

    def kill(_: int) -> None:
        pid = pool.processes[0].pid
        if pid is not None and pid not in killed:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    assert list(pool(jobs, ORDER, kill)) == jobs
    assert len(killed) == FAILURES_MAX


def test_packs_of_a_store_and_of_one_csv_are_those_of_their_own_files(tmp_path: Path) -> None:
    packs = [pack("a", days=12, leak_ah=4.0), pack("b", days=12)]
    with FrameStore(tmp_path / "store", n_bucket=4) as store:
        store.write(packs)
        store.compact()
    both = write_csv(tmp_path / "both.csv", *packs)
    from_store = [result for job in list_jobs(tmp_path / "store", Account()) for result in results(job)]
    from_csv = [result for job in list_jobs(both, Account()) for result in results(job)]
    assert {(row.pack_id, row.level, row.part, row.days) for row in from_store} == {
        (row.pack_id, row.level, row.part, row.days) for row in from_csv
    }
    assert max(row.frames for row in from_store) == packs[0].n


def results(job: Job) -> list:
    """The rows of a job."""
    (done,) = here([job], Order(load_rules()), lambda _: None)
    assert isinstance(done, Done)
    return [result.row for result in done.results]


def test_a_demo_is_the_same_fleet_whoever_makes_it() -> None:
    jobs = demo_jobs(3, 5, 2)
    assert [job.name for job in jobs] == ["demo-5-000", "demo-5-001", "demo-5-002"]
    assert local(1) is here
    assert isinstance(local(3), Pool)
