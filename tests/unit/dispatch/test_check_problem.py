"""Problems that cannot be: each is refused in words, with all that is wrong; and odd ones that can be are planned."""

from dataclasses import fields, replace

import numpy as np
import pytest

from evloom.dispatch.check import check_problem
from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Problem, Requests
from evloom.dispatch.verify import verify_schedule
from evloom.kernel.errors import InputError
from tests.unit.dispatch.instances import Shape, realistic
from tests.unit.dispatch.test_exact_rules import site, v2g, with_store

COST = parse_objective("cost")


def full() -> Problem:
    """A small problem that uses every optional field."""
    problem: Problem = with_store(realistic(Shape(6, n_board=2), seed=3), end_min_kwh=np.zeros(1))
    nodes = replace(problem.nodes, price_per_kwh=np.zeros((3, 96)), phase_room_kw=np.full((3, 3, 96), 50.0))
    requests = Requests(np.array([1, 2]), np.array([0, 4]), np.array([8, 9]), np.array([5.0, 1.0]), np.array([True, False]), np.ones(2))
    return replace(problem, nodes=nodes, stays=replace(problem.stays, phase=np.array([-1, 0, 1, 2, -1, 0])), requests=requests)


def refused(problem: Problem) -> list[tuple[str, str | None, int | None]]:
    with pytest.raises(InputError) as error:
        check_problem(problem)
    assert all(finding.severity == "refused" for finding in error.value.findings)
    return [(finding.code, finding.field, finding.row) for finding in error.value.findings]


def changed(problem, table, **columns):
    return replace(problem, **{table: replace(getattr(problem, table), **columns)})


def test_a_sound_problem_passes():
    check_problem(full())


COLUMNS = [(table, field.name) for table in ("stays", "stores", "nodes", "signals", "requests") for field in fields(getattr(full(), table))]

REFERENCES = {("stays", "first"), ("stores", "node"), ("nodes", "parent"), ("requests", "node")}


@pytest.mark.parametrize(("table", "name"), COLUMNS)
def test_a_column_of_the_wrong_shape_is_named(table, name):
    problem = full()
    value = np.asarray(getattr(getattr(problem, table), name))
    for wrong in (value[..., None], np.concatenate((value, value)) if value.ndim else value[None]):
        found = refused(changed(problem, table, **{name: wrong}))
        assert all(code == "problem.shape" for code, _, _ in found)
        if (table, name) in REFERENCES:  # it says what the others should be
            continue
        assert found == [("problem.shape", name, None)]


@pytest.mark.parametrize(("table", "name"), COLUMNS)
def test_a_column_of_the_wrong_kind_is_named(table, name):
    problem = full()
    value = np.asarray(getattr(getattr(problem, table), name))
    for wrong in (np.full(value.shape, "x"), np.full(value.shape, None), value.astype(complex)):
        assert ("problem.kind", name, None) in refused(changed(problem, table, **{name: wrong}))
    if value.ndim:
        assert ("problem.kind", name, None) in refused(changed(problem, table, **{name: value.tolist()}))


@pytest.mark.parametrize(
    ("table", "name", "at", "value"),
    [
        ("signals", "price_per_kwh", (5,), np.nan),
        ("stays", "need_kwh", (2,), -1.0),
        ("stays", "charge_max_kw", (1,), np.inf),
        ("stays", "phase", (4,), 3),
        ("stays", "node", (0,), -1),
        ("stays", "first", (0,), 97),
        ("stores", "end_min_kwh", (0,), -1.0),
        ("nodes", "parent", (0,), 1),  # a cycle of the root
        ("nodes", "parent", (1,), 2),  # a child before its parent
        ("nodes", "parent", (2,), 2),  # its own parent
        ("nodes", "parent", (2,), -1),  # an orphan
        ("nodes", "parent", (2,), 7),
        ("nodes", "price_per_kwh", (1, 3), np.nan),
        ("nodes", "phase_room_kw", (1, 2, 3), -0.1),
        ("nodes", "base_kw", (0, 3), np.inf),
        ("signals", "demand_period", (9,), 1000),
        ("requests", "node", (1,), 3),
        ("requests", "last", (1,), 97),
        ("requests", "first", (0,), 9),
        ("requests", "target_kw", (0,), np.nan),
        ("requests", "penalty_per_kwh", (0,), 0.0),
    ],
)
def test_one_wrong_number_is_named_with_its_place(table, name, at, value):
    problem = full()
    column = getattr(getattr(problem, table), name).copy()
    column[at] = value
    found = refused(changed(problem, table, **{name: column}))
    place = {"first": "last"}.get(name, name) if table == "requests" else name
    place, at = ("demand_period", (10,)) if name == "demand_period" else (place, at)
    assert ("problem.value", f"{place}[{', '.join(map(str, at))}]", at[0]) in found


