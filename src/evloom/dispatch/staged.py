"""Solve one formulation: stages in order, squares by tangents, and the tie-break at the end."""

import numpy as np

from evloom.dispatch.cells import zone_prices_per_kwh
from evloom.dispatch.formulation import Formulation, Square
from evloom.dispatch.highs import Recall, Solver
from evloom.dispatch.objective import REQUEST, Objective, Stage
from evloom.dispatch.programme import RowMatrix, row_matrix
from evloom.dispatch.terms import middle_h
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Float

# A square is exact to this share of its scale squared when no more tangents are added.
_SQUARE_GAP = 1e-8
# Where tangents are added around a point that lies g below the square, in units of sqrt(g): the optimum is rarely far from the point.
_AROUND = (0.0, -0.3, 0.3, -0.6, 0.6)
# How closely (kW) the arguments of a sum of squares are held once it is at its least.
_PIN = 1e-7
_HAIR = 1e-9
_ROUNDS_MAX = 200


def term_cost(f: Formulation, term: str) -> Float:
    """Cost of each column for one term, (n_column,). What does not depend on the schedule is left out."""
    cost, problem = np.zeros(f.programme.n_column), f.problem
    signals, stays = problem.signals, problem.stays
    if term in ("cost", "carbon"):
        price = signals.price_per_kwh if term == "cost" else signals.carbon_kg_per_kwh
        cost[f.charge], cost[f.discharge] = price[f.cells.step], -price[f.cells.step[f.two_way]]
        cost[f.store_charge], cost[f.store_discharge] = price[f.store_step], -price[f.store_step]
        if term == "cost":
            _add_zone_prices(f, cost)
        cost[f.exported] = (price - signals.export_price_per_kwh if term == "cost" else price)[f.export_step]
    elif term == "earliest":
        cost[f.charge] = middle_h(problem)[f.cells.step]
    elif term == "export":
        cost[f.exported] = 1.0
    elif term == "wear":
        cost[f.discharge] = stays.wear_per_kwh[f.cells.stay[f.two_way]]
        cost[f.store_discharge] = np.repeat(problem.stores.wear_per_kwh, problem.n_step)
    elif term == "peak":
        cost[f.peak_kw] = 1.0
    elif term == "demand":
        cost[f.excess_kw] = signals.demand_price_per_kw
    elif term == REQUEST:
        cost[f.missed] = problem.requests.penalty_per_kwh[f.missed_row]
    elif term == "valley" and f.squares is not None:
        cost[f.squares.level] = f.interval_h / f.interval_h.sum() * f.squares.scale**2
    return cost


def _add_zone_prices(f: Formulation, cost: Float) -> None:
    zone = zone_prices_per_kwh(f.problem)
    if zone is None:
        return
    price = zone[f.problem.stays.node[f.cells.stay], f.cells.step]
    cost[f.charge] += price
    cost[f.discharge] -= price[f.two_way]
    store_price = zone[f.problem.stores.node].ravel()
    cost[f.store_charge] += store_price
    cost[f.store_discharge] -= store_price


def stage_constant(f: Formulation, stage: Stage) -> float:
    """What of a stage's value no schedule can change: the energy of the base load."""
    base_kwh, signals = f.problem.nodes.base_kw[0] * f.problem.step_h, f.problem.signals
    of = {"cost": float(signals.price_per_kwh @ base_kwh), "carbon": float(signals.carbon_kg_per_kwh @ base_kwh)}
    return sum(weight * of.get(term, 0.0) for term, weight in stage.weights)


def stage_cost(f: Formulation, stage: Stage) -> Float:
    """Cost of each column for one stage, (n_column,)."""
    cost = np.zeros(f.programme.n_column)
    for term, weight in stage.weights:
        cost += weight * term_cost(f, term)
    return cost


def tie_break_cost(f: Formulation) -> Float:
    """Among equal optima: deliver early, and do not cycle a battery for nothing."""
    cost = term_cost(f, "earliest")
    horizon_h = float(f.problem.step_h.sum())
    cost[f.store_charge] = middle_h(f.problem)[f.store_step]
    cost[f.discharge] = cost[f.store_discharge] = horizon_h
    return cost


def _tangents(square: Square, at: Float) -> tuple[Float, RowMatrix]:
    """Rows 2 a value / scale - level <= a^2, one per square at its own a = `at` (n,), NaN for none."""
    which = np.flatnonzero(np.isfinite(at))
    a = at[which]
    row = np.arange(len(which))
    column = np.concatenate((square.value[which], square.level[which]))
    value = np.concatenate((2 * a / square.scale[which], np.full(len(which), -1.0)))
    return a**2, row_matrix(np.concatenate((row, row)), column, value, len(which))


