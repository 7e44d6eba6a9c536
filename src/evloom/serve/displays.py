"""Which stations of 2.x can show their driver a cost, and in which currency: asked once for each connection."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evloom.pile.command import ReadVariables, Setting, ShowCost, Variable, WriteVariables
from evloom.serve.commands import Commands
from evloom.serve.desk.ports import Cost
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.gateway.station_link import StationLink
from evloom.serve.logs import told
from evloom.wire.ocpp.command import Outcome
from evloom.wire.ocpp.version import Version

_LOG = logging.getLogger("evloom.costs")
CALL_S = 15.0
COMPONENT = "TariffCostCtrlr"
AVAILABLE, ENABLED, CURRENCY = "Available", "Enabled", "Currency"
_COST = "Cost"
QUESTION = ReadVariables((Variable(AVAILABLE, COMPONENT, _COST), Variable(ENABLED, COMPONENT, _COST), Variable(CURRENCY, COMPONENT)))


@dataclass(slots=True)
class Display:
    """Of one connection. shows: it takes CostUpdated; currency: what it counts in, "" where it does not say; refused: and keeps to that."""

    link: StationLink
    shows: bool = False
    currency: str = ""
    refused: bool = False


class Displays:
    """Asks stations what they show, and shows it them."""

    def __init__(self, commands: Commands, gateway: Gateway) -> None:
        self._commands = commands
        self._gateway = gateway
        self._known: dict[str, Display] = {}

    def fits(self, station_id: str, currency: str) -> bool:
        """Whether an amount in this currency would be read as what it is; where nothing is known of the station it is taken for that."""
        known = self._known.get(station_id)
        return known is None or known.currency in ("", currency)

    async def show(self, station_id: str, transaction: str, cost: Cost) -> bool:
        """Show a running cost; whether it was taken. Never raises for what the station does."""
        display = await self._of(station_id)
        if display is None:
            return False
        await self._agree(station_id, display, cost.currency)
        # 2.1 hears it with the answer to each of its words.
        if not display.shows or display.link.version is not Version.V201 or not self.fits(station_id, cost.currency):
            return False
        return (await self._commands.quick(station_id, ShowCost(transaction, cost.amount), CALL_S)).accepted

    async def _of(self, station_id: str) -> Display | None:
        link = self._gateway.link(station_id)
        known = self._known.get(station_id)
        if link is None or link.version is Version.V16:
            self._known.pop(station_id, None)
            return None
        if known is None or known.link is not link:
            known = self._known[station_id] = _learnt(link, await self._commands.quick(station_id, QUESTION, CALL_S))
        return known

    async def _agree(self, station_id: str, display: Display, currency: str) -> None:
        """Have a station that counts in another currency count in ours, once."""
        if display.currency in ("", currency) or display.refused:
            return
        outcome = await self._commands.quick(station_id, WriteVariables((Setting(Variable(CURRENCY, COMPONENT), currency),)), CALL_S)
        if outcome.accepted:
            display.currency = currency
        display.refused = True
        if not outcome.accepted:
            told(_LOG, logging.WARNING, "cost.currency", station=station_id, station_has=display.currency, tariff_has=currency)


def _learnt(link: StationLink, outcome: Outcome) -> Display:
    rows = outcome.detail.get("results")
    said = {str(row.get("variable", "")): _value(row) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else {}
    shows = said.get(AVAILABLE, "").lower() == "true" and said.get(ENABLED, "true").lower() == "true"
    return Display(link, shows, said.get(CURRENCY, "").strip().upper())


def _value(row: Mapping[str, Any]) -> str:
    return str(row.get("value", "")) if row.get("status") == "Accepted" else ""
