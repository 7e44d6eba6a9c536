"""The guard of a battery that gives: what its owner, its maker and its diagnosis do not allow is taken away before anything is planned.

Every limit is a number with a source. What is not known cannot be within a limit: where there is a limit on the temperature and
nobody tells the temperature, the battery does not give.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Bays
from evloom.kernel.timegrid import Bool, Float

SPENT_KWH = 0.05  # less than this left of an allowance is nothing: a contactor is not switched for it


@dataclass(frozen=True)
class Limit:
    """A number that must be kept, and who set it ("maker's warranty", "driver", "site operator")."""

    value: float
    source: str


@dataclass(frozen=True)
class GuardRules:
    """What a battery that gives must keep; None = no such limit.

    temperature_min_c, temperature_max_c   of the pack, while it gives
    soc_min, soc_max       it gives down to soc_min, and is charged above soc_max only for its driver's need
    daily_kwh              most it gives on a local day, yearly_kwh in a local year, at the meter
    yearly_cycles          the same counted in its own usable energy
    diagnosis_max          highest level of diagnosis with which it gives: 0 sound, 1 watch, 2 suspect, 3 unsafe
    gentle_share           above that level it is also charged with this share of its power only
    """

    temperature_min_c: Limit | None = None
    temperature_max_c: Limit | None = None
    soc_min: Limit | None = None
    soc_max: Limit | None = None
    daily_kwh: Limit | None = None
    yearly_kwh: Limit | None = None
    yearly_cycles: Limit | None = None
    diagnosis_max: Limit | None = None
    gentle_share: float = 1.0


class Packs(NamedTuple):
    """What is known of the batteries, columns (n_evse,), NaN for what is not: as in `pile.events.PackSeen`, brought up to now."""

    temperature_c: Float
    soc: Float
    battery_kwh: Float
    diagnosis: Float
    given_today_kwh: Float
    given_year_kwh: Float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the battery at EVSE `row` may not give (or, with guard.soc-high, not be charged beyond its need).

    code is stable and dotted; `value` was found and `allowed` may be, both in `unit`; NaN is what nobody knows. source set the limit.
    """

    row: int
    code: str
    value: float
    allowed: float
    unit: str
    source: str

    def text(self) -> str:
        """One line for a record."""
        found = "not known" if np.isnan(self.value) else f"{self.value:.6g} {self.unit}"
        return f"{self.code}: EVSE row {self.row}: {found}, allowed {self.allowed:.6g} {self.unit} ({self.source})"


@dataclass(frozen=True)
class Guarded:
    """The bays as they may be used, the energy (n_evse,) each may give and take up beyond its need, and every refusal."""

    bays: Bays
    spare_kwh: Float
    room_kwh: Float
    refusals: tuple[Refusal, ...]


class Store(NamedTuple):
    """Energy at the meter (n_evse,) that each battery can give before its own floor and take up until full, and its efficiencies."""

    spare_kwh: Float
    room_kwh: Float
    charge_efficiency: Float
    discharge_efficiency: Float


def guard(bays: Bays, packs: Packs, store: Store, rules: GuardRules, step_h: float) -> Guarded:
    """Take away what `rules` do not allow. step_h is the longest time until the next look."""
    gives = bays.connected & (bays.discharge_max_kw > 0.0)
    refusals = [refusal for row in np.flatnonzero(gives) for refusal in _refusals(int(row), packs, rules)]
    bar = np.zeros(len(gives), dtype=np.bool_)
    bar[[refusal.row for refusal in refusals if refusal.code != "guard.soc-high"]] = True
    spare_kwh = np.where(bar, 0.0, np.minimum(store.spare_kwh, np.where(gives, _allowance_kwh(packs, store, rules), np.inf)))
    give_kw = np.where(bar, 0.0, np.minimum(bays.discharge_max_kw, spare_kwh / step_h))
    room_kwh = store.room_kwh
    if rules.soc_max is not None:
        upper_kwh = (rules.soc_max.value - packs.soc) * packs.battery_kwh / store.charge_efficiency
        upper_kwh = np.maximum(np.nan_to_num(upper_kwh, nan=0.0), bays.need_kwh)
        room_kwh = np.where(gives, np.minimum(room_kwh, upper_kwh), room_kwh)
    charge_kw = np.where(_suspect(bays.connected, packs, rules), bays.charge_max_kw * rules.gentle_share, bays.charge_max_kw)
    return Guarded(bays._replace(discharge_max_kw=give_kw, charge_max_kw=charge_kw), spare_kwh, room_kwh, tuple(refusals))


