"""Orders to stations of 2.1 that take dynamic profiles: the present power is pushed by UpdateDynamicSchedule, which no flash has to bear.

Beneath it lies the plan ahead as an absolute profile of a lower stack level, as every station has one. It rules once the link is lost, when
the dynamic one ends; so it is written anew where it would take more at any time than what was planned last, or much less. What a car
gives (V2X) is in the dynamic profile alone: nobody is left to discharge by itself.
"""

import math
from typing import Protocol

from evloom.loop.told import Plan, value_at
from evloom.pile import profile_plan
from evloom.pile.command import ClearProfile, Command, SetProfile
from evloom.pile.profile_plan import Change, ChangeRule, PlanStep, StationForm, Transaction, change_of, dynamic_profile, dynamic_update
from evloom.serve.live.bay import Bay
from evloom.serve.live.manner import Manner
from evloom.serve.live.told import HOLD_S, Told

DYNAMIC_ID = 2000
OFFLINE_S = 30.0  # a dynamic profile ends so long after the link is lost
SAME_KW = 1e-6
BENEATH = ChangeRule(lead_s=HOLD_S, ahead_s=HOLD_S, rise_min_kw=math.inf, rise_min_kwh=2.0, renew_s=1800.0)


class Teller(Protocol):
    """What `actuator.Actuator` has for this."""

    def manner(self, bay: Bay) -> Manner:
        """How the station of an EVSE wants its profiles."""
        ...

    def form(self, bay: Bay, *, two_way: bool) -> StationForm:
        """What the EVSE is told its profiles in."""
        ...

    async def ask(self, bay: Bay, command: Command) -> Told:
        """Say a command."""
        ...

    async def lay(self, bay: Bay, plan: Plan, *, two_way: bool) -> Told:
        """Install a plan as an absolute profile."""
        ...


def is_wanted(bay: Bay, manner: Manner) -> bool:
    """Whether the station of an EVSE is steered by dynamic profiles."""
    return bay.protocol == "ocpp2.1" and manner.dynamic


async def order(teller: Teller, bay: Bay, plan: Plan) -> Told:
    """Have an EVSE do what the plan has for now, and see that the plan lies beneath."""
    ahead = tuple((at_s, max(power_kw, 0.0)) for at_s, power_kw in plan)
    if bay.dynamic_for != bay.transaction:
        told = await _lay(teller, bay, ahead)
        return await _begin(teller, bay, plan) if told.accepted else told
    told = await push(teller, bay, plan[0][1])
    if told.accepted is False:
        return await _give_up(teller, bay, plan)
    beneath = _as_plan(bay.beneath) if bay.beneath else None
    if told.accepted and change_of(beneath, _as_plan(ahead), plan[0][0], BENEATH) is not Change.NONE:
        return await _lay(teller, bay, ahead)
    return told


async def follow(teller: Teller, bay: Bay, now_s: float) -> None:
    """Push what the plan has for now, where it changed since: the station does not carry it out by itself while the link is up."""
    if is_due(bay, now_s):
        told = await push(teller, bay, value_at(bay.told[-1].plan, now_s))
        if told.accepted is False:
            await _give_up(teller, bay, ())


def is_due(bay: Bay, now_s: float) -> bool:
    """Whether the plan of an EVSE has another power by now than was pushed."""
    if not bay.told or not bay.session_id or bay.dynamic_for != bay.transaction or bay.trouble:
        return False
    return abs(value_at(bay.told[-1].plan, now_s) - bay.dynamic_kw) > SAME_KW


async def push(teller: Teller, bay: Bay, power_kw: float) -> Told:
    """Tell a power from now on; nothing where it is the same."""
    if abs(power_kw - bay.dynamic_kw) <= SAME_KW:
        return Told(True, "Accepted")
    told = await teller.ask(bay, dynamic_update(power_kw, _form(teller, bay), DYNAMIC_ID + bay.number))
    bay.dynamic_kw = power_kw if told.accepted else math.nan
    return told


async def _begin(teller: Teller, bay: Bay, plan: Plan) -> Told:
    level, transaction = teller.manner(bay).stack_level + 1, Transaction(bay.transaction, bay.since_s)
    now = profile_plan.Plan((PlanStep(*plan[0]),), plan[0][0] + HOLD_S)
    profile = dynamic_profile(now, _form(teller, bay), transaction, DYNAMIC_ID + bay.number, OFFLINE_S, level)
    told = await teller.ask(bay, SetProfile(bay.number, profile))
    if told.accepted:
        bay.dynamic_for, bay.dynamic_kw = profile.transaction, plan[0][1]
    return await _give_up(teller, bay, plan) if told.accepted is False else told


async def _lay(teller: Teller, bay: Bay, ahead: Plan) -> Told:
    told = await teller.lay(bay, ahead, two_way=False)
    bay.beneath = ahead if told.accepted else ()
    return told


async def _give_up(teller: Teller, bay: Bay, plan: Plan) -> Told:
    """The station does not take dynamic profiles after all: it is told absolute ones from now on."""
    teller.manner(bay).dynamic = False
    if bay.dynamic_for:
        bay.dynamic_for, bay.dynamic_kw = "", math.nan
        await teller.ask(bay, ClearProfile(DYNAMIC_ID + bay.number))
    return await teller.lay(bay, plan, two_way=True) if plan else Told(False, "NotDynamic")


def _form(teller: Teller, bay: Bay) -> StationForm:
    return teller.form(bay, two_way=True)


def _as_plan(plan: Plan) -> profile_plan.Plan:
    end_s = plan[0][0] + HOLD_S
    return profile_plan.Plan(tuple(PlanStep(at_s, power_kw) for at_s, power_kw in plan if at_s < end_s), end_s)
