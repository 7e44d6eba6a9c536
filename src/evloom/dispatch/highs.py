"""The only file that speaks to HiGHS, an open solver of linear and mixed-integer programmes.

Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical Programming Computation 10 (2018).
"""

from typing import Any

import numpy as np

from evloom.dispatch.programme import Programme, RowMatrix
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Float

_TOLERANCES = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9, "mip_feasibility_tolerance": 1e-9}


# Measured: presolve costs more than it saves at a first solve. From a feasible basis the primal simplex is best for small programmes, a
# fresh start with presolve (most columns are fixed by then) for middling ones, and the dual simplex for large ones.
_SMALL, _MIDDLING = 10_000, 30_000
_DUAL, _PRIMAL = 1, 4
# Reduced costs and duals below this are rounding; costs come scaled to at most 1.
_NO_DUAL = 1e-9
_USUAL = {**_TOLERANCES, "solver": "choose"}
# Other ways to solve a programme that the usual one left undecided, in this order.
_AGAIN: tuple[dict[str, Any], ...] = (
    {"presolve": "on", "solver": "simplex"},
    {"presolve": "off", "solver": "simplex"},
    {"presolve": "on", "solver": "ipm"},
    {"presolve": "on", "solver": "simplex", "primal_feasibility_tolerance": 1e-7, "dual_feasibility_tolerance": 1e-7},
)


class Recall:
    """Where earlier solutions of programmes of the same size ended, as a start for the next: for replans in which numbers changed, not
    what there is. From any start the optimum is found; a good one is only nearer."""

    def __init__(self) -> None:
        self._bases: dict[tuple[int, int], Any] = {}

    def start(self, solver: "Solver") -> None:
        """Let a solver begin where the last one of its size ended."""
        basis = self._bases.get(solver.size)
        if basis is not None and not solver.is_mixed:
            solver.set_basis(basis)

    def keep(self, solver: "Solver") -> None:
        """Remember where a solver, which has found an optimum, stands."""
        if not solver.is_mixed:
            self._bases[solver.size] = solver.basis()


