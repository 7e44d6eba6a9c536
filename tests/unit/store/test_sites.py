"""What the database keeps of sites, on both databases."""

import pytest

from evloom.pile.station import Sample, TransactionSaid
from evloom.store import people, registry, sites
from evloom.store.database import Database
from evloom.store.log import LogEntry
from evloom.store.sites import Need, SetLimit

T0 = 1_780_000_000.0


@pytest.fixture
def filled(database: Database) -> Database:
    def fill(conn) -> None:
        people.put_organisation(conn, "o", "O")
        registry.put_site(conn, "s", {"org_id": "o", "name": "S", "zone": "UTC"})
        registry.put_station(conn, "A", {"org_id": "o", "site_id": "s", "created_at_s": T0})
        registry.put_evse(conn, "A", 1, {"rating_kw": 11.0, "n_phase": 3})
        registry.put_token(conn, "card", "ISO14443", {"org_id": "o", "driver_id": "d", "status": "Accepted"})

    database.write_now(fill)
    return database


def said(phase: str, register_kwh: float, seq: int) -> TransactionSaid:
    sample = Sample(T0 + 1800.0 * seq, "Energy.Active.Import.Register", register_kwh)
    return TransactionSaid("t", phase, seq, evse=1, token="card", token_type="ISO14443", register_kwh=register_kwh, samples=(sample,))


def test_documents_have_versions(filled):
    assert filled.read_now(lambda conn: sites.plan_body(conn, "s")) is None
    assert filled.write_now(lambda conn: sites.save_plan(conn, "s", "{1}", T0, "a")) == 1
    assert filled.write_now(lambda conn: sites.save_plan(conn, "s", "{2}", T0, "a")) == 2
    assert filled.read_now(lambda conn: sites.plan_body(conn, "s")) == "{2}"


def test_limits_hold_until_they_end_or_are_taken_back(filled):
    for limit in (
        SetLimit("site", 50.0, "grid", T0, T0 + 60.0),
        SetLimit("A", 5.0, "hand", T0),
        SetLimit("site", 40.0, "grid", T0, T0 + 90.0),
    ):
        filled.write_now(lambda conn, limit=limit: sites.save_limit(conn, "s", limit))
    held = filled.read_now(lambda conn: sites.limits_of(conn, "s", T0 + 70.0))
    assert [(item.node, item.import_max_kw) for item in held] == [("A", 5.0), ("site", 40.0)]
    filled.write_now(lambda conn: sites.drop_limit(conn, "s", "A"))
    assert filled.read_now(lambda conn: sites.limits_of(conn, "s", T0 + 100.0)) == []


def test_base_load_is_kept_once_for_each_quarter(filled):
    filled.write_now(lambda conn: sites.save_base_load(conn, "s", [("site", T0, 1.0), ("site", T0 + 900.0, 2.0)]))
    filled.write_now(lambda conn: sites.save_base_load(conn, "s", [("site", T0, 3.0)]))
    assert filled.read_now(lambda conn: sites.base_loads(conn, "s", T0)) == [("site", T0, 3.0), ("site", T0 + 900.0, 2.0)]


def test_needs_of_a_session_are_its_own_then_its_drivers(filled):
    filled.append_now([LogEntry("A", said("started", 5.0, 0), T0, T0)])
    filled.write_now(lambda conn: sites.save_need(conn, Need("driver:d", ready_minute=420, wanted_kwh=10.0)))
    assert filled.read_now(lambda conn: sites.usual_need(conn, "card")).ready_minute == 420
    assert filled.read_now(lambda conn: sites.usual_need(conn, "other")) is None
    filled.write_now(lambda conn: sites.save_need(conn, Need("session:A:t", T0 + 3600.0, wanted_kwh=4.0, v2g_consent=True)))
    found = filled.read_now(lambda conn: sites.needs_of(conn, "A:t"))
    assert (found.departure_s, found.wanted_kwh, found.v2g_consent) == (T0 + 3600.0, 4.0, True)


def test_stays_that_run_and_stays_that_ended(filled):
    filled.append_now([LogEntry("A", said("started", 5.0, 0), T0, T0)])
    filled.write_now(lambda conn: sites.save_need(conn, Need("session:A:t", T0 + 3600.0, wanted_kwh=4.0)))
    filled.caught_up_now()
    [running] = filled.read_now(lambda conn: sites.open_stays(conn, "s"))
    assert (running.session_id, running.evse, running.token, running.told_s) == ("A:t", 1, "card", T0 + 3600.0)
    filled.append_now([LogEntry("A", said("ended", 9.0, 1), T0 + 1800.0, T0 + 1800.0)])
    filled.caught_up_now()
    assert filled.read_now(lambda conn: sites.open_stays(conn, "s")) == []
    [ended] = filled.read_now(lambda conn: sites.ended_stays(conn, "s", T0 - 1.0, 10))
    assert ended.energy_kwh == pytest.approx(4.0)
    assert ended.asked_kwh == 4.0


def test_conduct_and_evse(filled):
    filled.write_now(lambda conn: sites.save_conduct(conn, "A", 1, "ignores", T0))
    filled.write_now(lambda conn: sites.save_conduct(conn, "A", 1, "follows", T0))
    assert filled.read_now(lambda conn: sites.conducts(conn, ["A", "B"])) == {("A", 1): "follows"}
    filled.write_now(lambda conn: sites.add_evse(conn, "A", 2, 7.0, 1))
    filled.write_now(lambda conn: sites.add_evse(conn, "A", 1, 99.0, 1))
    assert filled.write_now(lambda conn: sites.see_three_phases(conn, "A", 2))
    assert not filled.write_now(lambda conn: sites.see_three_phases(conn, "A", 1))  # somebody said what that is
    rows = filled.read_now(lambda conn: sites.evses_of(conn, "s"))
    assert [(row["evse"], row["rating_kw"], row["n_phase"]) for row in rows] == [(1, 11.0, 3), (2, 21.0, 3)]
    assert filled.read_now(lambda conn: sites.site_of(conn, "A")) == "s"
    assert [row[0] for row in filled.read_now(sites.sites)] == ["s"]
