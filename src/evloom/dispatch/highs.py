"""The only file that speaks to HiGHS, an open solver of linear and mixed-integer programmes.

Huangfu and Hall, "Parallelizing the dual revised simplex method", Mathematical Programming Computation 10 (2018).
"""

from typing import Any

import numpy as np

from evloom.dispatch.programme import Programme, RowMatrix
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Bool, Float

_TOLERANCES = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9, "mip_feasibility_tolerance": 1e-9}


class Solver:
    """One programme loaded into HiGHS, to be solved again and again with other costs, bounds and added rows.

    One thread and a fixed seed: the same input gives the same bits.
    """

    def __init__(self, programme: Programme) -> None:
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
        self.is_mixed = len(programme.whole) > 0
        self._all = np.arange(self.n_column, dtype=np.int32)
        matrix = programme.matrix
        whole = np.zeros(self.n_column, dtype=np.int32)
        whole[programme.whole] = 1
        rowwise, minimise = int(highspy.MatrixFormat.kRowwise), int(highspy.ObjSense.kMinimize)
        head = (self.n_column, programme.n_row, len(matrix.value), rowwise, minimise, 0.0, np.zeros(self.n_column), self.lower, self.upper)
        body = (programme.row_lower, programme.row_upper, matrix.start[:-1], matrix.column, matrix.value)
        # A model passed with an array of kinds counts as mixed-integer even if all are continuous.
        self._accept(self._highs.passModel(*head, *body, *((whole,) if self.is_mixed else (whole[:0],))))

    def _accept(self, status: Any) -> None:
        if status == self._highspy.HighsStatus.kError:
            raise SolverError("HiGHS refused the programme it was given")

    def set_option(self, name: str, value: str | float) -> None:
        """Set an option of HiGHS, e.g. ("solver", "ipm")."""
        self._highs.setOptionValue(name, value)

    def set_bounds(self, lower: Float, upper: Float) -> None:
        """Replace the bounds of all columns."""
        self.lower, self.upper = lower, upper
        self._accept(self._highs.changeColsBounds(self.n_column, self._all, lower, upper))

    def fix_rows(self, where: Bool) -> None:
        """Hold the rows `where` (n_row,) at their present activity."""
        rows = np.flatnonzero(where).astype(np.int32)
        activity = np.asarray(self._highs.getSolution().row_value)[rows]
        self._accept(self._highs.changeRowsBounds(len(rows), rows, activity, activity))

    def add_rows(self, upper: Float, rows: RowMatrix) -> None:
        """Append rows A x <= upper."""
        lower = np.full(len(upper), -np.inf)
        self._accept(self._highs.addRows(len(upper), lower, upper, len(rows.value), rows.start[:-1], rows.column, rows.value))

    def minimise(self, cost: Float) -> Float | None:
        """Solve -> x (n_column,), or None where no x is feasible. Raises SolverError for anything else."""
        self._accept(self._highs.changeColsCost(self.n_column, self._all, cost))
        self._highs.run()
        status, kinds = self._highs.getModelStatus(), self._highspy.HighsModelStatus
        if status == kinds.kUnboundedOrInfeasible:
            # Presolve could not tell which. All columns that cost something are bounded, so it is a question of feasibility.
            return None
        if status == kinds.kInfeasible:
            return None
        if status not in (kinds.kOptimal, kinds.kModelEmpty):
            raise SolverError(f"HiGHS ended with: {self._highs.modelStatusToString(status)}")
        return np.asarray(self._highs.getSolution().col_value, dtype=np.float64)

    def forget(self) -> None:
        """Drop the basis, so that the next solve starts with presolve."""
        self._highs.clearSolver()

    def duals(self) -> tuple[Float, Float]:
        """Reduced costs (n_column,) and row duals (n_row,) of the last optimum (not after a mixed-integer solve)."""
        solution = self._highs.getSolution()
        return np.asarray(solution.col_dual, dtype=np.float64), np.asarray(solution.row_dual, dtype=np.float64)
