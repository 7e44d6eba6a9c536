"""Orders as charging profiles: what a plan of the loop becomes for a station, and what the station answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from evloom.loop.told import Plan
from evloom.pile import profile_plan
from evloom.pile.command import Command, SetProfile, Trigger
from evloom.pile.profile import ChargingProfile
from evloom.pile.profile_plan import PlanStep, StationForm, Transaction, default_profile, plan_profile
from evloom.serve.live.bay import Bay
from evloom.serve.live.manner import Manner, question
from evloom.serve.site.plan import EvsePlan
from evloom.wire.ocpp.command_outcome import Outcome

HOLD_S = 6 * 3600.0  # how far a profile reaches: a pile without a link follows it for so long, then its default
PLAN_ID, DEFAULT_ID = 1000, 500
NO_PROFILES = frozenset({"Unsupported", "NotSupported", "NotImplemented"})  # it has no profiles, in whatever unit
UNANSWERED = frozenset({"NotConnected", "Timeout", "Closed"})  # of `serve.commands`: no word of the station


class Quick(Protocol):
    """Says a command at once and waits for the answer: `serve.commands.Commands`."""

    async def quick(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """What the station answered, or a status that says why it did not."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a command: accepted, refused (False) or not answered (None), with the station's word for it."""

    accepted: bool | None
    status: str = ""


class Actuator:
    """Tells stations what the loop ordered."""

    def __init__(self, commands: Quick, forms: dict[str, EvsePlan], timeout_s: float) -> None:
        self.commands, self.forms, self.timeout_s = commands, forms, timeout_s
        self.manners: dict[str, Manner] = {}

    async def order(self, bay: Bay, plan: Plan) -> Told:
        """Send a plan for the running transaction."""
        start_s, end_s = plan[0][0], plan[0][0] + HOLD_S
        steps = tuple(PlanStep(at_s, power_kw) for at_s, power_kw in plan if at_s < end_s)
        transaction = Transaction(bay.transaction, min(bay.since_s, start_s))
        ahead, level = profile_plan.Plan(steps, end_s), self.manner(bay).stack_level
        return await self._set(bay, plan, lambda form: plan_profile(ahead, form, transaction, PLAN_ID + bay.number, level))

    async def install_default(self, bay: Bay, fallback_a: float) -> Told:
        """Install what the EVSE falls back to without a link."""
        return await self._set(bay, (), lambda form: default_profile(form, fallback_a, DEFAULT_ID + bay.number))

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
        return await self._ask(bay, Trigger(what, bay.number))

    def _form(self, bay: Bay, plan: Plan) -> StationForm:
        item = self.forms[bay.evse_id]
        n_phase = 0 if item.dc else min(bay.meter.n_phase or item.n_phase, item.n_phase)
        two_way = bay.protocol == "ocpp2.1" and any(power_kw < 0.0 for _, power_kw in plan)
        manner = self.manner(bay)
        return StationForm(
            manner.unit, bay.voltage_v, n_phase, item.current_min_a, item.current_step_a, manner.periods_max, two_way=two_way
        )

    async def _set(self, bay: Bay, plan: Plan, made: Callable[[StationForm], ChargingProfile]) -> Told:
        """Install a profile. Where it is refused, the other unit is tried once: some stations take one only, whatever they say."""
        form, manner = self._form(bay, plan), self.manner(bay)
        bay.in_kw = form.unit == "kW" or form.n_phase == 0
        told = await self._ask(bay, SetProfile(bay.number, made(form)))
        if told.accepted is not False or form.n_phase == 0 or manner.turned or told.status in NO_PROFILES:
            return told
        manner.turned = True
        other = replace(form, unit="A" if form.unit == "kW" else "kW")
        again = await self._ask(bay, SetProfile(bay.number, made(other)))
        if again.accepted:
            manner.unit, bay.in_kw = other.unit, other.unit == "kW"
        return told if again.accepted is False else again

    async def _ask(self, bay: Bay, command: Command) -> Told:
        answer = await self.commands.quick(bay.station_id, command, self.timeout_s)
        return Told(None if not answer.accepted and answer.status in UNANSWERED else answer.accepted, answer.status)
