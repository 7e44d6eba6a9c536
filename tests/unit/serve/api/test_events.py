"""Server-sent events: who sees what, where one goes on, and what becomes of a slow reader."""

import asyncio

from evloom.pile.station import StatusSeen
from evloom.serve.api.events import EventHub
from evloom.serve.bus import Happening
from evloom.serve.doctor.events import BatteryHeard
from evloom.serve.metrics import TOPICS
from evloom.serve.people.roles import Caller, Role
from evloom.store.log import LogEntry
from tests.unit.serve.api.world import NOW_S, World, run
from tests.unit.store.postgres import postgres_server

ALL = frozenset(TOPICS)
NORTH = Caller("key:n", "n", Role.READER, "north")


def seen(station_id: str, number: int = 0) -> Happening:
    """A status of a station."""
    return Happening("station", station_id, StatusSeen(1, 1, "Available"), NOW_S, NOW_S, number)


async def read(parts, n: int) -> list[bytes]:
    """The next n parts."""
    return [await asyncio.wait_for(anext(parts), 10.0) for _ in range(n)]


def test_everybody_sees_the_own_organisation_and_site_alone(tmp_path):
    async def job(world: World) -> None:
        hub = world.platform.events
        owner = Caller("key:o", "o", Role.OWNER, "north", ("other-site",))
        admin = Caller("key:a", "a", Role.ADMIN, "south")
        streams = [hub.listen(who, ALL, "", 0.05) for who in (NORTH, owner, admin)]
        for stream in streams:
            assert (await read(stream, 1))[0].startswith(b"retry")
        for station_id in ("south-1", "north-1", "unknown"):
            world.platform.bus.publish(seen(station_id))
        got = [b"".join(await read(stream, 3)) for stream in streams]
        assert (got[0].count(b"event: station"), b"north-1" in got[0]) == (1, True)
        assert b"event: station" not in got[1]
        assert b": still here" in got[1]
        assert got[2].count(b"event: station") == 3
        for stream in streams:
            await stream.aclose()

    run(tmp_path, job)


def test_batteries_are_told_to_their_organisation_and_to_no_owner_of_sites(tmp_path):
    async def job(world: World) -> None:
        hub = world.platform.events
        owner = Caller("key:o", "o", Role.OWNER, "north", ("north-site",))
        streams = [hub.listen(who, frozenset({"battery"}), "", 0.05) for who in (NORTH, owner)]
        for stream in streams:
            await read(stream, 1)
        for org in ("south", "north", ""):
            event = BatteryHeard(org, f"{org}-pack", f"{org}-vehicle", 2, 0.5, NOW_S, 10)
            world.platform.bus.publish(Happening("battery", f"{org}-pack", event, NOW_S, NOW_S))
        got = [b"".join(await read(stream, 2)) for stream in streams]
        assert (got[0].count(b"event: battery"), b'"pack_id":"north-pack"' in got[0]) == (1, True)
        assert b"event: battery" not in got[1]
        for stream in streams:
            await stream.aclose()

    run(tmp_path, job)


def test_a_reader_goes_on_after_the_last_event_and_is_told_what_is_missing(tmp_path):
    async def job(world: World) -> None:
        hub = EventHub(world.platform.bus, world.db, world.platform.metrics, world.clock, kept=5)
        for number in range(3):
            world.platform.bus.publish(seen("north-1", number))
        first = hub.listen(NORTH, ALL, "", 5.0)
        await read(first, 1)
        world.platform.bus.publish(seen("north-1", 7))
        text = (await read(first, 1))[0].decode()
        last_id = text.splitlines()[0].removeprefix("id: ")
        await first.aclose()
        world.platform.bus.publish(seen("north-1", 8))
        again = hub.listen(NORTH, ALL, last_id, 5.0)
        parts = b"".join(await read(again, 2))
        assert b"missed" not in parts
        assert b'"number":8' in parts
        await again.aclose()
        for number in range(9):
            world.platform.bus.publish(seen("north-1", number))
        late = hub.listen(NORTH, ALL, last_id, 5.0)
        assert b"event: missed" in (await read(late, 1))[0]
        await late.aclose()
        other = hub.listen(NORTH, ALL, "another-99", 5.0)
        assert b"event: missed" in (await read(other, 1))[0]
        await other.aclose()
        hub.close()

    run(tmp_path, job)


def test_a_slow_reader_is_let_go_visibly(tmp_path):
    async def job(world: World) -> None:
        hub = EventHub(world.platform.bus, world.db, world.platform.metrics, world.clock, kept=5)
        slow = hub.listen(NORTH, ALL, "", 5.0)
        await read(slow, 1)
        for number in range(20):
            world.platform.bus.publish(seen("north-1", number))
        rest = [part async for part in slow]
        assert rest == [b"event: dropped\ndata: {}\n\n"]
        assert b"evloom_sse_clients_dropped_total 1.0" in world.platform.metrics.text()
        hub.close()

    run(tmp_path, job)


def test_closing_ends_every_stream(tmp_path):
    async def job(world: World) -> None:
        hub = world.platform.events
        stream = hub.listen(NORTH, ALL, "", 60.0)
        await read(stream, 1)
        asyncio.get_running_loop().call_soon(hub.close)
        assert [part async for part in stream] == []

    run(tmp_path, job)


def test_what_a_station_says_to_another_process_is_heard_too(tmp_path):
    async def job(world: World) -> None:
        hub = world.platform.events
        await hub.start()
        stream = hub.listen(NORTH, ALL, "", 5.0)
        await read(stream, 1)
        (mine,) = await world.db.append([LogEntry("north-1", StatusSeen(1, 1, "Occupied"), NOW_S, NOW_S)])
        world.platform.bus.publish(seen("north-1", mine.number))
        assert f'"number":{mine.number}'.encode() in (await read(stream, 1))[0]
        (theirs,) = await world.db.append([LogEntry("north-1", StatusSeen(1, 1, "Faulted"), NOW_S, NOW_S)])
        assert f'"number":{theirs.number}'.encode() in (await read(stream, 1))[0]
        await hub.stop()
        assert [part async for part in stream] == []

    run(tmp_path, job, url=postgres_server().fresh())
