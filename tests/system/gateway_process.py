"""A gateway in a process of its own, for tests that kill it: `python -m tests.system.gateway_process FOLDER URL NAME NATS`."""

import asyncio
import subprocess
import sys
from pathlib import Path


class GatewayProcess:
    """Started, and killed by kill -9."""

    def __init__(self, folder: Path, url: str, name: str, nats_url: str) -> None:
        command = [sys.executable, "-m", "tests.system.gateway_process", str(folder), url, name, nats_url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """kill -9, also a second time."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def _serve(folder: str, url: str, name: str, nats_url: str) -> None:
    from tests.system.gateway_room import room

    async with room(Path(folder), url=url, name=name, nats_url=nats_url) as here:
        await here.wakeups.up(10.0)
        sys.stdout.write(f"{here.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:5]))
