"""New piles are tried within the limit, and trusted within a few control periods."""

from evloom.store.sites import Need
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place

LIMIT_KW = 40.0


def test_thirteen_new_piles_at_once_hold_the_limit_and_soon_fill_it(tmp_path):
    """Without a tariff nothing is worth waiting for. Thirteen times 6 A on three phases would be 53.8 kW."""
    piles = [Pile(f"P{k:02}") for k in range(13)]
    loads_kw: list[float] = []

    async def plugged(place: Place) -> None:
        place.yard.connect()
        await place.settled()
        for pile in piles:
            place.yard.plug(pile.station_id, 20.0)
        for _ in range(12):
            await place.seconds(10)
            loads_kw.append(place.yard.total_kw())
        assert {evse.follows for evse in place.board().evses} == {"follows"}

    Place(tmp_path, piles, LIMIT_KW).run(plugged)
    assert max(loads_kw) <= LIMIT_KW + 1e-6
    assert min(loads_kw[4:]) > 0.9 * LIMIT_KW


def test_a_new_pile_waits_for_the_cheap_hours_once_it_was_tried(tmp_path):
    """It draws its least current for two readings, then nothing until the price falls."""
    tariff = {
        "name": "evening",
        "periods": [
            {"category": "peak", "start": "00:00", "end": "06:00", "price_per_kwh": 1.2},
            {"category": "valley", "start": "06:00", "end": "24:00", "price_per_kwh": 0.3},
        ],
    }
    pile, drew_kw = Pile("A"), []

    async def plugged(place: Place) -> None:
        place.yard.connect()
        await place.settled()
        place.yard.plug("A", 8.0)
        session_id = f"A:{pile.session}"
        await place.live.tell_need(Need(f"session:{session_id}", place.clock.now_s() + 5.0 * 3600.0, wanted_kwh=8.0))
        for _ in range(18):
            await place.seconds(10)
            drew_kw.append(place.yard.total_kw())

    Place(tmp_path, [pile], LIMIT_KW, tariff=tariff).run(plugged)
    assert sum(power_kw > 0.0 for power_kw in drew_kw) <= 4
    assert drew_kw[-1] == 0.0
