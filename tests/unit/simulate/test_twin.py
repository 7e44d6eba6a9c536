"""What cars really draw and give: need, taper, floor, losses, and power at the ends of a span."""

import math

import numpy as np
import pytest

from evloom.dispatch.moment import wires
from evloom.loop.sight import Piles, blank_sight
from evloom.network.tree import LimitTree
from evloom.simulate.track import Span, Wiring, blank_track, enter_cars, enter_nodes
from evloom.simulate.twin import Cars, World, draw, empty_world, plug_in, unplug

START_S = 1.75e9
HOUR_S = 3600.0
PILE = 0.95


def cars(n: int = 1, **changed) -> Cars:
    """Cars of 50 kWh at half charge, 90 % in and 80 % out, that want 20 kWh; from 0.8 on 20 kW fall to nothing at full."""
    columns = {
        "arrival_s": np.full(n, START_S),
        "departure_s": np.full(n, START_S + 10 * HOUR_S),
        "energy_kwh": np.full(n, 20.0),
        "battery_kwh": np.full(n, 50.0),
        "soc": np.full(n, 0.5),
        "draw_max_kw": np.full(n, 22.0),
        "charge_efficiency": np.full(n, 0.9),
        "discharge_efficiency": np.full(n, 0.8),
        "soc_floor": np.full(n, 0.3),
        "soc_full": np.ones(n),
        "model": np.zeros(n, dtype=np.int64),
        "v2g": np.zeros(n, dtype=np.bool_),
        "curve_soc": np.array([[0.0, 0.8, 1.0]]),
        "curve_kw": np.array([[20.0, 20.0, 0.0]]),
    }
    return Cars(**(columns | {name: np.full(n, value) if np.isscalar(value) else value for name, value in changed.items()}))


class Stand:
    """One EVSE with one car on it, in real kernels."""

    def __init__(self, the_cars: Cars) -> None:
        self.cars, self.world, self.now_s = the_cars, empty_world(np.full(1, PILE)), START_S
        self.net_kwh = np.zeros(1)
        plug_in(0, 0, self.world, the_cars)

    def order(self, power_kw: float, hours: float) -> float:
        """Energy at the meter of a span under one order."""
        draw(np.array([power_kw]), self.now_s, self.now_s + hours * HOUR_S, self.world, self.cars, self.net_kwh)
        self.now_s += hours * HOUR_S
        return float(self.net_kwh[0])

    def now(self, name: str) -> float:
        return float(getattr(self.world, name)[0])


def test_it_follows_an_order_it_can_take():
    stand = Stand(cars())
    assert stand.order(10.0, 0.5) == pytest.approx(5.0, abs=1e-12)
    assert stand.now("soc") == pytest.approx(0.5 + 5.0 * PILE * 0.9 / 50.0, abs=1e-12)
    assert (stand.now("draw_kw"), stand.now("peak_kw"), stand.now("trough_kw"), stand.now("done")) == (10.0, 10.0, 0.0, False)


def test_it_stops_when_it_has_what_it_wants():
    stand = Stand(cars(battery_kwh=np.inf))
    assert stand.order(10.0, 1.5) == pytest.approx(15.0)
    assert stand.order(10.0, 1.5) == pytest.approx(5.0)
    assert (stand.now("draw_kw"), stand.now("peak_kw"), stand.now("done")) == (0.0, 10.0, True)
    assert stand.order(10.0, 1.0) == 0.0
    assert stand.now("peak_kw") == 0.0
    assert stand.now("in_kwh") == 20.0


def test_its_own_charger_and_curve_limit_it():
    slow = Stand(cars(draw_max_kw=3.0))
    assert slow.order(10.0, 1.0) == pytest.approx(3.0)
    assert slow.now("draw_kw") == 3.0
    curved = Stand(cars(draw_max_kw=100.0))
    assert curved.order(100.0, 0.25) == pytest.approx(20.0 / PILE * 0.25)  # 20 kW at the inlet
    assert curved.now("peak_kw") == pytest.approx(20.0 / PILE)


