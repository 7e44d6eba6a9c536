"""Where stays and steps meet: one cell for every step that a stay touches, in the order of stays, then steps."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Bool, Float, Int


def total_by(group: Int, value: Float, n_group: int) -> Float:
    """Sum of a value over each group, (n,) and (n,) -> (n_group,), floats even where there is nothing to add."""
    return np.bincount(group, weights=value, minlength=n_group).astype(np.float64)


# A rating that allows more than this in a cell means "no limit" (1e9 kW) and would spoil the solver's numbers.
_BOUNDLESS_KWH = 1e4


@dataclass(frozen=True)
class Cells:
    """Columns of shape (n_cell,), and begin (n_stay + 1,): the cells of stay i are begin[i] <= j < begin[i + 1].

    stay, step          which stay, which step
    present_h           hours of the step in which the vehicle is there
    charge_max_kwh      most energy at the meter in the cell: power x hours the vehicle is there; where that is beyond any charger, what the
                        battery could take up between its floor and its room
    discharge_max_kwh   the same for discharge (unsigned)
    """

    stay: Int
    step: Int
    begin: Int
    charge_max_kwh: Float
    discharge_max_kwh: Float
    present_h: Float

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
    span_kwh = np.where(stays.discharge_max_kw > 0, stays.below_kwh, 0.0) + stays.room_kwh * stays.charge_efficiency
    most_kwh = np.maximum(span_kwh / stays.charge_efficiency, stays.need_kwh), span_kwh * stays.discharge_efficiency
    charge_kwh, discharge_kwh = stays.charge_max_kw[stay] * present_h, stays.discharge_max_kw[stay] * present_h
    return Cells(
        stay,
        step,
        begin,
        np.where(charge_kwh > _BOUNDLESS_KWH, np.minimum(charge_kwh, most_kwh[0][stay]), charge_kwh),
        np.where(discharge_kwh > _BOUNDLESS_KWH, np.minimum(discharge_kwh, most_kwh[1][stay]), discharge_kwh),
        present_h,
    )


def deliverable_kwh(problem: Problem, cells: Cells) -> Float:
    """What each stay could get of its need if it were alone, (n_stay,)."""
    return np.minimum(problem.stays.need_kwh, cells.per_stay(cells.charge_max_kwh))


@dataclass(frozen=True)
class Room:
    """What steered units may draw and push back through each node, (n_node, n_step), kWh per step, both >= 0.

    Where the base load alone is above a limit, import_max_kwh is 0: nothing is steered to draw, and nothing
    is asked of anyone to mend what cannot be mended. phase_max_kwh (n_node, 3, n_step) is the same for what is drawn on each
    phase, None where phases are not limited.
    """

    import_max_kwh: Float
    export_max_kwh: Float
    phase_max_kwh: Float | None = None


def room_of(problem: Problem) -> Room:
    """The room that the base load leaves under the limits of the tree."""
    nodes = problem.nodes
    phase_max_kwh = None if nodes.phase_room_kw is None else nodes.phase_room_kw * problem.step_h
    return Room(np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0) * problem.step_h, nodes.export_max_kw * problem.step_h, phase_max_kwh)


def phase_shares(problem: Problem) -> Float:
    """Which share of each stay's power is on each phase, (3, n_stay): all of it on one, or a third on each."""
    stays = problem.stays
    if stays.phase is None:
        return np.full((3, stays.n), 1 / 3)
    return np.where(stays.phase < 0, 1 / 3, stays.phase == np.arange(3)[:, None])


def tight_phases(problem: Problem, cells: Cells) -> Bool:
    """Where the units at or below a node could draw more on a phase than is allowed there, (n_node, 3, n_step); all False without limits
    of phases."""
    room_kwh, shape = room_of(problem).phase_max_kwh, problem.nodes.import_max_kw.shape
    if room_kwh is None:
        return np.zeros((shape[0], 3, shape[1]), dtype=np.bool_)
    stores, most = problem.stores, np.zeros(room_kwh.shape)
    np.add.at(most, stores.node, np.multiply.outer(stores.charge_max_kw / 3, problem.step_h)[:, None])
    for phase, share in enumerate(phase_shares(problem)):
        most[:, phase] += at_nodes(problem, cells, cells.charge_max_kwh * share[cells.stay])
    for row in range(shape[0] - 1, 0, -1):
        most[problem.nodes.parent[row]] += np.minimum(most[row], room_kwh[row])
    tight: Bool = most > room_kwh
    return tight


def zone_prices_per_kwh(problem: Problem) -> Float | None:
    """What a steered kWh at each node costs on top of the price at the root, (n_node, n_step): the prices of all nodes it passes."""
    if problem.nodes.price_per_kwh is None:
        return None
    total = problem.nodes.price_per_kwh.astype(np.float64)
    for row in range(1, len(total)):
        total[row] += total[problem.nodes.parent[row]]
    return total


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
    """Most energy by which charging alone (n_cell,) exceeds the room of any node, or of one of its phases, in any step."""
    total, room = up_the_tree(problem, at_nodes(problem, cells, charge_kwh)), room_of(problem)
    over_kwh = float((total - room.import_max_kwh).max(initial=0.0))
    if room.phase_max_kwh is None:
        return over_kwh
    for phase, share in enumerate(phase_shares(problem)):
        total = up_the_tree(problem, at_nodes(problem, cells, charge_kwh * share[cells.stay]))
        over_kwh = max(over_kwh, float((total - room.phase_max_kwh[:, phase]).max(initial=0.0)))
    return over_kwh
