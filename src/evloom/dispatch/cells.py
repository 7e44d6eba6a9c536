"""Where stays and steps meet: one cell for every step that a stay touches, in the order of stays, then steps."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float, Int


def total_by(group: Int, value: Float, n_group: int) -> Float:
    """Sum of a value over each group, (n,) and (n,) -> (n_group,), floats even where there is nothing to add."""
    return np.bincount(group, weights=value, minlength=n_group).astype(np.float64)


@dataclass(frozen=True)
class Cells:
    """Columns of shape (n_cell,), and begin (n_stay + 1,): the cells of stay i are begin[i] <= j < begin[i + 1].

    stay, step          which stay, which step
    charge_max_kwh      most energy at the meter in the cell: power x hours the vehicle is there
    discharge_max_kwh   the same for discharge (unsigned)
    """

    stay: Int
    step: Int
    begin: Int
    charge_max_kwh: Float
    discharge_max_kwh: Float

    @property
    def n(self) -> int:
        """Number of cells."""
        return len(self.stay)

    def per_stay(self, value: Float) -> Float:
        """Sum of a value over the cells of each stay, (n_cell,) -> (n_stay,)."""
        return total_by(self.stay, value, len(self.begin) - 1)

    def dense(self, value: Float, n_step: int) -> Float:
        """A value per cell as a table, (n_cell,) -> (n_stay, n_step), zero where there is no cell."""
        table = np.zeros((len(self.begin) - 1, n_step))
        table[self.stay, self.step] = value
        return table


def cells_of(problem: Problem) -> Cells:
    """The cells of a problem. A stay whose `last` is not after `first` has none."""
    stays = problem.stays
    length = np.maximum(stays.last - stays.first, 0)
    begin = np.concatenate(([0], np.cumsum(length)))
    stay = np.repeat(np.arange(stays.n), length)
    within = np.arange(len(stay)) - begin[stay]
    step = within + stays.first[stay]
    share = np.where(within == length[stay] - 1, stays.last_share[stay], 1.0)
    share = np.where(within == 0, stays.first_share[stay], share)
    present_h = share * problem.step_h[step]
    return Cells(stay, step, begin, stays.charge_max_kw[stay] * present_h, stays.discharge_max_kw[stay] * present_h)


def deliverable_kwh(problem: Problem, cells: Cells) -> Float:
    """What each stay could get of its need if it were alone, (n_stay,)."""
    return np.minimum(problem.stays.need_kwh, cells.per_stay(cells.charge_max_kwh))


@dataclass(frozen=True)
class Room:
    """What steered units may draw and push back through each node, (n_node, n_step), kWh per step, both >= 0.

    Where the base load alone is above a limit, import_max_kwh is 0: nothing is steered to draw, and nothing
    is asked of anyone to mend what cannot be mended.
    """

    import_max_kwh: Float
    export_max_kwh: Float


def room_of(problem: Problem) -> Room:
    """The room that the base load leaves under the limits of the tree."""
    nodes = problem.nodes
    return Room(np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h, nodes.export_max_kw * problem.step_h)


def at_nodes(problem: Problem, cells: Cells, value: Float) -> Float:
    """Sum of a value over the cells of the stays that hang directly on each node -> (n_node, n_step)."""
    shape = problem.nodes.import_max_kw.shape
    flat = problem.stays.node[cells.stay] * shape[1] + cells.step
    return total_by(flat, value, shape[0] * shape[1]).reshape(shape)


def up_the_tree(problem: Problem, table: Float) -> Float:
    """What is attached to each node itself -> what is at or below it, (n_node, n_step)."""
    total = table.copy()
    for row in range(len(total) - 1, 0, -1):
        total[problem.nodes.parent[row]] += total[row]
    return total


def overload_kwh(problem: Problem, cells: Cells, charge_kwh: Float) -> float:
    """Most energy by which charging alone (n_cell,) exceeds the room of any node in any step."""
    total = up_the_tree(problem, at_nodes(problem, cells, charge_kwh))
    return float((total - room_of(problem).import_max_kwh).max(initial=0.0))
