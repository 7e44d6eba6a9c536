"""A central system made of the independent package `ocpp`: it validates every message by its own schemas, both ways."""

import asyncio
import contextlib
import json
import logging
from datetime import UTC, datetime
from typing import Any

from ocpp.messages import Call, CallResult, validate_payload
from ocpp.routing import on
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call_result as answer16
from ocpp.v21 import ChargePoint as Station21
from ocpp.v21 import call_result as answer21
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call_result as answer201
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

logging.getLogger("ocpp").setLevel(logging.ERROR)
START_S = 1_767_268_800.0  # 2026-01-01 12:00 UTC
NOW = datetime.fromtimestamp(START_S, UTC).isoformat()


class Heard:
    """What stations said, and how they are answered."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.boots: list[str] = []
        self.tokens: dict[str, str] = {}
        self.n_transaction = 0
        self.bad: list[str] = []

    def all(self, action: str, station_id: str = "") -> list[dict[str, Any]]:
        return [said for who, what, said in self.said if what == action and station_id in ("", who)]

    def token(self, token: str) -> str:
        return self.tokens.get(token, "Accepted")


def _accept(kind: Any, module: Any, name: str, **fields: Any) -> None:
    """Have a class answer an action always in the same way."""

    def answer(self: Any, **_: Any) -> Any:
        return getattr(module, name)(**fields)

    answer.__name__ = f"on_{name}"  # the package finds handlers by their names
    setattr(kind, answer.__name__, on(name)(answer))


class Central16(Station16):  # type: ignore[misc]
    """A station of 1.6 as the central system sees it."""

    heard: Heard

    async def route_message(self, raw_msg: str) -> None:
        _note(self, raw_msg)
        await super().route_message(raw_msg)

    @on("BootNotification")
    def boot(self, **_: Any) -> Any:
        return answer16.BootNotification(current_time=NOW, interval=300, status=_boot(self.heard))

    @on("Authorize")
    def authorize(self, id_tag: str) -> Any:
        return answer16.Authorize(id_tag_info={"status": self.heard.token(id_tag)})

    @on("StartTransaction")
    def start_transaction(self, id_tag: str, **_: Any) -> Any:
        self.heard.n_transaction += 1
        return answer16.StartTransaction(transaction_id=self.heard.n_transaction, id_tag_info={"status": self.heard.token(id_tag)})


_accept(Central16, answer16, "Heartbeat", current_time=NOW)
_accept(Central16, answer16, "SignCertificate", status="Accepted")
for _name in (
    "StatusNotification MeterValues StopTransaction FirmwareStatusNotification SignedFirmwareStatusNotification "
    "DiagnosticsStatusNotification LogStatusNotification SecurityEventNotification"
).split():
    _accept(Central16, answer16, _name)

NOTIFICATIONS = (
    "StatusNotification MeterValues FirmwareStatusNotification LogStatusNotification NotifyReport NotifyEvent NotifyDisplayMessages "
    "NotifyMonitoringReport NotifyCustomerInformation ReportChargingProfiles ReservationStatusUpdate SecurityEventNotification "
    "PublishFirmwareStatusNotification"
).split()
MORE_21 = "ReportDERControl NotifyDERStartStop BatterySwap ClosePeriodicEventStream".split()


def _central_2(base: Any, module: Any, more: list[str]) -> Any:
    """The class of a station of 2.x as the central system sees it."""

    class Central2(base):  # type: ignore[misc]
        heard: Heard

        async def route_message(self, raw_msg: str) -> None:
            _note(self, raw_msg)
            if json.loads(raw_msg)[0] != 6:
                await super().route_message(raw_msg)

        @on("BootNotification")
        def boot(self, **_: Any) -> Any:
            return module.BootNotification(current_time=NOW, interval=300, status=_boot(self.heard))

        @on("Authorize")
        def authorize(self, id_token: dict[str, Any], **_: Any) -> Any:
            return module.Authorize(id_token_info={"status": self.heard.token(id_token["id_token"])})

        @on("TransactionEvent")
        def transaction(self, id_token: dict[str, Any] | None = None, **_: Any) -> Any:
            if id_token is None:
                return module.TransactionEvent()
            return module.TransactionEvent(id_token_info={"status": self.heard.token(id_token["id_token"])})

    _accept(Central2, module, "Heartbeat", current_time=NOW)
    for name in ("NotifyEVChargingNeeds", "SignCertificate", *(["OpenPeriodicEventStream"] if more else [])):
        _accept(Central2, module, name, status="Accepted")
    if more:
        _accept(Central2, module, "PullDynamicScheduleUpdate", status="Accepted", schedule_update={"setpoint": -3000.0})
    for name in NOTIFICATIONS + more:
        _accept(Central2, module, name)
    return Central2


def _boot(heard: Heard) -> Any:
    return heard.boots.pop(0) if heard.boots else "Accepted"


def _note(station: Any, text: str) -> None:
    message = json.loads(text)
    if message[0] in (2, 6):
        station.heard.said.append((station.id, message[2], message[3]))
    if message[0] == 4:
        station.heard.bad.append(text)


KINDS = {
    "ocpp1.6": Central16,
    "ocpp2.0.1": _central_2(Station201, answer201, []),
    "ocpp2.1": _central_2(Station21, answer21, MORE_21),
}


class Central:
    """Listens on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.stations: dict[str, Any] = {}
        self.sockets: dict[str, ServerConnection] = {}
        self._server: Any = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ocpp"

    async def __aenter__(self) -> "Central":
        self._server = await serve(self._serve, "127.0.0.1", 0, subprotocols=list(KINDS), close_timeout=1.0)  # type: ignore[arg-type]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        kind = KINDS[str(socket.subprotocol)]
        station = kind(socket.request.path.rpartition("/")[2], _Texts(socket))
        station.heard = self.heard
        self.stations[station.id], self.sockets[station.id] = station, socket
        with contextlib.suppress(ConnectionClosed):
            await station.start()

    async def call(self, station_id: str, action: str, payload: bytes) -> dict[str, Any]:
        """Call a station; request and answer are validated by the package. An error is raised."""
        station = self.stations[station_id]
        version = station._ocpp_version
        call = Call(unique_id=f"c{len(self.heard.said)}-{action}", action=action, payload=json.loads(payload))
        await validate_payload(call, version)
        async with station._call_lock:
            await station._send(call.to_json())
            answer = await station._get_specific_response(call.unique_id, 10)
        if not isinstance(answer, CallResult):
            raise AssertionError(f"{action}: {answer}")
        answer.action = action
        await validate_payload(answer, version)
        said: dict[str, Any] = answer.payload
        return said


class _Texts:
    """The socket as the package wants it."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def recv(self) -> str:
        return str(await self._socket.recv())

    async def send(self, text: str) -> None:
        await self._socket.send(text)


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - any condition of a test
            await asyncio.sleep(0.005)
