"""Vehicles, batteries and their warnings in the database: history, organisations, swaps, and whose battery a token means."""

import json
from dataclasses import replace

import pytest

from evloom.store import batteries, people, registry, warnings
from evloom.store.batteries import BatterySeen
from evloom.store.database import opened
from evloom.store.scope import EVERYTHING, Scope
from tests.unit.serve.doctor.packs import change, warning
from tests.unit.store.postgres import postgres_server

SEEN = BatterySeen("P", "V", "NMC", 96, 24, 150.0, 900.0, 1000.0, 1001.0, 10, 3, 2, 1.5, 0.5, -1, "{}")


@pytest.fixture(params=["sqlite", "postgresql"])
def db(request, tmp_path):
    url = f"sqlite:///{tmp_path}/evloom.db" if request.param == "sqlite" else postgres_server().fresh()
    database = opened(url)
    database.write_now(_fill)
    yield database
    database.close_now()


def _fill(conn):
    for org in ("o", "other"):
        people.put_organisation(conn, org, org)
        registry.put_station(conn, f"{org}-1", {"org_id": org, "created_at_s": 0.0})
    registry.put_token(conn, "CARD", "ISO14443", {"org_id": "o", "driver_id": "li"})


def vehicle(conn, vehicle_id="V", **more):
    values = {"org_id": "o", "name": "", "driver_id": "", "tokens": "[]", "pack_id": "", "chemistry": "", "note": "", "created_at_s": 0.0}
    batteries.put_vehicle(conn, vehicle_id, {**values, **more})


def warning_row(conn, warning_id):
    row = warnings.warning_row(conn, EVERYTHING, warning_id)
    assert row is not None
    return row


def told(row):
    return [(one["kind"], one["level"]) for one in row]


def test_a_warning_is_kept_with_its_history_once(db):
    def story(conn):
        batteries.save(conn, SEEN)
        assert warnings.save_change(conn, change(), 1001.0)
        assert not warnings.save_change(conn, change(), 2001.0)
        row = warning_row(conn, "P:cell:3:1000")
        warnings.acknowledge(conn, row, 1500.0, "user:ada", "seen")
        assert warnings.save_change(conn, change("updated", 1600.0), 1601.0)
        row = warning_row(conn, "P:cell:3:1000")
        assert (row["acknowledged_s"], row["acknowledged_by"], row["note"]) == (1500.0, "user:ada", "seen")
        assert warnings.save_change(conn, change("updated", 1700.0, level="stop"), 1701.0)
        row = warning_row(conn, "P:cell:3:1000")
        assert (row["acknowledged_s"], row["level"], row["cause"]) == (None, "stop", "internal-short")
        assert (warnings.worst_open(conn, "P") or {})["warning_id"] == "P:cell:3:1000"
        assert warnings.save_change(conn, change("closed", 1800.0, closed_s=1800.0), 1801.0)
        assert warnings.worst_open(conn, "P") is None
        history = warnings.history_of(conn, "P:cell:3:1000")
        kinds = ["opened", "acknowledged", "updated", "updated", "closed"]
        assert [one["kind"] for one in history] == kinds
        assert warnings.last_change(conn) >= len(kinds)
        return warning_row(conn, "P:cell:3:1000")

    row = db.write_now(story)
    assert warnings.body_of(row) == warning(closed_s=1800.0)


def test_what_is_looked_at_anew_closes_what_is_not_found_again(db):
    def story(conn):
        batteries.save(conn, SEEN)
        warnings.save_change(conn, change(), 1001.0)
        warnings.save_change(conn, change(warning_id="P:cell:9:1000", cell=9), 1001.0)
        gone = warnings.close_others(conn, "P", frozenset({"P:cell:9:1000"}), 3000.0, 3001.0)
        assert [row["warning_id"] for row in gone] == ["P:cell:3:1000"]
        assert warnings.close_others(conn, "P", frozenset({"P:cell:9:1000"}), 3000.0, 3001.0) == []
        found, _ = warnings.warning_page(conn, EVERYTHING, None, 10, {"open": True})
        assert [row["warning_id"] for row in found] == ["P:cell:9:1000"]
        closed, _ = warnings.warning_page(conn, EVERYTHING, None, 10, {"open": False, "acknowledged": False})
        assert [row["closed_s"] for row in closed] == [3000.0]
        assert json.loads(closed[0]["body"])["closed_s"] == 3000.0

    db.write_now(story)


