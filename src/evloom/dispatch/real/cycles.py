"""Fewer weak currents at no cost: energy changes places between vehicles of one site, and every load stays as it is.

A plan that is best as a whole is far from unique: within a site two vehicles can swap energy between two steps (i gives step k to j and
takes step l from it), and neither the load of any step nor the energy of either changes, so neither cost nor any limit does. The
cells (stay and step) in which a vehicle charges, but neither fully nor not at all, are the edges of a graph between stays and steps.
Every cycle of that graph can be shifted, energy being added and taken in turn, until a cell is empty or full: what is left is a
forest, with fewer such cells than the site has stays and steps together (Dantzig 1951, on the basis of a transportation
problem). What is then still weaker than the charger's least current is mended by cycles of four cells that leave less weak energy.

A vehicle that discharges is cut into the spans between its discharges. Energy stays in its span, so that the level of the
battery at both ends of a span stays and lies between them within it: no bound of a battery can break.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evloom.dispatch.cells import at_nodes, cells_of, room_of, up_the_tree
from evloom.dispatch.problem import Problem, Schedule
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int

CRUMB_KWH = 1e-9  # less than this is what rounding leaves in a cell
ROUNDS = 3  # the weak cells are looked through so often; more finds next to nothing
ENOUGH = 0.002  # share of a site's energy: with no more of it weak than this the rest of the plan is left as it is
MUCH = 0.01  # with more than this mending alone would take long and leave more: all cycles are cancelled at once


class _Rows(NamedTuple):
    """Spans of stays without discharge in the order of sites, columns (n_row,): first <= step < last of the stay.

    begin (n_site + 1,): the rows of a site. charge_max_kwh and least_kwh (n_row, n_step) would be large, so they are computed
    from the hours: (n_stay,) columns first_share ... as in `problem.Stays`, step_h (n_step,).
    """

    stay: Int
    first: Int
    last: Int
    begin: Int
    stay_first: Int
    stay_last: Int
    first_share: Float
    last_share: Float
    charge_max_kw: Float
    least_kw: Float
    step_h: Float


def weak_share(problem: Problem, charge_kwh: Float, least_kw: Float) -> float:
    """Share of the energy charged, (n_stay, n_step), in cells where the power is above 0 and below `least_kw` (n_stay,)."""
    cells = cells_of(problem)
    energy_kwh = charge_kwh[cells.stay, cells.step]
    most_kw = problem.stays.charge_max_kw[cells.stay]
    hours = np.divide(cells.charge_max_kwh, most_kw, out=np.zeros(cells.n), where=most_kw > 0.0)
    weak = energy_kwh < least_kw[cells.stay] * hours * (1.0 - 1e-9) - CRUMB_KWH
    total_kwh = float(energy_kwh.sum())
    return float(energy_kwh[weak].sum()) / total_kwh if total_kwh else 0.0


def sites_of(problem: Problem) -> Int:
    """A number for each stay, (n_stay,), equal for those that may change places: no limit, price or request can tell them apart.

    From its node a stay climbs as long as no limit there can ever bind, whatever charges and discharges below. Where limits of
    phases are set, stays that load different phases do not change places.
    """
    nodes, stays = problem.nodes, problem.stays
    top = np.arange(len(nodes.parent))
    free = _never_binds(problem)
    for row in range(1, len(top)):
        top[row] = top[nodes.parent[row]] if free[row] else row
    # A node that is free lies in the site of its parent; parents come before children, so theirs is already known.
    site = top[stays.node] * 4
    if stays.phase is not None and nodes.phase_room_kw is not None:
        site = site + stays.phase + 1
    return np.asarray(site, dtype=np.int64)


def _never_binds(problem: Problem) -> Bool:
    """Nodes (n_node,) at which nothing depends on who of those below charges when."""
    nodes, cells, room = problem.nodes, cells_of(problem), room_of(problem)
    most = up_the_tree(problem, at_nodes(problem, cells, cells.charge_max_kwh))
    least = up_the_tree(problem, at_nodes(problem, cells, cells.discharge_max_kwh))
    for row, node in enumerate(problem.stores.node):
        at = node
        while at >= 0:
            most[at] += problem.stores.charge_max_kw[row] * problem.step_h
            least[at] += problem.stores.discharge_max_kw[row] * problem.step_h
            at = nodes.parent[at]
    free = np.array((most <= room.import_max_kwh).all(axis=1) & (least <= room.export_max_kwh).all(axis=1), dtype=np.bool_)
    if nodes.price_per_kwh is not None:
        free &= ~nodes.price_per_kwh.any(axis=1)
    if nodes.phase_room_kw is not None:
        free &= ~np.isfinite(nodes.phase_room_kw).any(axis=(1, 2))
    free[problem.requests.node] = False
    return free


def cancel_cycles(problem: Problem, schedule: Schedule, least_kw: Float, site: Int | None = None) -> Schedule:
    """The schedule with as little energy below `least_kw` (n_stay,) as changing places within sites allows.

    Load of every site in every step, energy of every stay, discharge, stores and every term of the objective are as before. `site`
    (n_stay,) numbers those that may change places; without it `sites_of`. The same input gives the same schedule.
    """
    stays = problem.stays
    if stays.n == 0:
        return schedule
    where = sites_of(problem) if site is None else site
    stay, first, last = _spans(schedule.discharge_kwh, stays.first, stays.last)
    order = np.argsort(where[stay], kind="stable")
    _, begin = np.unique(where[stay][order], return_index=True)
    rows = _Rows(
        stay[order], first[order], last[order], np.append(begin, len(order)), stays.first, stays.last,
        stays.first_share, stays.last_share, stays.charge_max_kw, np.minimum(least_kw, stays.charge_max_kw), problem.step_h,
    )  # fmt: skip
    charge_kwh = np.ascontiguousarray(schedule.charge_kwh).copy()
    _every_site(rows, charge_kwh)
    return replace(schedule, charge_kwh=charge_kwh)


def _spans(discharge_kwh: Float, first: Int, last: Int) -> tuple[Int, Int, Int]:
    """The spans (stay, first, last) between discharges, (n_span,) each; a stay that never discharges is one span."""
    stays_out, steps_out = np.nonzero(discharge_kwh)
    n_stay = len(first)
    stay = np.concatenate((np.arange(n_stay), stays_out))
    begin = np.concatenate((first, steps_out + 1))
    order = np.lexsort((begin, stay))
    stay, begin = stay[order], begin[order]
    end = np.append(begin[1:] - 1, 0)
    final = np.append(stay[1:] != stay[:-1], True)
    end[final] = last[stay[final]]
    kept = end > begin + 1  # within a single step nothing can change places
    return stay[kept], begin[kept], end[kept]


@compiled
def _hours(rows: _Rows, stay: int, step: int) -> float:
    """Hours for which the vehicle is there in a step of its stay."""
    if step == rows.stay_first[stay]:
        return float(rows.first_share[stay] * rows.step_h[step])
    if step == rows.stay_last[stay] - 1:
        return float(rows.last_share[stay] * rows.step_h[step])
    return float(rows.step_h[step])


@compiled
def _weak(energy_kwh: float, least_kwh: float) -> float:
    """The energy of a cell that is charged at less than its least power, else 0."""
    return energy_kwh if CRUMB_KWH < energy_kwh < least_kwh * (1.0 - 1e-9) - CRUMB_KWH else 0.0


@compiled
def _weak_sum(energy_kwh: Float, least_kwh: Float) -> float:
    """Energy of all cells (n_row, n_step) that are charged at less than their least power."""
    total_kwh = 0.0
    for i in range(energy_kwh.shape[0]):
        for step in range(energy_kwh.shape[1]):
            total_kwh += _weak(energy_kwh[i, step], least_kwh[i, step])
    return total_kwh


@compiled
def _every_site(rows: _Rows, charge_kwh: Float) -> None:
    """Change places in all sites, in place: by mending alone where that suffices, else after cancelling all cycles if that is better."""
    for site in range(len(rows.begin) - 1):
        begin, end = rows.begin[site], rows.begin[site + 1]
        shape = end - begin, len(rows.step_h)
        mended_kwh, hours = np.zeros(shape), np.zeros(shape)
        stay = rows.stay[begin:end]
        for i in range(end - begin):
            for step in range(rows.first[begin + i], rows.last[begin + i]):
                hours[i, step] = _hours(rows, stay[i], step)
                mended_kwh[i, step] = charge_kwh[stay[i], step]
        most_kwh = hours * rows.charge_max_kw[stay].reshape(-1, 1)
        least_kwh = hours * rows.least_kw[stay].reshape(-1, 1)
        forest_kwh, total_kwh = mended_kwh.copy(), mended_kwh.sum()
        left_kwh = _weak_sum(mended_kwh, least_kwh)
        if left_kwh <= MUCH * total_kwh:
            left_kwh = _mend(mended_kwh, most_kwh, least_kwh)
        if left_kwh > ENOUGH * total_kwh:
            _forest(forest_kwh, most_kwh, least_kwh)
            if _mend(forest_kwh, most_kwh, least_kwh) < left_kwh:
                mended_kwh = forest_kwh
        for i in range(end - begin):
            for step in range(rows.first[begin + i], rows.last[begin + i]):
                charge_kwh[stay[i], step] = mended_kwh[i, step]


@compiled
def _way(row: int, target: int, parent: Int, place: Int, way: Int) -> int:
    """Write the nodes from `row` to `target` through the forest into `way`; returns how many, 0 where they are in different trees.

    place (n_node,) is -1 everywhere, before and after.
    """
    n, node = 0, row
    while node >= 0:
        way[n], place[node] = node, n
        n, node = n + 1, parent[node]
    n_up, node = n, target
    while node >= 0 and place[node] < 0:
        way[n] = node
        n, node = n + 1, parent[node]
    meet = place[node] if node >= 0 else -1
    for j in range(n_up):
        place[way[j]] = -1
    if meet < 0:
        return 0
    down = way[n_up:n][::-1].copy()
    way[meet + 1 : meet + 1 + len(down)] = down
    return int(meet + 1 + len(down))


@compiled
def _slack(way: Int, sign: float, energy_kwh: Float, most_kwh: Float) -> float:
    """How much the cycle `way` can be shifted: its closing cell by `sign`, the next against it, and so on."""
    n_row, shift_kwh = energy_kwh.shape[0], np.inf
    for j in range(len(way)):
        a, b = way[j - 1], way[j]
        row, step = min(a, b), max(a, b) - n_row
        room_kwh = most_kwh[row, step] - energy_kwh[row, step] if sign > 0.0 else energy_kwh[row, step]
        shift_kwh = min(shift_kwh, room_kwh)
        sign = -sign
    return float(shift_kwh)


@compiled
def _weak_after(way: Int, shift_kwh: float, energy_kwh: Float, least_kwh: Float) -> float:
    """Weak energy on the cycle once its closing cell has risen by `shift_kwh` (negative: fallen)."""
    n_row, weak_kwh = energy_kwh.shape[0], 0.0
    for j in range(len(way)):
        a, b = way[j - 1], way[j]
        row, step = min(a, b), max(a, b) - n_row
        weak_kwh += _weak(energy_kwh[row, step] + shift_kwh, least_kwh[row, step])
        shift_kwh = -shift_kwh
    return weak_kwh


@compiled
def _shift(way: Int, sign: float, shift: tuple[float, Float, Float], parent: Int) -> None:
    """Shift the cycle, its closing cell by `sign`; cells that become empty or full are cut out of the forest.

    shift is (kWh >= 0, energy, most): the sign stands apart since a shift can be 0 where rounding has filled a cell already.
    """
    size_kwh, energy_kwh, most_kwh = shift
    n_row = energy_kwh.shape[0]
    for j in range(len(way)):
        a, b = way[j - 1], way[j]
        row, step = min(a, b), max(a, b) - n_row
        room_kwh = most_kwh[row, step] - energy_kwh[row, step] if sign > 0.0 else energy_kwh[row, step]
        if room_kwh <= size_kwh:
            energy_kwh[row, step] = most_kwh[row, step] if sign > 0.0 else 0.0
            if parent[a] == b:
                parent[a] = -1
            elif parent[b] == a:
                parent[b] = -1
        else:
            energy_kwh[row, step] += sign * size_kwh
        sign = -sign


@compiled
def _hang(row: int, target: int, parent: Int) -> None:
    """Join the tree of `row` to that of `target`: turn the way from `row` to its root around."""
    node, below = row, target
    while node >= 0:
        above = parent[node]
        parent[node] = below
        below, node = node, above


@compiled
def _forest(energy_kwh: Float, most_kwh: Float, least_kwh: Float) -> None:
    """Shift cycles of cells that are neither empty nor full until there are none, in place; of both ways the less weak one."""
    n_row, n_step = energy_kwh.shape
    parent, place = np.full(n_row + n_step, -1), np.full(n_row + n_step, -1)
    room = np.empty(4 * min(n_row, n_step) + 8, dtype=np.int64)
    for row in range(n_row):
        for step in range(n_step):
            while 0.0 < energy_kwh[row, step] < most_kwh[row, step]:
                n = _way(row, n_row + step, parent, place, room)
                if n == 0:
                    _hang(row, n_row + step, parent)
                    break
                way = room[:n]
                up_kwh, down_kwh = _slack(way, 1.0, energy_kwh, most_kwh), _slack(way, -1.0, energy_kwh, most_kwh)
                rising = _weak_after(way, up_kwh, energy_kwh, least_kwh) < _weak_after(way, -down_kwh, energy_kwh, least_kwh)
                _shift(way, 1.0 if rising else -1.0, (up_kwh if rising else down_kwh, energy_kwh, most_kwh), parent)


@compiled
def _gain(table: tuple[Float, Float, Float], row: int, step: int, more_kwh: float) -> float:
    """Weak energy that goes from a cell when it gets `more_kwh` (negative: comes); -infinity where it cannot."""
    energy_kwh, most_kwh, least_kwh = table
    before_kwh = energy_kwh[row, step]
    after_kwh = before_kwh + more_kwh
    if after_kwh < -1e-12 or after_kwh > most_kwh[row, step] + 1e-12:
        return -np.inf
    return _weak(before_kwh, least_kwh[row, step]) - _weak(after_kwh, least_kwh[row, step])


@compiled
def _partners(table: tuple[Float, Float, Float], i: int, k: int, more_kwh: float) -> tuple[Int, Float]:
    """The rows that can take over in step k what cell (i, k) gets or gives, and the weak energy that goes from both cells together.

    Left out are those in which as much comes as goes from (i, k): most of them, since most do not charge at all in k.
    """
    n_row = table[0].shape[0]
    rows, gain_kwh = np.empty(n_row, dtype=np.int64), np.empty(n_row)
    own_kwh, n = _gain(table, i, k, more_kwh), 0
    for j in range(n_row):
        both_kwh = own_kwh + _gain(table, j, k, -more_kwh)
        if j != i and both_kwh > CRUMB_KWH:
            rows[n], gain_kwh[n] = j, both_kwh
            n += 1
    return rows[:n], gain_kwh[:n]


@compiled
def _best_four(table: tuple[Float, Float, Float], i: int, k: int, more_kwh: float) -> tuple[int, int, float]:
    """The row and step through which cell (i, k) best gets `more_kwh`, and the weak energy that goes; the first that mends it."""
    most_kwh = table[1]
    best_row, best_step, best_kwh = -1, -1, CRUMB_KWH
    enough_kwh = _gain(table, i, k, more_kwh) - CRUMB_KWH
    rows, both_kwh = _partners(table, i, k, more_kwh)
    for step in range(most_kwh.shape[1]):
        if step == k or most_kwh[i, step] <= 0.0:
            continue
        here_kwh = _gain(table, i, step, -more_kwh)
        for n in range(len(rows) if here_kwh > -np.inf else 0):
            if most_kwh[rows[n], step] <= 0.0:
                continue
            all_kwh = both_kwh[n] + here_kwh + _gain(table, rows[n], step, more_kwh)
            if all_kwh > best_kwh:
                best_row, best_step, best_kwh = rows[n], step, all_kwh
                if all_kwh >= enough_kwh:
                    return best_row, best_step, best_kwh
    return best_row, best_step, best_kwh


@compiled
def _give(table: tuple[Float, Float, Float], row: int, step: int, more_kwh: float) -> None:
    """Add to a cell, in place; what rounding leaves below 0 or above the most is taken off."""
    energy_kwh, most_kwh, _ = table
    energy_kwh[row, step] = min(max(energy_kwh[row, step] + more_kwh, 0.0), most_kwh[row, step])


@compiled
def _mend(energy_kwh: Float, most_kwh: Float, least_kwh: Float) -> float:
    """Empty weak cells, or lift them to their least, by cycles of four cells, in place. Returns the weak energy that is left (kWh)."""
    table = energy_kwh, most_kwh, least_kwh
    for _ in range(ROUNDS):
        before_kwh = _weak_sum(energy_kwh, least_kwh)
        for i in range(energy_kwh.shape[0]):
            for k in range(energy_kwh.shape[1]):
                weak_kwh = _weak(energy_kwh[i, k], least_kwh[i, k])
                if weak_kwh <= 0.0:
                    continue
                more_kwh = -weak_kwh
                j, step, gain_kwh = _best_four(table, i, k, more_kwh)
                if gain_kwh < weak_kwh - CRUMB_KWH:
                    lift_kwh = least_kwh[i, k] - weak_kwh
                    other_j, other_step, other_kwh = _best_four(table, i, k, lift_kwh)
                    if other_kwh > gain_kwh:
                        j, step, more_kwh = other_j, other_step, lift_kwh
                if j >= 0:
                    _give(table, i, k, more_kwh)
                    _give(table, i, step, -more_kwh)
                    _give(table, j, k, -more_kwh)
                    _give(table, j, step, more_kwh)
        if before_kwh - _weak_sum(energy_kwh, least_kwh) <= CRUMB_KWH:
            break
    return _weak_sum(energy_kwh, least_kwh)
