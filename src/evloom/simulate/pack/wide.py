"""Packs of other makers: what the twin's own draws keep narrow is drawn widely, and faults take courses that they do not take there.

A fleet to learn from, so that what is learnt holds for cells, boxes and habits that nobody has seen; what is measured on the usual
fleets stays as it is. Ranges are ours (2026): between a batch of one week and a pack that was mended from several.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.ageing import Life
from evloom.simulate.pack.fault import Fault, draw_fault
from evloom.simulate.pack.fleet import BOTH, EPOCH_S, RATED_AH, make_pack, one_of
from evloom.simulate.pack.truth import Truth
from evloom.simulate.pack.use import DAY_S, Climate
from evloom.simulate.pack.vehicle import Car, draw_car, live
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Frames

SIZES = {"NMC": (48, 84, 90, 96, 96, 108, 112, 144), "LFP": (24, 60, 104, 108, 112, 120, 128, 168)}
PROBE_EACH = (3, 4, 4, 6, 8, 12)
UNREPORTED = 0.4
"""Share of boxes that do not say how many cells are bled."""
WEAK_BESIDE = 0.15
"""Share of packs in which some other cell was weak from the first day."""
HALF_BEHIND = 0.15
"""Share of packs in which half of the cells are read later than the others."""


def wide_vehicle(seed: int, k: int, mix: Mapping[str, float], days: int, interval_s: float) -> tuple[Frames, Truth]:
    """Vehicle `k` of the wide fleet of `seed`; arguments as of `fleet.vehicle`."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, k, 1)))
    kind, name = one_of(mix, rng), one_of(BOTH, rng)
    begin_s = EPOCH_S + DAY_S * int(rng.integers(0, 365))
    n_cell = int(rng.choice(SIZES[name]))
    size = (n_cell, max(2, n_cell // int(rng.choice(PROBE_EACH))))
    pack = make_pack(f"wide-{seed}-{k:05d}", name, size, float(np.round(rng.uniform(*RATED_AH[name]))))
    fault = wide_fault(kind, n_cell, (begin_s, begin_s + days * DAY_S), rng)
    frames, truth = live(_widened(draw_car(pack, BY_NAME[name], interval_s, fault, rng), rng), begin_s, days, rng)
    truth.parameters.update(index=k, seed=seed)
    if rng.random() < UNREPORTED:
        frames = replace(frames, balancing=np.full(frames.n, -1, dtype=np.int64))
    return frames, truth


def wide_fault(kind: str, n_cell: int, span: tuple[float, float], rng: np.random.Generator) -> Fault:
    """A fault as `draw_fault` has it, or in another course: a cell that grows weak, self-discharge that begins or grows, lithium that
    takes its charge with it, several cells at once."""
    fault = draw_fault(kind, n_cell, span, rng)
    begin_s, length_s = span[0], span[1] - span[0]
    late_s = begin_s + length_s * float(rng.uniform(0.1, 0.35))
    grow_s = length_s * float(rng.uniform(0.3, 0.8))
    begins, more = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    numbers, onset_s = dict(fault.numbers), fault.onset_s
    if kind == "weak-cell" and begins:
        numbers["grow_s"], onset_s = grow_s, late_s
    elif kind == "self-discharge":
        numbers["leak_factor"] = float(rng.uniform(3.5, 13.0))
        if begins:
            numbers["grow_s"], onset_s = grow_s if more else 0.0, late_s
    elif kind == "internal-short" and numbers["course"] != "constant" and more:
        numbers["first_ohm"] = float(np.exp(rng.uniform(np.log(1e3), np.log(1e4))))
    elif kind == "capacity-dive":
        numbers["bend"], numbers["resistance_share"] = float(rng.uniform(1.5, 3.0)), float(rng.uniform(0.1, 0.9))
    elif kind == "plating":
        numbers["takes"] = 1.0
        if begins:
            numbers |= {name: float(np.exp(rng.uniform(*np.log(ends)))) for name, ends in _COLD_PLATING.items()}
            numbers.update(course="cold", kinetics_share=0.0, diffusion_share=0.0)
    if kind in ("capacity-dive", "plating") and more and n_cell > 8:
        others = [cell for cell in rng.choice(n_cell, int(rng.integers(1, 4)), replace=False).tolist() if cell != fault.cell]
        numbers["more_cells"] = others
    return replace(fault, onset_s=onset_s, numbers=numbers)


_COLD_PLATING = {
    "threshold": (0.2, 0.6), "plated_share": (0.02, 0.08), "strip_h": (0.7, 3.0), "dead_share": (0.2, 0.8), "shoulder_v": (0.002, 0.015),
}  # fmt: skip


def _widened(car: Car, rng: np.random.Generator) -> Car:
    """The car with cells, curves, sensing and weather of a wider range."""
    n_cell, cold = car.pack.n_cell, car.fault.numbers.get("course") == "cold"
    base = car.base
    spread = {"capacity_ah": rng.uniform(0.4, 2.4)} | dict.fromkeys(("ohmic_ohm", "fast_ohm", "slow_ohm"), rng.uniform(0.6, 3.5))
    made = {name: _spread(getattr(base, name), factor) for name, factor in spread.items()}
    made["slow_ohm"] = made["slow_ohm"] * rng.uniform(0.4, 2.0)
    if rng.random() < WEAK_BESIDE:
        weak = int(rng.integers(0, n_cell))
        if weak not in car.fault.cells:
            made["capacity_ah"][weak] *= 1.0 - rng.uniform(0.03, 0.07)
            for name in ("ohmic_ohm", "fast_ohm", "slow_ohm"):
                made[name][weak] *= rng.uniform(1.0, 1.2)
    lag = np.where(np.arange(n_cell) >= n_cell // 2, rng.uniform(0.1, 0.4), 0.0) if rng.random() < HALF_BEHIND else car.box.lag
    box = replace(
        car.box,
        lag=lag,
        channel_v=car.box.channel_v * rng.uniform(0.5, 1.5),
        noise_v=float(np.exp(rng.uniform(np.log(0.0002), np.log(0.0015)))),
        missing=float(rng.uniform(0.0, 0.08)),
        current_offset_a=float(rng.normal(0.0, 0.2)),
    )
    life = Life(car.life.age_days * 1.6, car.life.full_cycles * 1.6, car.life.mean_c, car.life.pace ** rng.uniform(0.5, 2.0))
    mean_c = float(rng.uniform(3.0, 9.0) if cold else rng.uniform(5.0, 28.0))
    return replace(
        car,
        base=base._replace(**made),
        life=life,
        box=box,
        climate=Climate(mean_c, float(rng.uniform(3.0, 5.0) if cold else rng.uniform(3.0, 14.0)), float(rng.uniform(2.0, 6.0))),
        curves=car.curves._replace(ocv_v=_bent(car.curves.ocv_v, rng)),
        rules=car.rules._replace(fast_s=float(rng.uniform(6.0, 40.0)), slow_s=float(np.exp(rng.uniform(np.log(200.0), np.log(1800.0))))),
    )


def _spread(values: Float, factor: float) -> Float:
    """The same values, so many times as far from their median."""
    middle = np.median(values)
    return np.asarray(middle * np.maximum(1.0 + factor * (values / middle - 1.0), 0.5))


def _bent(ocv_v: Float, rng: np.random.Generator) -> Float:
    """A curve bent further: other electrodes, otherwise balanced."""
    soc = np.linspace(0.0, 1.0, len(ocv_v))
    warp = rng.normal(0.0, 0.02) * np.sin(np.pi * soc) + rng.normal(0.0, 0.012) * np.sin(2.0 * np.pi * soc)
    return np.maximum.accumulate(np.interp(np.clip(soc + warp, 0.0, 1.0), soc, ocv_v))
