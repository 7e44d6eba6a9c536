"""The same jobs done by tasks of Ray, on one machine or many. Ray is optional: `pip install evloom[ray]`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any

from evloom.plan.battery.jobs import Job
from evloom.plan.battery.runner import FAILURES_MAX, TELL_S, Runner
from evloom.plan.battery.work import Done, Order, Tell, work
from evloom.plan.fleet.ray_runner import ray_module


class Ray:
    """At most so many tasks at a time. Where they run on several machines, all of them must see the files under the same path."""

    def __init__(self, n_worker: int) -> None:
        self._ray, self._n_worker = ray_module(), n_worker

    def __call__(self, jobs: Sequence[Job], order: Order, tell: Tell) -> Iterator[Done | Job]:
        """See `Runner`."""
        ray: Any = self._ray
        is_mine = not ray.is_initialized()
        with redirect_stdout(sys.stderr):  # Ray prints of workers that died, and results alone belong to standard output
            if is_mine:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            try:
                yield from self._run(list(jobs), order, tell)
            finally:
                if is_mine:
                    ray.shutdown()

    def _run(self, left: list[Job], order: Order, tell: Tell) -> Iterator[Done | Job]:
        """Ray does a task again whose process died; one that dies too often is given up."""
        ray: Any = self._ray
        task = ray.remote(num_cpus=0, max_retries=FAILURES_MAX - 1, scheduling_strategy="SPREAD")(do)
        died = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError, MemoryError)
        running: dict[Any, Job] = {}
        while left or running:
            while left and len(running) < self._n_worker:
                job = left.pop(0)
                running[task.remote(job, order)] = job
            ready, _ = ray.wait(list(running), num_returns=1, timeout=TELL_S)
            tell(0)
            for reference in ready:
                job = running.pop(reference)
                try:
                    done: Done = ray.get(reference)
                except died:
                    yield job
                else:
                    tell(done.account.n_accepted)
                    yield done


def do(job: Job, order: Order) -> Done:
    """One job in a process of Ray's."""
    return work(job, order, _quiet)


def _quiet(_: int) -> None:
    """Nobody hears of single frames across machines."""


def by_ray(n_worker: int) -> Runner:
    """Who does jobs with so many tasks of Ray. Raises InputError where Ray is not installed."""
    return Ray(n_worker)
