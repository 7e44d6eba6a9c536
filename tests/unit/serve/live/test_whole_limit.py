"""The whole limit is used: whatever cars take, whatever the voltage is, and however many EVSE stand empty beside them."""

import random

import pytest

from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place

LIMIT_KW = 40.0


def mixed(voltage_v: float) -> list[Pile]:
    """Thirteen single-phase piles with cars, of which many take less than the pile gives, and nine without."""
    cars_kw = (3.3, 6.6, 6.6, 3.7, 6.6, 7.0, 4.3)
    full = [Pile(f"P{k:02}", 7.0, n_phase=1, voltage_v=voltage_v, car_kw=cars_kw[k % 7]) for k in range(13)]
    return full + [Pile(f"Q{k:02}", 7.0, n_phase=1, voltage_v=voltage_v) for k in range(9)]


@pytest.mark.parametrize("voltage_v", [230.0, 220.0, 246.0])
def test_thirteen_cars_beside_nine_empty_piles_get_the_whole_limit(tmp_path, voltage_v):
    piles, loads_kw = mixed(voltage_v), []
    rng = random.Random(5)

    async def evening(place: Place) -> None:
        place.yard.connect()
        await place.settled()
        comes = sorted((rng.uniform(0.0, 180.0), k) for k in range(13))
        begun_s = place.clock.now_s()
        for _ in range(60):
            while comes and comes[0][0] <= place.clock.now_s() - begun_s:
                place.yard.plug(f"P{comes.pop(0)[1]:02}", 30.0)
            await place.seconds(10)
            loads_kw.append(place.yard.total_kw())

    Place(tmp_path, piles, LIMIT_KW).run(evening)

    assert max(loads_kw) <= LIMIT_KW + 1e-6
    assert min(loads_kw[24:]) > 0.92 * LIMIT_KW  # the last came after 180 s and was tried for a minute; a step of current is 0.23 kW a car
