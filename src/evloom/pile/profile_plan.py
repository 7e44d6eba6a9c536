"""From our plan for a bay to what its station is told: one profile with the whole plan ahead, only when it pays to send it.

A station keeps charging profiles in flash: an update every 5 minutes would be over 100,000 writes a year. So it gets the plan ahead in one
TxProfile, which also carries it over a lost link; an update goes out when a limit falls, or when what rises is worth a write; and a bucket
of tokens bounds the writes of each pile. What must not wait goes out at once. Under the plan lies a TxDefaultProfile with the current that
the site keeps free for the bay when nobody can reach it; it rules from the end of the plan on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from math import floor

from evloom.pile.command import UpdateDynamic
from evloom.pile.limit import quantise_down
from evloom.pile.profile import TX, TX_DEFAULT, ChargingProfile, Period, Schedule

TOLERANCE_KW = 1e-6
PLAN_STACK_LEVEL = 1
DEFAULT_STACK_LEVEL = 0


@dataclass(frozen=True, slots=True)
class PlanStep:
    """Power of a bay from `at_s` on, at the meter, positive = charging."""

    at_s: float
    power_kw: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The power of a bay over the time ahead: steps in order, the last one until `end_s`; at least one step."""

    steps: tuple[PlanStep, ...]
    end_s: float

    def power_at(self, at_s: float) -> float | None:
        """Power at an instant in kW, None before and after the plan."""
        if at_s >= self.end_s:
            return None
        return next((step.power_kw for step in reversed(self.steps) if step.at_s <= at_s), None)


@dataclass(frozen=True, slots=True)
class StationForm:
    """How a station wants to be told, and what it can be set to.

    unit             "A" or "kW"; voltage_v phase to neutral; n_phase conductors in use, 0 = direct current (then kW)
    current_min_a, current_step_a   as in `pile.limit`; 0 = continuous
    periods_max      most periods of a schedule that it takes (ChargingScheduleMaxPeriods, PeriodsPerSchedule)
    say_phases       numberPhases is written (some stations refuse it)
    two_way          it can be told to discharge (2.1); else discharging is written as a pause
    relative         its clock cannot be trusted: schedules count from the start of the transaction
    """

    unit: str = "A"
    voltage_v: float = 230.0
    n_phase: int = 3
    current_min_a: float = 6.0
    current_step_a: float = 1.0
    periods_max: int = 24
    say_phases: bool = True
    two_way: bool = False
    relative: bool = False

    @property
    def kw_per_a(self) -> float:
        """Power of one ampere on the conductors in use; a pile of direct current draws from three."""
        return self.voltage_v * (self.n_phase or 3) / 1000.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """For which transaction a profile is, and when it started."""

    transaction: str
    started_at_s: float


def settle(plan: Plan, form: StationForm) -> Plan:
    """The plan that the station will really be told: each step at what it can be set to, equal steps joined, few enough of them.

    No step is further from 0 than it was: what holds a limit before holds it after.
    """
    settable = [PlanStep(float(floor(step.at_s)), _settable_kw(step.power_kw, form)) for step in plan.steps]
    return Plan(tuple(_joined(_at_most(_joined(settable), plan.end_s, form.periods_max))), plan.end_s)


def _joined(steps: list[PlanStep]) -> list[PlanStep]:
    """The steps without those that change nothing."""
    kept = steps[:1]
    kept += [step for before, step in pairwise(steps) if abs(step.power_kw - before.power_kw) > TOLERANCE_KW]
    return kept


def _settable_kw(power_kw: float, form: StationForm) -> float:
    if power_kw < 0.0 and not form.two_way:
        return 0.0
    if form.n_phase == 0:
        return power_kw
    settable_kw = float(quantise_down(abs(power_kw), form.kw_per_a, form.current_min_a, form.current_step_a))
    return settable_kw if power_kw > 0.0 else 0.0 - settable_kw


def _nearer_zero(one_kw: float, other_kw: float) -> float:
    if one_kw * other_kw <= 0.0:
        return 0.0
    return min(one_kw, other_kw, key=abs)


