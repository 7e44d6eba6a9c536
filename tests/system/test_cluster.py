"""Two gateways on one PostgreSQL: who owns a station, commands across, one that is killed; with NATS and without."""

import asyncio
import contextlib

import pytest

from evloom.pile.command import Reset, Trigger
from evloom.serve.cluster import member
from evloom.serve.cluster.lease import Lease
from evloom.serve.system_clock import machine_s, now_s
from evloom.store import cluster
from evloom.store.database import opened
from tests.system.gateway_process import GatewayProcess
from tests.system.gateway_room import refused, room, until
from tests.system.nats_server import NatsServer
from tests.system.ocpp_client import NotLetInError, OcppClient
from tests.unit.store.postgres import postgres_server

pytestmark = pytest.mark.usefixtures("socket_enabled")


@contextlib.asynccontextmanager
async def _two(tmp_path, nats_url: str = ""):
    """Two gateways on one fresh database."""
    url = postgres_server().fresh()
    async with (
        room(tmp_path, url=url, name="one", nats_url=nats_url) as one,
        room(tmp_path, url=url, name="two", nats_url=nats_url) as two,
    ):
        if nats_url:
            assert await one.wakeups.up(10.0)
            assert await two.wakeups.up(10.0)
        yield one, two


@pytest.mark.parametrize("with_nats", [True, False])
def test_a_command_given_to_the_gateway_that_does_not_hold_the_link(tmp_path, with_nats):
    async def story(nats_url: str):
        async with _two(tmp_path, nats_url) as (one, two):
            client = await OcppClient.connect(two.port, "/CP1")
            command_id = await one.commands.order("CP1", Reset(), deadline_s=now_s() + 60.0)
            row = await one.commands.wait(command_id, 10.0)
            assert (row.state, row.gateway) == ("answered", "two")
            assert (await one.commands.quick("CP1", Trigger("Heartbeat"), 5.0)).accepted
            assert (await one.commands.quick("CP9", Trigger("Heartbeat"), 5.0)).status == "NotConnected"
            assert [action for action, _ in client.asked] == ["Reset", "TriggerMessage"]
            client.drop()

    if with_nats:
        with NatsServer(tmp_path) as nats:
            asyncio.run(story(nats.url))
    else:
        asyncio.run(story(""))


@pytest.mark.parametrize("with_nats", [True, False])
def test_the_newer_connection_wins_across_gateways_and_the_older_can_do_no_harm(tmp_path, with_nats):
    async def story(nats_url: str):
        async with _two(tmp_path, nats_url) as (one, two):
            older = await OcppClient.connect(one.port, "/CP1")
            newer = await OcppClient.connect(two.port, "/CP1")
            await asyncio.wait_for(older.closed, 10.0)
            assert (older.close_code, older.close_reason) == (1008, "this station has connected to another gateway")
            await until(lambda: not one.gateway.is_here("CP1"))
            owner = await one.db.read(lambda conn: cluster.owner_of(conn, "CP1"))
            assert (owner.gateway, owner.epoch) == ("two", 2)  # the late close of the older released nothing
            assert two.gateway.is_here("CP1")
            assert "StationDisconnected" not in one.events("CP1")
            command_id = await one.commands.order("CP1", Reset(), deadline_s=now_s() + 60.0)
            assert (await one.commands.wait(command_id, 10.0)).gateway == "two"
            await newer.close()

    if with_nats:
        with NatsServer(tmp_path) as nats:
            asyncio.run(story(nats.url))
    else:
        asyncio.run(story(""))


def test_a_station_is_dismissed_wherever_it_is(tmp_path):
    async def story(nats_url: str):
        async with _two(tmp_path, nats_url) as (one, two):
            clients = [await OcppClient.connect(one.port, "/CP1"), await OcppClient.connect(two.port, "/CP2")]
            for client, station_id in zip(clients, ("CP1", "CP2"), strict=True):
                await one.gateway.dismiss(station_id, "this station was removed")
                await asyncio.wait_for(client.closed, 5.0)
                assert (client.close_code, client.close_reason) == (1008, "this station was removed")
            await until(lambda: two.events("CP2") == ["StationConnected", "StationDisconnected"])
            assert two.last_reason == "this station was removed"

    with NatsServer(tmp_path) as nats:
        asyncio.run(story(nats.url))


def test_a_database_that_is_gone_refuses_newcomers_and_keeps_the_others(tmp_path):
    server = postgres_server()

    async def story():
        async with room(tmp_path, url=server.fresh()) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            await until(lambda: here.events("CP1") == ["StationConnected"])
            server.stop()
            try:
                said = await refused(here.port, "/CP2")
                assert (said.status, "Retry-After" in said.head) == (503, True)
                assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            finally:
                server.start()
            newcomer = None
            while newcomer is None:
                with contextlib.suppress(NotLetInError):
                    newcomer = await OcppClient.connect(here.port, "/CP2")
            assert await newcomer.call("Heartbeat", {}) == {"heard": "Heartbeat"}
            for one in (client, newcomer):
                one.drop()

    asyncio.run(story())


def test_nats_that_goes_and_comes_costs_nothing_but_time(tmp_path):
    async def story(nats: NatsServer):
        async with _two(tmp_path, nats.url) as (one, two):
            client = await OcppClient.connect(two.port, "/CP1")
            nats.stop()
            await until(lambda: not one.wakeups.is_up)
            command_id = await one.commands.order("CP1", Reset(), deadline_s=now_s() + 60.0)
            assert (await one.commands.wait(command_id, 10.0)).state == "answered"
            nats.start()
            await until(lambda: one.wakeups.is_up and two.wakeups.is_up, 20.0)
            assert (await one.commands.quick("CP1", Trigger("Heartbeat"), 5.0)).accepted
            client.drop()

    with NatsServer(tmp_path) as nats:
        asyncio.run(story(nats))


