"""The baseline of the platform's rows: a central system of the package `ocpp` that answers, and keeps nothing at all.

Run as a script it serves 1.6 and 2.0.1 on a free port, which it prints, until it is ended.
"""

import asyncio
import logging
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tools.bench.serve_server import cpu_s_of


class Baseline:
    """A context manager: the process, its port and its CPU."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "tools.bench.serve_baseline"], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def cpu_s(self) -> float:
        """CPU seconds of the process so far."""
        return cpu_s_of(self._process.pid)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _central(version: str, station_id: str, link: Any) -> Any:
    """A charge point of the package that answers what the benchmark sends."""
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint as Point16
    from ocpp.v16 import call_result as answer16
    from ocpp.v201 import ChargePoint as Point201
    from ocpp.v201 import call_result as answer201

    class Central16(Point16):
        @on("BootNotification")
        def boot(self, **_: Any) -> Any:
            return answer16.BootNotification(current_time=_now(), interval=300, status="Accepted")

        @on("Heartbeat")
        def heartbeat(self, **_: Any) -> Any:
            return answer16.Heartbeat(current_time=_now())

    class Central201(Point201):
        @on("BootNotification")
        def boot(self, **_: Any) -> Any:
            return answer201.BootNotification(current_time=_now(), interval=300, status="Accepted")

        @on("TransactionEvent")
        def word(self, **_: Any) -> Any:
            return answer201.TransactionEvent()

    return (Central16 if version == "ocpp1.6" else Central201)(station_id, link)


async def _serve() -> None:
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosed

    async def station(link: ServerConnection) -> None:
        assert link.request is not None
        try:
            await _central(str(link.subprotocol), Path(link.request.path).name, link).start()
        except ConnectionClosed:
            return

    async with serve(station, "127.0.0.1", 0, subprotocols=["ocpp1.6", "ocpp2.0.1"], compression=None, ping_interval=None) as server:  # type: ignore[list-item]
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve())
