"""An upper bound on how far a load with discharge can be moved: the linear programme that lets a battery charge and discharge at once."""

import numpy as np

from evloom.dispatch.cells import cells_of, deliverable_kwh
from evloom.dispatch.formulate import formulate
from evloom.dispatch.formulation import Formulation, OneWay
from evloom.dispatch.highs import Solver
from evloom.dispatch.portfolio.part import Part
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Int

# Needs are lowered by this much, so that rounding in the baseline does not make it infeasible.
_HAIR_KWH = 1e-8


def shift_bound_kw(part: Part, sign: int) -> float:
    """No schedule of the part has its load further from the baseline, in every step of the window, than this: sign 1 up, -1 down; >= 0.

    The programme of docs/optimum.md with one column more, the shift, and one row for each step of the window. A cell that charges and
    discharges at once wastes energy that no real battery wastes, so the true bound may be lower; it is never higher.
    """
    problem, cells = part.problem, cells_of(part.problem)
    need_kwh = np.maximum(deliverable_kwh(problem, cells) - _HAIR_KWH, 0.0)
    f = formulate(problem, cells, need_kwh, (), OneWay())
    steps, step_h = part.window.steps, problem.step_h
    shift = f.programme.columns(1, 0.0, _rated_kw(part))
    row = f.programme.rows(len(steps), part.load_kwh[steps], part.load_kwh[steps])
    f.programme.entries(row, np.repeat(shift, len(steps)), -sign * step_h[steps])
    _enter_loads(f, part, row)
    cost = np.zeros(f.programme.n_column)
    cost[shift] = -1.0
    x = Solver(f.programme).minimise(cost)
    if x is None:
        raise SolverError("the programme of the largest shift has no solution, though the baseline is one")
    return float(x[shift[0]])


def _enter_loads(f: Formulation, part: Part, row: Int) -> None:
    """Put every flow of the part into the row of its step of the window."""
    row_of = np.full(part.problem.n_step, -1)
    row_of[part.window.steps] = row
    two, p = f.two_way, f.programme
    for column, step, sign in (
        (f.charge, f.cells.step, 1.0),
        (f.discharge, f.cells.step[two], -1.0),
        (f.store_charge, f.store_step, 1.0),
        (f.store_discharge, f.store_step, -1.0),
    ):
        inside = np.flatnonzero(row_of[step] >= 0)
        p.entries(row_of[step[inside]], column[inside], sign)


def _rated_kw(part: Part) -> float:
    """More than all its ratings together."""
    stays, stores = part.problem.stays, part.problem.stores
    ratings = (stays.charge_max_kw, stays.discharge_max_kw, stores.charge_max_kw, stores.discharge_max_kw)
    return 2.0 * float(sum(column.sum() for column in ratings)) + 1.0
