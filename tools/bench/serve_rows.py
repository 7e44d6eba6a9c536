"""The platform under load: `python -m tools.bench.serve_rows` writes the table of docs/gateway.md; with --quick it only prints one.

The server is `evloom serve` as a user starts it, its loop and pages included; the stations are in another process. CPU is that of the
server with all its threads. Machine code is compiled before the clock runs.
"""

import argparse
import asyncio
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.system.ocpp_client import OcppClient
from tools.bench.environment import ROOT
from tools.bench.row import Row, markdown
from tools.bench.serve_baseline import Baseline
from tools.bench.serve_load import boot, caught_up, closed_loop, connected, heartbeat, settled, word
from tools.bench.serve_server import Server
from tools.bench.serve_storm import storms
from tools.bench.serve_two import two_gateways

SETTINGS = {"OCPP__MESSAGES_PER_S": "1000000", "OCPP__PING_S": "0", "AUTHORISATION__UNKNOWN_TOKENS": "accept", "LOG__LEVEL": "warning"}
PAGE = ROOT / "docs" / "gateway.md"
MARKS = "<!-- figures serve begin: python -m tools.bench.serve_rows -->", "<!-- figures serve end -->"
_SAID = "SELECT count(*) FROM log WHERE kind = 'TransactionSaid' AND key NOT LIKE '%:closed'"
"""What stations said; a transaction that the next one closes gets a last word of ours."""


def rows(quick: bool = False) -> Iterator[Row]:
    """Every row; with `quick` a tenth of the stations."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    n = 50 if quick else 500
    yield asyncio.run(_words(n, 5.0 if quick else 20.0, asyncio.run(_baseline(n, "ocpp2.0.1", word))))
    yield asyncio.run(_heartbeats(n, 5.0, asyncio.run(_baseline(n, "ocpp1.6", heartbeat))))
    yield asyncio.run(_idle(1000 if quick else 10_000))
    yield asyncio.run(_storm(200 if quick else 2000))
    yield asyncio.run(two_gateways(50 if quick else 300))


async def _words(n: int, last_s: float, baseline: float) -> Row:
    """Transactions of 2.0.1, a word of nine samples as soon as the last one was answered."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", **SETTINGS) as server:
        clients = await _booted(server, n, "ocpp2.0.1")
        warm = await closed_loop(server, clients, word, 5.0)
        await settled(server)
        turns = 1000 * (1 + warm.n_message // n // 1000)
        begun_cpu_s = server.cpu_s()
        done = await closed_loop(server, clients, lambda number, turn: word(number, turn + turns), last_s)
        lag_s = server.metric("evloom_projection_lag_seconds")
        await caught_up(server)
        cpu_s = server.cpu_s() - begun_cpu_s
        n_kept = _count(server, _SAID) - warm.n_message
        _part(clients)
    quality = f"{done.n_message:,} answered, {n_kept:,} in the log; lag {lag_s:.1f} s; {done.n_message / done.took_s:,.0f}/s"
    sound = n_kept == done.n_message and lag_s < 2.0 and not done.n_error
    what = f"{n} stations, words of 9 samples, durable and projected"
    per_cpu_s = done.n_message / cpu_s
    return Row(what, per_cpu_s, 1500.0, "/core-s", quality, sound, _named(baseline), per_cpu_s / baseline, more=True)


async def _heartbeats(n: int, last_s: float, baseline: float) -> Row:
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", **SETTINGS) as server:
        clients = await _booted(server, n, "ocpp1.6")
        await settled(server)
        done = await closed_loop(server, clients, heartbeat, last_s)
        _part(clients)
    quality = f"{done.n_message:,} answered, {done.n_error} errors; {done.n_message / done.took_s:,.0f}/s"
    what, ratio = f"{n} stations, heartbeats", done.per_cpu_s / baseline
    return Row(what, done.per_cpu_s, 15_000.0, "/core-s", quality, not done.n_error, _named(baseline), ratio, more=True)


async def _baseline(n: int, version: str, message: Callable[[int, int], bytes]) -> float:
    """Messages per core-second of the baseline, for the same stations and messages."""
    with Baseline() as server:
        clients = await connected(server.port, n, version)
        await asyncio.gather(*(client.call(*boot(version, number), timeout_s=120.0) for number, client in enumerate(clients)))
        done = await closed_loop(server, clients, message, 5.0)
        _part(clients)
    return done.per_cpu_s


def _named(baseline: float) -> str:
    return f"`ocpp` on websockets, keeps nothing: {baseline:,.0f}/s"


async def _idle(n: int) -> Row:
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", **SETTINGS) as server:
        _part(await connected(server.port, 100, "ocpp1.6", "WARM"))
        await settled(server)
        before_kb = server.memory_kb()
        clients = await connected(server.port, n, "ocpp1.6", "IDLE")
        await settled(server)
        each_kb = (server.memory_kb() - before_kb) / n
        begun_s, begun_cpu_s = time.perf_counter(), server.cpu_s()
        await asyncio.sleep(5.0)
        load = (server.cpu_s() - begun_cpu_s) / (time.perf_counter() - begun_s)
        n_here = int(server.metric("evloom_stations_connected"))
        _part(clients)
    quality = f"{n_here:,} connected; {load:.1%} of a core while idle"
    return Row(f"{n:,} idle connections, memory of each", each_kb, 25.0, "kB", quality, n_here == n)


async def _storm(n: int) -> Row:
    settings = {**SETTINGS, "OCPP__MESSAGES_PER_S": "50"}
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", **settings) as server:
        await settled(server)
        seen = await storms(server, n, 3, n // 20)
    ended = ", ".join(f"{count} {state}" for state, count in sorted(seen.states.items()))
    quality = f"{seen.n_connected:,} connected, {seen.n_session:,} sessions; commands: {ended}, {seen.told_twice} twice"
    what = f"{n:,} stations drop and return within 0.2 s, three times: until all have booted"
    return Row(what, max(seen.took_s), 30.0, "s", quality, seen.sound)


async def _booted(server: Server, n: int, version: str) -> list[OcppClient]:
    clients = await connected(server.port, n, version)
    await asyncio.gather(*(client.call(*boot(version, number), timeout_s=60.0) for number, client in enumerate(clients)))
    return clients


def _count(server: Server, query: str) -> int:
    conn = sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)
    try:
        return int(conn.execute(query).fetchone()[0])
    finally:
        conn.close()


def _part(clients: Sequence[OcppClient]) -> None:
    for client in clients:
        client.drop()


def measure(quick: bool) -> bool:
    """Print the table, write it into the page where everything was measured; whether every figure was reached."""
    found = list(rows(quick))
    table = markdown(found)
    print(table)
    if not quick:
        begin, end = MARKS
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(f"{text.split(begin)[0]}{begin}\n{table}\n{end}{text.split(end)[1]}", encoding="utf-8")
    return all(row.reached for row in found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    sys.exit(0 if measure(parser.parse_args().quick) else 1)
