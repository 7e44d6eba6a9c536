"""Fleets of packs with their truth, each vehicle from a seed of its own."""

from collections.abc import Iterator, Mapping

import numpy as np

from evloom.simulate.pack.fault import NAMED, UNKNOWN, draw_fault
from evloom.simulate.pack.truth import Truth
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.vehicle import draw_car, live
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames, Pack

EPOCH_S = 1704038400.0
"""2023-12-31T16:00:00Z: midnight of the new year 2024 in China."""
SIZES = {"NMC": (96, 24), "LFP": (108, 27), "Na": (104, 26)}
"""Cells in series and probes by chemistry."""
RATED_AH = {"NMC": (100.0, 200.0), "LFP": (130.0, 280.0), "Na": (100.0, 180.0)}

HALF_FAULTY: Mapping[str, float] = {
    "none": 0.5,
    **dict.fromkeys(NAMED, 0.42 / len(NAMED)),
    **dict.fromkeys(UNKNOWN, 0.08 / len(UNKNOWN)),
}
"""A mix for learning: half of the packs are healthy."""
BOTH: Mapping[str, float] = {"NMC": 0.5, "LFP": 0.5}


def fleet(
    seed: int,
    n: int,
    mix: Mapping[str, float] = HALF_FAULTY,
    days: int = 90,
    chemistry: Mapping[str, float] = BOTH,
    interval_s: float = 30.0,
) -> Iterator[tuple[Frames, Truth]]:
    """`n` vehicles, one after the other; vehicle k depends on `seed` and k alone.

    mix         kinds of fault ("none": healthy) with their shares; chemistry names with their shares; interval_s of frames
    """
    for k in range(n):
        yield vehicle(seed, k, mix, days, chemistry, interval_s)


def vehicle(
    seed: int, k: int, mix: Mapping[str, float], days: int, chemistry: Mapping[str, float], interval_s: float
) -> tuple[Frames, Truth]:
    """Vehicle `k` of the fleet of `seed`."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, k)))
    kind = one_of(mix, rng)
    name = one_of(chemistry, rng)
    begin_s = EPOCH_S + DAY_S * int(rng.integers(0, 365))
    n_cell, n_probe = SIZES[name]
    pack = make_pack(f"twin-{seed}-{k:05d}", name, (n_cell, n_probe), float(np.round(rng.uniform(*RATED_AH[name]))))
    fault = draw_fault(kind, n_cell, (begin_s, begin_s + days * DAY_S), rng)
    car = draw_car(pack, BY_NAME[name], interval_s, fault, rng)
    frames, truth = live(car, begin_s, days, rng)
    truth.parameters.update(index=k, seed=seed)
    return frames, truth


def make_pack(name: str, chemistry: str, size: tuple[int, int], capacity_ah: float) -> Pack:
    """A pack whose probes are spread evenly; size = (cells, probes)."""
    n_cell, n_probe = size
    near = tuple(min(k * n_probe // n_cell, n_probe - 1) for k in range(n_cell)) if n_probe else (-1,) * n_cell
    return Pack(name, f"pack-{name}", n_cell, n_probe, chemistry, capacity_ah, near)


def one_of(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    """A name, drawn by its share."""
    names = list(shares)
    weights = np.array([shares[name] for name in names], dtype=np.float64)
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]
