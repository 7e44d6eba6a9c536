"""How each station wants its profiles: read from its settings once after it booted, and learnt from what it refuses."""

from dataclasses import dataclass
from typing import Any

from evloom.pile.command import ReadVariables, Variable
from evloom.pile.profile_plan import PLAN_STACK_LEVEL
from evloom.wire.ocpp.command_outcome import Outcome

PERIODS_MAX = 24  # more are never sent, though many say that they take hundreds
UNIT, PERIODS, STACK, DYNAMIC = "unit", "periods", "stack", "dynamic"
KEYS = {
    UNIT: ("ChargingScheduleAllowedChargingRateUnit", "RateUnit"),
    PERIODS: ("ChargingScheduleMaxPeriods", "PeriodsPerSchedule"),
    STACK: ("ChargeProfileMaxStackLevel", "ProfileStackLevel"),
    DYNAMIC: ("", "SupportsDynamicProfiles"),
}
"""What each is called in 1.6, and in 2.x at the component SmartChargingCtrlr."""


@dataclass(slots=True)
class Manner:
    """Of one station. read: it was asked; turned: the other unit was tried after a refusal.

    stack_level   where plans lie; dynamic: it takes dynamic profiles (2.1), which lie one level above them
    """

    unit: str = "A"
    periods_max: int = PERIODS_MAX
    stack_level: int = PLAN_STACK_LEVEL
    dynamic: bool = False
    read: bool = False
    turned: bool = False

    def learn(self, outcome: Outcome) -> None:
        """Take in what the station answered to `question`; what it does not say, or says as nonsense, stays as it was."""
        said = {_NAMES[name]: str(row.get("value", "")) for row in _rows(outcome) if (name := str(row.get("variable", ""))) in _NAMES}
        units = {word.strip().lower() for word in said.get(UNIT, "").split(",")}
        if units & {"current", "a"}:
            self.unit = "A"
        elif units & {"power", "w"}:
            self.unit = "kW"
        self.periods_max = max(1, min(_whole(said.get(PERIODS), self.periods_max), PERIODS_MAX))
        top_level = max(0, _whole(said.get(STACK), PLAN_STACK_LEVEL + 1))
        self.dynamic = said.get(DYNAMIC, "").lower() == "true" and top_level >= 1
        self.stack_level = min(top_level - 1 if self.dynamic else top_level, PLAN_STACK_LEVEL)


def question(protocol: str) -> ReadVariables:
    """What a station of a protocol is asked."""
    if protocol == "ocpp1.6":
        return ReadVariables(tuple(Variable(old) for old, _ in KEYS.values() if old))
    asked = [new for name, (_, new) in KEYS.items() if name != DYNAMIC or protocol == "ocpp2.1"]
    return ReadVariables(tuple(Variable(new, "SmartChargingCtrlr") for new in asked))


_NAMES = {name: ours for ours, names in KEYS.items() for name in names if name}


def _rows(outcome: Outcome) -> list[dict[str, Any]]:
    rows = outcome.detail.get("results")
    return [row for row in rows if isinstance(row, dict) and row.get("status") == "Accepted"] if isinstance(rows, list) else []


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.strip().isdecimal() else otherwise