def _suspect(connected: Bool, packs: Packs, rules: GuardRules) -> Bool:
    """Batteries (n_evse,) that are charged gently; what nobody has looked at is not suspect."""
    if rules.diagnosis_max is None:
        return np.zeros(len(connected), dtype=np.bool_)
    suspect: Bool = connected & (packs.diagnosis > rules.diagnosis_max.value)
    return suspect


def _refusals(row: int, packs: Packs, rules: GuardRules) -> list[Refusal]:
    """Every reason why the battery at `row` may not give."""
    cycles = packs.given_year_kwh[row] / packs.battery_kwh[row]
    most = [
        ("temperature-high", packs.temperature_c[row], rules.temperature_max_c, "°C"),
        ("diagnosis", packs.diagnosis[row], rules.diagnosis_max, "level"),
    ]
    least = [
        ("temperature-low", packs.temperature_c[row], rules.temperature_min_c, "°C"),
    ]
    below = [
        ("daily-throughput", packs.given_today_kwh[row], rules.daily_kwh, "kWh"),
        ("warranty-kwh", packs.given_year_kwh[row], rules.yearly_kwh, "kWh"),
        ("warranty-cycles", cycles, rules.yearly_cycles, "cycles"),
        ("soc-high", packs.soc[row], rules.soc_max, ""),
    ]
    spent = {"daily-throughput": SPENT_KWH, "warranty-kwh": SPENT_KWH, "soc-high": 0.0}
    spent["warranty-cycles"] = SPENT_KWH / packs.battery_kwh[row]
    above = [("soc-low", packs.soc[row], rules.soc_min, "")]
    checks = [(what, value, limit, unit, bool(value <= limit.value)) for what, value, limit, unit in most if limit is not None]
    checks += [(what, value, limit, unit, bool(value >= limit.value)) for what, value, limit, unit in least if limit is not None]
    checks += [
        (what, value, limit, unit, bool(value < limit.value - spent[what])) for what, value, limit, unit in below if limit is not None
    ]
    checks += [(what, value, limit, unit, bool(value > limit.value)) for what, value, limit, unit in above if limit is not None]
    return [
        Refusal(row, f"guard.{what}", float(value), limit.value, unit, limit.source)
        for what, value, limit, unit, is_kept in checks
        if not is_kept
    ]


def _allowance_kwh(packs: Packs, store: Store, rules: GuardRules) -> Float:
    """What each battery (n_evse,) may still give at the meter; only of those that are not refused does it mean anything."""
    left_kwh: Float = np.full(len(packs.soc), np.inf)
    if rules.soc_min is not None:
        left_kwh = np.minimum(left_kwh, (packs.soc - rules.soc_min.value) * packs.battery_kwh * store.discharge_efficiency)
    if rules.daily_kwh is not None:
        left_kwh = np.minimum(left_kwh, rules.daily_kwh.value - packs.given_today_kwh)
    if rules.yearly_kwh is not None:
        left_kwh = np.minimum(left_kwh, rules.yearly_kwh.value - packs.given_year_kwh)
    if rules.yearly_cycles is not None:
        left_kwh = np.minimum(left_kwh, rules.yearly_cycles.value * packs.battery_kwh - packs.given_year_kwh)
    allowed_kwh: Float = np.maximum(left_kwh, 0.0)
    return allowed_kwh