def test_batteries_belong_to_the_organisation_of_their_vehicle_and_are_listed_worst_first(db):
    def story(conn):
        vehicle(conn)
        assert batteries.save(conn, SEEN) == "o"
        assert batteries.save(conn, replace(SEEN, pack_id="Q", vehicle_id="nobody's", level=0, severity=0.2)) == ""
        batteries.save(conn, replace(SEEN, pack_id="R", level=3))
        rows, _ = batteries.battery_page(conn, EVERYTHING, None, 10, {})
        assert [row["pack_id"] for row in rows] == ["R", "P", "Q"]
        rows, after = batteries.battery_page(conn, Scope("o"), None, 1, {})
        assert [row["pack_id"] for row in rows] == ["R"]
        rows, after = batteries.battery_page(conn, Scope("o"), after, 1, {})
        assert ([row["pack_id"] for row in rows], after) == (["P"], None)
        assert batteries.battery_of(conn, Scope("other"), "P") is None
        assert [row["pack_id"] for row in batteries.battery_page(conn, EVERYTHING, None, 10, {"level_min": 3})[0]] == ["R"]
        vehicle(conn, "nobody's", org_id="other")
        assert (batteries.battery_of(conn, Scope("other"), "Q") or {})["org_id"] == "other"

    db.write_now(story)


def test_a_driver_sees_the_own_car_alone_and_who_has_sites_none(db):
    def story(conn):
        vehicle(conn, driver_id="li")
        batteries.save(conn, SEEN)
        batteries.save(conn, replace(SEEN, pack_id="Q", vehicle_id="W"))
        vehicle(conn, "W")
        for scope, seen in ((Scope("o", driver_id="li"), ["P"]), (Scope("o", site_ids=("s",)), []), (Scope("o"), ["Q", "P"])):
            assert [row["pack_id"] for row in batteries.battery_page(conn, scope, None, 10, {})[0]] == seen
        assert [row["vehicle_id"] for row in batteries.vehicle_page(conn, Scope("o", driver_id="li"), None, 10, {})[0]] == ["V"]
        assert batteries.vehicle_page(conn, Scope("o", site_ids=("s",)), None, 10, {})[0] == []

    db.write_now(story)


def test_a_battery_in_another_car_takes_its_history_along(db):
    def story(conn):
        vehicle(conn, pack_id="P")
        vehicle(conn, "W")
        batteries.save(conn, SEEN)
        warnings.save_change(conn, change(), 1001.0)
        batteries.save(conn, replace(SEEN, vehicle_id="W", known_s=2000.0))
        assert [(row["vehicle_id"], row["from_s"]) for row in batteries.stays_of(conn, "P")] == [("W", 2000.0), ("V", 1001.0)]
        assert (batteries.vehicle_of(conn, EVERYTHING, "V") or {})["pack_id"] == ""
        assert warning_row(conn, "P:cell:3:1000")["vehicle_id"] == "W"
        assert [car.batteries for car in batteries.cars_of(conn, "o-1", "V")] == [()]
        [car] = batteries.cars_of(conn, "o-1", "W")
        assert [row["pack_id"] for row in car.batteries] == ["P"]

    db.write_now(story)


@pytest.mark.parametrize(
    ("values", "token", "found"),
    [
        ({}, "v", True),
        ({"tokens": '["EVCC-1","mac"]'}, "evcc-1", True),
        ({"tokens": '["EVCC-1"]'}, "EVCC", False),
        ({"tokens": '["50%_off"]'}, "50%_off", True),
        ({"driver_id": "li"}, "card", True),
        ({"driver_id": "wu"}, "CARD", False),
        ({"driver_id": "li"}, "", False),
        ({"org_id": "other", "tokens": '["CARD"]'}, "CARD", False),
    ],
)
def test_whose_battery_a_token_means(db, values, token, found):
    def story(conn):
        vehicle(conn, **values)
        batteries.save(conn, SEEN)
        return batteries.cars_of(conn, "o-1", token)

    assert [car.vehicle_id for car in db.write_now(story)] == (["V"] if found else [])


def test_a_session_keeps_the_highest_level_that_held_it_back(db):
    def story(conn):
        assert warnings.held(conn, "s") is None
        for level, at_s in ((2, 10.0), (3, 20.0), (2, 30.0)):
            warnings.hold(conn, "s", {"pack_id": "P", "vehicle_id": "V", "level": level, "warning_id": f"w{level}", "from_s": at_s})
        row = warnings.held(conn, "s") or {}
        assert (row["level"], row["warning_id"], row["from_s"]) == (3, "w3", 10.0)

    db.write_now(story)