def test_near_full_it_tapers():
    """From 0.8, 1 - soc = 0.2 exp(-k t) with k = 100 kW per unit x 0.9 / 50 kWh."""
    stand = Stand(cars(soc=0.8, energy_kwh=99.0))
    drawn_kwh = stand.order(30.0, 1.0)
    assert stand.now("soc") == pytest.approx(1.0 - 0.2 * math.exp(-1.8), abs=1e-12)
    assert drawn_kwh == pytest.approx((stand.now("soc") - 0.8) * 50.0 / 0.9 / PILE, abs=1e-12)
    assert stand.now("draw_kw") == pytest.approx(100.0 * (1.0 - stand.now("soc")) / PILE, abs=1e-9)
    assert stand.now("peak_kw") == pytest.approx(20.0 / PILE, abs=1e-12)


def test_the_peak_of_a_hump_inside_the_span_is_seen():
    hump = cars(soc=0.4, energy_kwh=99.0, curve_soc=np.array([[0.0, 0.5, 1.0]]), curve_kw=np.array([[2.0, 20.0, 2.0]]))
    stand = Stand(hump)
    stand.order(22.0, 1.0)
    assert stand.now("soc") > 0.6
    assert stand.now("peak_kw") == pytest.approx(20.0 / PILE)
    assert stand.now("draw_kw") < 16.0 / PILE


def test_it_stops_at_the_charge_its_driver_allows():
    stand = Stand(cars(soc=0.5, soc_full=0.6, energy_kwh=99.0))
    assert stand.order(20.0, 5.0) == pytest.approx(0.1 * 50.0 / 0.9 / PILE)
    assert (stand.now("done"), stand.now("draw_kw")) == (True, 0.0)


def test_it_draws_until_it_leaves_and_not_longer():
    stand = Stand(cars(departure_s=START_S + 0.5 * HOUR_S))
    assert stand.order(10.0, 2.0) == pytest.approx(5.0)


def test_without_consent_or_known_battery_nothing_is_given():
    assert Stand(cars()).order(-5.0, 1.0) == 0.0
    assert Stand(cars(v2g=True, battery_kwh=np.inf)).order(-5.0, 1.0) == 0.0


def test_a_consenting_car_of_unknown_battery_does_not_charge_without_end():
    assert Stand(cars(v2g=True, battery_kwh=np.inf)).order(22.0, 9.0) == pytest.approx(20.0)


def test_it_gives_down_to_its_floor():
    stand = Stand(cars(v2g=True))
    assert stand.order(-2.0, 1.0) == pytest.approx(-2.0)
    assert (stand.now("draw_kw"), stand.now("peak_kw"), stand.now("trough_kw")) == (-2.0, -2.0, -2.0)
    assert stand.order(-20.0, 1.0) == pytest.approx(-(0.2 * 50.0 * 0.8 * PILE - 2.0))
    assert stand.now("soc") == pytest.approx(0.3, abs=1e-12)
    # at the end of the span nobody gave any more, though at its beginning 20 kW flowed back
    assert (stand.now("draw_kw"), stand.now("peak_kw"), stand.now("trough_kw")) == (0.0, 0.0, -20.0)
    assert stand.order(-20.0, 1.0) == pytest.approx(0.0, abs=1e-12)


def test_a_giver_that_leaves_holds_nothing_up_to_the_end():
    stand = Stand(cars(v2g=True, departure_s=START_S + 0.5 * HOUR_S))
    assert stand.order(-4.0, 1.0) == pytest.approx(-2.0)
    assert (stand.now("peak_kw"), stand.now("trough_kw")) == (0.0, -4.0)


