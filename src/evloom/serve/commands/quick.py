"""Commands of the loop: said at once, here or by the process that holds the link; nothing is kept."""

from typing import Any

import msgspec

from evloom.pile.command import Command
from evloom.serve.cluster.wakeups import Body, Wakeups
from evloom.serve.gateway.gateway import Gateway
from evloom.serve.gateway.station_link import NOT_CONNECTED, StationLink
from evloom.wire.ocpp.command import Outcome, Unsupported, from_json, outcome_of, request_of, to_json

_AWAY = {"info": "the station is not connected"}


class Quick:
    """Says commands on links here, and for other processes that ask."""

    def __init__(self, gateway: Gateway, wakeups: Wakeups) -> None:
        self._gateway = gateway
        self._wakeups = wakeups
        wakeups.on_ask("quick", self._asked)

    async def here(self, link: StationLink, command: Command, timeout_s: float) -> Outcome:
        """Say it on a link of this process."""
        try:
            action, payload = request_of(link.version, command)
        except Unsupported as error:
            return Outcome(False, "Unsupported", {"info": str(error)})
        called = await link.call(action, payload, timeout_s)
        if called.payload is None:
            return Outcome(False, called.code, {"info": called.description})
        return outcome_of(link.version, command, called.payload, action)

    async def there(self, owner: str, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """Have another process say it."""
        body = {"station": station_id, "body": to_json(command).decode(), "timeout_s": timeout_s}
        answer = await self._wakeups.ask(owner, "quick", 2.0 * timeout_s + 1.0, **body)
        if answer is None:
            return Outcome(False, "Timeout", {"info": f"gateway {owner} gave no answer"})
        return msgspec.convert(answer, Outcome)

    async def _asked(self, body: Body) -> Body:
        try:
            command = from_json(str(body["body"]))
            station_id, timeout_s = str(body["station"]), float(body["timeout_s"])
        except (KeyError, ValueError, msgspec.MsgspecError) as error:
            return _built(Outcome(False, "Unreadable", {"info": str(error)}))
        link = self._gateway.link(station_id)
        if link is None:
            return _built(Outcome(False, NOT_CONNECTED, _AWAY))
        return _built(await self.here(link, command, timeout_s))


def not_connected() -> Outcome:
    """What came of a command to a station that nobody holds."""
    return Outcome(False, NOT_CONNECTED, _AWAY)


def _built(outcome: Outcome) -> Body:
    built: dict[str, Any] = msgspec.to_builtins(outcome)
    return built
