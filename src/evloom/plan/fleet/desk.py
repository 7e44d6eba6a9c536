"""Where a shard is worked on, in a process that may be killed at any moment: every answer is on file before it is given."""

import os
import pickle
from pathlib import Path
from typing import NamedTuple

from evloom.dispatch.sweeps.shard import Answer, Looked, Piece, Request, Shard, State, Swept


class _Files(NamedTuple):
    """What is on file of a shard; the last of its answers."""

    swept: Swept
    looked: Looked | None
    last: Answer


class Desk:
    """A shard with the files of its state. A new desk with the same files carries on where the last one ended, to the bit.

    Sweeps and looks have a file each, so that neither writes what the other changes. What a later request says is best is in either the
    latest look or the kept ones, so that it need not be written when it is kept.
    """

    def __init__(self, piece: Piece, folder: Path) -> None:
        self._shard, self._folder = Shard(piece), folder
        self._last: Answer | None = None
        found = _load(folder, piece.number)
        if found is not None:
            self._last = found.last
            self._shard.restore(State(found.swept, found.looked or self._shard.state.looked))

    def answer(self, request: Request) -> Answer:
        """Do what is asked; what was done before a predecessor ended is not done twice.

        Raises OSError where the state cannot be written: an answer that nobody could carry on from is not given.
        """
        if self._last is not None and self._last.number == request.number:
            return self._last
        answer = self._shard.answer(request)
        if request.task != "finish":
            state, is_look = self._shard.state, request.task == "look"
            path = state_path(self._folder, self._shard.piece.number, is_look=is_look)
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                pickle.dump((state.looked if is_look else state.swept, answer), file, pickle.HIGHEST_PROTOCOL)
            os.replace(fresh, path)
            self._last = answer
        return answer


def state_path(folder: Path, number: int, *, is_look: bool) -> Path:
    """File of what looks, or sweeps, have made of a shard."""
    return folder / f"shard-{number}-{'looked' if is_look else 'swept'}.state"


def last_state(folder: Path, number: int) -> State | None:
    """State of a shard as of its last answer, None where it never gave a look."""
    found = _load(folder, number)
    return None if found is None or found.looked is None else State(found.swept, found.looked)


def _load(folder: Path, number: int) -> _Files | None:
    """The files are our own, in a folder that only its owner may enter."""
    paths = [state_path(folder, number, is_look=is_look) for is_look in (False, True)]
    swept, looked = (pickle.loads(path.read_bytes()) if path.exists() else None for path in paths)
    if swept is None:
        return None
    last = swept[1] if looked is None or swept[1].number > looked[1].number else looked[1]
    return _Files(swept[0], None if looked is None else looked[0], last)
