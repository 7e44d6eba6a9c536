"""What EVSE fall back to without a link fits beside what others were planned: also when all links are lost at once and cars come then."""

import pytest

from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place

LIMIT_KW, LEAST_KW = 40.0, 4.14


def yard_of(**odd) -> list[Pile]:
    """Five piles for cars that fill the limit, and four that stand empty, the first of which is odd."""
    return [Pile(f"P{k}") for k in range(5)] + [Pile("Q0", **odd), *(Pile(f"Q{k}") for k in range(1, 4))]


def default_a(pile: Pile) -> float:
    assert pile.default is not None
    assert pile.default.schedule.periods[0].ceiling is not None
    return pile.default.schedule.periods[0].ceiling


async def filled(place: Place) -> None:
    """Everybody connected with room for fallbacks, then cars that take all there is."""
    place.yard.connect()
    await place.settled()
    await place.seconds(15)
    assert all(default_a(pile) == 6.0 for pile in place.yard.piles.values())
    for k in range(5):
        place.yard.plug(f"P{k}", 60.0)
    await place.seconds(120)


async def lost_with_newcomers(place: Place, *names: str) -> None:
    """All links are lost in one moment, and cars come to piles that stood empty."""
    place.yard.disconnect(*place.yard.piles)
    for name in names:
        place.yard.plug(name, 60.0)
    await place.seconds(30)
    assert place.yard.total_kw() <= LIMIT_KW + 1e-6


def test_the_whole_limit_is_used_and_holds_when_all_links_are_lost(tmp_path):
    async def main(place: Place) -> None:
        await filled(place)
        assert place.yard.total_kw() > 0.9 * LIMIT_KW
        assert [default_a(place.yard.piles[f"Q{k}"]) for k in range(4)] == [0.0] * 4
        await lost_with_newcomers(place, "Q0", "Q1", "Q2", "Q3")

    Place(tmp_path, yard_of(), LIMIT_KW).run(main)


def test_where_there_is_room_everybody_falls_back_to_the_least_current(tmp_path):
    async def main(place: Place) -> None:
        place.yard.connect()
        await place.settled()
        await place.seconds(15)
        place.yard.plug("P0", 60.0)
        await place.seconds(60)
        assert all(pile.n_default == 1 and default_a(pile) == 6.0 for pile in place.yard.piles.values())

    Place(tmp_path, yard_of(), 60.0).run(main)


def test_one_that_takes_no_lower_fallback_keeps_its_room(tmp_path):
    async def main(place: Place) -> None:
        await filled(place)
        assert default_a(place.yard.piles["Q0"]) == 6.0
        assert 0.8 * LIMIT_KW < place.yard.total_kw() <= LIMIT_KW - LEAST_KW + 1e-6
        await lost_with_newcomers(place, "Q0", "Q1", "Q2", "Q3")

    Place(tmp_path, yard_of(keeps_default=True), LIMIT_KW).run(main)


def test_one_that_lost_its_link_before_keeps_its_room_too(tmp_path):
    async def main(place: Place) -> None:
        place.yard.connect()
        await place.settled()
        await place.seconds(15)
        place.yard.disconnect("Q0")
        for k in range(5):
            place.yard.plug(f"P{k}", 60.0)
        await place.seconds(120)
        assert 0.8 * LIMIT_KW < place.yard.total_kw() <= LIMIT_KW - LEAST_KW + 1e-6
        await lost_with_newcomers(place, "Q0", "Q1")

    Place(tmp_path, yard_of(), LIMIT_KW).run(main)


def test_a_fallback_is_raised_again_an_hour_after_there_is_room(tmp_path):
    async def main(place: Place) -> None:
        await filled(place)
        for k in range(5):
            place.yard.unplug(f"P{k}")
        await place.seconds(3600, 30)
        assert [default_a(place.yard.piles[f"Q{k}"]) for k in range(4)] == [6.0] * 4
        assert max(pile.n_default for pile in place.yard.piles.values()) <= 3

    Place(tmp_path, yard_of(), LIMIT_KW).run(main)


def test_a_car_at_a_pile_without_fallback_charges_within_a_control_period(tmp_path):
    async def main(place: Place) -> None:
        await filled(place)
        place.yard.unplug("P0")
        await place.seconds(2)
        place.yard.plug("Q0", 60.0)
        await place.seconds(10)
        assert place.yard.piles["Q0"].power_kw(place.clock.now_s()) == pytest.approx(LEAST_KW)

    Place(tmp_path, yard_of(), LIMIT_KW).run(main)
