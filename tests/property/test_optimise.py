"""Every answer of `optimise` against the optimum that another solver found: two hundred random problems of up to 2,000 vehicles.

`python -m tools.bench fleet --deep` does the same for more and larger ones.
"""

import numpy as np
import pytest

from evloom.dispatch.optimise import Effort, optimise
from evloom.dispatch.sweeps.layout import obstacle
from evloom.kernel.errors import SolverError
from tests.property.judge import Case, optimum, permuted, roomier, tiny, wrong_with, wrong_with_case

SMALL = [Case(seed, 0, 15, 24) for seed in range(156)]
MIDDLE = [Case(seed, 100, 500, 12) for seed in range(36)]
LARGE = [Case(seed, 2000, 2000, 12) for seed in range(8)]
METHODS = ("auto", "sweeps")
# The mixed-integer programme of the exact optimum takes many seconds, or minutes, for these.
TOO_LONG = {("auto", MIDDLE[33]), ("auto", MIDDLE[35]), ("auto", SMALL[142])}


def name(case):
    return f"{case.n_most}-{case.seed}"


def answered(problem, objective, method):
    """The answer; the test is skipped where sweeps say that they cannot treat the objective."""
    try:
        return optimise(problem, objective, Effort(method))
    except SolverError as error:
        if method == "sweeps" and str(error) == obstacle(problem, objective):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("case", SMALL + MIDDLE + LARGE, ids=name)
@pytest.mark.parametrize("method", METHODS)
def test_the_bound_is_never_above_the_optimum_and_the_schedule_keeps_every_limit(case, method):
    if (method, case) in TOO_LONG:
        pytest.skip("the mixed-integer programme of the exact optimum takes too long")
    problem, objective, text = case.made()
    solved = answered(problem, objective, method)
    assert not wrong_with_case(case, solved), f"{solved.method}: {text}"


def test_the_other_solver_knows_the_optimum_of_nearly_all():
    unsure = [case for case in SMALL if optimum(case).upper - optimum(case).lower > tiny(optimum(case).scale)]
    assert len(unsure) <= 0.05 * len(SMALL)


@pytest.mark.parametrize("case", SMALL[:40] + MIDDLE[8:10], ids=name)
@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_vehicles_does_not_matter(case, method):
    problem, objective, _ = case.made()
    other = permuted(problem, np.random.default_rng(case.seed).permutation(problem.stays.n))
    one, two = answered(problem, objective, method), answered(other, objective, method)
    assert not wrong_with(other, objective, two)
    slack = tiny(optimum(case).scale)
    assert one.bound <= two.value + slack
    assert two.bound <= one.value + slack


@pytest.mark.parametrize("case", SMALL[40:80] + MIDDLE[16:19], ids=name)
@pytest.mark.parametrize("method", METHODS)
def test_more_room_never_costs_more_than_the_gap(case, method):
    problem, objective, _ = case.made()
    before, after = answered(problem, objective, method), answered(roomier(problem, 1.3), objective, method)
    assert after.bound <= before.value + tiny(optimum(case).scale)


@pytest.mark.parametrize("case", SMALL[80:110] + MIDDLE[19:22] + LARGE[:1], ids=name)
@pytest.mark.parametrize("method", METHODS)
def test_the_same_input_gives_the_same_bits(case, method):
    problem, objective, _ = case.made()
    one, two = (answered(problem, objective, method) for _ in range(2))
    assert (one.value, one.bound) == (two.value, two.bound)
    for column in ("charge_kwh", "discharge_kwh", "store_kwh", "short_kwh"):
        assert (getattr(one.schedule, column) == getattr(two.schedule, column)).all()
