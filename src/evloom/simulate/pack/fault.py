"""What can be wrong with a pack, and how each fault grows: its course in time as numbers that cells and sensing understand."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.use import DAY_S

NAMED = (
    "internal-short", "self-discharge", "plating", "connection", "sensing-wire", "temperature-sensor", "weak-cell",
    "capacity-dive", "current-sensor", "insulation",
)  # fmt: skip
UNKNOWN = ("swapped-cells", "balancing-stuck", "intermittent-contact", "electrolyte-loss", "module-overheating")
"""Kinds that no detector is trained on: they ought to come back as unknown."""


@dataclass(frozen=True)
class Fault:
    """One fault of one pack. cell -1: no single one (a probe, the whole pack). `numbers` are those of the kind, with their units."""

    kind: str
    cell: int = -1
    onset_s: float = float("nan")
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> list[int]:
        """The cell, and with it others that have the same."""
        return [self.cell, *self.numbers.get("more_cells", ())]

    def number(self, name: str, otherwise: float = 0.0) -> float:
        """One of the numbers."""
        return float(self.numbers.get(name, otherwise))

    def share(self, at_s: Float) -> Float:
        """How far the fault has come, 0 at its onset and 1 after `grow_s` (at once where that is 0), over times (n,)."""
        if self.kind == "none":
            return np.zeros(len(at_s))
        passed = at_s - self.onset_s
        grow_s = self.number("grow_s")
        grown = np.minimum(passed / grow_s, 1.0) if grow_s > 0.0 else np.ones(len(at_s))
        return np.where(passed < 0.0, 0.0, grown)


HEALTHY = Fault("none")


def draw_fault(kind: str, n_cell: int, span: tuple[float, float], rng: np.random.Generator) -> Fault:
    """A fault of this kind for a pack of `n_cell` that is watched from span[0] to span[1] (epoch seconds)."""
    if kind == "none":
        return HEALTHY
    begin_s, end_s = span
    length_s = end_s - begin_s
    onset_s = begin_s + length_s * (rng.uniform(0.08, 0.3) if kind == "internal-short" else rng.uniform(0.15, 0.5))
    cell = int(rng.integers(0, n_cell))
    numbers = _drawn(kind, rng, length_s)
    if kind in ("self-discharge", "weak-cell"):
        onset_s = begin_s
    if kind == "sensing-wire":
        cell = int(rng.integers(1, n_cell))
        numbers["cells"] = [cell - 1, cell]
    if kind in ("temperature-sensor", "current-sensor", "insulation") or (kind == "connection" and not numbers["sensed"]):
        numbers["near_cell"], cell = cell, -1
    if kind == "swapped-cells":
        size = min(int(rng.choice((6, 8, 12))), max(n_cell // 2, 1))
        numbers["block"] = [min(cell, n_cell - size), size]
        cell = -1
    return Fault(kind, cell, onset_s, numbers)


def _short(rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    course = str(rng.choice(("growing", "growing", "growing", "constant", "intermittent", "sudden")))
    numbers: dict[str, Any] = {"course": course}
    if course == "constant":
        return {**numbers, "first_ohm": float(np.exp(rng.uniform(np.log(40.0), np.log(500.0)))), "last_ohm": 0.0, "grow_s": 0.0}
    numbers["first_ohm"] = float(np.exp(rng.uniform(np.log(400.0), np.log(3000.0))))
    numbers["last_ohm"] = float(rng.uniform(1.5, 8.0))
    numbers["grow_s"] = length_s * float(rng.uniform(0.4, 0.9))
    if course == "sudden":
        numbers["jump"] = float(rng.uniform(0.55, 0.9))  # how far along it falls to its last value at once
    if course == "intermittent":
        numbers["on_share"] = float(rng.uniform(0.25, 0.7))
        numbers["beat_s"] = float(rng.uniform(0.5, 6.0)) * 3600.0
    return numbers


def _wire(rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    course = str(rng.choice(("offset", "noise", "both")))
    return {
        "course": course,
        "offset_v": float(rng.choice((-1.0, 1.0)) * rng.uniform(0.006, 0.04)) if course != "noise" else 0.0,
        "noise_v": float(rng.uniform(0.003, 0.015)) if course != "offset" else 0.0,
        "grow_s": float(rng.choice((0.0, 0.2, 0.5))) * length_s,
    }


def _probe(rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    course = str(rng.choice(("stuck", "offset", "absent")))
    offset_c = float(rng.choice((-1.0, 1.0)) * rng.uniform(5.0, 15.0)) if course == "offset" else 0.0
    return {"course": course, "offset_c": offset_c, "grow_s": 0.1 * length_s if course == "offset" else 0.0}


def _meter(rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    offset = rng.random() < 0.5
    return {
        "offset_a": float(rng.choice((-1.0, 1.0)) * rng.uniform(0.8, 4.0)) if offset else 0.0,
        "gain": 0.0 if offset else float(rng.choice((-1.0, 1.0)) * rng.uniform(0.025, 0.08)),
        "grow_s": float(rng.choice((0.0, 0.3))) * length_s,
    }


def _plating(rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    """Quick: the limit of a good cell sinks, so that fast charging plates much, of which most comes back within hours. Slow: the
    negative electrode is badly wetted from the start (more resistance of its surface and in its depth) and at the onset begins to plate
    a little with every charge, which comes back slowly if at all: no shoulder to speak of, weeks of even loss."""
    course = str(rng.choice(("quick", "slow")))
    slow = course == "slow"
    ends = _SLOW_PLATING if slow else _QUICK_PLATING
    numbers: dict[str, Any] = {"course": course, **{name: float(np.exp(rng.uniform(*np.log(each)))) for name, each in ends.items()}}
    return {**numbers, "grow_s": length_s * float(rng.uniform(0.0, 0.25) if slow else 0.1)}


_QUICK_PLATING = {
    "threshold": (0.1, 0.3), "plated_share": (0.02, 0.06), "strip_h": (0.7, 3.0), "dead_share": (0.05, 0.15), "shoulder_v": (0.01, 0.025),
}  # fmt: skip
_SLOW_PLATING = {
    "threshold": (0.02, 0.15), "plated_share": (0.01, 0.04), "strip_h": (2.0, 8.0), "dead_share": (0.2, 0.8), "shoulder_v": (0.001, 0.01),
    "kinetics_share": (0.1, 1.2), "diffusion_share": (0.03, 0.5),
}  # fmt: skip
_COURSES = {
    "internal-short": _short, "sensing-wire": _wire, "temperature-sensor": _probe, "current-sensor": _meter, "plating": _plating,
}  # fmt: skip
_RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "self-discharge": {"leak_factor": (3.5, 9.0)},
    "connection": {"contact_share": (0.25, 1.6), "grow": (0.2, 0.6)},
    "weak-cell": {"capacity_share": (0.06, 0.16), "resistance_share": (0.12, 0.5)},
    "capacity-dive": {"capacity_share": (0.1, 0.28), "resistance_share": (0.1, 0.5), "grow": (0.4, 0.8)},
    "insulation": {"end_ohm": (2e4, 2.5e5), "grow": (0.2, 0.6)},
    "swapped-cells": {},
    "balancing-stuck": {},
    "intermittent-contact": {"contact_share": (0.6, 3.0), "on_share": (0.05, 0.3)},
    "electrolyte-loss": {"capacity_share": (0.05, 0.12), "resistance_share": (0.7, 1.8)},
    "module-overheating": {"cooling_share": (0.7, 0.95)},
}
"""Numbers of the simpler kinds, drawn evenly. A share is of the healthy value; `grow` is `grow_s` as a share of the time watched."""


def _drawn(kind: str, rng: np.random.Generator, length_s: float) -> dict[str, Any]:
    if kind in _COURSES:
        return _COURSES[kind](rng, length_s)
    numbers: dict[str, Any] = {name: float(rng.uniform(*ends)) for name, ends in _RANGES[kind].items()}
    if "grow" in numbers:
        numbers["grow_s"] = numbers.pop("grow") * length_s
    if kind == "connection":
        numbers["sensed"] = bool(rng.random() < 0.85)
    return numbers


def short_siemens(fault: Fault, at_s: Float) -> Float:
    """Conductance (S) across the faulty cell at times (n,): the resistance falls evenly in its logarithm from first to last."""
    if fault.kind != "internal-short":
        return np.zeros(len(at_s))
    first, share = fault.number("first_ohm"), fault.share(at_s)
    if fault.numbers["course"] == "constant":
        return np.where(share > 0.0, 1.0 / first, 0.0)
    last = fault.number("last_ohm")
    if fault.numbers["course"] == "sudden":
        share = np.where(share > fault.number("jump"), 1.0, 0.4 * share)
    ohm = np.exp(np.log(first) + share * (np.log(last) - np.log(first)))
    here = np.where(at_s >= fault.onset_s, 1.0 / ohm, 0.0)
    if fault.numbers["course"] == "intermittent":
        here = here * _beats(at_s, fault.number("beat_s"), fault.number("on_share"))
    return np.asarray(here)


def ten_ohm_s(fault: Fault) -> float:
    """The instant at which a short falls under 10 ohm (for an intermittent one: while it is on), NaN where it never does."""
    if fault.kind != "internal-short" or fault.numbers["course"] == "constant":
        return float("nan")
    grid = fault.onset_s + np.arange(0.0, fault.number("grow_s") + 1201.0, 600.0)
    under = np.flatnonzero(short_siemens(fault, grid) > 0.1)
    return float(grid[under[0]]) if len(under) else float("nan")


def contact_ohm(fault: Fault, at_s: Float, cell_ohm: float) -> Float:
    """Resistance (ohm) that the contact has gained at times (n,), in a pack whose healthy cell has `cell_ohm`."""
    if fault.kind == "connection":
        return fault.share(at_s) ** 1.5 * fault.number("contact_share") * cell_ohm
    if fault.kind == "intermittent-contact":
        return fault.share(at_s) * _beats(at_s, 90.0, fault.number("on_share")) * fault.number("contact_share") * cell_ohm
    return np.zeros(len(at_s))


def _beats(at_s: Float, beat_s: float, on_share: float) -> Float:
    """1 or 0 at each time, new in every beat, by a fixed hash of the beat's number."""
    number = np.floor(at_s / beat_s)
    return np.asarray((np.abs(np.sin(number * 12.9898) * 43758.5453) % 1.0 < on_share).astype(np.float64))


def end_s(fault: Fault, span: tuple[float, float]) -> float:
    """When the watching ends: a car whose cell has a hard short is towed away five days later."""
    hard_s = ten_ohm_s(fault)
    return min(span[1], hard_s + 5.0 * DAY_S) if np.isfinite(hard_s) else span[1]
