"""A plan kept while vehicles change: as good as promised, within every limit, and the same as what its tables say."""

from dataclasses import replace

import numpy as np
import pytest

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, fixed_value, optimise, value_of
from evloom.dispatch.sweeps.rolling import Rolling
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError
from evloom.plan.fleet.generate import Recipe, generate

N = 1500


def fleet(seed, v2g):
    return generate(Recipe(n=N, seed=seed, tree="10/50", v2g_share=v2g)).problem


def swapped(problem, other, changed, source):
    """The problem with the stays `source` of another one in place of the stays `changed`."""
    columns = {}
    for name, column in vars(problem.stays).items():
        if column is not None:
            columns[name] = column.copy()
            columns[name][changed] = getattr(other.stays, name)[source]
    return replace(problem, stays=replace(problem.stays, **columns))


@pytest.mark.parametrize(("v2g", "objective"), [(0.0, "cost"), (0.0, "cost+demand"), (0.0, "valley"), (0.6, "cost+wear")])
def test_every_step_is_proved_and_keeps_all_limits(v2g, objective):
    problem, other, aim = fleet(0, v2g), fleet(1, v2g), parse_objective(objective)
    gap, rng = 5e-3, np.random.default_rng(2)
    rolling = Rolling(problem, aim, fixed_value(problem, aim), gap)
    asked = []
    for _ in range(5):
        changed = rng.choice(N, N // 50, replace=False)
        problem = swapped(problem, other, changed, rng.choice(N, len(changed), replace=False))
        change = rolling.step(problem, changed)
        asked.append(change.is_full)
        schedule = rolling.schedule()
        assert verify_schedule(problem, schedule) == ()
        assert change.gap <= gap
        assert change.value == pytest.approx(value_of(problem, aim, schedule, rolling.short_price_per_kwh), rel=1e-9)
        afresh = optimise(problem, aim, Effort("sweeps", 1e-3))
        assert change.bound <= afresh.value
        assert afresh.bound <= change.value
    assert not all(asked), "the changed units alone were never enough"


def test_units_that_nobody_changed_are_left_alone_when_only_the_changed_are_asked():
    problem, other, aim = fleet(0, 0.0), fleet(1, 0.0), parse_objective("cost")
    rolling = Rolling(problem, aim, fixed_value(problem, aim), 0.5)
    before, changed = rolling.charge_kwh.copy(), np.arange(0, N, 100)
    change = rolling.step(swapped(problem, other, changed, changed), changed)
    assert not change.is_full
    same = np.setdiff1d(np.arange(N), changed)
    assert (rolling.charge_kwh[same] == before[same]).all()
    assert (rolling.charge_kwh[changed] != before[changed]).any()


def test_a_vehicle_that_leaves_frees_its_room():
    problem, aim = fleet(0, 0.0), parse_objective("cost")
    rolling = Rolling(problem, aim, fixed_value(problem, aim), 0.5)
    gone = np.arange(40)
    empty = swapped(problem, problem, gone, gone)
    empty.stays.need_kwh[gone] = 0.0
    rolling.step(empty, gone)
    assert rolling.charge_kwh[gone].sum() == 0.0
    assert verify_schedule(empty, rolling.schedule()) == ()


def test_a_wrong_number_is_refused_and_the_plan_stays():
    problem, aim = fleet(0, 0.0), parse_objective("cost")
    rolling = Rolling(problem, aim, fixed_value(problem, aim), 0.5)
    before = rolling.charge_kwh.copy()
    wrong = swapped(problem, problem, np.arange(1), np.arange(1))
    wrong.stays.need_kwh[0] = np.nan
    with pytest.raises(InputError, match="need_kwh"):
        rolling.step(wrong, np.arange(1))
    assert (rolling.charge_kwh == before).all()
    assert rolling.problem is problem
