"""Plans in which a charger gives nothing or at least its least power, as IEC 61851 wants (0 or 6 A and up): a mixed-integer programme.

It proves how good it is, and is for single sites: some thirty vehicles over a night take seconds, more take long. For more vehicles the
steps belong into the allocation of the moment (`dispatch.allocate`).
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.cells import Cells, cells_of
from evloom.dispatch.check import check_problem
from evloom.dispatch.exact import finish
from evloom.dispatch.formulate import formulate
from evloom.dispatch.formulation import Formulation, OneWay
from evloom.dispatch.highs import Solver
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Problem
from evloom.dispatch.service import N_TIER, short_cost, short_price_per_kwh, tier_weights
from evloom.dispatch.solved import Solved
from evloom.dispatch.staged import stage_constant, stage_cost, tie_break_cost
from evloom.dispatch.terms import stage_value, terms_in
from evloom.kernel.errors import InputError, SolverError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int

# A plan proved to be within this share of the best is good enough.
GAP = 1e-4
# Tried in turn for a plan to begin with: a cell goes on when this share of its least has come together. The first serves more, the second
# always fits.
_SWITCH_SHARES = (0.5, 0.999)


@dataclass(frozen=True)
class _Model:
    """A formulation with on and off in it.

    weight (n_column,) of value and short energy, constant: what no plan can change; on (n_cell,) the binary of each cell's charging, -1
    for none, and least_kwh (n_cell,) what it then draws at the least
    """

    f: Formulation
    weight: Float
    constant: float
    on: Int
    least_kwh: Float


def solve_discrete(problem: Problem, objective: Objective, least_kw: Float, limit_s: float = 10.0) -> Solved:
    """The best plan in which every stay draws, in every step, nothing or at least least_kw (n_stay,), and gives likewise.

    In a step in which the vehicle is there for a part only, it is the mean over that part. A battery that gets full by less than that
    stops by itself, so no more than `room_kwh` is ever asked of a cell. What cannot be had so is short, at `service.short_cost`, like in
    `Solved.value`. Stopped after limit_s seconds: the best plan so far with its proved bound, `is_interrupted`.

    The objective has one stage, without `valley`. Raises InputError with all findings for impossible numbers, SolverError for an
    objective of another kind or if no plan was found in time.
    """
    check_problem(problem)
    _check_least(problem, least_kw)
    if len(objective.stages) != 1 or "valley" in terms_in(objective):
        raise SolverError("a plan of discrete steps takes an objective of one stage, without valley")
    price = short_price_per_kwh(problem, objective)
    model = _model(problem, objective.with_requests(), least_kw, price)
    x, bound = _solve(model, limit_s)
    if x is None and problem.stores.end_min_kwh is not None:  # drivers come before a full battery
        return solve_discrete(replace(problem, stores=replace(problem.stores, end_min_kwh=None)), objective, least_kw, limit_s)
    if x is None:
        raise SolverError(f"no plan of discrete steps was found within {limit_s:g} s")
    schedule = finish(model.f, x, np.maximum(problem.stays.need_kwh - x[model.f.short], 0.0))
    value = stage_value(objective.with_requests(), 0, schedule.objective)
    value += float(short_cost(problem, price, schedule.short_kwh).sum())
    late = value - bound > 2 * GAP * abs(value - model.constant) + 1e-9
    return Solved(schedule, "discrete", value, min(bound, value), price, None, (), (), late, model.constant)


def _check_least(problem: Problem, least_kw: Float) -> None:
    if least_kw.shape != (problem.stays.n,) or not (np.isfinite(least_kw) & (least_kw >= 0.0)).all():
        allowed = f"({problem.stays.n},) finite numbers of kW, at least 0"
        advice = "give the least power of the charger and vehicle of each stay"
        found = f"shape {least_kw.shape}" if least_kw.shape != (problem.stays.n,) else "a negative number or none"
        raise InputError([Finding("discrete.least-power", "refused", "least power of stays", None, "least_kw", found, allowed, advice)])


def _model(problem: Problem, objective: Objective, least_kw: Float, price_per_kwh: float) -> _Model:
    """The linear programme with on and off for every cell that needs it, and short energy in tiers."""
    cells, terms = cells_of(problem), terms_in(objective)
    need_kwh = problem.stays.need_kwh
    steps = formulate(problem, cells, need_kwh, terms, OneWay(), scarce=True).export_step
    one_way = OneWay(store=np.arange(len(problem.stores.node) * problem.n_step), step=steps)
    f = formulate(problem, cells, need_kwh, terms, one_way, scarce=True)
    on, least_kwh = _define_steps(f, cells, least_kw)
    tier, weight = _define_tiers(f)
    stage = objective.stages[0]
    cost = stage_cost(f, stage)
    cost[tier] = price_per_kwh * weight
    return _Model(f, cost, stage_constant(f, stage), on, least_kwh)


def _define_steps(f: Formulation, cells: Cells, least_kw: Float) -> tuple[Int, Float]:
    """Each cell off, or charging at its least or more, or discharging at its least or more -> see `_Model.on`, `_Model.least_kwh`."""
    p, stays, stay = f.programme, f.problem.stays, cells.stay
    least_kwh = least_kw[stay] * cells.present_h
    into_kwh = np.minimum(least_kwh, np.maximum(stays.room_kwh, stays.need_kwh)[stay])
    two_way = np.zeros(cells.n, dtype=np.bool_)
    two_way[f.two_way] = True
    choose, on = np.flatnonzero((into_kwh > 0.0) | two_way), np.full(cells.n, -1)
    on[choose] = _either_off_or_within(f, f.charge[choose], into_kwh[choose], cells.charge_max_kwh[choose])
    if len(f.two_way):
        gives = _either_off_or_within(f, f.discharge, least_kwh[f.two_way], cells.discharge_max_kwh[f.two_way])
        row = p.rows(len(gives), -np.inf, 1.0)
        p.entries(row, on[f.two_way], 1.0)
        p.entries(row, gives, 1.0)
    return on, into_kwh


def _either_off_or_within(f: Formulation, column: Int, least_kwh: Float, most_kwh: Float) -> Int:
    """0, or least <= x <= most: a binary for each, off for good where the least is more than the most."""
    p, able = f.programme, least_kwh <= most_kwh * (1.0 + 1e-12)
    on = p.binaries(len(column), able)
    row = p.rows(len(column), -np.inf, 0.0)
    p.entries(row, column, 1.0)
    p.entries(row, on, -most_kwh)
    row = p.rows(len(column), 0.0, np.inf)
    p.entries(row, column, 1.0)
    p.entries(row, on, -np.minimum(least_kwh, most_kwh))
    return on


def _define_tiers(f: Formulation) -> tuple[Int, Float]:
    """What is short in tiers of rising price: their columns and weights, as in `service.short_cost`."""
    p, stays = f.programme, f.problem.stays
    stay = np.repeat(np.arange(stays.n), N_TIER)
    tier = p.columns(len(stay), 0.0, stays.need_kwh[stay] / N_TIER)
    row = p.rows(stays.n, 0.0, 0.0)
    p.entries(row, f.short, -1.0)
    p.entries(row[stay], tier, 1.0)
    return tier, stays.priority[stay] * np.tile(tier_weights(), stays.n)


def _solve(model: _Model, limit_s: float) -> tuple[Float | None, float]:
    """x (n_column,), None if none was found, and a bound of its whole value."""
    scale = float(np.abs(model.weight).max(initial=0.0)) or 1.0
    cost, programme = model.weight / scale, model.f.programme
    if len(programme.whole) == 0:
        x = _settled(model, np.zeros(0), cost)
        return x, -np.inf if x is None else float(model.weight @ x) + model.constant
    start, relaxed = _start(model, cost)
    x, bound = Solver(programme).minimise_within(cost, start, limit_s, GAP)
    bound = max(bound, relaxed)
    settled = None if x is None else _settled(model, np.rint(x[programme.whole]), cost)
    return (x if settled is None else settled), bound * scale + model.constant


def _settled(model: _Model, chosen: Float, cost: Float) -> Float | None:
    """The best x for the choices made, exact to the tolerance of a linear programme, and among equals the earliest; None if none is."""
    solver = Solver(model.f.programme, chosen)
    best = solver.minimise(cost)
    if best is None:
        return None
    solver.keep_face()
    tie = tie_break_cost(model.f)
    earliest = solver.minimise(tie / (float(np.abs(tie).max(initial=0.0)) or 1.0), from_feasible=True)
    return best if earliest is None else earliest


def _start(model: _Model, cost: Float) -> tuple[Float | None, float]:
    """A plan to begin with, near that of the relaxation, and the relaxation's own value, which no plan can be below."""
    programme = model.f.programme
    relaxed = Solver(programme, relaxed=True).minimise(cost)
    if relaxed is None:
        return None, -np.inf
    least, chosen = float(cost @ relaxed), np.rint(relaxed[programme.whole])
    at = np.full(programme.n_column, -1)
    at[programme.whole] = np.arange(len(chosen))
    for share in _SWITCH_SHARES:
        on = _switched(model, relaxed[model.f.charge], share)
        has = np.flatnonzero(model.on >= 0)
        chosen[at[model.on[has]]] = on[has] & (programme.upper[model.on[has]] > 0.0)
        x = Solver(programme, chosen).minimise(cost)
        if x is not None:
            return x, least
    return None, least


def _switched(model: _Model, drawn_kwh: Float, share: float) -> Bool:
    """Cells (n_cell,) that go on: each when its stay has gathered this share of the cell's least.

    What was drawn more or less than the relaxation wants (drawn_kwh) is carried on, so that a stay gets on the whole what it should.
    """
    begin, on = model.f.cells.begin, np.zeros(len(drawn_kwh), dtype=np.bool_)
    for stay in range(len(begin) - 1):
        debt_kwh = 0.0
        for cell in range(begin[stay], begin[stay + 1]):
            debt_kwh += drawn_kwh[cell]
            on[cell] = drawn_kwh[cell] > 0.0 and debt_kwh >= model.least_kwh[cell] * share
            if on[cell]:
                debt_kwh -= max(drawn_kwh[cell], model.least_kwh[cell])
    return on
