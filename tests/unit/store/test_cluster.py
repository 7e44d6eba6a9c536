"""Ownership of stations, leases and gateways, each changed by comparing."""

import asyncio
import time

import pytest

from evloom.store import cluster


def test_a_claim_raises_the_epoch_and_a_late_release_changes_nothing(database):
    assert database.read_now(lambda conn: cluster.owner_of(conn, "S1")) is None
    first = database.write_now(lambda conn: cluster.claim(conn, "S1", "one", 10.0))
    second = database.write_now(lambda conn: cluster.claim(conn, "S1", "two", 20.0))
    assert (first.epoch, first.before, second.epoch, second.before) == (1, "", 2, "one")
    assert not database.write_now(lambda conn: cluster.release(conn, "S1", first.epoch))
    owner = database.read_now(lambda conn: cluster.owner_of(conn, "S1"))
    assert owner == cluster.Owned("S1", "two", 2, 20.0)
    assert database.write_now(lambda conn: cluster.release(conn, "S1", second.epoch))
    third = database.write_now(lambda conn: cluster.claim(conn, "S1", "one", 30.0))
    assert (third.epoch, third.before) == (3, "")


def test_of_many_claims_at_once_each_gets_an_epoch_of_its_own(database):
    async def many():
        claims = (database.write(lambda conn, name=str(n): cluster.claim(conn, "S1", name, 0.0)) for n in range(20))
        return await asyncio.gather(*claims)

    claims = asyncio.run(many())
    assert sorted(claimed.epoch for claimed in claims) == list(range(1, 21))
    owner = database.read_now(lambda conn: cluster.owner_of(conn, "S1"))
    assert owner is not None
    assert owner.epoch == 20


def test_whose_stations_they_are(database):
    for station, gateway in (("S1", "one"), ("S2", "two"), ("S3", "one")):
        database.write_now(lambda conn, s=station, g=gateway: cluster.claim(conn, s, g, 0.0))
    assert [owned.station_id for owned in database.read_now(lambda conn: cluster.owned_by(conn, "one"))] == ["S1", "S3"]
    others = database.read_now(lambda conn: cluster.not_owned(conn, "one", ["S1", "S2", "S9"]))
    assert [owned.station_id for owned in others] == ["S2"]


def test_who_let_go_in_error_takes_it_back_unless_another_has_it(database):
    claimed = database.write_now(lambda conn: cluster.claim(conn, "S1", "one", 0.0))
    database.write_now(lambda conn: cluster.release(conn, "S1", claimed.epoch))
    assert database.write_now(lambda conn: cluster.retake(conn, "S1", "one", claimed.epoch))
    database.write_now(lambda conn: cluster.claim(conn, "S1", "two", 0.0))
    assert not database.write_now(lambda conn: cluster.retake(conn, "S1", "one", claimed.epoch))


def test_a_lease_is_held_by_one_until_its_term_is_over(database):
    def take(holder: str, now_s: float, term_s: float = 60.0):
        return database.write_now(lambda conn: cluster.take_lease(conn, "site:north", holder, now_s, term_s))

    now_s = time.time()
    assert take("one", now_s) == 1
    assert take("two", now_s) is None
    assert take("one", now_s + 1) == 1
    assert not database.write_now(lambda conn: cluster.give_up(conn, "site:north", "two"))
    assert database.write_now(lambda conn: cluster.give_up(conn, "site:north", "one"))
    assert take("two", now_s) == 2
    assert take("one", now_s) is None
    assert take("two", now_s, 0.0) == 2
    assert take("one", now_s) == 3


def test_on_postgresql_the_clock_of_a_machine_does_not_matter(database):
    if database.kind == "sqlite":
        pytest.skip("one machine has one clock")
    assert database.write_now(lambda conn: cluster.take_lease(conn, "a", "one", 0.0, 60.0)) == 1
    assert database.write_now(lambda conn: cluster.take_lease(conn, "a", "two", time.time() + 9e9, 60.0)) is None


def test_gateways_show_that_they_live(database):
    for at_s, n_station in ((10.0, 3), (20.0, 5)):
        database.write_now(lambda conn, at_s=at_s, n=n_station: cluster.beat(conn, "one", at_s, n))
    (row,) = database.read_now(cluster.gateways)
    assert (row.gateway, row.n_station, row.seen_at_s > row.started_at_s) == ("one", 5, True)
    assert (row.started_at_s, row.seen_at_s) == (10.0, 20.0) or database.kind == "postgresql"  # there by the server's clock
    assert 0.0 <= database.read_now(lambda conn: cluster.silent_s(conn, 25.0))["one"] <= 5.0
    database.write_now(lambda conn: cluster.forget(conn, "one"))
    assert database.read_now(cluster.gateways) == []
