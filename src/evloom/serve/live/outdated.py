"""Whether the plan that a station holds is worth another write."""

from evloom.loop.told import Plan
from evloom.pile import profile_plan
from evloom.pile.profile_plan import Change, ChangeRule, PlanStep, WriteRule, change_of, full_bucket, take
from evloom.serve.live.bay import Bay
from evloom.serve.live.told import HOLD_S

RULE = ChangeRule(rise_min_kwh=2.0, renew_s=1800.0)
WRITES = WriteRule(burst=2.0, per_h=1.0)


def is_outdated(bay: Bay, plan: Plan, now_s: float) -> bool:
    """Whether `plan` differs so much over the hours ahead from what the EVSE was told, or that ends so soon, that it should be told again.

    What differs now is an order of its own; this is about the hours in which the link may be lost.
    """
    held = bay.told[-1].plan
    told, new = _plan(held, held[0][0] + HOLD_S), _plan(plan, now_s + HOLD_S)
    change = change_of(told, new, now_s, RULE)
    if change is Change.NONE:
        return False
    may, bay.bucket = take(bay.bucket or full_bucket(WRITES, now_s), Change.RISE, now_s, WRITES)
    return may


def _plan(plan: Plan, end_s: float) -> profile_plan.Plan:
    return profile_plan.Plan(tuple(PlanStep(at_s, power_kw) for at_s, power_kw in plan if at_s < end_s), end_s)
