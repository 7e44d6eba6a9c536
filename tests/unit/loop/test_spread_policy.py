"""Three hundred home chargers under one price that falls at 23:00."""

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.loop.spread_policy import SpreadPolicy
from evloom.simulate.run import make_policy, run_policy
from evloom.simulate.stage import stage
from tools.charger_study import ESTATE, cheap_hours, first_quarter_kw, scenario_of


@pytest.fixture(scope="module")
def estate():
    return scenario_of(ESTATE)


def test_the_rush_at_the_start_of_the_cheap_hours_is_gone(estate):
    laid_out, together, paid = cheap_hours(estate, "together")
    _, spread, paid_spread = cheap_hours(estate, "spread")
    rush_kw, calm_kw = first_quarter_kw(laid_out, together), first_quarter_kw(laid_out, spread)
    before_kw = run_policy(laid_out, "uncontrolled", "cost").track.ev_kwh.max() / 0.25
    assert (rush_kw[:2] > 1.5 * before_kw).all()  # the price made a peak worse than disorder
    assert (calm_kw < 0.45 * rush_kw).all()
    assert spread.track.ev_kwh.max() < 0.82 * together.track.ev_kwh.max()
    assert paid_spread.cost <= 1.01 * paid.cost
    assert paid_spread.short_kwh <= min(paid.short_kwh, 0.1)
    assert np.diff(spread.track.ev_kwh).max() < 0.4 * np.diff(together.track.ev_kwh).max()


def test_the_setting_chooses_it_and_two_runs_are_the_same(estate):
    laid_out, run, _ = cheap_hours(estate, "spread")
    assert isinstance(make_policy(laid_out, "price-queue", parse_objective("cost")), SpreadPolicy)
    assert not isinstance(make_policy(stage(estate), "price-queue", parse_objective("cost")), SpreadPolicy)
    assert run_policy(laid_out, "price-queue", "cost").digest == run.digest


def test_after_a_restart_every_night_cars_still_finish_without_a_rush(estate):
    class Forgetful(SpreadPolicy):
        """Remembers nothing from one quarter-hour to the next around midnight."""

        def decide(self, snapshot, memory):
            hour = (snapshot.now_s / 3600.0 + 8.0) % 24.0
            return super().decide(snapshot, None if abs(hour - 23.5) < 0.01 else memory)

    from evloom.loop.driver import Loop, drive
    from evloom.loop.state import State
    from evloom.simulate.field import SimulatedField

    laid_out, run, _ = cheap_hours(estate, "spread")
    field = SimulatedField(laid_out)
    drive(Loop(State(estate.site, estate.evse, laid_out.terms), Forgetful()), field, laid_out.cycle_s[:-1], lambda *_: None)
    track = field.close()
    assert track.in_kwh.sum() == pytest.approx(run.track.in_kwh.sum(), rel=1e-3)
    assert track.ev_kwh.max() < 1.25 * run.track.ev_kwh.max()
