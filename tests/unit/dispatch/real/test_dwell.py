"""Steady orders by hand: what is held, what is not sent, and what limits change at once all the same."""

import numpy as np

from evloom.dispatch.real.dwell import Past, Scene, Steady, steadied
from evloom.dispatch.verify import verify
from tests.unit.dispatch.moments import NOW_S, direct_current, row_of_cars, supply

A = 0.23
HOLD = Steady(min_on_s=600.0, min_off_s=600.0)


class Story:
    """Cycles one after the other at the same cars; each takes what is wanted and notes what was ordered."""

    def __init__(self, bays, steady: Steady) -> None:
        self.bays, self.steady, self.at_s = bays, steady, NOW_S
        self.past: Past | None = None
        self.ordered_kw = np.zeros(len(bays.connected))
        self.session_id = tuple(f"s{row}" for row in range(len(self.ordered_kw)))
        self.done = np.zeros(len(self.ordered_kw), dtype=np.bool_)

    def then(self, after_s: float, wanted_a, wires=None) -> list[float]:
        """The orders in ampere of one phase."""
        self.at_s += after_s
        wires = supply() if wires is None else wires
        scene = Scene(self.bays, wires, self.ordered_kw, self.done, self.session_id, self.at_s)
        self.ordered_kw, self.past = steadied(np.array(wanted_a) * A, scene, self.past, self.steady)
        assert verify(self.bays, wires, self.ordered_kw) == ()
        return [round(each, 6) for each in (self.ordered_kw / A).tolist()]


def test_switched_on_it_stays_on_at_its_least_and_off_it_stays_off():
    story = Story(row_of_cars(1), HOLD)
    assert story.then(0, [16.0]) == [16.0]
    assert story.then(300, [0.0]) == [6.0]
    assert story.then(200, [20.0]) == [20.0]
    assert story.then(100, [0.0]) == [0.0]
    assert story.then(300, [16.0]) == [0.0]
    assert story.then(300, [16.0]) == [16.0]


def test_a_limit_switches_off_at_once():
    """Of two held cars one fits; then neither does."""
    story = Story(row_of_cars(2), HOLD)
    assert story.then(0, [16.0, 16.0]) == [16.0, 16.0]
    assert sorted(story.then(60, [0.0, 0.0], supply(8 * A))) == [0.0, 6.0]
    assert story.then(60, [0.0, 0.0], supply(5 * A)) == [0.0, 0.0]


def test_what_is_held_is_taken_from_what_others_would_get():
    story = Story(row_of_cars(2), HOLD)
    story.then(0, [16.0, 0.0], supply(16 * A))
    assert story.then(300, [0.0, 16.0], supply(16 * A)) == [6.0, 10.0]
    assert story.then(300, [0.0, 16.0], supply(16 * A)) == [0.0, 16.0]


def test_a_car_that_stopped_by_itself_and_a_new_one_are_free():
    story = Story(row_of_cars(2), HOLD)
    story.then(0, [16.0, 16.0])
    story.done = np.array([True, False])
    assert story.then(60, [0.0, 0.0]) == [0.0, 6.0]
    story.session_id, story.done = ("new", "s1"), np.zeros(2, dtype=np.bool_)
    assert story.then(60, [16.0, 16.0]) == [16.0, 16.0]


def test_direct_current_is_not_held_and_after_a_restart_nobody_is():
    quick = Story(direct_current(1), HOLD)
    quick.then(0, [100.0])
    assert quick.then(60, [0.0]) == [0.0]
    story = Story(row_of_cars(1), HOLD)
    story.then(0, [16.0])
    story.past = None
    assert story.then(60, [0.0]) == [0.0]


def test_a_dead_band_of_one_ampere_that_limits_break():
    story = Story(row_of_cars(1), Steady(deadband_kw=A * 1.001))
    assert [story.then(60, [want])[0] for want in (16.0, 17.0, 15.0, 18.0, 17.0)] == [16.0, 16.0, 16.0, 18.0, 18.0]
    assert story.then(60, [17.0], supply(17 * A)) == [17.0]


def test_no_more_orders_than_tokens_but_limits_come_at_once():
    """Four an hour: a burst of three, then one every quarter of an hour."""
    story = Story(row_of_cars(1), Steady(orders_per_hour=4.0))
    got = [story.then(60, [10.0 + k])[0] for k in range(20)]
    assert len(set(got)) == 4  # three at once and the one that grew in 20 minutes
    assert story.then(1, [7.0], supply(8 * A)) == [8.0]


def test_an_order_that_is_not_known_is_told_anew():
    story = Story(row_of_cars(1), Steady(600.0, 600.0, 1.0, 1.0))
    for _ in range(3):
        story.then(1, [10.0])
        story.ordered_kw = np.array([np.nan])
        assert story.then(1, [16.0]) == [16.0]


def test_random_cycles_never_break_a_limit_nor_switch_too_soon_without_one():
    rng = np.random.default_rng(4)
    steady = Steady(600.0, 600.0, 0.24, 6.0)
    for n in (2, 5, 12):
        story, switched_s = Story(row_of_cars(n), steady), np.full(n, -np.inf)
        for _ in range(120):
            before = story.ordered_kw > 0.0
            wires = supply(rng.choice([np.inf, np.inf, np.inf, 20 * A * n * rng.random()]))
            story.then(
                float(rng.integers(30, 400)), np.where(rng.random(n) < 0.4, 0.0, rng.integers(6, 33, n)) * (rng.random() < 0.9), wires
            )
            switched = (story.ordered_kw > 0.0) != before
            if np.isinf(wires.import_max_kw[0]):
                assert (story.at_s - switched_s[switched] >= 600.0).all()
            switched_s[switched] = story.at_s
