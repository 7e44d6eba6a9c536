"""The same shards swept by actors of Ray, on one machine or many. Ray is optional: `pip install evloom[ray]`."""

import os
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evloom.dispatch.sharded import Hire
from evloom.dispatch.sweeps.shard import Answer, Piece, Request, State
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.fleet.desk import Desk, last_state
from evloom.plan.fleet.runner import FAILURES_MAX, PieceOf


class Desks:
    """What an actor holds: the shards of one worker."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._desks: dict[int, Desk] = {}

    def take(self, piece: Piece) -> None:
        """Begin with a shard, or carry on from its file."""
        self._desks[piece.number] = Desk(_own(piece), self._folder)

    def answer(self, number: int, request: Request) -> Answer:
        """Do what is asked of a shard."""
        return self._desks[number].answer(_own(request))

    def pid(self) -> int:
        """Number of the actor's process."""
        return os.getpid()


def _own(message: Any) -> Any:
    """A copy with tables of its own: those that Ray hands over may only be read."""
    return pickle.loads(pickle.dumps(message))


class Ray:
    """The crew of actors. Where they run on several machines, `folder` must be a folder that all of them see."""

    def __init__(self, n_shard: int, piece: PieceOf, n_worker: int, folder: Path | None = None) -> None:
        self._ray = ray_module()
        self._piece = piece
        n_worker = max(min(n_worker, n_shard), 1)
        self._numbers = [list(range(k, n_shard, n_worker)) for k in range(n_worker)]
        self._spill = tempfile.TemporaryDirectory(prefix="evloom-shards-", dir=folder)
        self._failures = dict.fromkeys(range(n_shard), 0)
        self._is_mine = False
        self.actors: list[Any] = []

    def __enter__(self) -> "Ray":
        if not self._ray.is_initialized():
            self._ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            self._is_mine = True
        self.actors = [self._start(numbers) for numbers in self._numbers]
        return self

    def __exit__(self, *_: object) -> None:
        for actor in self.actors:
            self._ray.kill(actor)
        if self._is_mine:
            self._ray.shutdown()
        self._spill.cleanup()

    def _start(self, numbers: list[int]) -> Any:
        """A new actor that knows its pieces; one that dies meanwhile is noticed when it is asked.

        It reserves no processor: more workers than processors are slow, but do not wait for each other for ever.
        """
        actor = self._ray.remote(num_cpus=0, scheduling_strategy="SPREAD")(Desks).remote(self._spill.name)
        for number in numbers:
            actor.take.remote(self._piece(number))
        return actor

    def ask(self, requests: Mapping[int, Request]) -> dict[int, Answer | None]:
        """See `evloom.dispatch.sharded.Crew`."""
        answers: dict[int, Answer | None] = {}
        asked = {k: self._send(w, k, requests[k]) for w, numbers in enumerate(self._numbers) for k in numbers if k in requests}
        for w, numbers in enumerate(self._numbers):
            rest = [k for k in numbers if k in requests]
            while rest:
                try:
                    answers[rest[0]] = self._ray.get(asked[rest[0]])
                    self._failures[rest[0]] = 0
                    rest = rest[1:]
                except (self._ray.exceptions.RayActorError, self._ray.exceptions.RayTaskError):
                    rest = self._again(w, rest, answers)
                    asked |= {k: self._send(w, k, requests[k]) for k in rest}
        return answers

    def _send(self, w: int, number: int, request: Request) -> Any:
        return self.actors[w].answer.remote(number, request)

    def _again(self, w: int, rest: list[int], answers: dict[int, Answer | None]) -> list[int]:
        """A new actor in place of one that died; the shard that it had in hand is given up if that happened too often."""
        self._ray.kill(self.actors[w])
        self._failures[rest[0]] += 1
        if self._failures[rest[0]] >= FAILURES_MAX:
            answers[rest[0]] = None
            self._numbers[w] = [k for k in self._numbers[w] if k != rest[0]]
            rest = rest[1:]
        self.actors[w] = self._start(self._numbers[w])
        return rest

    def state(self, number: int) -> State | None:
        """See `evloom.dispatch.sharded.Crew`."""
        return last_state(Path(self._spill.name), number)


def ray_module() -> Any:
    """The package itself. Raises InputError where it is not installed."""
    try:
        import ray
    except ImportError:
        advice = "pip install 'evloom[ray]', or take --runner local"
        raise InputError(
            [Finding("dispatch.no-ray", "refused", "command line", None, "--runner", "ray, which is not installed", "local", advice)]
        ) from None
    return ray


def by_ray(n_worker: int) -> Hire:
    """Who hires so many actors of Ray. Raises InputError where Ray is not installed."""
    ray_module()
    return lambda n_shard, piece: Ray(n_shard, piece, n_worker)