def _at_most(steps: list[PlanStep], end_s: float, n_max: int) -> list[PlanStep]:
    """At most n_max steps: again and again the two neighbours are joined that lose least energy; what is set now stays as it is."""
    steps = list(steps)
    while len(steps) > max(n_max, 1):
        ends_s = [step.at_s for step in steps[1:]] + [end_s]
        lost_kwh = []
        for k in range(len(steps) - 1):
            joined_kw = _nearer_zero(steps[k].power_kw, steps[k + 1].power_kw)
            spans_s = (steps[k + 1].at_s - steps[k].at_s, ends_s[k + 1] - steps[k + 1].at_s)
            loss_kwh = abs(steps[k].power_kw - joined_kw) * spans_s[0] + abs(steps[k + 1].power_kw - joined_kw) * spans_s[1]
            lost_kwh.append(loss_kwh / 3600.0)
        first = 1 if len(steps) > 2 else 0
        best = min(range(first, len(lost_kwh)), key=lost_kwh.__getitem__)
        joined = PlanStep(steps[best].at_s, _nearer_zero(steps[best].power_kw, steps[best + 1].power_kw))
        steps[best : best + 2] = [joined]
    return steps


def plan_profile(
    plan: Plan, form: StationForm, transaction: Transaction, profile_id: int, stack_level: int = PLAN_STACK_LEVEL
) -> ChargingProfile:
    """The TxProfile that carries a plan; `plan` is settled first."""
    told = settle(plan, form)
    start_s = transaction.started_at_s if form.relative else told.steps[0].at_s
    signed = any(step.power_kw < 0.0 for step in told.steps)
    starts_s = [0.0, *(float(round(step.at_s - start_s)) for step in told.steps[1:])]  # a relative one also says what was before
    periods = [replace(_period(step.power_kw, form, signed), start_s=at_s) for step, at_s in zip(told.steps, starts_s, strict=True)]
    schedule = Schedule(
        unit=_unit(form),
        periods=tuple(periods),
        start_at_s=None if form.relative else start_s,
        length_s=float(round(told.end_s - start_s)),
    )
    kind = "Relative" if form.relative else "Absolute"
    return ChargingProfile(profile_id, TX, stack_level, kind, (schedule,), transaction=transaction.transaction)


def default_profile(form: StationForm, fallback_a: float, profile_id: int, stack_level: int = DEFAULT_STACK_LEVEL) -> ChargingProfile:
    """The TxDefaultProfile that always lies under the plans: the current (per phase) that the site keeps free for the bay.

    It is relative, so that a station with a wrong clock obeys it too.
    """
    period = _period(fallback_a * form.kw_per_a, form, False)
    return ChargingProfile(profile_id, TX_DEFAULT, stack_level, "Relative", (Schedule(_unit(form), (period,)),))


def dynamic_profile(
    plan: Plan, form: StationForm, transaction: Transaction, profile_id: int, offline_max_s: float, stack_level: int = PLAN_STACK_LEVEL
) -> ChargingProfile:
    """A dynamic TxProfile of 2.1: its first value now, later ones by `dynamic_update`; without a link it ends for good after
    offline_max_s: what it had would be out of date when the link is back."""
    told = settle(plan, form)
    period = _period(told.steps[0].power_kw, form, form.two_way)
    return ChargingProfile(
        profile_id,
        TX,
        stack_level,
        "Dynamic",
        (Schedule(_unit(form), (period,)),),
        transaction=transaction.transaction,
        offline_max_s=offline_max_s,
        offline_ends=True,
    )


def dynamic_update(power_kw: float, form: StationForm, profile_id: int) -> UpdateDynamic:
    """New value of a dynamic profile."""
    period = _period(_settable_kw(power_kw, form), form, form.two_way)
    return UpdateDynamic(profile_id, _unit(form), period.ceiling, period.floor, period.setpoint)


def _unit(form: StationForm) -> str:
    return "kW" if form.n_phase == 0 else form.unit


def _period(power_kw: float, form: StationForm, signed: bool) -> Period:
    value = power_kw if _unit(form) == "kW" else power_kw / form.kw_per_a
    value = round(value, 6)
    n_phase = form.n_phase if form.say_phases and form.n_phase else None
    if not signed:
        return Period(0.0, ceiling=value, n_phase=n_phase)
    return Period(0.0, max(value, 0.0), n_phase, floor=min(value, 0.0), setpoint=value, mode="CentralSetpoint")


