"""Packs that are made for the tests of health: cells of one known curve, driven and charged along a simple plan."""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose import quality
from evloom.diagnose.capacity_curves import library
from evloom.vehicle.telemetry import Frames, Pack, unflagged

BEGIN_S = 1.7e9
DAY_S = 86400.0


@dataclass(frozen=True)
class Plan:
    """A pack: capacity of its cells (Ah), resistance (ohm), rated capacity, offset of the sensor, and how it is charged every day."""

    chemistry: str = "NMC"
    n_cell: int = 12
    n_probe: int = 3
    true_ah: float = 135.0
    rated_ah: float = 150.0
    ohm: float = 0.0012
    offset_a: float = 0.0
    days: int = 12
    span: tuple[float, float] = (0.2, 0.85)
    charge_a: float = 15.0
    step_s: float = 30.0
    cell_share: tuple[float, ...] = ()
    leak_a: tuple[float, ...] = ()


def curve_of(plan: Plan) -> np.ndarray:
    """Voltage at rest of the plan's cells: one of the library, not the first."""
    shapes = library(plan.chemistry)
    wanted = "SILICON_GRAPHITE" if plan.chemistry == "NMC" else "GRAPHITE_ECKER"
    places = [k for k, name in enumerate(shapes.name) if wanted in name]
    return np.asarray(shapes.ocv_v[places[len(places) // 2]])


def _day(plan: Plan) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds, current and state (0 parked, 1 driving, 2 charging) of a day: parked, a drive down, parked, a charge up, parked."""
    low, high = plan.span
    depth_ah = (high - low) * plan.true_ah
    parts = []
    clock = 0.0
    for hours, current, state in (
        (7.0, 0.0, 0),
        (depth_ah / 40.0, -40.0, 1),
        (4.0, 0.0, 0),
        (depth_ah / plan.charge_a, plan.charge_a, 2),
    ):
        step_s = 600.0 if state == 0 else plan.step_s
        at = np.arange(clock, clock + hours * 3600.0, step_s)
        amps = np.full(len(at), current)
        if state == 1:
            amps = current * np.where(np.arange(len(at)) % 4 < 2, 1.6, 0.4)
        parts.append((at, amps, np.full(len(at), state)))
        clock += hours * 3600.0
    at_s, current_a, kind = (np.concatenate(part) for part in zip(*parts, strict=True))
    return at_s, current_a, kind


def frames_of(plan: Plan, seed: int = 0) -> Frames:
    """Flagged frames of a pack along its plan."""
    rng = np.random.default_rng(seed)
    second, amps, state = _day(plan)
    at_s = np.concatenate([BEGIN_S + day * DAY_S + second for day in range(plan.days)])
    current_a, state = np.tile(amps, plan.days), np.tile(state, plan.days)
    hours = np.diff(at_s, prepend=at_s[0] - 30.0).clip(0.0, 600.0) / 3600.0
    share = np.array(plan.cell_share or (1.0,) * plan.n_cell)
    leak_ah = np.array(plan.leak_a or (0.0,) * plan.n_cell) * ((at_s - at_s[0]) / 3600.0)[:, None]
    # The drive of every day begins where the charge of the day before has ended.
    moved_ah = np.cumsum(current_a * hours)
    moved_ah -= np.interp(at_s, [at_s[0], at_s[-1]], [0.0, moved_ah[-1]])
    soc = plan.span[1] + (moved_ah[:, None] - leak_ah) / (plan.true_ah * share)
    volt = np.interp(soc, np.linspace(0.0, 1.0, len(curve_of(plan))), curve_of(plan)) + plan.ohm * current_a[:, None]
    pack = Pack("car", "pack", plan.n_cell, plan.n_probe, plan.chemistry, plan.rated_ah)
    told = {
        "current_a": np.round(current_a + plan.offset_a + rng.normal(0.0, 0.05, len(at_s)), 1),
        "pack_v": volt.sum(axis=1),
        "soc": np.round(soc.mean(axis=1) if plan.n_cell else np.full(len(at_s), np.nan), 2),
        "speed_km_per_h": np.where(state == 1, 60.0, 0.0),
        "charging": np.where(state == 2, 1, 0),
        "insulation_ohm": np.exp(np.log(2e6) + 0.05 * rng.normal(size=len(at_s))),
        "cell_v": np.round(volt + rng.normal(0.0, 0.0005, volt.shape), 3).astype(np.float32),
        "probe_c": np.full((len(at_s), plan.n_probe), 25.0, dtype=np.float32),
    }
    flagged, _ = quality.flag(unflagged(pack, at_s=at_s, **told))
    return flagged
