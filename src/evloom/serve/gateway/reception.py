"""From a handshake to a verdict: asks the door, answers the socket, keeps and logs what was refused."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from websockets.datastructures import Headers

from evloom.serve.gateway import certificate
from evloom.serve.gateway.door import Admitted, Door, Knock
from evloom.serve.gateway.metrics import GatewayMetrics
from evloom.serve.gateway.refusal import Refusal, Refusals, Refused
from evloom.serve.gateway.station_socket import StationSocket
from evloom.serve.gateway.throttle import Echo
from evloom.serve.logs import told
from evloom.serve.system_clock import now_s
from evloom.store.errors import StoreError
from evloom.wire.ocpp.version import Version

_LOG = logging.getLogger("evloom.gateway")
Enter = Callable[[StationSocket, Admitted, Version], Awaitable[None]]


class Reception:
    """`enter` is called with whoever is let in."""

    def __init__(self, door: Door, enter: Enter, metrics: GatewayMetrics, connections_max: int) -> None:
        self._door = door
        self._enter = enter
        self._metrics = metrics
        self._connections_max = connections_max
        self._echo = Echo()
        self.refusals = Refusals()
        self.closed = False

    def may_ask(self, socket: StationSocket, n_open: int) -> bool:
        """Whether there is room; refuses the socket when there is none."""
        if self.closed:
            self._refuse(socket, "", Refused(503, "stopping", "the platform is going down", (("Retry-After", "10"),)))
        elif n_open > self._connections_max:
            text = f"{self._connections_max} connections are open, and no more are allowed"
            self._refuse(socket, "", Refused(503, "full", text, (("Retry-After", "60"),)))
        else:
            return True
        return False

    async def admit(self, socket: StationSocket, limit_s: float) -> None:
        """Judge a handshake and answer it, within `limit_s`."""
        station_id = ""
        try:
            async with asyncio.timeout(limit_s):
                station_id, verdict = await self._door.judge(_knock_of(socket))
                if isinstance(verdict, Refused):
                    self._refuse(socket, station_id, verdict)
                elif verdict.version is None:
                    self._unspoken(socket, verdict)
                else:
                    await self._enter(socket, verdict, verdict.version)
        except (StoreError, TimeoutError) as error:
            text = f"the station could not be looked up: {str(error) or 'the database took too long'}"
            self._refuse(socket, station_id, Refused(503, "store", text, (("Retry-After", "10"),)))

    def _refuse(self, socket: StationSocket, station_id: str, refused: Refused) -> None:
        remote = socket.remote
        socket.refuse(refused)
        self._note(Refusal(station_id, remote, refused.status, refused.code, refused.text, now_s()), socket.target)

    def _unspoken(self, socket: StationSocket, verdict: Admitted) -> None:
        """OCPP-J: complete the handshake without a sub-protocol, then close."""
        spoken = ", ".join(version.value for version in self._door.rules.versions)
        text = f"sub-protocol: spoken here is {spoken}; offered was {', '.join(verdict.offered) or 'nothing'}"
        remote = socket.remote
        socket.let_in_and_close(text)
        self._note(Refusal(verdict.station_id, remote, 101, "subprotocol", text, now_s()), socket.target)

    def _note(self, refusal: Refusal, target: str) -> None:
        self._metrics.refusals.labels(refusal.code).inc()
        self.refusals.add(refusal)
        times = self._echo.times(refusal.code, refusal.station_id or refusal.remote, asyncio.get_running_loop().time())
        if times:
            what = {"remote": refusal.remote, "path": target, "status": refusal.status, "why": refusal.text, "times": times}
            told(_LOG, logging.WARNING, "station.refused", station=refusal.station_id, **what)


def _knock_of(socket: StationSocket) -> Knock:
    peer = socket.transport.get_extra_info("peercert") if socket.secure else None
    headers = socket.request.headers if socket.request is not None else Headers()
    return Knock(socket.target, headers, socket.remote, socket.secure, certificate.shown(peer))
