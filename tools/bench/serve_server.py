"""`evloom serve` under measurement: started as a user starts it, watched through /proc and its metrics, stopped or killed."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")
PASSWORD = "bench-by-night-7"
_CONSOLE, _CHARGERS = re.compile(r"console\s+http://[^:]+:(\d+)/"), re.compile(r"chargers\s+ws://[^:]+:(\d+)/")


def cpu_s_of(pid: int) -> float:
    """CPU seconds of a process and all its threads so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Server:
    """A context manager. `settings` are environment variables without their EVLOOM_; its administrator is "admin" with PASSWORD."""

    def __init__(self, folder: Path, **settings: str) -> None:
        command = [str(Path(sys.executable).with_name("evloom")), "serve", "--data", str(folder), "--port", "0", "--ocpp-port", "0"]
        environment = {**os.environ, "EVLOOM_ADMIN_PASSWORD": PASSWORD, **{f"EVLOOM_{name}": value for name, value in settings.items()}}
        self.folder = folder
        self._log = (folder.parent / f"{folder.name}.log").open("w")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True, env=environment)
        self.http_port = self._number(_CONSOLE)
        self.port = self._number(_CHARGERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "evloom.db"

    def cpu_s(self) -> float:
        """CPU seconds of the process and all its threads so far, user and system."""
        return cpu_s_of(self.pid)

    def memory_kb(self) -> int:
        """Resident memory."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1])

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def _number(self, line_of: re.Pattern[str]) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = line_of.search(line)
            if found:
                return int(found[1])
        raise RuntimeError(f"evloom serve ended with code {self._process.wait()}: see {self._log.name}")
