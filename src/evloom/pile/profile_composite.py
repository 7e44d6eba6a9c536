"""The composite schedule: what all charging profiles of a station together allow an EVSE, over time.

By OCPP 1.6 sections 3.13.2 and 3.13.3, 2.x part 2 block K, sections 3.5 and 3.6:
- within a purpose there leads, at each instant, the profile of the highest stack level among those that are valid and whose schedule
  has a period then; of equal levels that of the EVSE before that of the whole station;
- TxProfile takes the place of TxDefaultProfile where it leads, PriorityCharging (2.1, when activated) that of both;
- the lowest limit among the leading profiles of the different purposes counts;
- the capacity of LocalGeneration (2.1) is added on top.
Currents are per phase. A limit in the other unit is converted with the phases of its own period and the voltage of the supply.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evloom.pile.profile import (
    DEFAULT_N_PHASE,
    EXTERNAL,
    LOCAL_GENERATION,
    PRIORITY,
    RECURRENCE_S,
    STATION_MAX,
    TX,
    TX_DEFAULT,
    ChargingProfile,
    Period,
    Schedule,
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A profile on a station: for which EVSE (0 = the station, or every EVSE for TxDefaultProfile), since when."""

    evse: int
    profile: ChargingProfile
    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Situation:
    """What the answer depends on beside the profiles.

    transaction   id of the running one, "" for none; started_at_s when its charging began: relative schedules start there
    priority      priority charging is activated for it; offline_since_s: when the link was lost, None while it is up
    unit          wanted unit, "A" or "kW"; voltage_v phase to neutral; n_phase conductors of the EVSE, 0 for DC
    """

    evse: int
    transaction: str = ""
    started_at_s: float | None = None
    priority: bool = False
    offline_since_s: float | None = None
    unit: str = "A"
    voltage_v: float = 230.0
    n_phase: int = 3


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is allowed from `at_s` on; None = not limited. Values in the unit asked for; ruling: ids of the profiles that lead."""

    at_s: float
    ceiling: float | None = None
    floor: float | None = None
    setpoint: float | None = None
    n_phase: int | None = None
    mode: str = ""
    ruling: tuple[int, ...] = ()


def allowed_at(installed: Sequence[Installed], situation: Situation, at_s: float) -> Allowed:
    """What the profiles allow at one instant."""
    leading = {purpose: _leading(installed, situation, purpose, at_s) for purpose in (EXTERNAL, STATION_MAX, LOCAL_GENERATION)}
    leading[TX] = _leading_of_transaction(installed, situation, at_s)
    caps = [found for purpose in (TX, STATION_MAX, EXTERNAL) if (found := leading[purpose]) is not None]
    allowed = Allowed(at_s)
    for profile, schedule, period in caps:
        allowed = _narrowed(allowed, _in_unit(period, schedule.unit, situation), profile.profile_id)
    extra = leading[LOCAL_GENERATION]
    if extra is not None and allowed.ceiling is not None:
        more = _in_unit(extra[2], extra[1].unit, situation).ceiling or 0.0
        allowed = replace(allowed, ceiling=allowed.ceiling + more, ruling=(*allowed.ruling, extra[0].profile_id))
    return _with_setpoint_inside(allowed)


def composite(installed: Sequence[Installed], situation: Situation, start_s: float, length_s: float) -> tuple[Allowed, ...]:
    """What the profiles allow from `start_s` for `length_s` seconds: one entry for each change, the first at `start_s`."""
    instants = sorted(
        {start_s, *(t for t in _edges(installed, situation, start_s, start_s + length_s) if start_s < t < start_s + length_s)}
    )
    merged: list[Allowed] = []
    for at_s in instants:
        allowed = allowed_at(installed, situation, at_s)
        if not merged or replace(allowed, at_s=0.0, ruling=()) != replace(merged[-1], at_s=0.0, ruling=()):
            merged.append(allowed)
    return tuple(merged)


def install(installed: Sequence[Installed], new: Installed) -> tuple[Installed, ...]:
    """The profiles of a station after `new` was accepted: it takes the place of one with its id, or with its purpose, stack level,
    EVSE and transaction."""

    def replaced(old: Installed) -> bool:
        same_id = old.profile.profile_id == new.profile.profile_id
        same_place = (old.evse, *_place(old.profile)) == (new.evse, *_place(new.profile))
        return same_id or same_place

    return (*(old for old in installed if not replaced(old)), new)


def _place(profile: ChargingProfile) -> tuple[str, int, str]:
    return profile.purpose, profile.stack_level, profile.transaction


Leading = tuple[ChargingProfile, Schedule, Period]


def _leading_of_transaction(installed: Sequence[Installed], situation: Situation, at_s: float) -> Leading | None:
    if not situation.transaction:
        return None
    purposes = (PRIORITY, TX, TX_DEFAULT) if situation.priority else (TX, TX_DEFAULT)
    for purpose in purposes:
        found = _leading(installed, situation, purpose, at_s)
        if found is not None:
            return found
    return None


def _leading(installed: Sequence[Installed], situation: Situation, purpose: str, at_s: float) -> Leading | None:
    best: tuple[int, bool, float] | None = None
    leading: Leading | None = None
    for item in installed:
        profile = item.profile
        if profile.purpose != purpose or not _concerns(item, situation) or not _valid(item, situation, at_s):
            continue
        period = _period_at(item, situation, at_s)
        rank = (profile.stack_level, item.evse != 0, item.since_s)
        if period is not None and (best is None or rank > best):
            best, leading = rank, (profile, profile.schedule, period)
    return leading


def _concerns(item: Installed, situation: Situation) -> bool:
    if item.evse not in (0, situation.evse):
        return False
    return item.profile.purpose != TX or item.profile.transaction in ("", situation.transaction)


def _valid(item: Installed, situation: Situation, at_s: float) -> bool:
    profile = item.profile
    if profile.valid_from_s is not None and at_s < profile.valid_from_s:
        return False
    if profile.valid_to_s is not None and at_s >= profile.valid_to_s:
        return False
    if situation.offline_since_s is not None and profile.offline_max_s is not None:
        return at_s < situation.offline_since_s + profile.offline_max_s
    return True


def _anchor_s(item: Installed, situation: Situation) -> float:
    """When the schedule of a profile starts for the first time.

    One without a start of its own starts with the charging; where there is none, when its profile came or became valid.
    """
    profile = item.profile
    start_at_s = profile.schedule.start_at_s
    if start_at_s is not None and profile.kind != "Relative":
        return start_at_s
    if situation.started_at_s is not None and profile.purpose in (TX, TX_DEFAULT, PRIORITY):
        return situation.started_at_s
    return item.since_s if profile.valid_from_s is None else max(item.since_s, profile.valid_from_s)


def _period_at(item: Installed, situation: Situation, at_s: float) -> Period | None:
    start_s = _anchor_s(item, situation)
    if at_s < start_s:
        return None
    if item.profile.kind == "Recurring":
        every_s = RECURRENCE_S[item.profile.recurrency]
        start_s += (at_s - start_s) // every_s * every_s
    schedule = item.profile.schedule
    if schedule.length_s is not None and at_s >= start_s + schedule.length_s:
        return None
    return next((period for period in reversed(schedule.periods) if start_s + period.start_s <= at_s), None)


def _edges(installed: Sequence[Installed], situation: Situation, from_s: float, to_s: float) -> list[float]:
    """The instants at which what is allowed may change, more than those between the two among them."""
    edges: list[float] = []
    for item in installed:
        profile, schedule = item.profile, item.profile.schedule
        edges += [at_s for at_s in (profile.valid_from_s, profile.valid_to_s) if at_s is not None]
        if situation.offline_since_s is not None and profile.offline_max_s is not None:
            edges.append(situation.offline_since_s + profile.offline_max_s)
        start_s = _anchor_s(item, situation)
        starts_s = [start_s]
        if profile.kind == "Recurring":
            every_s = RECURRENCE_S[profile.recurrency]
            first = max(0, int((from_s - start_s) // every_s))
            starts_s = [start_s + k * every_s for k in range(first, first + 2 + max(0, int((to_s - from_s) // every_s)))]
        offsets_s = [period.start_s for period in schedule.periods] + ([] if schedule.length_s is None else [schedule.length_s])
        edges += [start_s + offset_s for start_s in starts_s for offset_s in offsets_s]
    return edges


def _in_unit(period: Period, unit: str, situation: Situation) -> Period:
    """The period with its values in the unit that is asked for, phases 2 and 3 folded in, its phases filled in."""
    n_phase = period.n_phase if period.n_phase is not None else min(DEFAULT_N_PHASE, situation.n_phase or DEFAULT_N_PHASE)
    kw_per_a = situation.voltage_v * max(n_phase, 1) / 1000.0
    factor = 1.0 if unit == situation.unit else (kw_per_a if situation.unit == "kW" else 1.0 / kw_per_a)

    def whole(first: float | None, second: float | None, third: float | None) -> float | None:
        if first is None or (second is None and third is None):
            return None if first is None else first * factor
        parts = [first, second or 0.0, third or 0.0]
        # Amps are per phase and one number has to hold for all; kW are of all phases together.
        joined = min(parts, key=abs) if unit == "A" else sum(parts)
        return joined * factor

    return Period(
        period.start_s,
        ceiling=whole(period.ceiling, period.ceiling_l2, period.ceiling_l3),
        floor=whole(period.floor, period.floor_l2, period.floor_l3),
        setpoint=whole(period.setpoint, period.setpoint_l2, period.setpoint_l3),
        n_phase=None if situation.n_phase == 0 else n_phase,
        mode=period.mode,
    )


def _narrowed(allowed: Allowed, period: Period, profile_id: int) -> Allowed:
    return replace(
        allowed,
        ceiling=_of_both(min, allowed.ceiling, period.ceiling),
        floor=_of_both(max, allowed.floor, period.floor),
        setpoint=allowed.setpoint if allowed.setpoint is not None else period.setpoint,
        n_phase=allowed.n_phase if period.n_phase is None else min(period.n_phase, allowed.n_phase or period.n_phase),
        mode=allowed.mode or period.mode,
        ruling=(*allowed.ruling, profile_id),
    )


def _of_both(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def _with_setpoint_inside(allowed: Allowed) -> Allowed:
    if allowed.setpoint is None:
        return allowed
    setpoint = allowed.setpoint if allowed.ceiling is None else min(allowed.setpoint, allowed.ceiling)
    return replace(allowed, setpoint=setpoint if allowed.floor is None else max(setpoint, allowed.floor))
