"""Sweeps as a whole: determinism, interruption, prices that mean what they say, odd sizes, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, optimise
from evloom.dispatch.solved import gap_of
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError, SolverError
from evloom.plan.fleet.generate import Recipe, generate

COST = parse_objective("cost")


def fleet(n=2500, **recipe):
    return generate(Recipe(n=n, tree="10/50", **recipe)).problem


def some(table, rows):
    return replace(table, **{name: None if column is None else column[rows] for name, column in vars(table).items()})


@pytest.mark.parametrize("n", [2500, 6000])  # without and with a start from a sample
def test_the_same_input_gives_the_same_bits(n):
    problem = fleet(n, v2g_share=0.3)
    one, two = (optimise(problem, parse_objective("cost+wear"), Effort("sweeps", 5e-3)) for _ in range(2))
    assert (one.value, one.bound) == (two.value, two.bound)
    assert (one.schedule.charge_kwh == two.schedule.charge_kwh).all()
    assert (one.schedule.discharge_kwh == two.schedule.discharge_kwh).all()


@pytest.mark.parametrize(
    ("objective", "gap"), [("cost", 1e-3), ("valley", 1e-4), ("cost+demand", 1e-3), ("cost+2*peak", 1e-3), ("carbon", 1e-3)]
)
def test_the_gap_that_is_asked_for_is_reached_and_proved(objective, gap):
    problem = fleet()
    solved = optimise(problem, parse_objective(objective), Effort("sweeps", gap))
    assert solved.method == "sweeps"
    assert solved.bound <= solved.value
    assert solved.gap <= gap
    assert verify_schedule(problem, solved.schedule) == ()


def test_exact_and_sweeps_agree():
    problem = fleet(400)
    exact, swept = optimise(problem, COST, Effort("exact")), optimise(problem, COST, Effort("sweeps", 1e-4))
    assert swept.bound <= exact.value * (1 + 1e-9)
    assert exact.bound <= swept.value * (1 + 1e-9)


def test_stopped_after_the_first_look_the_best_so_far_holds_every_limit():
    problem, seen = fleet(6000), []

    def stop(at):
        seen.append(at)
        return False

    solved = optimise(problem, COST, Effort("sweeps", 0.0), stop)
    assert solved.is_interrupted
    assert len(seen) == 1
    assert solved.rounds == tuple(seen)
    assert solved.bound <= solved.value < np.inf
    assert verify_schedule(problem, solved.schedule) == ()


def test_a_node_price_is_what_more_room_would_save():
    problem = fleet(2500, headroom_share=0.8)
    solved = optimise(problem, COST, Effort("sweeps", 1e-5))
    prices = solved.node_price_per_kwh
    assert prices is not None
    more_kwh = 5.0
    widened = problem.nodes.import_max_kw.copy()
    widened[0] += more_kwh / problem.step_h
    again = optimise(replace(problem, nodes=replace(problem.nodes, import_max_kw=widened)), COST, Effort("sweeps", 1e-5))
    # Prices are slopes of a convex value: more room saves at most price x room, and here nearly that.
    told = float(prices[0].sum() * more_kwh)
    tolerance = (solved.value - solved.bound) + (again.value - again.bound)
    assert solved.value - again.value <= told + tolerance


def test_nobody_and_no_time():
    problem = fleet(300)
    nobody = replace(problem, stays=some(problem.stays, slice(0)))
    solved = optimise(nobody, COST, Effort("sweeps"))
    assert solved.gap == 0.0
    assert solved.schedule.charge_kwh.shape == (0, problem.n_step)
    nodes, signals, stays = problem.nodes, problem.signals, problem.stays
    none = np.zeros(stays.n, dtype=np.int64)
    nodes = replace(nodes, import_max_kw=nodes.import_max_kw[:, :0], export_max_kw=nodes.export_max_kw[:, :0], base_kw=nodes.base_kw[:, :0])
    cut = {name: getattr(signals, name)[:0] for name in ("price_per_kwh", "export_price_per_kwh", "carbon_kg_per_kwh", "demand_period")}
    timeless = replace(
        problem, step_h=np.zeros(0), nodes=nodes, signals=replace(signals, **cut), stays=replace(stays, first=none, last=none)
    )
    solved = optimise(timeless, COST, Effort("sweeps"))
    assert solved.schedule.charge_kwh.shape == (stays.n, 0)
    assert solved.schedule.short_kwh == pytest.approx(stays.need_kwh)


@pytest.mark.parametrize("price", [0.0, -0.4])
def test_prices_all_zero_or_all_negative(price):
    problem = fleet(2500, v2g_share=0.4)
    flat = np.full(problem.n_step, price)
    problem = replace(problem, signals=replace(problem.signals, price_per_kwh=flat, export_price_per_kwh=flat))
    solved = optimise(problem, parse_objective("cost+wear"), Effort("sweeps", 1e-2))
    assert solved.bound <= solved.value
    assert verify_schedule(problem, solved.schedule) == ()
    both = (solved.schedule.charge_kwh > 0) & (solved.schedule.discharge_kwh > 0)
    assert not both.any()


def test_a_power_of_a_million_megawatts_does_no_harm():
    problem = fleet(2500)
    power_kw = problem.stays.charge_max_kw.copy()
    power_kw[::100] = 1e9
    problem = replace(problem, stays=replace(problem.stays, charge_max_kw=power_kw))
    solved = optimise(problem, COST, Effort("sweeps", 1e-2))
    assert verify_schedule(problem, solved.schedule) == ()
    assert solved.bound <= solved.value


@pytest.mark.parametrize(("field", "value"), [("price_per_kwh", np.nan), ("need_kwh", -1.0)])
def test_impossible_numbers_are_named(field, value):
    problem = fleet(300)
    table = problem.signals if field == "price_per_kwh" else problem.stays
    column = getattr(table, field).copy()
    column[7] = value
    changed = replace(table, **{field: column})
    problem = replace(problem, **{"signals" if table is problem.signals else "stays": changed})
    with pytest.raises(InputError, match=rf"{field}\[7\]"):
        optimise(problem, COST, Effort("sweeps"))


@pytest.mark.parametrize(("objective", "v2g", "word"), [("peak>cost", 0.0, "one stage"), ("earliest", 0.5, "earliest")])
def test_what_sweeps_cannot_treat_is_said_when_they_are_insisted_on(objective, v2g, word):
    with pytest.raises(SolverError, match=word):
        optimise(fleet(100, v2g_share=v2g), parse_objective(objective), Effort("sweeps"))


@pytest.mark.parametrize(
    ("value", "bound", "fixed", "gap"),
    [
        (110.0, 99.0, 0.0, 0.1),
        (110.0, 99.0, 100.0, 1.1),  # the base load's own cost makes no gap look small
        (100.0, 100.0 + 1e-9, 0.0, 0.0),
        (100.0, 100.0 - 1e-9, 100.0, 0.0),  # rounding of sums is no gap
        (100.0, 90.0, 100.0, np.inf),
        (np.inf, 90.0, 0.0, np.inf),  # no schedule yet
        (100.0, -np.inf, 0.0, np.inf),  # no bound yet
    ],
)
def test_the_gap_is_a_share_of_what_is_steered(value, bound, fixed, gap):
    assert gap_of(value, bound, fixed) == pytest.approx(gap)