class Solver:
    """One programme loaded into HiGHS, to be solved again and again with other costs, bounds and added rows.

    One thread and a fixed seed: the same input gives the same bits.
    """

    def __init__(self, programme: Programme, chosen: Float | None = None, *, relaxed: bool = False) -> None:
        """chosen: 0 or 1 for each of `programme.whole`; they stay so, and the rest is a linear programme. relaxed: anything between."""
        import highspy  # 70 ms: only who optimises waits for it

        self._highspy = highspy
        self._highs: Any = highspy.Highs()
        for name, value in {
            "output_flag": False,
            "threads": 1,
            "random_seed": 0,
            "mip_rel_gap": 0.0,
            "mip_abs_gap": 1e-9,
            **_TOLERANCES,
        }.items():
            self._highs.setOptionValue(name, value)
        self.n_column = programme.n_column
        self.lower = programme.lower.copy()
        self.upper = programme.upper.copy()
        self._row_lower, self._row_upper = programme.row_lower, programme.row_upper
        self.is_mixed = len(programme.whole) > 0 and chosen is None and not relaxed
        if chosen is not None:
            self.lower[programme.whole] = self.upper[programme.whole] = chosen
        self._presolve = "choose" if self.is_mixed else "off"
        self._highs.setOptionValue("presolve", self._presolve)
        self._all = np.arange(self.n_column, dtype=np.int32)
        matrix = programme.matrix
        whole = np.zeros(self.n_column, dtype=np.int32)
        if self.is_mixed:
            whole[programme.whole] = 1
        rowwise, minimise = int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize)
        head = (self.n_column, programme.n_row, len(matrix.value), rowwise, minimise, 0.0, np.zeros(self.n_column), self.lower, self.upper)
        body = (programme.row_lower, programme.row_upper, matrix.start[:-1], matrix.column, matrix.value)
        # A model passed with an array of kinds counts as mixed-integer even if all are continuous.
        self._accept(self._highs.passModel(*head, *body, *((whole,) if self.is_mixed else (whole[:0],))))

    def _accept(self, status: Any) -> None:
        if status == self._highspy.HighsStatus.kError:
            raise SolverError("HiGHS refused the programme it was given")

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, with those added since."""
        return self.n_column, len(self._row_lower)

    def basis(self) -> Any:
        """The basis of the last solution, for another programme of this size."""
        return self._highs.getBasis()

    def set_basis(self, basis: Any) -> None:
        """Begin the next solution at this basis."""
        self._accept(self._highs.setBasis(basis))

    def set_bounds(self, lower: Float, upper: Float) -> None:
        """Replace the bounds of all columns."""
        self.lower, self.upper = lower, upper
        self._accept(self._highs.changeColsBounds(self.n_column, self._all, lower, upper))

    def keep_face(self, hair: float = 0.0) -> None:
        """Confine what follows to the optima of the last solve (a linear one).

        By complementary slackness these are the feasible points at which every column with a reduced cost and every
        row with a dual stays where it is. hair: by how much a row may give way to the side that its own bounds allow,
        relative to its activity; the many rows of a sum of squares need it to be seen as consistent.
        """
        solution = self._highs.getSolution()
        x, activity = np.asarray(solution.col_value), np.asarray(solution.row_value)
        stay = np.abs(np.asarray(solution.col_dual)) > _NO_DUAL
        rows = np.flatnonzero(np.abs(np.asarray(solution.row_dual)) > _NO_DUAL).astype(np.int32)
        self.set_bounds(np.where(stay, x, self.lower), np.where(stay, x, self.upper))
        give = hair * (1.0 + np.abs(activity[rows]))
        lower = np.minimum(np.maximum(self._row_lower[rows], activity[rows] - give), activity[rows])
        upper = np.maximum(np.minimum(self._row_upper[rows], activity[rows] + give), activity[rows])
        self._accept(self._highs.changeRowsBounds(len(rows), rows, lower, upper))

    def add_rows(self, upper: Float, rows: RowMatrix) -> None:
        """Append rows A x <= upper."""
        lower = np.full(len(upper), -np.inf)
        self._row_lower, self._row_upper = np.append(self._row_lower, lower), np.append(self._row_upper, upper)
        self._accept(self._highs.addRows(len(upper), lower, upper, len(rows.value), rows.start[:-1], rows.column, rows.value))

    def _run(self, *, anew: bool) -> Any:
        """Solve, from the last basis or anew after a presolve; the status of the model."""
        if anew:
            self._highs.clearSolver()
            self._highs.setOptionValue("presolve", "on")
        self._highs.run()
        self._highs.setOptionValue("presolve", self._presolve)
        return self._highs.getModelStatus()

    def minimise(self, cost: Float, *, from_feasible: bool = False) -> Float | None:
        """Solve -> x (n_column,), or None where no x is feasible. Raises SolverError for anything else.

        from_feasible   the last x is still feasible and only the costs changed
        """
        warm = from_feasible and not self.is_mixed
        self._highs.setOptionValue("simplex_strategy", _PRIMAL if warm and self.n_column < _SMALL else _DUAL)
        self._accept(self._highs.changeColsCost(self.n_column, self._all, cost))
        kinds = self._highspy.HighsModelStatus
        told = (kinds.kOptimal, kinds.kModelEmpty, kinds.kInfeasible, kinds.kUnboundedOrInfeasible)
        status = self._run(anew=warm and _SMALL <= self.n_column < _MIDDLING)
        for again in () if status in told else _AGAIN:
            # Near-degenerate programmes now and then defeat one way of solving; from scratch another one gets through.
            self._highs.clearSolver()
            for name, value in again.items():
                self._highs.setOptionValue(name, value)
            self._highs.run()
            status = self._highs.getModelStatus()
            for name in again:
                self._highs.setOptionValue(name, self._presolve if name == "presolve" else _USUAL[name])
            if status in told:
                break
        if status == kinds.kUnboundedOrInfeasible:
            # Presolve could not tell which. All columns that cost something are bounded, so it is a question of feasibility.
            return None
        if status == kinds.kInfeasible:
            return None
        if status not in told:
            raise SolverError(f"HiGHS ended with: {self._highs.modelStatusToString(status)}")
        return np.asarray(self._highs.getSolution().col_value, dtype=np.float64)

    def minimise_within(self, cost: Float, start: Float | None, limit_s: float, gap: float) -> tuple[Float | None, float]:
        """Solve a mixed programme -> the best x found (n_column,), None if none was, and a bound that no x can be below.

        start     an x that is feasible, to begin with; limit_s: seconds after which the best so far is taken
        gap       relative distance of value and bound that is good enough
        """
        self._highs.setOptionValue("time_limit", limit_s)
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._accept(self._highs.changeColsCost(self.n_column, self._all, cost))
        if start is not None:
            known = self._highspy.HighsSolution()
            known.col_value = start.tolist()
            self._accept(self._highs.setSolution(known))
        self._highs.run()
        info, kinds = self._highs.getInfo(), self._highspy.HighsModelStatus
        if self._highs.getModelStatus() in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
            return None, np.inf
        if info.primal_solution_status != self._highspy.SolutionStatus.kSolutionStatusFeasible:
            return None, float(info.mip_dual_bound)
        return np.asarray(self._highs.getSolution().col_value, dtype=np.float64), float(info.mip_dual_bound)
