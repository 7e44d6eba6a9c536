"""The reasons that the report tells: what binds, beside what the car really did."""

import numpy as np
import pytest

from evloom.dispatch.reason import BAY, DONE, FULL
from evloom.simulate.report.why import BRIEF, GIVES, SHARED, cause, cells, power_kw, session_cost, shown_reason
from evloom.simulate.run import run_policy


def of_session(run, values, row):
    return values[run.track.offset[row] : run.track.offset[row + 1]]


def test_power_is_the_mean_over_the_time_the_car_was_there(study):
    stage, runs, _ = study
    for run in runs:
        session, step = cells(run)
        start_s = stage.grid.start_s + step * stage.grid.step_s
        there_s = np.minimum(start_s + stage.grid.step_s, stage.cars.departure_s[session]) - np.maximum(
            start_s, stage.cars.arrival_s[session]
        )
        assert np.bincount(session, power_kw(stage, run) * there_s / 3600.0) == pytest.approx(run.track.in_kwh - run.track.out_kwh)
    first = of_session(runs[0], power_kw(stage, runs[0]), 3)[0]
    assert first == pytest.approx(7.36)  # plugged in at 17:07, so 8 of the 15 minutes


def test_without_control_a_car_draws_all_it_can_and_then_no_more(study):
    stage, runs, _ = study
    told = of_session(runs[0], shown_reason(stage, runs[0]), 3)
    flow_kwh = of_session(runs[0], runs[0].track.flow_kwh, 3)
    assert set(told[flow_kwh > 0]) == {FULL}
    assert set(told[flow_kwh == 0]) == {DONE}


def test_scarcity_names_the_limit_that_binds_and_the_other_bay(study):
    stage, runs, scores = study
    assert scores[1].sessions_short == 3
    reason = shown_reason(stage, runs[1])
    garage = stage.scenario.site.tree.node_id.index("garage")
    assert [cause(stage, runs[1], row, reason) for row in (0, 1, 2)] == [garage, garage, BAY]


def test_a_plan_that_knew_the_departure_did_not_wait_in_vain(study):
    stage, runs, _ = study
    reason = shown_reason(stage, runs[2])
    causes = {cause(stage, runs[2], row, reason) for row in (0, 1, 2)}
    assert SHARED in causes
    assert causes <= {SHARED, BAY, stage.scenario.site.tree.node_id.index("garage")}


def test_a_stay_that_is_too_short_is_said_to_be(one_stay):
    stage = one_stay("x", "12:00", "13:00", 20)
    run = run_policy(stage, "least-laxity", "cost")
    assert cause(stage, run, 0, shown_reason(stage, run)) == BRIEF


def test_a_car_that_gives_is_said_to_give(study):
    stage, runs, _ = study
    told = shown_reason(stage, runs[2])
    assert (told[runs[2].track.flow_kwh < -1e-3] == GIVES).all()
    assert (told == GIVES).any()


def test_cost_of_a_session_by_hand(study):
    """18 kWh from 18:00 at 0.40 plus 19 % tax."""
    stage, runs, _ = study
    assert session_cost(stage, runs[0])[4] == pytest.approx(float(runs[0].track.in_kwh[4]) * 0.40 * 1.19)
    assert session_cost(stage, runs[0]).sum() == pytest.approx(float(runs[0].track.ev_kwh @ stage.price_per_kwh[: stage.grid.n]))
