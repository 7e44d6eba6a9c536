"""Stations by the thousand, as cheap as they can be: what the platform is measured with. One process, plain messages of 1.6 and 2.0.1."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.system.ocpp_client import OcppClient
from tools.bench.serve_server import Server

QUIET = 0.15
"""Share of a core below which a server has settled: everything is compiled and projected."""
_SAMPLES = (
    ("Energy.Active.Import.Register", "Wh", 1.0),
    ("Power.Active.Import", "W", 0.5),
    ("Current.Import", "A", 0.01),
    ("Current.Offered", "A", 0.02),
    ("Voltage", "V", 0.03),
    ("SoC", "Percent", 0.001),
    ("Frequency", "Hz", 0.002),
    ("Power.Factor", "", 0.0001),
    ("Power.Offered", "W", 0.7),
)


@dataclass(frozen=True)
class Loop:
    """What a closed loop of messages cost: answered messages, seconds, CPU seconds of the server."""

    n_message: int
    took_s: float
    cpu_s: float
    n_error: int

    @property
    def per_cpu_s(self) -> float:
        """Messages per core-second."""
        return self.n_message / max(self.cpu_s, 1e-9)


async def settled(server: Server) -> None:
    """Wait until the server has nothing left to do, two minutes at most."""
    await caught_up(server)
    for _ in range(60):
        before_s, begun_s = server.cpu_s(), time.perf_counter()
        await asyncio.sleep(2.0)
        if server.cpu_s() - before_s < QUIET * (time.perf_counter() - begun_s):
            return


async def caught_up(server: Server) -> None:
    """Wait until everything that was kept is projected."""
    for _ in range(600):
        if not server.metric("evloom_projection_lag_events"):
            return
        await asyncio.sleep(0.1)


async def connected(port: int, n: int, version: str, prefix: str = "CP") -> list[OcppClient]:
    """`n` stations, some dozens of handshakes at a time."""
    gate = asyncio.Semaphore(100)

    async def one(number: int) -> OcppClient:
        async with gate:
            return await OcppClient.connect(port, f"/ocpp/{prefix}{number}", (version,))

    return list(await asyncio.gather(*(one(number) for number in range(n))))


class Measured(Protocol):
    """A server whose CPU can be read."""

    def cpu_s(self) -> float:
        """CPU seconds so far."""
        ...


async def closed_loop(server: Measured, clients: Sequence[OcppClient], message: Callable[[int, int], bytes], last_s: float) -> Loop:
    """Every station asks again as soon as it is answered, for `last_s` seconds. message(station, turn) is a whole frame."""
    loop = asyncio.get_running_loop()
    going, n_error = True, 0
    turns = [0] * len(clients)
    done = [loop.create_future() for _ in clients]

    def answered(number: int, client: OcppClient, body: bytes) -> None:
        nonlocal n_error
        if not body.startswith(b"[3,"):
            n_error += 1
        turns[number] += 1
        if going:
            client.send(message(number, turns[number]))
        elif not done[number].done():
            done[number].set_result(None)

    cpu_s, begun_s = server.cpu_s(), time.perf_counter()
    for number, client in enumerate(clients):
        client.on_answer = lambda body, number=number, client=client: answered(number, client, body)
        client.send(message(number, 0))
    await asyncio.sleep(last_s)
    going = False
    await asyncio.wait_for(asyncio.gather(*done), 60.0)
    return Loop(sum(turns), time.perf_counter() - begun_s, server.cpu_s() - cpu_s, n_error)


def heartbeat(number: int, turn: int) -> bytes:
    """A heartbeat."""
    return b'[2,"%d-%d","Heartbeat",{}]' % (number, turn)


def word(number: int, turn: int) -> bytes:
    """Word `turn` of a transaction of 2.0.1 with nine samples; transactions have a hundred words."""
    part, seq = divmod(turn, 100)
    kind = b"Started" if seq == 0 else b"Ended" if seq == 99 else b"Updated"
    trigger = b"Authorized" if seq == 0 else b"StopAuthorized" if seq == 99 else b"MeterValuePeriodic"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
    token = b',"idToken":{"idToken":"TOKEN%d","type":"ISO14443"}' % number if seq in (0, 99) else b""
    return (
        b'[2,"%d-%d","TransactionEvent",{"eventType":"%b","timestamp":"%b","triggerReason":"%b","seqNo":%d,'
        b'"transactionInfo":{"transactionId":"T%d-%d","chargingState":"Charging"},"evse":{"id":1,"connectorId":1}%b,'
        b'"meterValue":[{"timestamp":"%b","sampledValue":[%b]}]}]'
    ) % (number, turn, kind, at, trigger, seq, number, part, token, at, _samples(turn))


def boot(version: str, number: int) -> tuple[str, object]:
    """A BootNotification."""
    if version == "ocpp1.6":
        return "BootNotification", {"chargePointVendor": "Bench", "chargePointModel": "M", "chargePointSerialNumber": f"S{number}"}
    return "BootNotification", {"reason": "PowerUp", "chargingStation": {"vendorName": "Bench", "model": "M", "serialNumber": f"S{number}"}}


def _samples(turn: int) -> bytes:
    return b",".join(
        b'{"value":%.3f,"measurand":"%b","context":"Sample.Periodic"%b}'
        % (100.0 + turn * step, name.encode(), b',"unitOfMeasure":{"unit":"%b"}' % unit.encode() if unit else b"")
        for name, unit, step in _SAMPLES
    )
