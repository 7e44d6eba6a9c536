"""What a source does in its own way (sign of the current, offset of temperatures, units), decided once a file and said."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Float
from evloom.store.battery.account import Account, Note
from evloom.store.battery.layout import Layout

SIGN = Note("frames.current-sign", "repaired", "current_a", "positive = charging", "turned round for the whole file")
SIGN_UNSEEN = Note(
    "frames.current-sign-unseen", "warning", "current_a", "loads by which the sign can be seen", "taken as positive = discharging"
)
OFFSET = Note("frames.probe-offset", "repaired", "T_1..T_m", "degrees Celsius", "40 taken off every reading that is no placeholder")
OHM = Note("frames.insulation-unit", "repaired", "insulation_ohm", "ohm", "multiplied for the whole file")
UNSIGNED = Note(
    "frames.current-unsigned",
    "repaired",
    "current_a",
    "positive = charging, negative = discharging",
    "the sign is taken from the charging status; without one the current is absent",
)
VOLT = Note("frames.cell-unit", "repaired", "V_1..V_n", "volt", "divided by 1,000 for the whole file")
PERCENT = Note("frames.soc-percent", "repaired", "soc", "0..1", "divided by 100 for the whole file")

SURE, SURE_OWN = 0.2, 0.5
"""Correlation of steps of voltage and of current that decides: measured -0.95 and -0.73 on two cars that count discharge as positive."""

STEPS = 30
MOVED_SOC, MOVED_V, ONE_SIGN, STRETCH_S = 0.1, 0.02, 0.995, 300.0
"""Where no step of voltage decides: from so much change of the state of charge, or of the voltage as a share of itself, with the current or
against it. A current that has one sign in so many of its readings, while the charge rises and falls, has lost its sign."""
ABSENT_FROM_C = 200.0
"""Raw values from here on stand for an absent probe (255, 511) and are not shifted."""

HOT_C = 48.0
"""Median from which readings without a second opinion are raw: no pack lives at 48 degrees."""


FEW_ROWS = 500
MILLIVOLT = (500.0, 5000.0)
"""Medians of readings of cells that are millivolts."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Factors and offsets that bring a file's values to ours."""

    current_factor: float = 1.0
    probe_offset_c: float = 0.0
    insulation_factor: float = 1.0
    soc_factor: float = 1.0
    cell_factor: float = 1.0
    is_unsigned: bool = False


def learn(sample: pl.DataFrame, layout: Layout, source: str, account: Account) -> Habits:
    """The habits of a file from its first rows `sample` (our names, at_s converted); everything that is changed is said."""
    field, own = layout.name == "field", layout.name == "own"
    unsigned = not field and _is_unsigned(sample, source, account)
    return Habits(
        1.0 if unsigned else _current_factor(sample, layout.name, source, account),
        0.0 if own else _probe_offset_c(sample, layout, source, account),
        1.0 if own else _insulation_factor(sample, source, account),
        _soc_factor(sample, field, source, account),
        _cell_factor(sample, source, account),
        unsigned,
    )


def _column(sample: pl.DataFrame, name: str) -> Float:
    if name not in sample.columns:
        return np.zeros(0)
    values = sample[name].cast(pl.Float64, strict=False).to_numpy()
    finite: Float = values[np.isfinite(values)]
    return finite


def step_correlation(sample: pl.DataFrame) -> tuple[float, int]:
    """How steps of the pack's voltage go with steps of its current, -1..1, and from how many steps (within a minute, over 1 A)."""
    if not {"current_a", "pack_v", "at_s"} <= set(sample.columns) or len(sample) < 2:
        return 0.0, 0
    at_s, current_a, pack_v = (np.diff(sample[name].cast(pl.Float64, strict=False).to_numpy()) for name in ("at_s", "current_a", "pack_v"))
    use = (at_s > 0.0) & (at_s <= 60.0) & (np.abs(current_a) > 1.0) & (np.abs(pack_v) < 50.0)
    spread = float(np.sum(current_a[use] ** 2) * np.sum(pack_v[use] ** 2))
    return (float(np.sum(current_a[use] * pack_v[use])) / spread**0.5 if spread > 0.0 else 0.0), int(use.sum())


def moves(sample: pl.DataFrame, name: str) -> tuple[float, float, float, float]:
    """Change of a column (state of charge 0..1, voltage under steady current) from one frame to the next: rises under positive
    and negative current, falls under positive and negative current."""
    if not {"current_a", name, "at_s"} <= set(sample.columns) or len(sample) < 2:
        return 0.0, 0.0, 0.0, 0.0
    at_s, current_a, value = (
        sample[each].cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy() for each in ("at_s", "current_a", name)
    )
    if name == "soc":
        value = np.where((value >= 0.0) & (value <= 100.0), value, np.nan)
        value = value * (0.01 if np.isfinite(value).any() and float(np.nanmedian(value)) > 1.5 else 1.0)
    with np.errstate(invalid="ignore"):
        change, passed, mean_a = np.diff(value), np.diff(at_s), 0.5 * (current_a[1:] + current_a[:-1])
        usual_s = float(np.median(passed[passed > 0.0])) if (passed > 0.0).any() else 0.0
        use = (passed > 0.0) & (passed <= min(STRETCH_S, 2.5 * usual_s)) & (np.abs(mean_a) > 1.0)
        use &= np.abs(change) < 0.03 if name == "soc" else np.abs(np.diff(current_a)) < 0.5
        up, down, plus, minus = use & (change > 0.0), use & (change < 0.0), mean_a > 0.0, mean_a < 0.0
    one, two, three, four = (float(np.abs(change[which]).sum()) for which in (up & plus, up & minus, down & plus, down & minus))
    return one, two, three, four


