"""`evloom serve` as a process, with an administrator and clients that talk to it over HTTP."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.system.site import EVLOOM

PASSWORD = "correct horse 42"


@dataclass(frozen=True)
class Served:
    """A platform that runs: where, and what it printed at its start."""

    url: str
    chargers: str
    said: str
    process: subprocess.Popen[str]

    def client(self, key: str = "") -> httpx.Client:
        """A client with an API key, or with none."""
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {key}"} if key else {}, timeout=30.0)

    def admin_key(self) -> str:
        """An API key of an administrator, made by logging in."""
        with self.client() as client:
            me = client.post("/api/v1/login", json={"login": "admin", "password": PASSWORD}).json()
            made = client.post("/api/v1/api-keys", json={"name": "test", "role": "admin"}, headers={"x-csrf-token": me["csrf"]})
            key: str = made.json()["key"]
            return key


@contextmanager
def served(folder: Path, *, password: str = PASSWORD, options: Sequence[str] = (), **more: str) -> Iterator[Served]:
    """Run the platform in a folder; without a password it waits for its first administrator. more: OCPP__PORT="9000"."""
    settings = {
        "EVLOOM_SERVER__DATA": str(folder / "data"),
        "EVLOOM_SERVER__PORT": "0",
        "EVLOOM_OCPP__PORT": "0",
        "EVLOOM_LOG__FORMAT": "json",
        **({"EVLOOM_ADMIN_PASSWORD": password} if password else {}),
        **{f"EVLOOM_{name}": value for name, value in more.items()},
    }
    with (folder / "log.jsonl").open("a") as log:
        process = subprocess.Popen(
            [EVLOOM, "serve", *options], env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        try:
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            url = re.search(r"console\s+(http://\S+?)/", said)
            chargers = re.search(r"chargers (ws://\S+)/STATION_ID", said)
            assert url is not None, (folder / "log.jsonl").read_text() + said
            assert chargers is not None
            yield Served(url[1], chargers[1], said, process)
        finally:
            process.terminate()
            process.communicate(timeout=30)
