"""A pack of a journey: its cells mixed of those that PyBaMM solved, the faulty one solved on its own, balanced, sensed."""

from dataclasses import replace

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int
from evloom.simulate.pack.cells import SLOW
from evloom.simulate.pack.fault import Fault, contact_ohm, draw_fault, short_siemens, ten_ohm_s
from evloom.simulate.pack.fleet import make_pack
from evloom.simulate.pack.sense import Real, draw_box, sense
from evloom.simulate.pack.truth import Truth
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.vehicle import probe_cells
from evloom.vehicle.telemetry import Float32, Frames
from tools.truth.electrochemistry import CellCase, CellRun
from tools.truth.journey import Journey, state_at

SOLVED = ("internal-short", "self-discharge", "plating", "weak-cell", "capacity-dive", "electrolyte-loss", "balancing-stuck")
"""Kinds whose cell is solved by PyBaMM on its own; the others lie outside of the cells."""


def faulty_cell(journey: Journey, fault: Fault, rng: np.random.Generator) -> CellRun:
    """Solve the cell that has the fault."""
    model = journey.model
    parts, trip, pack = model.electrodes, model.trip, journey.car.pack
    x, y = state_at(parts, journey.soc, journey.worn[0])
    case = CellCase(x, y, journey.worn[1], (float(rng.normal(1.0, 0.06)), float(rng.normal(1.0, 0.06))))
    at_s = trip.knot_s + journey.begin_s
    if fault.kind == "internal-short":
        return model.run(replace(case, siemens_per_ah=short_siemens(fault, at_s) / pack.capacity_ah))
    if fault.kind == "balancing-stuck":
        on = (at_s >= fault.onset_s) / journey.car.rules.bleed_ohm
        return model.run(replace(case, siemens_per_ah=on / pack.capacity_ah))
    if fault.kind == "self-discharge":  # a few mA that double every 14 degC, through a resistance
        leak_a = 1.3e-5 * fault.number("leak_factor") * np.exp(0.05 * (trip.temp_c - 25.0))
        return model.run(replace(case, siemens_per_ah=leak_a / float(np.mean(journey.ocv_v))))
    if fault.kind == "plating":
        slow = (fault.number("kinetics"), case.kinetics[1])
        slow_case = replace(case, kinetics=slow, diffusion=fault.number("diffusion"))
        return model.run(replace(slow_case, plating=fault.number("rate_factor"), plating_s=fault.onset_s - journey.begin_s))
    if fault.kind == "capacity-dive":
        share = fault.number("capacity_share")
        return model.run(replace(case, lost=lambda s: share * float(fault.share(np.array([s + journey.begin_s]))[0]) ** 1.7))
    if fault.kind == "electrolyte-loss":
        share = fault.number("capacity_share")
        return model.run(replace(case, resized=lambda s: 1.0 - share * float(fault.share(np.array([s + journey.begin_s]))[0])))
    return model.run(replace(case, size=case.size * (1.0 - fault.number("capacity_share"))))


