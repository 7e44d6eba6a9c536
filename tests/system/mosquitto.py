"""A broker for tests: mosquitto on a free port."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (Debian: mosquitto)")


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Run it; its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        number = int(sock.getsockname()[1])
    (folder / "m.conf").write_text(f"listener {number} 127.0.0.1\nallow_anonymous true\n")
    assert MOSQUITTO is not None
    with subprocess.Popen([MOSQUITTO, "-c", str(folder / "m.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield number
        finally:
            process.terminate()


def answers(port: int) -> bool:
    """Whether it listens."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
