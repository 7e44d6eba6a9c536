"""Files of one vehicle that differ by the date in their name: 2026-05-05.csv, car7_20260506.csv."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from evloom.store.battery.pieces import Piece

_DATE = re.compile(r"(?<!\d)(20\d\d)[-_.年]?(0[1-9]|1[0-2])[-_.月]?(0[1-9]|[12]\d|3[01])日?(?!\d)")
NEAR_S, DAY_S = 36.0 * 3600.0, 86400.0
"""The first frame of a file that bears the name of a day is this near to its middle, by the clock of any place."""


def named_days(pieces: Sequence[Piece], folder: str, first_s: Callable[[Piece], float | None]) -> list[Piece]:
    """The pieces; those of a folder that differ by a date alone, and begin on it, bear the name that they have in common, or the folder's.

    first_s: when a piece begins, None where it says itself whose frames it holds.
    """
    groups: dict[tuple[str, str, str], list[tuple[Piece, float]]] = {}
    for piece in pieces:
        match = _DATE.search(piece.stem)
        if match is not None and (middle_s := _middle_s(match)) is not None:
            rest = (piece.stem[: match.start()] + piece.stem[match.end() :]).strip(" _-.")
            groups.setdefault((*_home(piece, folder), rest), []).append((piece, middle_s))
    named: dict[Piece, str] = {}
    for (_, name, rest), members in groups.items():
        days = {middle_s for _, middle_s in members}
        if len(days) == len(members) > 1 and all(_begins(first_s(piece), middle_s) for piece, middle_s in members):
            named |= {piece: rest or name for piece, _ in members}
    return [replace(piece, stem=named[piece]) if piece in named else piece for piece in pieces]


def _home(piece: Piece, folder: str) -> tuple[str, str]:
    """The folder of a piece, which may lie in a zip, and its name."""
    inside = piece.member.rpartition("/")[0]
    if inside:
        return f"{piece.path}/{inside}", inside.rpartition("/")[2]
    return (str(piece.path), piece.path.stem) if piece.member else (str(piece.path.parent), piece.path.parent.name or folder)


def _middle_s(match: re.Match[str]) -> float | None:
    try:
        return datetime(int(match[1]), int(match[2]), int(match[3]), 12, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _begins(at_s: float | None, middle_s: float) -> bool:
    return at_s is not None and abs(at_s - middle_s) <= NEAR_S
