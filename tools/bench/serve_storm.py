"""The network comes back and with it every station at once: who boots, what becomes of sessions and of commands given meanwhile."""

import asyncio
import random
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.system.ocpp_client import NotLetInError, OcppClient
from tools.bench.serve_api import Api
from tools.bench.serve_load import boot
from tools.bench.serve_server import Server

VERSION = "ocpp2.0.1"
WITHIN_S = 0.2
"""All drop, and all come back, within so long."""
AGAIN_S = 120.0
"""So long a station goes on trying."""


@dataclass
class Station:
    """A station through all its connections: how often it was told to do each command, by its number."""

    number: int
    client: OcppClient | None = None
    told: Counter[int] = field(default_factory=Counter)
    n_try: int = 0

    @property
    def name(self) -> str:
        """Its identity."""
        return f"STORM{self.number}"

    def answers(self, action: str, payload: Any) -> object:
        """What it answers, keeping which reservation it was given."""
        if action == "CancelReservation":
            self.told[payload["reservationId"]] += 1
        return {"status": "Accepted"}

    async def come(self, port: int) -> None:
        """Connect and boot, and try again until it has."""
        until_s = time.monotonic() + AGAIN_S
        while True:
            self.n_try += 1
            try:
                self.client = await OcppClient.connect(port, f"/ocpp/{self.name}", (VERSION,), answers=self.answers)
                await self.client.call(*boot(VERSION, self.number), timeout_s=30.0)
            except (NotLetInError, OSError, TimeoutError):
                if time.monotonic() > until_s:
                    raise
                await asyncio.sleep(0.2 + random.Random(self.number).random())
            else:
                return

    async def begin(self) -> None:
        """Start to charge."""
        assert self.client is not None
        word = {
            "eventType": "Started",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "triggerReason": "CablePluggedIn",
            "seqNo": 0,
            "transactionInfo": {"transactionId": f"TX{self.number}"},
            "evse": {"id": 1, "connectorId": 1},
        }
        await self.client.call("TransactionEvent", word, timeout_s=60.0)


@dataclass(frozen=True)
class Storms:
    """What was seen: per storm the seconds until all had booted and CPU seconds; then the state of things at the end."""

    n_station: int
    took_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    n_session: int
    n_connected: int
    states: Counter[str]
    told_twice: int
    told_wrongly: int

    @property
    def sound(self) -> bool:
        """All are there, one session each, and every command arrived once or ended visibly."""
        whole = self.n_session == self.n_connected == self.n_station
        return whole and not self.told_twice and not self.told_wrongly and not set(self.states) - {"answered", "failed", "expired"}


async def storms(server: Server, n: int, times: int, n_command: int) -> Storms:
    """`n` stations that charge drop and come back `times` times; `n_command` commands are given in the middle of each."""
    stations = [Station(number) for number in range(n)]
    await _in_turns([station.come(server.port) for station in stations], 100)
    await _in_turns([station.begin() for station in stations], 100)
    took_s, cpu_s = [], []
    ordered: dict[str, tuple[Station, int]] = {}
    async with Api(server) as api:
        for turn in range(times):
            begun_s, begun_cpu_s = time.perf_counter(), server.cpu_s()
            chosen = stations[turn :: max(1, n // n_command)][:n_command]
            giving = asyncio.create_task(_give(api, chosen, turn * n, ordered))
            await _spread([_drop(station) for station in stations])
            await _spread([station.come(server.port) for station in stations])
            took_s.append(time.perf_counter() - begun_s)
            await giving
            cpu_s.append(server.cpu_s() - begun_cpu_s)
        states = await _ended(api, list(ordered))
    await asyncio.sleep(2.0)
    n_session, n_connected = _kept(server)
    told = Counter({command_id: station.told[number] for command_id, (station, number) in ordered.items()})
    wrongly = sum(1 for command_id, state in states.items() if state == "answered" and told[command_id] != 1)
    wrongly += sum(1 for command_id, state in states.items() if state == "expired" and told[command_id])
    for station in stations:
        if station.client is not None:
            station.client.drop()
    twice = sum(1 for count in told.values() if count > 1)
    return Storms(n, tuple(took_s), tuple(cpu_s), n_session, n_connected, Counter(states.values()), twice, wrongly)


async def _drop(station: Station) -> None:
    if station.client is not None:
        station.client.drop()


async def _spread(works: list[Any]) -> None:
    """Begin all works within WITHIN_S, and wait for them."""
    loop, begin_s = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    tasks = []
    for place, work in enumerate(works):
        due_s = begin_s + WITHIN_S * place / len(works)
        if due_s > loop.time() + 0.005:
            await asyncio.sleep(due_s - loop.time())
        tasks.append(loop.create_task(work))
    await asyncio.gather(*tasks)


async def _in_turns(works: list[Any], together: int) -> None:
    gate = asyncio.Semaphore(together)

    async def one(work: Any) -> None:
        async with gate:
            await work

    await asyncio.gather(*(one(work) for work in works))


async def _give(api: Api, stations: list[Station], offset: int, ordered: dict[str, tuple[Station, int]]) -> None:
    for station in stations:
        number = offset + station.number
        command = await api.order(station.name, {"command": "CancelReservation", "reservation": number}, valid_s=60.0)
        ordered[command["command_id"]] = (station, number)


async def _ended(api: Api, command_ids: list[str]) -> dict[str, str]:
    """States of the commands, when all have ended or a minute and a half has passed."""
    states = dict.fromkeys(command_ids, "queued")
    for _ in range(90):
        for command_id, state in states.items():
            if state in ("queued", "sent"):
                states[command_id] = (await api.command(command_id))["state"]
        if not set(states.values()) & {"queued", "sent"}:
            break
        await asyncio.sleep(1.0)
    return states


def _kept(server: Server) -> tuple[int, int]:
    """Sessions and connected stations in the database."""
    conn = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
    try:
        (n_session,) = conn.execute("SELECT count(*) FROM session").fetchone()
        (n_connected,) = conn.execute("SELECT count(*) FROM station_state WHERE connected").fetchone()
    finally:
        conn.close()
    return int(n_session), int(n_connected)
