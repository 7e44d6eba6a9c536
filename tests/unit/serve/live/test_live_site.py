"""A site's loop in one process: limits, base load, links, needs, restarts, on a clock that jumps."""

import asyncio

import pytest

from evloom.pile.events import PackSeen
from evloom.store import sites
from evloom.store.sites import Need, SetLimit
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import START_S, Place

LEAST_KW = 4.14
TARIFF = {"periods": [{"category": "flat", "start": "00:00", "end": "24:00", "price_per_kwh": 1.0}], "name": "flat"}


def three(tmp_path, limit_kw: float = 60.0, **plan) -> Place:
    return Place(tmp_path, [Pile("A"), Pile("B"), Pile("C")], limit_kw, tariff=TARIFF, **plan)


async def full(place: Place, *names: str) -> None:
    """Everybody connected, plugged in and known to follow."""
    place.yard.connect()
    await place.settled()
    await place.seconds(2)
    for name in names or place.yard.piles:
        place.yard.plug(name, 40.0)
    await place.seconds(40)


def test_cars_charge_at_full_power_where_there_is_room(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        assert place.yard.total_kw() == pytest.approx(3 * 11.04)
        board = place.board()
        assert [row.follows for row in board.evses] == ["follows"] * 3
        assert board.load_kw == pytest.approx(place.yard.total_kw())
        assert all(pile.default is not None for pile in place.yard.piles.values())

    three(tmp_path).run(main)


def test_without_a_tariff_cars_are_served_early(tmp_path):
    async def main(place: Place) -> None:
        await full(place, "A")
        session = f"A:{place.yard.piles['A'].session}"
        await place.live.tell_need(Need(f"session:{session}", START_S + 9 * 3600.0, wanted_kwh=12.0))
        await place.seconds(700)
        assert place.explain(session).ordered_kw == pytest.approx(11.04)
        assert place.explain(session).saves is None

    Place(tmp_path, [Pile("A")], 60.0).run(main)


def test_a_changed_limit_reaches_sessions_within_a_control_period(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        limit = SetLimit("site", 27.0, "grid operator", place.clock.now_s(), None)
        await place.db.write(lambda conn: sites.save_limit(conn, "s", limit))
        await place.live.limit_changed("s", "site", 27.0)
        await place.seconds(2)
        assert place.yard.total_kw() <= 27.0 + 1e-6
        assert any("grid operator binds" in row.reason.text() for row in place.board().evses)
        await place.live.limit_changed("s", "site", None)
        await place.seconds(5)
        assert place.board().limit_kw == 60.0

    three(tmp_path).run(main)


def test_a_limit_from_outside_never_lifts_the_sites_own(tmp_path):
    async def main(place: Place) -> None:
        await place.live.limit_changed("s", "site", 500.0)
        await place.seconds(2)
        assert place.board().limit_kw == 60.0
        await full(place)
        assert place.yard.total_kw() <= 60.0

    three(tmp_path).run(main)


def test_base_load_leaves_less_room_and_a_silent_meter_none_more(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        assert place.live.base_load("s", "", 45.0, place.clock.now_s(), 60.0)
        await place.seconds(2)
        assert place.yard.total_kw() <= 15.0 + 1e-6
        await place.seconds(100)
        board = place.board()
        assert board.nodes[0].meter_is_stale
        assert board.base_kw >= 45.0  # the last value with a margin stands in
        assert any(note.key == "stale" for note in board.notes)
        assert not place.live.base_load("s", "nowhere", 1.0, place.clock.now_s())

    three(tmp_path).run(main)


def test_a_lost_pile_keeps_its_plan_and_its_room(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        place.yard.disconnect("B")
        await place.seconds(12)
        board = place.board()
        lost = next(row for row in board.evses if row.evse_id == "B/1")
        assert lost.reason.key == "offline"
        assert place.yard.piles["B"].power_kw(place.clock.now_s()) == pytest.approx(11.04)  # by the plan it was sent
        limit = SetLimit("site", 20.0, "by hand", place.clock.now_s(), None)
        await place.db.write(lambda conn: sites.save_limit(conn, "s", limit))
        await place.live.limit_changed("s", "site", 20.0)
        await place.seconds(3)
        assert place.yard.total_kw() <= 20.0 + 1e-6  # the others give way to it
        place.yard.connect("B")
        await place.seconds(40)
        assert place.yard.total_kw() <= 20.0 + 1e-6

    three(tmp_path).run(main)


def test_a_pile_that_takes_no_profiles_is_load_that_nobody_steers(tmp_path):
    async def main(place: Place) -> None:
        place.yard.piles["C"].takes = place.yard.piles["C"].obeys = False
        await full(place)
        board = place.board()
        strange = next(row for row in board.evses if row.evse_id == "C/1")
        assert strange.follows == "refused"
        assert strange.default == "refused"
        assert place.yard.total_kw() <= 20.0 + 1e-6
        place.yard.piles["C"].takes = place.yard.piles["C"].obeys = True
        await place.seconds(90)
        assert next(row for row in place.board().evses if row.evse_id == "C/1").follows == "follows"

    three(tmp_path, 20.0).run(main)


def test_one_that_ignores_its_orders_is_found_within_two_periods_and_trusted_again(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        pile = place.yard.piles["A"]
        limit = SetLimit("site", 20.0, "by hand", place.clock.now_s(), None)
        pile.obeys = False
        await place.db.write(lambda conn: sites.save_limit(conn, "s", limit))
        await place.live.limit_changed("s", "site", 20.0)
        await place.seconds(21)
        assert place.board().evses[0].follows == "ignores"
        assert place.yard.total_kw() <= 20.0 + 1e-6
        pile.obeys = True
        await place.seconds(80)
        assert place.board().evses[0].follows == "follows"

    three(tmp_path).run(main)


def test_a_drivers_word_changes_the_plan_and_the_explanation(tmp_path):
    prices = [
        {"category": "dear", "start": "00:00", "end": "05:00", "price_per_kwh": 2.0},
        {"category": "cheap", "start": "05:00", "end": "24:00", "price_per_kwh": 0.5},
    ]

    async def main(place: Place) -> None:
        await full(place, "A")
        session = f"A:{place.yard.piles['A'].session}"
        await place.live.tell_need(Need(f"session:{session}", START_S + 5 * 3600.0, wanted_kwh=12.0))
        await place.seconds(630)
        told = place.explain(session)
        assert told.ordered_kw == 0.0
        assert told.departure_s == START_S + 5 * 3600.0
        assert "waiting saves" in told.text()
        assert "等待可节省" in told.text("zh")
        assert "you leave at 09:30" in told.text()
        assert place.yard.piles["A"].power_kw(START_S + 3600.0) > 0.0  # the plan went along: at 05:00 it starts by itself

    Place(tmp_path, [Pile("A")], 60.0, tariff={"name": "two", "periods": prices}).run(main)


def test_a_new_run_knows_what_a_pile_without_a_link_may_go_on_with(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        place.yard.disconnect("B")
        await place.seconds(12)
        place.post.rebuild(place.post.made)
        limit = SetLimit("site", 26.0, "by hand", place.clock.now_s(), None)
        await place.db.write(lambda conn: sites.save_limit(conn, "s", limit))
        await place.live.limit_changed("s", "site", 26.0)
        await place.begun()
        await place.seconds(12)
        assert place.yard.piles["B"].power_kw(place.clock.now_s()) == pytest.approx(11.04)
        assert place.yard.total_kw() <= 26.0 + 1e-6
        place.yard.connect("B")
        await place.seconds(20)
        assert next(row for row in place.board().evses if row.evse_id == "B/1").follows == "follows"
        assert place.yard.total_kw() <= 26.0 + 1e-6

    three(tmp_path).run(main)


def test_a_restart_takes_up_what_stands_there(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        before = place.board()
        assert place.live.pack_seen("A", 1, PackSeen(place.clock.now_s(), "A/1", diagnosis=2))
        place.post.rebuild(place.post.made)  # as after a change of the document
        await place.seconds(15)
        after = place.board()
        assert [row.session_id for row in after.evses] == [row.session_id for row in before.evses]
        assert [row.follows for row in after.evses] == ["follows"] * 3
        assert place.yard.total_kw() == pytest.approx(3 * 11.04)

    three(tmp_path).run(main)


def test_a_site_without_any_evse_runs_and_welcomes_the_first(tmp_path):
    async def main(place: Place) -> None:
        await place.seconds(25)
        assert place.board().evses == ()
        assert place.live.base_load("s", "", 12.0, place.clock.now_s())
        await place.seconds(2)
        assert place.board().load_kw == 12.0
        await place.db.write(place.newcomer)
        place.yard.add(Pile("N"))
        place.yard.connect("N")
        place.yard.plug("N", 20.0)
        await asyncio.sleep(0.1)
        await asyncio.gather(*place.live._changing.values())  # a document is left alone for a second of real time
        await place.begun()
        await place.seconds(60)
        assert place.board().evses[0].follows == "follows"
        assert place.yard.total_kw() == pytest.approx(11.04)

    Place(tmp_path, [], 60.0, tariff=TARIFF).run(main)


def test_a_clock_that_was_ahead_and_is_set_back_does_not_leave_the_loop_in_the_future(tmp_path):
    async def main(place: Place) -> None:
        await full(place)
        true_s = place.clock.now_s()
        place.clock.set(true_s + 1800.0)
        await place.seconds(40)
        assert place.board().at_s > true_s + 1700.0
        place.clock.set(true_s + 60.0)
        await place.begun()
        await place.seconds(60)
        board = place.board()
        assert board.at_s < true_s + 600.0
        assert board.running
        assert place.yard.total_kw() > 10.0
        assert sum(bool(row.session_id) for row in board.evses) == 3

    three(tmp_path).run(main)
