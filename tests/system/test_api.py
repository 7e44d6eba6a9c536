"""The interface of a running platform over real sockets: set-up, a charger that is commanded, events, and a stop with open streams."""

import asyncio
import json
import re
import threading
import time
from typing import Any

import httpx

from tests.system.api_server import PASSWORD, Served, served
from tests.system.ocpp_client import OcppClient

SSE = {"accept": "text/event-stream"}


def test_first_start_a_command_and_its_events(tmp_path, socket_enabled):
    with served(tmp_path, password="") as platform:
        found = re.search(r"token=(\S+)", platform.said)
        assert found is not None
        with platform.client() as client:
            assert client.get("/readyz").json()["parts"] == {"database": "ok", "gateway": "ok"}
            set_up = {"token": found[1], "login": "ada", "password": PASSWORD}
            me = client.post("/api/v1/setup", json=set_up).json()
            assert me["role"] == "admin"
            made = client.post("/api/v1/api-keys", json={"name": "k", "role": "admin"}, headers={"x-csrf-token": me["csrf"]}).json()
        commanded(platform, made["key"])
        assert b"evloom_projection_lag_events" in httpx.get(f"{platform.url}/metrics").content


def commanded(platform: Served, key: str) -> None:
    """A station comes, is commanded, and what happens is told to who listens."""
    with platform.client(key) as client:
        password = client.post("/api/v1/stations", json={"station_id": "pile-1", "site_id": "site-1"}).json()["password"]
        assert client.post("/api/v1/stations/pile-1/commands", json={"command": {"command": "Reset"}, "valid_s": 1}).status_code == 201
        heard: list[str] = []
        listening = threading.Event()
        listener = threading.Thread(target=listen, args=(platform, key, heard, listening))
        listener.start()
        assert listening.wait(10.0)
        asyncio.run(charger(platform, client, password))
        listener.join(20.0)
        assert not listener.is_alive()
        assert any('"kind":"StationBooted"' in line for line in heard)


async def charger(platform: Served, client: httpx.Client, password: str) -> None:
    """A station that boots, answers a command, and is removed."""
    port = int(platform.chargers.split(":")[2].split("/")[0])
    station = await OcppClient.connect(port, "/ocpp/pile-1", ("ocpp1.6",), auth=("pile-1", password))
    boot = await station.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert boot["status"] == "Accepted"
    order = {"command": {"command": "Trigger", "what": "Heartbeat"}}
    sent: dict[str, Any] = {"json": order, "params": {"wait_s": 10}, "headers": {"idempotency-key": "once"}}
    first = (await asyncio.to_thread(client.post, "/api/v1/stations/pile-1/commands", **sent)).json()
    assert (first["state"], first["result"]["status"]) == ("answered", "Accepted")
    again = (await asyncio.to_thread(client.post, "/api/v1/stations/pile-1/commands", **sent)).json()
    assert again["command_id"] == first["command_id"]
    other: dict[str, Any] = {"json": {"command": {"command": "Reset"}}, "headers": sent["headers"]}
    refused = await asyncio.to_thread(client.post, "/api/v1/stations/pile-1/commands", **other)
    assert refused.status_code == 409
    await asyncio.to_thread(search, client)
    assert (await asyncio.to_thread(client.delete, "/api/v1/stations/pile-1", params={"force": "false"})).status_code == 204
    await asyncio.wait_for(station.closed, 10.0)


def search(client: httpx.Client) -> None:
    """The messages of the station, once they are written."""
    for _ in range(100):
        messages = client.get("/api/v1/stations/pile-1/messages", params={"action": "BootNotification"}).json()["items"]
        if messages:
            break
        time.sleep(0.1)
    assert "chargePointVendor" in messages[-1]["text"]
    lines = client.get("/api/v1/stations/pile-1/messages.jsonl").text.splitlines()
    assert json.loads(lines[0])["station_id"] == "pile-1"


def listen(platform: Served, key: str, heard: list[str], listening: threading.Event) -> None:
    """Collect events until the station has gone."""
    query: dict[str, Any] = {"params": {"topics": "station,command"}, "headers": SSE}
    with platform.client(key) as client, client.stream("GET", "/api/v1/events", **query) as stream:
        for line in stream.iter_lines():
            listening.set()
            heard.append(line)
            if '"kind":"StationDisconnected"' in line:
                return


def test_it_stops_in_good_order_while_somebody_listens(tmp_path, socket_enabled):
    with served(tmp_path) as platform, platform.client(platform.admin_key()) as client:
        stream = client.send(client.build_request("GET", "/api/v1/events", headers=SSE), stream=True)
        next(stream.iter_raw())
        platform.process.terminate()
        assert platform.process.wait(20.0) == 0
        stream.close()
