"""Packs, health and warnings for the tests of cards."""

import numpy as np

from evloom.diagnose.health import Health
from evloom.diagnose.segment import Coverage
from evloom.diagnose.warning import Warning  # noqa: A004
from evloom.diagnose.window import Interval
from evloom.vehicle.telemetry import Pack

N_CELL = 96


def pack_of(chemistry: str = "NMC", capacity_ah: float = 150.0, n_cell: int = N_CELL) -> Pack:
    return Pack("car", "pack", n_cell, 8, chemistry, capacity_ah)


def health_of(soh: float | None, half: float = 0.02, shares: np.ndarray | None = None, days: float = 200.0) -> Health:
    """Health of a pack of which little more is known than its state of health."""
    unknown = np.full(N_CELL, np.nan)
    interval = None if soh is None else Interval(soh - half, soh, soh + half)
    return Health(
        capacity_ah=None if interval is None else interval.times(150.0),
        soh=interval,
        energy_soh=None,
        resistance_soh=None,
        missing=() if soh is not None else ("charge-span",),
        windows=(),
        trend=() if interval is None else ((1.75e9, interval.times(150.0)),),
        weakest_cell=None if shares is None else int(np.argmin(shares)),
        cell_resistance_ohm=unknown,
        cell_capacity_share=unknown if shares is None else shares,
        cell_charge_spread_ah=unknown,
        self_discharge_a=unknown,
        insulation_ohm=None,
        insulation_per_month=None,
        coverage=Coverage(days=days, seen_days=int(days), frames=1000, full_cycles=days * 0.2, km=days * 30.0),
    )


def warning_of(level: str, cause: str = "internal-short", chance: float = 0.9, cell: int | None = 7, closed: bool = False) -> Warning:
    rest = (("unknown", 1.0 - chance),) if chance < 1.0 else ()
    return Warning(
        f"pack:{cause}:{level}", "car", "pack", cell, None, level, ((cause, chance), *rest), 1.5, "test", 0.0, 0.0, 1.0, 0.0, 1.0,
        closed_s=2.0 if closed else None,
    )  # fmt: skip