def test_departure_before_arrival_is_refused():
    problem = full()
    last = problem.stays.last.copy()
    last[3] = problem.stays.first[3] - 1
    assert refused(changed(problem, "stays", last=last)) == [("problem.value", "last[3]", 3)]


def test_a_wrong_scalar_is_named():
    assert ("problem.value", "demand_price_per_kw[]", None) in refused(changed(full(), "signals", demand_price_per_kw=float("nan")))


def test_no_node_at_all_is_refused():
    problem = realistic(Shape(0), seed=0)
    nothing = {name: getattr(problem.nodes, name)[:0] for name in ("parent", "import_max_kw", "export_max_kw", "base_kw")}
    assert ("problem.shape", "parent", None) in refused(changed(problem, "nodes", **nothing))


ODD = {
    "no vehicles": realistic(Shape(0), seed=0),
    "no steps": site([], n_step=0),
    "a vehicle, but no steps": site([4.0], n_step=0),
    "more needed than the stay allows": site([100.0, 5.0], cap_kw=12.0),
    "free": site([10.0, 8.0], price=0.0, cap_kw=12.0),
    "paid to consume": site([10.0, 8.0], price=-0.3, cap_kw=12.0),
    "free, V2G": site([10.0, 8.0], price=0.0, cap_kw=12.0, room_kwh=np.array([20.0, 20.0]), **v2g(2)),
    "paid to consume, V2G": site([10.0, 8.0], price=-0.3, cap_kw=12.0, room_kwh=np.array([20.0, 20.0]), **v2g(2)),
    "1e9 kW": site([10.0, 8.0], cap_kw=3.0, charge_max_kw=np.full(2, 1e9)),
    "1e9 kW, V2G": site(
        [10.0, 8.0], price=[1.0, 0.1, 0.3, 0.2], cap_kw=6.0,
        **(v2g(2) | {"charge_max_kw": np.full(2, 1e9), "discharge_max_kw": np.full(2, 1e9)}),
    ),
    "a limit of 1e9 kW": site([10.0, 8.0], cap_kw=1e9),
    "no power at all": site([10.0, 8.0], cap_kw=0.0),
    "one who never leaves": site([10.0, 38.0], n_step=4, cap_kw=12.0, first=np.array([0, 0]), last=np.array([4, 4])),
    "the base load above the limit throughout": replace(
        site([10.0]), nodes=replace(site([10.0], cap_kw=5.0).nodes, base_kw=np.full((1, 4), 9.0))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("text", ["cost", "cost+demand", "peak>cost+wear", "valley"])
def test_odd_problems_are_planned(name, text):
    problem = ODD[name]
    schedule = solve(problem, parse_objective(text))
    assert verify_schedule(problem, schedule) == ()
    assert (schedule.short_kwh <= problem.stays.need_kwh + 1e-9).all()
    able = {"1e9 kW", "1e9 kW, V2G", "a limit of 1e9 kW", "free", "paid to consume", "free, V2G", "paid to consume, V2G"}
    if name in able and name != "1e9 kW":
        assert schedule.short_kwh.sum() < 1e-5
    if name == "1e9 kW":  # 3 kW for four hours, 18 kWh wanted
        assert schedule.short_kwh.sum() == pytest.approx(6.0, abs=1e-6)
