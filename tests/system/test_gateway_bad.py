"""What must not harm the others: huge, endless, silent, slow and too many."""

import asyncio
import dataclasses

import pytest

from evloom.serve.gateway.socket_rules import SocketRules
from tests.system.gateway_room import Room, room, until
from tests.system.ocpp_client import OcppClient, frame

pytestmark = pytest.mark.usefixtures("socket_enabled")


def _rules(here: Room, **changes) -> SocketRules:
    """Change the limits of sockets that are opened from now on."""
    here.gateway.rules = dataclasses.replace(here.gateway.rules, **changes)
    return here.gateway.rules


async def _well(here: Room) -> None:
    """Another station is served all the same."""
    client = await OcppClient.connect(here.port, "/WELL")
    assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
    client.drop()


def test_20_mb_are_refused_by_their_length_alone(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            client.transport.write(b"\x81\xff" + (20_000_000).to_bytes(8, "big") + b"mask" + bytes(20_000_000))
            await client.closed
            assert (client.close_code, "20000000 bytes" in client.close_reason) == (1009, True)
            await until(lambda: here.events("CP1")[-1:] == ["StationDisconnected"])
            assert "20000000 bytes" in here.last_reason
            in_parts = await OcppClient.connect(here.port, "/CP1")
            for n in range(3):
                in_parts.transport.write(frame(bytes(500_000), 0 if n else 1, False))
            await in_parts.closed
            assert in_parts.close_code == 1009
            await _well(here)

    asyncio.run(story())


def test_frames_that_are_none(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            for text in (b"[2,", b"{}", b"[" * 10_000, b"\xff\xfe", b"null", b'[2,"1","Heartbeat"]', b"[]"):
                client.send(text)
            assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            unmasked = await OcppClient.connect(here.port, "/CP2")
            unmasked.transport.write(b"\x81\x02[]")
            await unmasked.closed
            assert unmasked.close_code == 1002
            client.drop()

    asyncio.run(story())


def test_half_a_handshake_and_an_endless_one_are_cut_off(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            _rules(here, handshake_s=0.1)
            half_reader, half = await asyncio.open_connection("127.0.0.1", here.port)
            half.write(b"GET /CP1 HTTP/1.1\r\nHost:")
            endless_reader, endless = await asyncio.open_connection("127.0.0.1", here.port)
            endless.write(b"GET /CP1 HTTP/1.1\r\n" + b"X: y\r\n" * 10_000)
            assert (await asyncio.wait_for(endless_reader.read(), 10.0)).startswith(b"HTTP/1.1 431 ")
            assert await asyncio.wait_for(half_reader.read(), 10.0) == b""
            half.close()
            endless.close()
            await _well(here)

    asyncio.run(story())


def test_a_station_that_has_gone_silent_is_pinged_and_then_cut_off(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            _rules(here, ping_s=0.05)
            alive = await OcppClient.connect(here.port, "/ALIVE")
            dead = await OcppClient.connect(here.port, "/DEAD")
            dead.mute = True
            await dead.closed
            assert dead.n_ping == 1
            await until(lambda: here.events("DEAD")[-1:] == ["StationDisconnected"])
            assert "no answer to a ping" in here.last_reason
            assert alive.n_ping >= 1
            assert here.gateway.is_here("ALIVE")
            alive.drop()

    asyncio.run(story())


def test_a_slow_reader_is_given_up_when_its_buffer_is_full(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            _rules(here, unread_max_bytes=200_000)
            client = await OcppClient.connect(here.port, "/SLOW", answers=lambda action, payload: None)
            client.transport.pause_reading()
            link = here.link("SLOW")
            sent = 0
            while link.socket.send(b"x" * 50_000):
                sent += 1
                assert sent < 1000, "it was never given up"
            await until(lambda: here.events("SLOW")[-1:] == ["StationDisconnected"])
            assert "reads too slowly" in here.last_reason
            client.drop()
            await _well(here)

    asyncio.run(story())


def test_a_reader_that_stopped_is_not_read_from_and_is_given_up_in_time(tmp_path):
    async def story():
        async with room(tmp_path, messages_per_s=1e6) as here:
            _rules(here, stalled_s=0.2, unread_max_bytes=10_000_000)
            client = await OcppClient.connect(here.port, "/SLOW", answers=lambda action, payload: None)
            client.transport.pause_reading()
            link = here.link("SLOW")
            link.socket.send(b"x" * 9_000_000)
            await until(lambda: here.events("SLOW")[-1:] == ["StationDisconnected"])
            assert "read nothing" in here.last_reason
            client.drop()

    asyncio.run(story())


def test_who_sends_too_fast_is_slowed_and_loses_nothing(tmp_path):
    async def story():
        async with room(tmp_path, messages_per_s=200.0) as here:
            _rules(here, messages_at_once=50.0)
            client = await OcppClient.connect(here.port, "/FAST")
            loop = asyncio.get_running_loop()
            begun_s = loop.time()
            await asyncio.gather(*(client.call("Say", {"n": n}) for n in range(150)))
            took_s = loop.time() - begun_s
            assert took_s >= 0.4  # 50 at once, 100 more at 200 a second
            assert sum(1 for station, _ in here.desk.asked if station == "FAST") == 150
            client.drop()

    asyncio.run(story())


def test_a_flood_behind_one_slow_answer_is_not_read(tmp_path):
    async def story():
        async with room(tmp_path, messages_per_s=1e6) as here:
            here.desk.hold = asyncio.Event()
            client = await OcppClient.connect(here.port, "/FLOOD")
            for n in range(3000):
                client.send(b'[2,"%d","Say",{"text":"%b"}]' % (n, b"x" * 500))
            await until(lambda: "FLOOD" in here.desk.busy)
            here.desk.hold.set()
            assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            client.drop()

    asyncio.run(story())