def _is_unsigned(sample: pl.DataFrame, source: str, account: Account) -> bool:
    """Whether the current has one sign while the state of charge goes both ways under it."""
    current_a = _column(sample, "current_a")
    current_a = current_a[np.abs(current_a) > 1.0]
    if not len(current_a) or max((current_a > 0.0).mean(), (current_a < 0.0).mean()) < ONE_SIGN:
        return False
    rise_plus, rise_minus, fall_plus, fall_minus = moves(sample, "soc")
    rise, fall = rise_plus + rise_minus, fall_plus + fall_minus
    if min(rise, fall) < MOVED_SOC or min(rise, fall) < 0.15 * (rise + fall):
        return False
    account.whole(UNSIGNED, source, "one sign while the state of charge rises and falls")
    return True


def _current_factor(sample: pl.DataFrame, layout: str, source: str, account: Account) -> float:
    if not len(_column(sample, "current_a")):
        return 1.0
    correlation, n = step_correlation(sample)
    seen = f"correlation {correlation:.2f} over {n} steps"
    if layout == "field":
        if n < STEPS or abs(correlation) < SURE:
            account.whole(SIGN_UNSEEN, source, f"{n} steps, correlation {correlation:.2f}")
            return -1.0
        if correlation < 0.0:
            account.whole(SIGN, source, f"positive = discharging ({seen})")
        return -1.0 if correlation < 0.0 else 1.0
    by_charge = _drift(sample, "soc", MOVED_SOC)
    if by_charge == 0.0 and n >= STEPS and abs(correlation) > SURE_OWN:
        if correlation < 0.0:
            account.whole(SIGN, source, f"the voltage falls when it rises ({seen})")
        return -1.0 if correlation < 0.0 else 1.0
    for name, drift in (("state of charge", by_charge), ("voltage", 0.0 if by_charge else _voltage_drift(sample))):
        if drift < 0.0:
            account.whole(SIGN, source, f"the {name} rises under steady negative current")
            return -1.0
    return 1.0


def _drift(sample: pl.DataFrame, name: str, least: float) -> float:
    """By how much a column goes with the current (1) or against it (-1); 0 where it moves by less than `least`, or both ways."""
    rise_plus, rise_minus, fall_plus, fall_minus = moves(sample, name)
    agrees, moved = rise_plus + fall_minus - fall_plus - rise_minus, rise_plus + rise_minus + fall_plus + fall_minus
    return float(np.sign(agrees)) if abs(agrees) > max(least, 0.6 * moved if name == "soc" else 0.0) else 0.0


def _voltage_drift(sample: pl.DataFrame) -> float:
    for name in ("pack_v", "cell_max_v"):
        values = _column(sample, name)
        if len(values):
            return _drift(sample, name, MOVED_V * float(np.median(values)))
    return 0.0


def _probe_offset_c(sample: pl.DataFrame, layout: Layout, source: str, account: Account) -> float:
    names = [f"T_{k + 1}" for k, name in enumerate(layout.probes) if name] or ["probe_max_c"]
    readings = np.concatenate([_column(sample, name) for name in names])
    readings = readings[(readings < ABSENT_FROM_C) & (readings > 0.0)]
    if not len(readings):
        return 0.0
    named_max = _column(sample, "probe_max_c") if layout.probes else np.zeros(0)
    above_c = float(np.median(readings)) - (float(np.median(named_max)) if len(named_max) else HOT_C - 20.0)
    if above_c < 20.0:
        return 0.0
    account.whole(OFFSET, source, f"median {np.median(readings):g}, {above_c:g} above what the pack's own maximum lets expect")
    return -40.0


def _insulation_factor(sample: pl.DataFrame, source: str, account: Account) -> float:
    values = _column(sample, "insulation_ohm")
    if not len(values):
        return 1.0
    median = float(np.median(values))
    unit, factor = ("Mohm", 1e6) if median < 100.0 else ("kohm", 1e3) if median < 1e5 else ("ohm", 1.0)
    if factor > 1.0:
        account.whole(OHM, source, f"median {median:g}, taken as {unit}")
    return factor


def _soc_factor(sample: pl.DataFrame, field: bool, source: str, account: Account) -> float:
    values = _column(sample, "soc")
    if field:
        return 0.01
    values = values[values <= 100.0]
    if len(values) and float(np.median(values)) > 1.5:
        account.whole(PERCENT, source, f"median {np.median(values):g}")
        return 0.01
    return 1.0


def _cell_factor(sample: pl.DataFrame, source: str, account: Account) -> float:
    """Cells in millivolts. Placeholders of cells in volts (65.535) are far below."""
    few = sample.head(FEW_ROWS)
    values = np.concatenate([_column(few, name) for name in sample.columns if name.startswith(("V_", "cell_m"))] or [np.zeros(0)])
    median = float(np.median(values)) if len(values) else 0.0
    if not MILLIVOLT[0] <= median <= MILLIVOLT[1]:
        return 1.0
    account.whole(VOLT, source, f"median {median:g}, taken as millivolts")
    return 0.001