def test_a_round_trip_loses_what_the_efficiencies_say():
    rng = np.random.default_rng(9)
    for _ in range(200):
        into, out_of, soc = rng.uniform(0.7, 1.0), rng.uniform(0.7, 1.0), rng.uniform(0.4, 0.7)
        stand = Stand(cars(v2g=True, charge_efficiency=into, discharge_efficiency=out_of, soc=soc, departure_s=START_S + 99 * HOUR_S))
        given_kwh = -stand.order(-rng.uniform(0.5, 10.0), rng.uniform(0.1, 1.0))
        back_kwh = (soc - stand.now("soc")) * 50.0 / (into * PILE)
        power_kw = rng.uniform(1.0, 15.0)
        taken_kwh = stand.order(power_kw, back_kwh / power_kw)
        # Seconds since the epoch are exact to 0.2 microseconds, in which 15 kW move 1e-9 kWh.
        assert stand.now("soc") == pytest.approx(soc, abs=1e-9)
        assert given_kwh == pytest.approx(taken_kwh * into * out_of * PILE**2, abs=1e-8)
        assert given_kwh < taken_kwh


def test_nothing_ordered_nothing_flows():
    stand = Stand(cars())
    stand.order(10.0, 0.5)
    assert stand.order(0.0, 0.5) == 0.0
    assert (stand.now("draw_kw"), stand.now("peak_kw")) == (0.0, 0.0)


def test_an_empty_evse_draws_nothing():
    stand = Stand(cars())
    unplug(0, stand.world)
    assert stand.order(10.0, 1.0) == 0.0


def random_world(rng: np.random.Generator, n: int) -> tuple[Cars, World]:
    known = rng.random(n) < 0.8
    many = cars(
        n, soc=rng.uniform(0.0, 1.0, n), battery_kwh=np.where(known, rng.uniform(10, 90, n), np.inf), energy_kwh=rng.uniform(0, 40, n),
        v2g=rng.random(n) < 0.6, departure_s=START_S + rng.uniform(0.3, 6.0, n) * HOUR_S, draw_max_kw=rng.uniform(3, 30, n),
        charge_efficiency=rng.uniform(0.8, 1.0, n), discharge_efficiency=rng.uniform(0.8, 1.0, n), soc_floor=rng.uniform(0, 0.5, n),
    )  # fmt: skip
    world = empty_world(rng.uniform(0.9, 1.0, n))
    for row in range(n):
        plug_in(row, row, world, many)
    return many, world


