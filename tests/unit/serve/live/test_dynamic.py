"""Stations of 2.1 that take dynamic profiles: the present power is pushed, and the plan lies beneath for a lost link."""

import asyncio

import pytest

from evloom.pile.command import ClearProfile, SetProfile, UpdateDynamic
from evloom.pile.profile import TX
from evloom.serve.live.actuator import PLAN_ID, Actuator
from evloom.serve.live.bay import Bay
from evloom.serve.live.dynamic import DYNAMIC_ID, OFFLINE_S
from evloom.serve.site.plan import EvsePlan
from evloom.store import sites
from evloom.store.sites import Need, SetLimit
from evloom.wire.ocpp.command_outcome import Outcome
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place

SETTINGS = {"RateUnit": "A", "ProfileStackLevel": "8", "SupportsDynamicProfiles": "true"}
TWO_PRICES = {
    "name": "two",
    "periods": [
        {"category": "dear", "start": "00:00", "end": "05:00", "price_per_kwh": 2.0},
        {"category": "cheap", "start": "05:00", "end": "24:00", "price_per_kwh": 0.5},
    ],
}


def modern(name: str = "A", **odd) -> Pile:
    return Pile(name, protocol="ocpp2.1", settings=SETTINGS, **odd)


async def plugged(place: Place, kwh: float = 40.0) -> None:
    place.yard.connect()
    await place.settled()
    await place.seconds(15)
    for name in place.yard.piles:
        place.yard.plug(name, kwh)
    await place.seconds(60)


async def limited(place: Place, most_kw: float) -> None:
    limit = SetLimit("site", most_kw, "by hand", place.clock.now_s(), None)
    await place.db.write(lambda conn: sites.save_limit(conn, "s", limit))
    await place.live.limit_changed("s", "site", most_kw)
    await place.seconds(3)


def test_the_present_power_is_pushed_and_what_rises_costs_no_profile(tmp_path):
    async def main(place: Place) -> None:
        await plugged(place)
        pile = place.yard.piles["A"]
        assert place.board().evses[0].follows == "follows"
        assert pile.dynamic == pytest.approx(11.04)
        await limited(place, 7.0)
        assert pile.dynamic == pytest.approx(6.9)
        assert place.yard.total_kw() == pytest.approx(6.9)
        before = pile.n_profile, pile.n_pushed
        await limited(place, 60.0)
        await place.seconds(700)
        assert pile.dynamic == pytest.approx(11.04)
        assert pile.n_pushed == before[1] + 1
        assert pile.n_profile - before[0] <= 1  # the plan beneath, once it may be 2 kWh more

    Place(tmp_path, [modern()], 60.0).run(main)


def test_a_lower_plan_lies_beneath_at_once_so_that_a_lost_link_keeps_it(tmp_path):
    async def main(place: Place) -> None:
        await plugged(place)
        await limited(place, 7.0)
        place.yard.disconnect("A")
        await place.seconds(int(OFFLINE_S) + 10)
        assert place.yard.total_kw() == pytest.approx(6.9)  # no dynamic profile any more

    Place(tmp_path, [modern()], 60.0).run(main)


@pytest.mark.parametrize("odd", [{"takes_dynamic": False}, {"takes_updates": False}])
def test_one_that_refuses_is_told_profiles_as_before(tmp_path, odd):
    async def main(place: Place) -> None:
        await plugged(place)
        await limited(place, 7.0)
        assert place.yard.piles["A"].dynamic is None
        assert place.yard.total_kw() == pytest.approx(6.9)
        assert place.board().evses[0].follows == "follows"

    Place(tmp_path, [modern(**odd)], 60.0).run(main)


def test_a_step_of_the_plan_is_pushed_while_the_link_is_up(tmp_path):
    """The price falls at 05:00 local time, half an hour after the start; the station does not carry the plan out by itself."""

    async def main(place: Place) -> None:
        await plugged(place, 12.0)
        pile = place.yard.piles["A"]
        await place.live.tell_need(Need(f"session:A:{pile.session}", place.clock.now_s() + 6.0 * 3600.0, wanted_kwh=12.0))
        await place.seconds(640, 10)
        assert place.yard.total_kw() == 0.0
        await place.seconds(1200, 10)
        assert pile.dynamic is not None
        assert pile.dynamic > 4.0
        assert place.yard.total_kw() == pytest.approx(pile.dynamic)

    Place(tmp_path, [modern()], 60.0, tariff=TWO_PRICES).run(main)


class Desk:
    """Takes every command."""

    def __init__(self) -> None:
        self.said: list[object] = []

    async def quick(self, station_id, command, timeout_s):
        self.said.append(command)
        return Outcome(True, "Accepted")


def test_a_set_point_of_v2x_is_in_the_dynamic_profile_alone():
    desk = Desk()
    actuator = Actuator(desk, {"A/1": EvsePlan("A", 1, rating_kw=11.0, n_phase=3, dc=True, discharge_max_kw=10.0)}, 5.0)
    bay = Bay("A/1", "A", 1, 0, 11.0, link=True, transaction="t1", session_id="A:t1", protocol="ocpp2.1")
    actuator.manner(bay).dynamic = True

    async def say() -> None:
        assert (await actuator.order(bay, ((1000.0, -5.0), (1900.0, 4.0)))).accepted
        assert (await actuator.order(bay, ((1060.0, -7.5), (1900.0, 4.0)))).accepted
        assert (await actuator.order(bay, ((1120.0, -7.5), (1900.0, 4.0)))).accepted

    asyncio.run(say())
    beneath, first, then = desk.said
    assert isinstance(beneath, SetProfile)
    assert [period.ceiling for period in beneath.profile.schedule.periods] == [0.0, 4.0]
    assert (beneath.profile.profile_id, beneath.profile.purpose, beneath.profile.kind) == (PLAN_ID + 1, TX, "Absolute")
    assert isinstance(first, SetProfile)
    assert first.profile.kind == "Dynamic"
    assert first.profile.stack_level == beneath.profile.stack_level + 1
    assert first.profile.schedule.periods[0].setpoint == -5.0
    assert then == UpdateDynamic(DYNAMIC_ID + 1, "kW", 0.0, -7.5, -7.5)
    assert not any(isinstance(command, ClearProfile) for command in desk.said)