class Staged:
    """A solver that holds what earlier stages reached."""

    def __init__(self, f: Formulation) -> None:
        self.f = f
        self.solver = Solver(f.programme)
        self._squares = [s for s in (f.squares, f.share_squares) if s is not None]
        self._watched = np.zeros(f.programme.n_column, dtype=bool)
        self._has_point = False
        for square in self._squares:
            for share in (0.0, 0.25, 0.5, 0.75, 1.0):
                at = (square.low + share * (square.high - square.low)) / square.scale
                self.solver.add_rows(*_tangents(square, at))

    def minimise(self, cost: Float) -> Float | None:
        """x (n_column,) of least cost with every square exact, or None where nothing is feasible."""
        scale = float(np.abs(cost).max(initial=0.0))
        self._watched |= cost != 0
        for number in range(_ROUNDS_MAX):
            x = self.solver.minimise(cost / scale if scale else cost, from_feasible=self._has_point and number == 0)
            if x is None or not self._refine(x):
                return x
        raise SolverError("the squares of the objective did not come out exact")

    def _refine(self, x: Float) -> bool:
        """Add tangents where a square that any stage so far looks at is too low; False where none was needed."""
        added = False
        for square in self._squares:
            at = x[square.value] / square.scale
            gap = at**2 - x[square.level]
            wrong = (gap > _SQUARE_GAP) & self._watched[square.level]
            if wrong.any():
                reach = np.sqrt(np.where(wrong, gap, np.nan))
                for share in _AROUND:
                    self.solver.add_rows(
                        *_tangents(square, np.clip(at + share * reach, square.low / square.scale, square.high / square.scale))
                    )
                added = True
        return added

    def hold(self, x: Float, cost: Float, slack: float = 1.0, constant: float = 0.0) -> None:
        """Keep the value that x reached, times the slack, for all that follows.

        Without slack and without binaries no row is added; the face of the optima is kept instead, which is exact.
        """
        self._has_point = True
        if slack == 1.0 and not self.solver.is_mixed:
            self.solver.keep_face(_HAIR if self._squares else 0.0)
        if slack == 1.0:
            self._pin_squares(x, cost)
        if slack == 1.0 and not self.solver.is_mixed:
            return
        value = float(cost @ x)
        scale = float(np.abs(cost).max(initial=0.0)) or 1.0
        used = np.flatnonzero(cost)
        limit = value + (slack - 1.0) * abs(value + constant) + 1e-9 * abs(value)
        rows = row_matrix(np.zeros(len(used), dtype=np.int64), used, cost[used] / scale, 1)
        self.solver.add_rows(np.array([limit / scale]), rows)

    def _pin_squares(self, x: Float, cost: Float) -> None:
        """A sum of squares has one optimum only: its arguments stay, and need no more tangents."""
        lower, upper = self.solver.lower.copy(), self.solver.upper.copy()
        for square in self._squares:
            counts = cost[square.level] > 0
            pinned = square.value[counts]
            lower[pinned], upper[pinned] = x[pinned] - _PIN, x[pinned] + _PIN
            self._watched[square.level[counts]] = False
        self.solver.set_bounds(lower, upper)


def solve_stages(f: Formulation, objective: Objective, recall: Recall) -> list[Float]:
    """x (n_column,) after each stage, and last the x that is best for all stages in their order and then earliest.

    Empty where nothing is feasible. `recall` gives the first stage a start and is told where it ended.
    """
    staged = Staged(f)
    recall.start(staged.solver)
    found: list[Float] = []
    for stage in objective.stages:
        cost = stage_cost(f, stage)
        x = staged.minimise(cost)
        if x is None and not found:
            return []
        if x is None:
            raise SolverError("what an earlier stage reached could not be held")
        if not found:
            recall.keep(staged.solver)
        found.append(x)
        staged.hold(x, cost, stage.slack, stage_constant(f, stage))
    x = staged.minimise(tie_break_cost(f))
    # Should rounding leave the solver no point at all here, the last stage's optimum stands, only not the earliest one.
    return found + ([x] if x is not None else found[-1:])


def least_short_kwh(f: Formulation) -> Float:
    """What each stay lacks under scarcity, (n_stay,): the least loss weighted by priority, then shared in proportion to need."""
    staged = Staged(f)
    stays = f.problem.stays
    lost = np.zeros(f.programme.n_column)
    lost[f.short] = stays.priority
    x = staged.minimise(lost)
    if x is None:
        raise SolverError("no schedule keeps the limits, though standing still does")
    staged.hold(x, lost)
    square = f.share_squares
    if square is not None:
        shared = np.zeros(f.programme.n_column)
        shared[square.level] = (stays.priority * stays.need_kwh)[stays.need_kwh > 0]
        x = staged.minimise(shared)
        if x is None:
            raise SolverError("the least shortfall could not be held while sharing it")
    return x[f.short]
