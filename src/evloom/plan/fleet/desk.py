"""Where a shard is worked on, in a process that may be killed at any moment: every answer is on file before it is given."""

import os
import pickle
from pathlib import Path

from evloom.dispatch.sweeps.shard import Answer, Piece, Request, Shard, State


class Desk:
    """A shard with the file of its state. A new desk with the same file carries on where the last one ended, to the bit."""

    def __init__(self, piece: Piece, folder: Path) -> None:
        self._shard, self._path = Shard(piece), state_path(folder, piece.number)
        self._last: Answer | None = None
        if self._path.exists():
            state, self._last = _load(self._path)
            self._shard.restore(state)

    def answer(self, request: Request) -> Answer:
        """Do what is asked; what was done before a predecessor ended is not done twice.

        Raises OSError where the state cannot be written: an answer that nobody could carry on from is not given.
        """
        if self._last is not None and self._last.number == request.number:
            return self._last
        answer = self._shard.answer(request)
        if request.task != "finish":
            fresh = self._path.with_suffix(".new")
            with fresh.open("wb") as file:
                pickle.dump((self._shard.state, answer), file, pickle.HIGHEST_PROTOCOL)
            os.replace(fresh, self._path)
            self._last = answer
        return answer


def state_path(folder: Path, number: int) -> Path:
    """File of the state of a shard."""
    return folder / f"shard-{number}.state"


def last_state(folder: Path, number: int) -> State | None:
    """State of a shard as of its last answer, None where it never gave one."""
    path = state_path(folder, number)
    return _load(path)[0] if path.exists() else None


def _load(path: Path) -> tuple[State, Answer]:
    """The file is our own, in a folder that only its owner may enter."""
    with path.open("rb") as file:
        found: tuple[State, Answer] = pickle.load(file)
    return found
