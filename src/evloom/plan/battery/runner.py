"""Who does the jobs: this process, or several of this machine; one that dies is replaced and its job done again.

The packs of a job depend on that job alone, so the results do not depend on who does it, nor on how many do.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol, cast

from evloom.plan.battery.jobs import Job
from evloom.plan.battery.work import Done, Order, Tell, work

FAILURES_MAX = 3
"""A job whose worker dies so often is given up."""
TELL_S = 0.2
_END_S = 5.0


class Runner(Protocol):
    """Does jobs in any order. `tell` hears of frames that were read; it raises KeyboardInterrupt where the work is to end."""

    def __call__(self, jobs: Sequence[Job], order: Order, tell: Tell) -> Iterator[Done | Job]:
        """What is done as soon as it is; a job that was given up comes back itself."""
        ...


def here(jobs: Sequence[Job], order: Order, tell: Tell) -> Iterator[Done | Job]:
    """All jobs in this process, one after the other."""
    for job in jobs:
        yield work(job, order, tell)


def serve(pipe: Connection, order: Order) -> None:
    """Life of a worker: takes jobs, tells how many frames it has read and what came out, ends when nobody is left to ask.

    Ctrl-C is the affair of who asks. Without memory it ends, and another one tries.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    teller = _Teller(pipe)
    try:
        while True:
            done = work(pipe.recv(), order, teller)
            teller.flush()
            pipe.send(done)
    except (EOFError, BrokenPipeError, ConnectionResetError, MemoryError):
        pipe.close()


class _Teller:
    """Tells of frames now and then: a message each would cost more than the frames."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._n, self._told_s = 0, 0.0

    def __call__(self, n: int) -> None:
        self._n += n
        if time.monotonic() - self._told_s > TELL_S:
            self.flush()

    def flush(self) -> None:
        """Tell what has not been told yet."""
        self._pipe.send(self._n)
        self._n, self._told_s = 0, time.monotonic()


class _Worker:
    """One process and the job that it has in hand."""

    def __init__(self, order: Order) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, end = context.Pipe()
        self.process: BaseProcess = context.Process(target=serve, args=(end, order), daemon=True)
        # A process that is not ready yet must not hear Ctrl-C either: it inherits that the signal is held back. The tracker is started
        # before, because starting it would let the signal through again.
        resource_tracker.ensure_running()
        held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        end.close()
        self.job: Job | None = None

    def give(self, job: Job) -> None:
        """Hand over a job; a dead worker is noticed by who listens."""
        self.job = job
        try:
            self.pipe.send(job)
        except OSError:
            self.process.kill()

    def end(self) -> None:
        """No process is left when this returns."""
        self.pipe.close()
        self.process.kill()
        self.process.join(_END_S)


class Pool:
    """So many processes of this machine, each with one job at a time."""

    def __init__(self, n_worker: int) -> None:
        self._n_worker = n_worker
        self._workers: list[_Worker] = []

    @property
    def processes(self) -> list[BaseProcess]:
        """The process of each worker at present."""
        return [worker.process for worker in self._workers]

    def __call__(self, jobs: Sequence[Job], order: Order, tell: Tell) -> Iterator[Done | Job]:
        """See `Runner`."""
        left = deque(jobs)
        failures = dict.fromkeys((job.number for job in jobs), 0)
        try:
            for _ in range(min(self._n_worker, len(jobs))):
                self._workers.append(_Worker(order))
                self._workers[-1].give(left.popleft())
            while any(worker.job for worker in self._workers):
                yield from self._listen(left, failures, order, tell)
        finally:
            for worker in self._workers:
                worker.end()
            self._workers.clear()

    def _listen(self, left: deque[Job], failures: dict[int, int], order: Order, tell: Tell) -> Iterator[Done | Job]:
        """Hear every worker that has something to say, once."""
        busy = {worker.pipe: worker for worker in self._workers if worker.job}
        heard = wait(list(busy), TELL_S)
        if not heard:
            tell(0)
        for pipe in heard:
            worker = busy[cast("Connection", pipe)]
            job = cast("Job", worker.job)
            try:
                said = worker.pipe.recv()
            except (EOFError, OSError):
                failures[job.number] += 1
                given_up = failures[job.number] >= FAILURES_MAX
                self._replace(worker, order, None if given_up else job, left)
                if given_up:
                    yield job
                continue
            if isinstance(said, Done):
                worker.job = None
                if left:
                    worker.give(left.popleft())
                yield said
            else:
                tell(said)

    def _replace(self, worker: _Worker, order: Order, job: Job | None, left: deque[Job]) -> None:
        """A new process in place of one that died; it does the job again, or the next one."""
        worker.end()
        self._workers.remove(worker)
        job = job or (left.popleft() if left else None)
        if job is not None:
            self._workers.append(_Worker(order))
            self._workers[-1].give(job)


Hire = Callable[[int], Runner]


def local(n_worker: int) -> Runner:
    """Who does jobs with so many processes of this machine; one works here."""
    return here if n_worker <= 1 else Pool(n_worker)
