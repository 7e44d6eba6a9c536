"""Meters over real sockets: a Modbus server, and mosquitto where it is installed."""

import asyncio
import shutil
import socket
import subprocess

import aiomqtt
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from evloom.serve.config import Meter
from evloom.serve.meters.meters import Meters


class Loads:
    """What the loop would be told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []
        self.first = asyncio.Event()

    def base_load(self, site_id: str, node: str, kw: float, at_s: float, stale_s: float) -> bool:
        self.told.append((node, kw))
        self.first.set()
        return True

    def drawn_kw(self, site_id: str, node: str) -> float:
        return 7.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def read_once(meter: Meter) -> tuple[str, float]:
    loads = Loads()
    meters = Meters((meter,), loads, lambda: 1.0)
    await meters.start()
    try:
        await asyncio.wait_for(loads.first.wait(), 20.0)
    finally:
        await meters.stop()
    return loads.told[0]


async def serving(registers: list[int], at: int, meter: Meter) -> tuple[str, float]:
    device = SimDevice(1, simdata=[SimData(at, values=registers, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(device, address=("127.0.0.1", meter.port))
    await server.serve_forever(background=True)
    try:
        return await read_once(meter)
    finally:
        await server.shutdown()


@pytest.mark.usefixtures("socket_enabled")
def test_a_register_in_watts_that_counts_the_chargers_too():
    meter = Meter(kind="modbus", port=free_port(), register=10, number="int32", includes_charging=True, node="house")
    node, kw = asyncio.run(serving([0, 0x5208], 10, meter))
    assert node == "house"
    assert kw == pytest.approx(21.0 - 7.0)


@pytest.mark.usefixtures("socket_enabled")
def test_a_sunspec_map_is_looked_through_for_its_meter():
    points = [0] * 28
    points[16], points[20] = 0xFF9C, 1  # -100 x 10 W: it feeds in
    registers = [0x5375, 0x6E53, 1, 4, 9, 9, 9, 9, 203, 28, *points, 0xFFFF, 0]
    meter = Meter(kind="sunspec", port=free_port())
    _, kw = asyncio.run(serving(registers, 40000, meter))
    assert kw == pytest.approx(-1.0)


@pytest.mark.usefixtures("socket_enabled")
@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed (Debian: mosquitto)")
def test_a_topic_of_a_broker(tmp_path):
    port = free_port()
    (tmp_path / "m.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")

    async def publish() -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", port) as client:
                    while True:
                        await client.publish("house/power", b'{"total": 4200}')
                        await asyncio.sleep(0.1)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)

    async def both() -> tuple[str, float]:
        sending = asyncio.create_task(publish())
        try:
            await asyncio.sleep(0.5)
            return await read_once(Meter(kind="mqtt", port=port, topic="house/power", key="total"))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    with subprocess.Popen(["mosquitto", "-c", str(tmp_path / "m.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        try:
            _, kw = asyncio.run(both())
            assert kw == pytest.approx(4.2)
        finally:
            broker.terminate()
