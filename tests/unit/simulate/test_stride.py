"""Who gets a connector when: sessions that touch, overlap, or fall between two cycles."""

import numpy as np

from evloom.dispatch.moment import wires
from evloom.dispatch.rules import EARLIEST_DEADLINE, QUEUE
from evloom.loop.sight import Piles, blank_sight
from evloom.network.tree import LimitTree
from evloom.simulate.stride import Beliefs, Clockwork, Plant, run_rule
from evloom.simulate.track import Track, blank_track
from evloom.simulate.twin import Cars, empty_world

START_S, HOUR_S = 1.75e9, 3600.0


def run(stays, *, evse=None, n_evse: int = 1, rule: int = QUEUE, limit_kw: float = np.inf, energy_kwh=(99.0, 99.0)) -> Track:
    """Four hourly steps on direct-current piles of 10 kW. stays = (arrival, departure) in hours; energy_kwh = true, believed."""
    n, n_step = len(stays), 4
    arrival_s, departure_s = (START_S + HOUR_S * np.array(column, dtype=np.float64) for column in zip(*stays, strict=True))
    one, none = np.ones(n), np.zeros(n, dtype=np.int64)
    cars = Cars(
        arrival_s, departure_s, energy_kwh[0] * one, np.inf * one, 0 * one, 10 * one, one, one, 0 * one, one, none,
        np.zeros(n, dtype=np.bool_), np.array([[0.0, 1.0]]), np.array([[10.0, 10.0]]),
    )  # fmt: skip
    rows = none if evse is None else np.array(evse)
    beliefs = Beliefs(departure_s, energy_kwh[1] * one, 10 * one, 0.69 * one, 0 * one, 0 * one, none - 1, 0 * one, one, rows)
    edges_s = START_S + HOUR_S * np.arange(n_step + 2, dtype=np.float64)
    clock = Clockwork(
        edges_s[: n_step + 1], np.arange(n_step), edges_s, np.zeros((1, n_step)), np.zeros(n_step + 1), np.zeros(n_step + 1), 1
    )
    unlimited = np.full(1, np.inf)
    tree = LimitTree(("t",), np.array([-1]), np.array([limit_kw]), unlimited, unlimited, ("by hand",))
    rating_kw = np.full(n_evse, 10.0)
    piles = Piles(np.zeros(n_evse, dtype=np.int64), np.arange(n_evse), np.zeros(n_evse, dtype=np.bool_), rating_kw, 0 * rating_kw)
    track = blank_track(cars, edges_s[: n_step + 1], 1)
    plant = Plant(wires(tree, np.zeros(1), 230.0), piles, cars, beliefs)
    run_rule(rule, clock, plant, blank_sight(n_evse), empty_world(np.ones(n_evse)), track)
    return track


def test_one_leaves_as_the_next_comes():
    track = run([(0, 2), (2, 4)])
    assert track.served.tolist() == [0, 0]
    np.testing.assert_allclose(track.in_kwh, [20.0, 20.0])
    np.testing.assert_allclose(track.flow_kwh, [10.0] * 4)


def test_who_finds_the_connector_taken_is_not_served():
    track = run([(0, 2), (1, 3)])
    assert track.served.tolist() == [0, -1]
    np.testing.assert_allclose(track.in_kwh, [20.0, 0.0])


def test_who_has_no_connector_of_his_own_takes_the_first_free_one():
    track = run([(0, 4), (0, 4), (1, 3)], evse=[-1, -1, -1], n_evse=2)
    assert track.served.tolist() == [0, 1, -1]


def test_a_stay_between_two_cycles_is_not_seen():
    track = run([(0.2, 0.8), (0.5, 1.5)])
    assert track.served.tolist() == [-1, 0]
    np.testing.assert_allclose(track.in_kwh, [0.0, 5.0])  # seen at the first hour, gone half an hour later
    assert np.isnan(track.soc_end[0])


def test_a_car_that_comes_before_the_run_and_leaves_after_it_counts_for_the_run_only():
    track = run([(-3, 99)])
    np.testing.assert_allclose(track.flow_kwh, [10.0] * 4)
    assert track.start_s[0] == START_S


def test_the_queue_gives_to_the_first_and_the_deadline_to_the_most_pressed():
    stays = [(0, 4), (0.5, 2)]
    np.testing.assert_allclose(run(stays, evse=[0, 1], n_evse=2, limit_kw=10.0).in_kwh, [40.0, 0.0])
    np.testing.assert_allclose(run(stays, evse=[0, 1], n_evse=2, limit_kw=10.0, rule=EARLIEST_DEADLINE).in_kwh, [30.0, 10.0])


def test_who_wants_more_than_was_believed_gets_it_when_there_is_room():
    """10 kWh, then the 2 kWh believed to be left, then full power for as long as it draws on."""
    np.testing.assert_allclose(run([(0, 4)], energy_kwh=(30.0, 12.0)).flow_kwh, [10.0, 2.0, 10.0, 8.0])


def test_who_wants_less_than_was_believed_frees_the_room():
    track = run([(0, 4), (0, 4)], evse=[0, 1], n_evse=2, limit_kw=10.0, energy_kwh=(5.0, 40.0))
    np.testing.assert_allclose(track.in_kwh, [5.0, 5.0])
    assert track.over_kw[0] == 0.0
