"""Processes of this machine that sweep shards: started, asked, started anew when they die, ended."""

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from evloom.dispatch.sharded import Hire
from evloom.dispatch.sweeps.shard import Answer, Piece, Request, State
from evloom.plan.fleet.desk import Desk, last_state

# A shard whose worker dies so often over one and the same request is given up.
FAILURES_MAX = 3
_END_S = 5.0

PieceOf = Callable[[int], Piece]


def work(pipe: Connection, folder: Path) -> None:
    """Life of a worker: takes pieces and requests (number of the shard, request), gives answers, ends when nobody is left to ask.

    Ctrl-C is the affair of who asks. Without memory or room on the disk it ends, and another one tries.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    desks: dict[int, Desk] = {}
    try:
        while True:
            message = pipe.recv()
            if isinstance(message, Piece):
                desks[message.number] = Desk(message, folder)
            else:
                number, request = message
                pipe.send(desks[number].answer(request))
    except (EOFError, OSError, MemoryError):
        pipe.close()


class _Worker:
    """One process and the shards that are its own."""

    def __init__(self, numbers: list[int], piece: PieceOf, folder: Path) -> None:
        self.numbers = numbers
        self._context = multiprocessing.get_context("spawn")
        self._piece, self._folder = piece, folder
        self.process: BaseProcess
        self.pipe: Connection
        self.start()

    def start(self) -> None:
        """A new process that knows its pieces; one that dies meanwhile is noticed when it is asked."""
        self.pipe, end = self._context.Pipe()
        self.process = self._context.Process(target=work, args=(end, self._folder), daemon=True)
        self.process.start()
        end.close()
        for number in self.numbers:
            self.send(self._piece(number))

    def send(self, message: Piece | tuple[int, Request]) -> None:
        """Send; a dead worker is noticed by who listens."""
        try:
            self.pipe.send(message)
        except OSError:
            self.process.kill()

    def end(self) -> None:
        """No process is left when this returns."""
        self.pipe.close()
        self.process.kill()
        self.process.join(_END_S)


class Local:
    """The crew of processes on this machine. A shard belongs to one worker; a worker does one request at a time."""

    def __init__(self, n_shard: int, piece: PieceOf, n_worker: int) -> None:
        self._n_shard, self._piece, self._n_worker = n_shard, piece, max(min(n_worker, n_shard), 1)
        self._spill = tempfile.TemporaryDirectory(prefix="evloom-shards-")
        self._folder = Path(self._spill.name)
        self._workers: list[_Worker] = []
        self._failures = dict.fromkeys(range(n_shard), 0)

    def __enter__(self) -> "Local":
        try:
            for k in range(self._n_worker):
                self._workers.append(_Worker(list(range(k, self._n_shard, self._n_worker)), self._piece, self._folder))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._spill.cleanup()

    @property
    def processes(self) -> list[BaseProcess]:
        """The process of each worker at present."""
        return [worker.process for worker in self._workers]

    def ask(self, requests: Mapping[int, Request]) -> dict[int, Answer | None]:
        """See `evloom.dispatch.sharded.Crew`."""
        answers: dict[int, Answer | None] = {}
        waiting = {worker.pipe: (worker, [k for k in worker.numbers if k in requests]) for worker in self._workers}
        waiting = {pipe: (worker, numbers) for pipe, (worker, numbers) in waiting.items() if numbers}
        for worker, numbers in waiting.values():
            worker.send((numbers[0], requests[numbers[0]]))
        while waiting:
            for pipe in wait(list(waiting)):
                worker, numbers = waiting.pop(cast("Connection", pipe))
                try:
                    answers[numbers[0]] = worker.pipe.recv()
                    self._failures[numbers[0]] = 0
                    numbers = numbers[1:]
                except (EOFError, OSError):
                    numbers = self._again(worker, numbers, answers)
                if numbers:
                    worker.send((numbers[0], requests[numbers[0]]))
                    waiting[worker.pipe] = (worker, numbers)
        return answers

    def _again(self, worker: _Worker, numbers: list[int], answers: dict[int, Answer | None]) -> list[int]:
        """A new process in place of one that died; the shard that it had in hand is given up if that happened too often."""
        worker.end()
        self._failures[numbers[0]] += 1
        if self._failures[numbers[0]] >= FAILURES_MAX:
            answers[numbers[0]] = None
            worker.numbers = [k for k in worker.numbers if k != numbers[0]]
            numbers = numbers[1:]
        if worker.numbers:
            worker.start()
        return numbers

    def state(self, number: int) -> State | None:
        """See `evloom.dispatch.sharded.Crew`."""
        return last_state(self._folder, number)


def local(n_worker: int) -> Hire:
    """Who hires so many processes of this machine."""
    return lambda n_shard, piece: Local(n_shard, piece, n_worker)