def test_a_gateway_that_was_taken_for_dead_keeps_its_stations(tmp_path):
    async def story():
        async with _two(tmp_path) as (one, two):
            client = await OcppClient.connect(one.port, "/CP1")
            await until(lambda: one.events("CP1") == ["StationConnected"])
            await two.db.write(lambda conn: cluster.release(conn, "CP1", 1))  # as a burial does
            await until(lambda: one.events("CP1") == ["StationConnected"] * 2)
            owner = await two.db.read(lambda conn: cluster.owner_of(conn, "CP1"))
            assert (owner.gateway, owner.epoch) == ("one", 1)
            client.drop()

    asyncio.run(story())


def test_one_is_killed_and_its_stations_live_on_with_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(member, "DEAD_AFTER_S", 3.0)
    monkeypatch.setattr(member, "BURY_EVERY", 1)

    async def story(nats_url: str):
        url = postgres_server().fresh()
        doomed = GatewayProcess(tmp_path, url, "doomed", nats_url)
        try:
            async with room(tmp_path, url=url, name="heir", nats_url=nats_url) as heir:
                clients = [await OcppClient.connect(doomed.port, f"/CP{n}", answers=lambda action, payload: None) for n in range(20)]
                under_way = await heir.commands.order("CP0", Reset(), deadline_s=now_s() + 60.0)
                await until(lambda: len(clients[0].asked) == 1)
                doomed.kill()
                await asyncio.gather(*(client.closed for client in clients))
                waiting = await heir.commands.order("CP1", Trigger("Heartbeat"), deadline_s=now_s() + 60.0)
                returned = [await OcppClient.connect(heir.port, f"/CP{n}") for n in range(19)]
                for client in returned:
                    assert await client.call("Heartbeat", {}) == {"heard": "Heartbeat"}
                assert (await heir.commands.wait(waiting, 10.0)).state == "answered"
                row = await heir.commands.wait(under_way, 20.0)
                assert (row.state, "not known whether it arrived" in row.error) == ("failed", True)
                await until(lambda: heir.events("CP19") == ["StationDisconnected"], 20.0)  # the one that never came back
                assert heir.events("CP0") == ["StationConnected"]
                names = {row.gateway for row in await heir.db.read(cluster.gateways)}
                await until(lambda: names >= {"heir"})
                for client in returned:
                    client.drop()
        finally:
            doomed.kill()

    with NatsServer(tmp_path) as nats:
        asyncio.run(story(nats.url))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_lease_is_held_by_one_and_moves_when_it_is_given_up_or_runs_out(tmp_path, kind):
    async def story():
        url = f"sqlite:///{tmp_path / 'evloom.db'}" if kind == "sqlite" else postgres_server().fresh()
        db, other = opened(url), opened(url)
        first, second = Lease(db, "site:a", "one", 0.6), Lease(other, "site:a", "two", 0.6)
        assert await first.try_now()
        assert not await second.try_now()
        assert (first.is_mine, second.is_mine) == (True, False)
        first.start()
        second.start()
        await asyncio.sleep(1.0)
        assert (first.is_mine, second.is_mine) == (True, False)  # renewed meanwhile
        await first.stop()
        assert not first.is_mine
        await until(lambda: second.is_mine)
        epoch = second.epoch
        await second.stop()
        dead = Lease(db, "site:a", "dead", 0.3)
        assert await dead.try_now()
        assert dead.epoch == epoch + 1
        await until(lambda: not dead.is_mine)  # by its own clock before the others may have it
        await asyncio.sleep(0.2)
        assert await second.try_now()
        assert second.epoch == epoch + 2
        await db.close()
        await other.close()

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ownership_changes_by_comparing(tmp_path, kind):
    db = opened(f"sqlite:///{tmp_path / 'evloom.db'}" if kind == "sqlite" else postgres_server().fresh())
    try:
        first = db.write_now(lambda conn: cluster.claim(conn, "CP1", "one", now_s()))
        second = db.write_now(lambda conn: cluster.claim(conn, "CP1", "two", now_s()))
        assert (first, second) == (cluster.Claimed(1, ""), cluster.Claimed(2, "one"))
        assert not db.write_now(lambda conn: cluster.release(conn, "CP1", 1))
        assert db.read_now(lambda conn: cluster.owned_by(conn, "one")) == []
        assert [owned.station_id for owned in db.read_now(lambda conn: cluster.owned_by(conn, "two"))] == ["CP1"]
        elsewhere = db.read_now(lambda conn: cluster.not_owned(conn, "one", ["CP1", "CP2"]))
        assert [owned.gateway for owned in elsewhere] == ["two"]
        assert db.write_now(lambda conn: cluster.release(conn, "CP1", 2))
        assert not db.write_now(lambda conn: cluster.retake(conn, "CP1", "one", 1))
        assert db.write_now(lambda conn: cluster.retake(conn, "CP1", "two", 2))
        assert not db.write_now(lambda conn: cluster.retake(conn, "CP1", "one", 2))
        assert db.write_now(lambda conn: cluster.release(conn, "CP1", 2))
        assert db.write_now(lambda conn: cluster.claim(conn, "CP1", "one", now_s())) == cluster.Claimed(3, "")
        db.write_now(lambda conn: cluster.beat(conn, "one", machine_s(), 1))
        assert [row.gateway for row in db.read_now(cluster.gateways)] == ["one"]
        db.write_now(lambda conn: cluster.forget(conn, "one"))
        assert db.read_now(cluster.gateways) == []
    finally:
        db.close_now()
