"""Places in the cheap hours."""

import numpy as np
import pytest

from evloom.dispatch.starts import RAMP_S, Band, cheap_band, draw_of, latest_start_s, ramp_loss_h, ramped_kw, start_in, window_of
from evloom.kernel.timegrid import Float

EDGES_S = np.arange(25, dtype=np.float64) * 3600.0
TARIFF = np.where(np.arange(24) < 16, 0.55, 0.30)  # eight cheap hours at the end


def placed(hours: float, end_h: float, draw: float, price: Float = TARIFF) -> tuple[float, float, float]:
    band = cheap_band(EDGES_S, price, end_h * 3600.0, hours)
    sure_h, window = window_of(EDGES_S, price, end_h * 3600.0, band)
    return sure_h, start_in(window, hours - sure_h, draw) / 3600.0, latest_start_s(window, hours - sure_h) / 3600.0


@pytest.mark.parametrize(
    ("hours", "end_h", "draw", "expected"),
    [
        (3.0, 24.0, 0.0, (0.0, 16.0, 21.0)),
        (3.0, 24.0, 0.5, (0.0, 18.5, 21.0)),
        (3.0, 20.0, 0.5, (0.0, 16.5, 17.0)),  # it leaves at 20
        (8.0, 24.0, 0.9, (0.0, 16.0, 16.0)),  # no choice
        (10.0, 24.0, 0.0, (8.0, 0.0, 14.0)),  # all cheap hours, and two of the others
        (10.0, 24.0, 0.5, (8.0, 7.0, 14.0)),
    ],
)
def test_a_place_leaves_enough_of_the_cheapest_hours(hours, end_h, draw, expected):
    assert placed(hours, end_h, draw) == pytest.approx(expected)


def test_where_all_time_is_needed_all_is_sure():
    assert cheap_band(EDGES_S, TARIFF, 5 * 3600.0, 5.0) == Band(np.inf, np.inf)
    assert placed(6.0, 5.0, 0.3)[0] == 5.0


def test_hours_apart_are_joined():
    price = np.where(np.isin(np.arange(24), (2, 3, 10, 11)), 0.1, 0.5)
    assert placed(2.0, 24.0, 0.75, price)[1] == pytest.approx(3.5)
    assert placed(1.0, 24.0, 0.9, price)[1] == pytest.approx(10.7)


def test_a_price_that_hardly_differs_counts_as_the_same():
    rng = np.random.default_rng(2)
    for _ in range(40):
        price = 0.1 + rng.uniform(0, 1, 24) * rng.choice([1e-4, 0.5])
        hours = float(rng.uniform(0.3, 9.0))
        sure_h, window = window_of(EDGES_S, price, EDGES_S[-1], band := cheap_band(EDGES_S, price, EDGES_S[-1], hours))
        in_window = (price > band.sure) & (price <= band.most)
        mean = price[in_window].mean() * (hours - sure_h) + price[price <= band.sure].sum()
        least = np.sort(price)[: int(hours)].sum() + np.sort(price)[int(hours)] * (hours % 1.0)
        assert sure_h + window.length_s / 3600.0 >= hours - 1e-9
        assert mean <= least * 1.01 + 1e-12


def test_draws_are_even_and_always_the_same():
    draws = np.array([draw_of(f"car {i}") for i in range(4000)])
    assert draw_of("car 7") == draws[7]
    assert draw_of("car 7", "other night") != draws[7]
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert counts.min() > 150
    assert counts.max() < 255


def test_a_ramp_costs_what_is_said():
    sums_kwh = sum(ramped_kw(7.0, 1.4, since_s, 60.0) / 60.0 for since_s in np.arange(0.0, RAMP_S, 60.0))
    assert sums_kwh == pytest.approx(7.0 * (RAMP_S / 3600.0 - ramp_loss_h(7.0, 1.4)))
    assert ramped_kw(7.0, 1.4, 0.0, 900.0) == pytest.approx((4.2 * 600.0 + 7.0 * 300.0) / 900.0)
    assert ramped_kw(7.0, 1.4, RAMP_S, 60.0) == 7.0
    assert ramp_loss_h(0.0, 0.0) == 0.0