def make_truth_pack(journey: Journey, number: int, kind: str, seed: int) -> tuple[Frames, Truth]:
    """Pack `number` of a journey, with a fault of this kind."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, number, 78)))
    shape = journey.car.pack
    pack = make_pack(f"{journey.name}-{number:02d}", shape.chemistry, (shape.n_cell, shape.n_probe), shape.capacity_ah)
    span = (journey.begin_s, float(journey.real.at_s[-1]))
    fault = draw_fault(kind, shape.n_cell, span, rng)
    if kind == "plating":
        # A badly wetted negative electrode: slow, so that its potential falls under that of lithium when charging is fast or cold.
        fault.numbers.update(
            rate_factor=float(rng.uniform(60.0, 300.0)), kinetics=float(rng.uniform(0.2, 0.4)), diffusion=float(rng.uniform(0.6, 0.9))
        )
    run = faulty_cell(journey, fault, rng) if kind in SOLVED else None
    hard_s = ten_ohm_s(fault)
    n = min([len(journey.real.at_s), *([run.n] if run else []), *[base.n for base in journey.bases]])
    if np.isfinite(hard_s):
        n = min(n, int(np.searchsorted(journey.real.at_s, hard_s + 5.0 * DAY_S)))
    real, capacity_ah, resistance_ohm = _cells(journey, fault, run, n, rng)
    box = draw_box(pack.n_cell, rng)
    frames = sense(real, pack, box, fault, rng)
    told = {**fault.numbers, "set": journey.model.name, "use": journey.car.use.name, "journey": journey.name, "lost": journey.worn[0]}
    told |= {"ageing": journey.model.ageing, "air_mean_c": journey.car.climate.mean_c}
    return frames, Truth(fault.kind, fault.cell, fault.onset_s, hard_s, capacity_ah, resistance_ohm, told)


def _cells(journey: Journey, fault: Fault, run: CellRun | None, n: int, rng: np.random.Generator) -> tuple[Real, Float, Float]:
    """All cells of a pack at its first `n` frames, capacity and added resistance a day."""
    n_cell, rated_ah = journey.car.pack.n_cell, journey.car.pack.capacity_ah
    real = Real(**{name: getattr(journey.real, name)[:n] for name in Real.__dataclass_fields__})
    pairs = np.array([rng.permutation(len(journey.bases))[:2] for _ in range(n_cell)])
    share = rng.uniform(0.0, 1.0, n_cell)
    volts = np.stack([base.cell_v[:n] for base in journey.bases])
    cell_v = np.empty((n, n_cell), dtype=np.float32)
    typical_ohm = float(np.mean(journey.car.base.ohmic_ohm + journey.car.base.fast_ohm))
    extra_ohm = typical_ohm * (0.1 + rng.normal(0.0, 0.03, n_cell)).clip(0.0)
    for k in range(n_cell):
        first, second = pairs[k]
        cell_v[:, k] = share[k] * volts[first] + (1.0 - share[k]) * volts[second] + extra_ohm[k] * real.current_a
    days = max(int(np.ceil((real.at_s[-1] - journey.begin_s) / DAY_S)), 1)
    sizes = np.stack([base.capacity_share[:days] for base in journey.bases])
    capacity_ah = (share * sizes[pairs[:, 0]].T + (1.0 - share) * sizes[pairs[:, 1]].T) * rated_ah
    extra = np.repeat(extra_ohm[None], days, axis=0)
    if run is not None:
        cell_v[:, fault.cell] = run.cell_v[:n] + extra_ohm[fault.cell] * real.current_a
        capacity_ah[:, fault.cell] = run.capacity_share[:days] * rated_ah
        more_ohm = typical_ohm * fault.number("resistance_share")
        grown = fault.share(real.at_s)
        cell_v[:, fault.cell] += grown * more_ohm * real.current_a
        extra[:, fault.cell] += fault.share(journey.begin_s + DAY_S * np.arange(float(days))) * more_ohm
    real = _outside(journey, fault, replace(real, cell_v=cell_v), typical_ohm)
    return _balanced(journey, fault, real, rng), capacity_ah, typical_ohm + extra


def _outside(journey: Journey, fault: Fault, real: Real, typical_ohm: float) -> Real:
    """Faults beside the cells: a contact with its heat, a module whose cooling fails. The probes are picked here."""
    pack = journey.car.pack
    near = fault.cell if fault.cell >= 0 else int(fault.numbers.get("near_cell", 0))
    ohm = contact_ohm(fault, real.at_s, typical_ohm)
    at = probe_cells(pack)
    beside = np.exp(-np.abs(at - near) / 2.5)
    warmed_c = _held(real.at_s, ohm * real.current_a**2 / (15.0 * pack.capacity_ah), 3000.0)
    if fault.kind == "module-overheating":
        beside = np.exp(-0.5 * ((at - near) / 5.0) ** 2)
        driven = np.abs(real.current_a) / pack.capacity_ah
        warmed_c = _held(real.at_s, fault.share(real.at_s) * fault.number("cooling_share") * driven * 0.03, 5000.0)
    real = replace(real, probe_c=(real.probe_c[:, at] + warmed_c[:, None] * beside).astype(np.float32))
    if fault.kind == "connection" and not fault.numbers["sensed"]:
        return replace(real, outside_v=ohm * real.current_a)
    if ohm.any():
        real.cell_v[:, near] += (ohm * real.current_a).astype(np.float32)
    return real


@compiled
def _held(at_s: Float, rate: Float, fade_s: float) -> Float:
    """What a rate (a second) adds up to while it fades away with a time constant."""
    held = np.zeros(len(at_s))
    for i in range(1, len(at_s)):
        step_s = at_s[i] - at_s[i - 1]
        held[i] = held[i - 1] * np.exp(-step_s / fade_s) + rate[i] * min(step_s, 60.0)
    return held


def _balanced(journey: Journey, fault: Fault, real: Real, rng: np.random.Generator) -> Real:
    """Self-discharge and passive balancing of every cell, as shifts of its charge along the voltage at rest."""
    rules, n_cell = journey.car.rules, journey.car.pack.n_cell
    capacity_ah = journey.car.pack.capacity_ah * journey.worn[1]
    leak_a = 1.0e-5 * capacity_ah * np.exp(rng.normal(0.0, 0.12, n_cell))
    if fault.kind in ("internal-short", "balancing-stuck", "self-discharge"):
        leak_a[fault.cell] = 1.0e-5 * capacity_ah
    begin = rng.normal(0.0, rng.uniform(0.001, 0.006), n_cell)
    limits = (rules.balance_above_v, rules.balance_over_v, rules.bleed_ohm, capacity_ah)
    count = _settle(real.cell_v, (real.at_s, real.soc, real.mode), journey.ocv_v, (begin, leak_a), limits)
    if fault.kind == "balancing-stuck":
        count += real.at_s >= fault.onset_s
    return replace(real, balancing=count)


@compiled
def _settle(
    cell_v: Float32, row: tuple[Float, Float, Int], ocv_v: Float, own: tuple[Float, Float], limits: tuple[float, float, float, float]
) -> Int:
    """Shift every cell in place; row = (time, charge, mode), own = (charge apart at the begin, self-discharge). Returns how many bleed."""
    at_s, soc, mode = row
    apart, leak_a = own[0].copy(), own[1]
    above_v, over_v, bleed_ohm, capacity_ah = limits
    n, n_cell = cell_v.shape
    on, count = np.zeros(n_cell, np.bool_), np.zeros(n, np.int64)
    last = len(ocv_v) - 2
    mean_a = leak_a.mean()
    for i in range(n):
        step_h = (at_s[i] - at_s[i - 1]) / 3600.0 if i else 0.0
        lowest, common = np.inf, 0.0
        for k in range(n_cell):
            bled_a = cell_v[i, k] / bleed_ohm if on[k] and step_h < 0.02 else 0.0
            apart[k] -= (leak_a[k] - mean_a + bled_a) * step_h / capacity_ah
            common += apart[k] / n_cell
        for k in range(n_cell):
            v = 0.0
            for side in range(2):
                at = min(max(soc[i] + side * (apart[k] - common), 0.0), 1.0) * (last + 1)
                j = min(int(at), last)
                v += (2 * side - 1) * (ocv_v[j] + (at - j) * (ocv_v[j + 1] - ocv_v[j]))
            cell_v[i, k] += v
            lowest = min(lowest, cell_v[i, k])
        for k in range(n_cell):
            on[k] = mode[i] >= SLOW and lowest > above_v and cell_v[i, k] - lowest > over_v * (0.67 if on[k] else 1.0)
            count[i] += on[k]
    return count