def test_charging_and_discharging_at_random_conserves_energy_at_every_node():
    rng = np.random.default_rng(12)
    tree = LimitTree(("t", "a", "b"), np.array([-1, 0, 0]), np.full(3, np.inf), np.full(3, np.inf), np.full(3, np.inf), ("",) * 3)
    edges_s = START_S + 0.25 * HOUR_S * np.arange(25, dtype=np.float64)
    n, given_kwh = 6, 0.0
    for _ in range(60):
        many, world = random_world(rng, n)
        piles = Piles(rng.integers(0, 3, n), np.arange(n), np.zeros(n, dtype=np.bool_), np.full(n, 30.0), np.full(n, 30.0))
        sight, track = blank_sight(n), blank_track(many, edges_s, 3)
        energy_kwh, reason, base_kw = np.zeros(n), np.zeros(n, dtype=np.int64), rng.normal(0.0, 9.0, 3)
        for step in range(24):
            for row in range(n):
                if world.session[row] >= 0 and many.departure_s[row] <= edges_s[step]:
                    unplug(row, world)
            order_kw = rng.uniform(-25.0, 25.0, n)
            draw(order_kw, edges_s[step], edges_s[step + 1], world, many, energy_kwh)
            assert (energy_kwh * np.sign(order_kw) >= 0.0).all()
            assert (np.abs(energy_kwh) <= np.abs(order_kw) * 0.25 + 1e-12).all()
            assert (energy_kwh <= world.peak_kw * 0.25 + 1e-9).all()
            assert (energy_kwh >= world.trough_kw * 0.25 - 1e-9).all()
            enter_cars(step, edges_s[step], reason, energy_kwh, world, track)
            span, wiring = Span(step, 0.25, energy_kwh, np.zeros(3)), Wiring(piles.node, sight.phase, sight.kw_per_a)
            enter_nodes(span, wires(tree, base_kw, 230.0), wiring, world, track)
        net_kwh = world.in_kwh - world.out_kwh
        np.testing.assert_allclose(
            [track.flow_kwh[a:b].sum() for a, b in zip(track.offset[:-1], track.offset[1:], strict=True)], net_kwh, atol=1e-9
        )
        np.testing.assert_allclose(track.node_kwh[0] - base_kw[0] * 0.25, track.ev_kwh, atol=1e-9)
        at_node = np.array([net_kwh[piles.node == node].sum() for node in range(3)])
        np.testing.assert_allclose(track.node_kwh.sum(axis=1) - base_kw * 6.0, [net_kwh.sum(), at_node[1], at_node[2]], atol=1e-9)
        known = np.isfinite(many.battery_kwh)
        stored_kwh = world.in_kwh * world.efficiency * many.charge_efficiency - world.out_kwh / (
            world.efficiency * many.discharge_efficiency
        )
        np.testing.assert_allclose((world.soc - many.soc)[known] * many.battery_kwh[known], stored_kwh[known], atol=1e-9)
        assert (world.soc[known] >= np.minimum(many.soc, many.soc_floor)[known] - 1e-12).all()
        assert (world.soc[known] <= 1.0 + 1e-12).all()
        given_kwh += world.out_kwh.sum()
    assert given_kwh > 500.0


@pytest.mark.parametrize(
    ("order_kw", "limits", "over_kw"),
    [
        ((10.0, 8.0), {"import": 20.0}, 3.0),  # with 5 kW of base load
        ((10.0, 4.0), {"import": 20.0}, 0.0),
        ((1.0, 0.0), {"import": 3.0}, 1.0),  # the base load alone is above it: only what comes on top
        ((-9.0, 0.0), {"export": 1.0}, 3.0),
        ((-9.0, 8.0), {"export": 1.0}, 3.0),  # the taker may stop
        ((-6.0, 0.0), {"export": 1.0}, 0.0),
        ((6.9, 6.9), {"phase": 20.0}, (5.0 / 0.69 + 20.0 - 20.0) * 0.23),
    ],
)
def test_excess_over_a_limit_is_entered(order_kw, limits, over_kw):
    limit = {"import": np.inf, "export": np.inf, "phase": np.inf} | limits
    tree = LimitTree(("t",), np.array([-1]), np.array([limit["import"]]), np.array([limit["export"]]), np.array([limit["phase"]]), ("",))
    pair, world = cars(2, v2g=True), empty_world(np.ones(2))
    piles = Piles(np.zeros(2, dtype=np.int64), np.arange(2), np.zeros(2, dtype=np.bool_), np.full(2, 22.0), np.full(2, 22.0))
    sight = blank_sight(2)
    sight.kw_per_a[:] = 0.69
    track, energy_kwh = blank_track(pair, np.array([START_S, START_S + HOUR_S]), 1), np.zeros(2)
    for row in range(2):
        plug_in(row, row, world, pair)
    draw(np.array(order_kw), START_S, START_S + 0.5 * HOUR_S, world, pair, energy_kwh)
    span, wiring = Span(0, 0.5, energy_kwh, np.zeros(1)), Wiring(piles.node, sight.phase, sight.kw_per_a)
    enter_nodes(span, wires(tree, np.array([5.0]), 230.0), wiring, world, track)
    assert track.over_kw[0] == pytest.approx(over_kw, abs=1e-9)
    assert track.over_h[0] == (0.5 if over_kw > 0 else 0.0)
