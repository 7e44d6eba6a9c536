"""Looks at labelled vehicles: the suspected part of a day with its signature and with what is true of it, for learning and leaving out."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from evloom.diagnose.detect import PACK, fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.signature import severity, signature
from evloom.diagnose.warning import WATCH_SHARE
from tools.bench.diagnose_fleet import Case

FIRST_DAY = 5
MOST_LOOKS = 12
OF_PACK = {
    "temperature-sensor": (),
    "insulation": ("insulation",),
    "connection": ("outside resistance", "pack resistance"),
    "current-sensor": ("zero current", "idle current", "charge balance", "counted capacity", "current gain"),
}
"""Figures of the pack in which a fault without a single cell shows."""


class Looks(NamedTuple):
    """Rows of signatures (n, L) with what is true: kind (n,), vehicle (n,), group of vehicles that must not be parted (n,),
    right (n,) whether the suspected part is the faulty one, first, last (n,) whether it was the first at `inspect` or the last look."""

    figures: np.ndarray
    kind: np.ndarray
    vehicle: np.ndarray
    group: np.ndarray
    right: np.ndarray
    first: np.ndarray
    last: np.ndarray

    def part(self, rows: np.ndarray) -> "Looks":
        """Some of the rows."""
        return Looks(*(column[rows] for column in self))


def looks_of(fleet: Iterable[Case]) -> Looks:
    """A few looks at each vehicle of which something is suspected once its fault can be seen: the first at `inspect`, the last,
    and some between."""
    rows: list[tuple[Any, ...]] = []
    for case in fleet:
        seen = _suspicions(case)
        strong = [k for k, (_, _, size) in enumerate(seen) if size >= 1.0]
        first, n = (strong[0] if strong else -1), len(seen)
        back = np.linspace(0.0, 1.0, MOST_LOOKS) ** 2 * (n - 1)  # denser towards the end, where a fault changes fastest
        chosen = {*(n - 1 - back.astype(int)).tolist(), *strong[:1]} if n else set()
        group = str(case.parameters.get("journey", case.pack.pack_id))
        for k in sorted(chosen):
            figures, part, _ = seen[k]
            rows.append((figures, case.fault, case.pack.pack_id, group, is_right(case, part), k == first, k == n - 1))
    return Looks(*(np.array(column) for column in zip(*rows, strict=True)))


def shows_s(case: Case) -> float:
    """From when on a fault can be seen: an electrode that is badly wetted is slow from the first day, before it plates anything."""
    is_slow = "kinetics" in case.parameters or "kinetics_share" in case.parameters
    return 0.0 if case.fault == "plating" and is_slow else float(np.nan_to_num(case.onset_s))


def _suspicions(case: Case) -> list[tuple[np.ndarray, tuple[str, int], float]]:
    memory, track = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe)
    seen = []
    for day, features in enumerate(case.days):
        memory, estimate = learn(memory, features)
        scores = look(track, estimate, features)
        found = severity(scores, features.kind)
        tops = [float(part.max(initial=0.0)) for part in found]
        place = int(np.argmax(tops))
        part = (("cell", "probe", "pack")[place], int(np.argmax(found[place])) if len(found[place]) else 0)
        if day < FIRST_DAY or tops[place] < WATCH_SHARE or features.at_s < shows_s(case):
            continue
        seen.append((signature(track, scores, features, part).astype(np.float32), part, tops[place]))
    return seen


def is_right(case: Case, part: tuple[str, int]) -> bool:
    """Whether the suspected part is the faulty one; a sensing wire has two cells."""
    what, number = part
    if what == "cell" and number in case.parameters.get("more_cells", ()):
        return True
    if case.fault == "sensing-wire":
        return what == "cell" and number in (case.cell - 1, case.cell)
    if case.cell >= 0:
        return what == "cell" and number == case.cell
    if case.fault == "temperature-sensor":
        return what == "probe"
    return what == "pack" and PACK[number] in OF_PACK.get(case.fault, ())