class Change(IntEnum):
    """What is new in a plan against what the station was told.

    NONE is not worth a write, RISE is where there is one to spare, LOWER is at once.
    """

    NONE = 0
    RISE = 1
    LOWER = 2


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """When a change is worth a write.

    lead_s           a lower limit counts as one for now when it begins within so long
    ahead_s          one that begins within so long is worth a write, however small: the link may be lost before it counts
    rise_min_kw      a rise now of at least this much; rise_min_kwh: a difference of energy over the plan of at least this much
    renew_s          the plan that was told ends within so long
    """

    lead_s: float = 120.0
    ahead_s: float = 900.0
    rise_min_kw: float = 1.0
    rise_min_kwh: float = 0.5
    renew_s: float = 900.0


def change_of(told: Plan | None, new: Plan, now_s: float, rule: ChangeRule) -> Change:
    """How much `new` matters to a station that was told `told` (None: nothing, or it is not known). Both settled."""
    if told is None or told.power_at(now_s) is None:
        return Change.LOWER
    edges_s = sorted({now_s, *(step.at_s for plan in (told, new) for step in plan.steps if step.at_s > now_s)})
    horizon_s = min(told.end_s, new.end_s)
    differing_kwh = 0.0
    for k, at_s in enumerate(edges_s):
        old_kw, new_kw = told.power_at(at_s), new.power_at(at_s)
        if old_kw is None or new_kw is None or at_s >= horizon_s:
            break
        until_s = min(edges_s[k + 1] if k + 1 < len(edges_s) else horizon_s, horizon_s)
        if _is_beyond(old_kw, new_kw) and at_s < now_s + rule.ahead_s:
            return Change.LOWER if at_s < now_s + rule.lead_s else Change.RISE
        if at_s <= now_s and abs(new_kw - old_kw) >= rule.rise_min_kw:
            return Change.RISE
        differing_kwh += abs(new_kw - old_kw) * (until_s - at_s) / 3600.0
    if differing_kwh >= rule.rise_min_kwh:
        return Change.RISE
    return Change.RISE if told.end_s - now_s <= rule.renew_s < new.end_s - now_s else Change.NONE


def is_meaningful(told: Plan | None, new: Plan, now_s: float, rule: ChangeRule) -> bool:
    """Whether the station should be told `new` at all."""
    return change_of(told, new, now_s, rule) is not Change.NONE


def _is_beyond(old_kw: float, new_kw: float) -> bool:
    """Whether what was told takes, or gives, more than is allowed now."""
    return max(old_kw, 0.0) > max(new_kw, 0.0) + TOLERANCE_KW or min(old_kw, 0.0) < min(new_kw, 0.0) - TOLERANCE_KW


@dataclass(frozen=True, slots=True)
class WriteRule:
    """How often a pile may be written to: `burst` writes at once, refilled by `per_h` an hour."""

    burst: float = 4.0
    per_h: float = 4.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """The writes that a pile has to spare, counted at an instant."""

    tokens: float
    at_s: float


def full_bucket(rule: WriteRule, now_s: float) -> Bucket:
    """The bucket of a pile that was not written to for long."""
    return Bucket(rule.burst, now_s)


def take(bucket: Bucket, change: Change, now_s: float, rule: WriteRule) -> tuple[bool, Bucket]:
    """Whether a change may be written now, and the bucket after it. A lower limit always may, and uses a token where there is one."""
    tokens = min(rule.burst, bucket.tokens + max(now_s - bucket.at_s, 0.0) / 3600.0 * rule.per_h)
    may = change is Change.LOWER or (change is Change.RISE and tokens >= 1.0)
    return may, Bucket(max(tokens - 1.0, 0.0) if may else tokens, max(now_s, bucket.at_s))


def plan_of(powers_kw: Sequence[float], starts_s: Sequence[float], end_s: float) -> Plan:
    """A plan from columns: power from each start on, in order."""
    return Plan(tuple(PlanStep(float(at_s), float(power_kw)) for at_s, power_kw in zip(starts_s, powers_kw, strict=True)), end_s)
