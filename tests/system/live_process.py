"""The loops of all sites in a process of its own, for tests that kill it: `python -m tests.system.live_process FOLDER URL NAME`."""

import asyncio
import subprocess
import sys
from pathlib import Path

from evloom.pile.command import Command
from evloom.serve.bus import Bus
from evloom.serve.config import Config
from evloom.serve.live import Live
from evloom.serve.live.site_loop import Setting
from evloom.serve.system_clock import SystemClock
from evloom.store.database import opened
from evloom.wire.ocpp.command_outcome import Outcome


class LiveProcess:
    """Started; `wait_driving` returns when it drives a site; killed by kill -9."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        command = [sys.executable, "-m", "tests.system.live_process", str(folder), url, name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_driving(self) -> str:
        """The site that it drives."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        """kill -9, also a second time."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Nobody:
    """No station is connected."""

    async def quick(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        return Outcome(False, "NotConnected")


async def _drive(folder: str, url: str, name: str) -> None:
    db, bus = opened(url), Bus()
    driven: asyncio.Queue[str] = asyncio.Queue()
    bus.listen("cycle", lambda happening: driven.put_nowait(happening.subject))
    live = Live(db, bus, Nobody(), Config(), holder=name, setting=Setting(SystemClock(), 0.5, Path(folder)))
    await live.start()
    sys.stdout.write(f"{await driven.get()}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_drive(*sys.argv[1:4]))
