"""Two processes on one database: a warning that one raises is shown by console and interface of the other, and acknowledged there."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from evloom.serve.system_clock import now_s
from evloom.simulate.terminal import Terminal
from tests.system.api_server import PASSWORD, Served, served
from tests.system.test_live_meters import free_port
from tests.unit.store.postgres import postgres_server
from tools.demo_battery import CAPACITY_AH, PACK, VIN, sick_frames

pytestmark = pytest.mark.usefixtures("socket_enabled")
UP_S = 300.0


def done(client: httpx.Client, method: str, path: str, **more: Any) -> Any:
    answer = client.request(method, f"/api/v1/{path}", **more)
    assert answer.is_success, (path, answer.text)
    return answer.json()


def until(found: Any) -> Any:
    """As long as a slow machine takes that compiles every kernel first."""
    end_s = monotonic() + UP_S
    while not (result := found()):
        assert monotonic() < end_s
        sleep(0.2)
    return result


@contextmanager
def visitor(here: Served) -> Iterator[httpx.Client]:
    """A person who is logged in at the console."""
    with httpx.Client(base_url=here.url, timeout=30.0, follow_redirects=True) as client:
        client.post("/api/v1/login", json={"login": "admin", "password": PASSWORD})
        yield client


def warned(client: httpx.Client) -> Any:
    return next((one for one in done(client, "GET", "battery-warnings")["items"] if one["level"] == "inspect"), None)


def test_what_one_process_hears_the_other_shows(tmp_path: Path):
    url, telematics = postgres_server().fresh(), free_port()
    settings = {"DATABASE__URL": url, "CONTROL__PERIOD_S": "30"}
    hearing = {
        "TELEMATICS__ENABLED": "true", "TELEMATICS__PORT": str(telematics), "TELEMATICS__ANSWER_REPORTS": "always",
        "TELEMATICS__FRAMES_PER_S": "100000", "CLUSTER__GATEWAY": "one",
    }  # fmt: skip
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with served(tmp_path / "one", **settings, **hearing) as one, served(tmp_path / "two", **settings, CLUSTER__GATEWAY="two") as two:
        key = two.admin_key()
        with one.client(key) as first, two.client(key) as second, visitor(two) as person:
            about = {"vehicle_id": VIN, "name": "the sick car", "chemistry": "NMC", "capacity_ah": CAPACITY_AH}
            done(second, "POST", "vehicles", json=about)
            frames = sick_frames(now_s() - 3600.0)
            asyncio.run(Terminal(frames, VIN, PACK).drive(telematics, frames.n, login_s=now_s()))
            warning = until(lambda: warned(second))
            assert warning["cell"] == 16
            assert done(second, "GET", "batteries")["items"][0]["level"] == "inspect"
            page = person.get(f"/batteries/{PACK}")
            assert page.status_code == 200
            assert "V_17" in page.text
            assert "the sick car" in person.get("/batteries").text
            path = f"battery-warnings/{warning['warning_id']}"
            done(second, "POST", f"{path}/acknowledge", json={"note": "seen at the other one"})
            assert done(first, "GET", path)["history"][-1]["note"] == "seen at the other one"
            assert "evloom_doctor_batteries 1.0" in first.get("/metrics").text
            assert "evloom_doctor" not in second.get("/metrics").text
