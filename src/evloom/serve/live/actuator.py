"""Orders as charging profiles: what a plan of the loop becomes for a station, and what the station answers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from evloom.loop.told import Plan
from evloom.pile import profile_plan
from evloom.pile.command import Command, SetProfile, Trigger
from evloom.pile.profile import ChargingProfile
from evloom.pile.profile_plan import PlanStep, StationForm, Transaction, default_profile, plan_profile
from evloom.serve.live import dynamic
from evloom.serve.live.bay import Bay
from evloom.serve.live.manner import Manner, question
from evloom.serve.live.told import HOLD_S, Told
from evloom.serve.site.plan import EvsePlan
from evloom.wire.ocpp.command_outcome import Outcome

PLAN_ID, DEFAULT_ID = 1000, 500
NO_PROFILES = frozenset({"Unsupported", "NotSupported", "NotImplemented"})  # it has no profiles, in whatever unit
UNANSWERED = frozenset({"NotConnected", "Timeout", "Closed"})  # of `serve.commands`: no word of the station


class Quick(Protocol):
    """Says a command at once and waits for the answer: `serve.commands.Commands`."""

    async def quick(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """What the station answered, or a status that says why it did not."""
        ...


class Actuator:
    """Tells stations what the loop ordered."""

    def __init__(self, commands: Quick, forms: dict[str, EvsePlan], timeout_s: float) -> None:
        self.commands, self.forms, self.timeout_s = commands, forms, timeout_s
        self.manners: dict[str, Manner] = {}

    async def order(self, bay: Bay, plan: Plan) -> Told:
        """Send a plan for the running transaction."""
        if dynamic.is_wanted(bay, self.manner(bay)):
            return await dynamic.order(self, bay, plan)
        return await self.lay(bay, plan, two_way=True)

    async def follow(self, bay: Bay, now_s: float) -> None:
        """Push the present power of the plan to a station that is told it from moment to moment."""
        await dynamic.follow(self, bay, now_s)

    async def lay(self, bay: Bay, plan: Plan, *, two_way: bool) -> Told:
        """Install a plan as an absolute profile. two_way: what it has of discharging is told a station that understands it."""
        two_way = two_way and any(power_kw < 0.0 for _, power_kw in plan)
        start_s, end_s = plan[0][0], plan[0][0] + HOLD_S
        steps = tuple(PlanStep(at_s, power_kw) for at_s, power_kw in plan if at_s < end_s)
        transaction = Transaction(bay.transaction, min(bay.since_s, start_s))
        ahead, level = profile_plan.Plan(steps, end_s), self.manner(bay).stack_level
        return await self._set(bay, two_way, lambda form: plan_profile(ahead, form, transaction, PLAN_ID + bay.number, level))

    async def install_default(self, bay: Bay, fallback_a: float, timeout_s: float | None = None) -> Told:
        """Install what the EVSE falls back to without a link."""
        return await self._set(bay, False, lambda form: default_profile(form, fallback_a, DEFAULT_ID + bay.number), timeout_s)

    async def learn(self, bay: Bay, *, anew: bool) -> None:
        """Ask the station of an EVSE how it wants its profiles: once, and again after each boot (anew)."""
        manner = self.manner(bay)
        if bay.link and bay.protocol and (anew or not manner.read):
            answer = await self.commands.quick(bay.station_id, question(bay.protocol), self.timeout_s)
            if answer.status not in UNANSWERED:
                manner.read, manner.turned = True, False
                manner.learn(answer)

    def manner(self, bay: Bay) -> Manner:
        """How the station of an EVSE wants its profiles, as far as it is known."""
        return self.manners.setdefault(bay.station_id, Manner())

    async def ask_meter(self, bay: Bay) -> Told:
        """Ask for a reading now."""
        what = "MeterValues" if bay.protocol == "ocpp1.6" else "TransactionEvent"
        return await self.ask(bay, Trigger(what, bay.number))

    def form(self, bay: Bay, *, two_way: bool) -> StationForm:
        """What an EVSE is told its profiles in."""
        item = self.forms[bay.evse_id]
        n_phase = 0 if item.dc else min(bay.meter.n_phase or item.n_phase, item.n_phase)
        two_way = two_way and bay.protocol == "ocpp2.1" and item.discharge_max_kw > 0.0
        manner = self.manner(bay)
        return StationForm(
            manner.unit, bay.voltage_v, n_phase, item.current_min_a, item.current_step_a, manner.periods_max, two_way=two_way
        )

    async def _set(self, bay: Bay, two_way: bool, made: Callable[[StationForm], ChargingProfile], timeout_s: float | None = None) -> Told:
        """Install a profile. Where it is refused, the other unit is tried once: some stations take one only, whatever they say."""
        form, manner = self.form(bay, two_way=two_way), self.manner(bay)
        bay.in_kw = form.unit == "kW" or form.n_phase == 0
        told = await self.ask(bay, SetProfile(bay.number, made(form)), timeout_s)
        if told.accepted is not False or form.n_phase == 0 or manner.turned or told.status in NO_PROFILES:
            return told
        manner.turned = True
        other = replace(form, unit="A" if form.unit == "kW" else "kW")
        again = await self.ask(bay, SetProfile(bay.number, made(other)), timeout_s)
        if again.accepted:
            manner.unit, bay.in_kw = other.unit, other.unit == "kW"
        return told if again.accepted is False else again

    async def ask(self, bay: Bay, command: Command, timeout_s: float | None = None) -> Told:
        """Say a command at once; an order is waited for as long as an order may take, unless it is said otherwise."""
        answer = await self.commands.quick(bay.station_id, command, timeout_s or self.timeout_s)
        return Told(None if not answer.accepted and answer.status in UNANSWERED else answer.accepted, answer.status)
