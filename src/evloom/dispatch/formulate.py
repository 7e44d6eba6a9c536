"""The planning problem as a linear programme. docs/optimum.md writes the same in symbols; the names agree."""

from collections.abc import Collection, Iterator

import numpy as np

from evloom.dispatch.cells import Cells, at_nodes, phase_shares, room_of, tight_phases, total_by
from evloom.dispatch.formulation import Formulation, OneWay, Square
from evloom.dispatch.objective import REQUEST
from evloom.dispatch.problem import Problem
from evloom.dispatch.programme import Programme
from evloom.dispatch.terms import export_steps
from evloom.kernel.timegrid import Bool, Float, Int


def formulate(
    problem: Problem, cells: Cells, need_kwh: Float, terms: Collection[str], one_way: OneWay, *, scarce: bool = False
) -> Formulation:
    """Build the programme for a promise of need_kwh (n_stay,) and the objective terms in use.

    scarce   the promise may be missed: columns `short` and the squares of the share missed are added
    """
    two_way = np.flatnonzero(problem.stays.discharge_max_kw[cells.stay] > 0)
    f = Formulation(problem, cells, room_of(problem), Programme(), two_way)
    f.low, f.high = _range_kwh(f)
    define_stays(f)
    define_stores(f)
    if scarce:
        define_short(f, need_kwh)
    define_promise(f, need_kwh)
    define_totals(f, terms)
    define_phases(f)
    define_export(f, terms)
    define_intervals(f, terms)
    if REQUEST in terms:
        define_requests(f)
    define_one_way(f, one_way)
    return f


def define_stays(f: Formulation) -> None:
    """charge and discharge of each cell, and the stored energy of vehicles that may discharge."""
    p, cells, stays, two = f.programme, f.cells, f.problem.stays, f.two_way
    f.charge = p.columns(cells.n, 0.0, cells.charge_max_kwh)
    f.discharge = p.columns(len(two), 0.0, cells.discharge_max_kwh[two])
    stay = cells.stay[two]
    f.level = p.columns(len(two), -stays.below_kwh[stay], stays.room_kwh[stay] * stays.charge_efficiency[stay])
    # level[k] - level[k - 1] - efficiency x charge + discharge / efficiency = 0, level before the first cell = 0
    row = p.rows(len(two), 0.0, 0.0)
    p.entries(row, f.level, 1.0)
    later = np.flatnonzero(two != cells.begin[stay])
    p.entries(row[later], f.level[later - 1], -1.0)
    p.entries(row, f.charge[two], -stays.charge_efficiency[stay])
    p.entries(row, f.discharge, 1.0 / stays.discharge_efficiency[stay])


def define_stores(f: Formulation) -> None:
    """charge, discharge and stored energy of stationary batteries."""
    p, stores, n_step = f.programme, f.problem.stores, f.problem.n_step
    unit = np.repeat(np.arange(len(stores.node)), n_step)
    step_h = f.problem.step_h[f.store_step]
    f.store_charge = p.columns(len(unit), 0.0, stores.charge_max_kw[unit] * step_h)
    f.store_discharge = p.columns(len(unit), 0.0, stores.discharge_max_kw[unit] * step_h)
    level_min_kwh = np.zeros(len(unit))
    if stores.end_min_kwh is not None:
        last = f.store_step == n_step - 1
        level_min_kwh[last] = np.minimum(stores.end_min_kwh, stores.stored_kwh)[unit[last]]
    f.store_level = p.columns(len(unit), level_min_kwh, stores.capacity_kwh[unit])
    first = f.store_step == 0
    start_kwh = np.where(first, stores.stored_kwh[unit], 0.0)
    row = p.rows(len(unit), start_kwh, start_kwh)
    p.entries(row, f.store_level, 1.0)
    p.entries(row[~first], f.store_level[~first] - 1, -1.0)
    p.entries(row, f.store_charge, -stores.charge_efficiency[unit])
    p.entries(row, f.store_discharge, 1.0 / stores.discharge_efficiency[unit])


def define_short(f: Formulation, need_kwh: Float) -> None:
    """What each stay lacks of need_kwh, and the square of the share of the whole promise that it lacks."""
    p, stays = f.programme, f.problem.stays
    f.short = p.columns(stays.n, 0.0, need_kwh)
    wanting = np.flatnonzero(stays.need_kwh > 0)
    whole_kwh = stays.need_kwh[wanting]
    lost_kwh = whole_kwh - need_kwh[wanting]
    missed = p.columns(len(wanting), lost_kwh, whole_kwh)
    row = p.rows(len(wanting), lost_kwh, lost_kwh)
    p.entries(row, missed, 1.0)
    p.entries(row, f.short[wanting], -1.0)
    level = p.columns(len(wanting), 0.0, 1.0)
    f.share_squares = Square(missed, level, whole_kwh, lost_kwh, whole_kwh)


def define_promise(f: Formulation, need_kwh: Float) -> None:
    """need_kwh is in the battery at departure, less what is short; never more than it has room for."""
    p, cells, stays = f.programme, f.cells, f.problem.stays
    steered = np.zeros(stays.n, dtype=bool)
    steered[cells.stay[f.two_way]] = True
    plain = np.flatnonzero(~steered & (np.diff(cells.begin) > 0))
    row_of = np.full(stays.n, -1)
    row_of[plain] = p.rows(len(plain), need_kwh[plain], stays.room_kwh[plain])
    mine = np.flatnonzero(row_of[cells.stay] >= 0)
    p.entries(row_of[cells.stay[mine]], f.charge[mine], 1.0)
    # A vehicle that may discharge: what counts is what is in its cells, so that losses are never at the driver's cost.
    last = np.flatnonzero(f.two_way == cells.begin[cells.stay[f.two_way] + 1] - 1)
    owner = cells.stay[f.two_way[last]]
    efficiency = stays.charge_efficiency[owner]
    row_of[owner] = p.rows(len(owner), need_kwh[owner] * efficiency, np.inf)
    p.entries(row_of[owner], f.level[last], 1.0)
    if len(f.short):
        p.entries(row_of[plain], f.short[plain], 1.0)
        p.entries(row_of[owner], f.short[owner], efficiency)


def _range_kwh(f: Formulation) -> tuple[Float, Float]:
    """Bounds of what steered units can draw through each node if no limit held, (n_node, n_step): low <= 0 <= high."""
    stores, shape = f.problem.stores, f.room.import_max_kwh.shape
    high, low = at_nodes(f.problem, f.cells, f.cells.charge_max_kwh), -at_nodes(f.problem, f.cells, f.cells.discharge_max_kwh)
    np.add.at(high, stores.node, np.multiply.outer(stores.charge_max_kw, f.problem.step_h))
    np.add.at(low, stores.node, -np.multiply.outer(stores.discharge_max_kw, f.problem.step_h))
    for row in range(shape[0] - 1, 0, -1):
        # A node passes on no more than its own limit lets through.
        high[f.problem.nodes.parent[row]] += np.minimum(high[row], f.room.import_max_kwh[row])
        low[f.problem.nodes.parent[row]] += np.maximum(low[row], -f.room.export_max_kwh[row])
    return low, high


def _root_range_kwh(f: Formulation) -> tuple[Float, Float]:
    """Bounds of the net import of the whole site, base load included, (n_step,)."""
    low, high = f.low, f.high
    base = f.problem.nodes.base_kw[0] * f.problem.step_h
    return base + np.maximum(low[0], -f.room.export_max_kwh[0]), base + np.minimum(high[0], f.room.import_max_kwh[0])


def _watched(f: Formulation, terms: Collection[str]) -> Bool:
    """Where the objective looks at the energy through a node, (n_node, n_step)."""
    watched = np.zeros(f.room.import_max_kwh.shape, dtype=np.bool_)
    if {"peak", "demand", "valley"} & set(terms):
        watched[0] = True
    watched[0, export_steps(f.problem.signals, terms, _root_range_kwh(f)[0])] = True
    if REQUEST in terms:
        row, step = _requested(f)
        watched[f.problem.requests.node[row], step] = True
    return watched


def define_totals(f: Formulation, terms: Collection[str]) -> None:
    """Limits of the tree. A row stands only where the limit could bind, or where the objective looks at the sum."""
    p, parent, limit = f.programme, f.problem.nodes.parent, f.room.import_max_kwh
    watched = _watched(f, terms)
    active = watched | (f.high > limit) | (f.low < -f.room.export_max_kwh)
    number = np.where(active, np.arange(len(active))[:, None], -1)
    carrier, above = number.copy(), np.full(active.shape, -1)  # nearest active node, from the node itself and from above it
    for row in range(1, len(active)):
        above[row] = carrier[parent[row]]
        carrier[row] = np.where(active[row], number[row], above[row])
    needed = watched | (active & (above >= 0))
    row_of, f.total = np.full(active.shape, -1), np.full(active.shape, -1)
    f.total[needed] = p.columns(int(needed.sum()), -f.room.export_max_kwh[needed], limit[needed])
    bare = active & ~needed
    row_of[bare] = p.rows(int(bare.sum()), -f.room.export_max_kwh[bare], limit[bare])
    row_of[needed] = p.rows(int(needed.sum()), 0.0, 0.0)
    p.entries(row_of[needed], f.total[needed], -1.0)
    node, step = np.nonzero(needed & (above >= 0))
    p.entries(row_of[above[node, step], step], f.total[node, step], 1.0)
    for column, node, step, sign, _ in _units(f):
        place = carrier[node, step]
        held = place >= 0
        p.entries(row_of[place[held], step[held]], column[held], sign)


def _units(f: Formulation) -> Iterator[tuple[Int, Int, Int, float, Int]]:
    """What loads the tree, block by block: columns, node and step of each, +1 if it draws, and its stay (-1 for batteries)."""
    cells, stays, stores = f.cells, f.problem.stays, f.problem.stores
    two, unit = f.two_way, np.repeat(np.arange(len(stores.node)), f.problem.n_step)
    yield f.charge, stays.node[cells.stay], cells.step, 1.0, cells.stay
    yield f.discharge, stays.node[cells.stay[two]], cells.step[two], -1.0, cells.stay[two]
    yield f.store_charge, stores.node[unit], f.store_step, 1.0, np.full(len(unit), -1)
    yield f.store_discharge, stores.node[unit], f.store_step, -1.0, np.full(len(unit), -1)


def define_phases(f: Formulation) -> None:
    """What is drawn on each phase through a node; a row stands only where the units below it could reach the limit."""
    if f.room.phase_max_kwh is None:
        return
    p, tight, parent = f.programme, tight_phases(f.problem, f.cells), f.problem.nodes.parent
    row_of = np.full(tight.shape, -1)
    row_of[tight] = p.rows(int(tight.sum()), -np.inf, f.room.phase_max_kwh[tight])
    shares = np.append(phase_shares(f.problem), np.full((3, 1), 1 / 3), axis=1)  # the last, number -1: a battery
    for column, node, step, sign, stay in _units(f):
        while len(node):
            for phase, share in enumerate(shares):
                row = row_of[node, phase, step]
                held = (row >= 0) & (share[stay] > 0)
                p.entries(row[held], column[held], sign * share[stay[held]])
            inner = parent[node] >= 0
            column, node, step, stay = column[inner], parent[node[inner]], step[inner], stay[inner]


def _requested(f: Formulation) -> tuple[Int, Int]:
    """Request and step of each place where a request could be missed."""
    requests, step_h = f.problem.requests, f.problem.step_h
    length = np.maximum(requests.last - requests.first, 0)
    row = np.repeat(np.arange(requests.n), length)
    step = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + requests.first[row]
    node = requests.node[row]
    free_kwh = (requests.target_kw[row] - f.problem.nodes.base_kw[node, step]) * step_h[step]
    could = np.where(requests.is_ceiling[row], f.high[node, step] > free_kwh, f.low[node, step] < free_kwh)
    return row[could], step[could]


def define_requests(f: Formulation) -> None:
    """missed >= net energy through the node - target (a ceiling), or target - net energy (a floor), for each step of a request."""
    p, requests = f.programme, f.problem.requests
    f.missed_row, step = _requested(f)
    node = requests.node[f.missed_row]
    free_kwh = (requests.target_kw[f.missed_row] - f.problem.nodes.base_kw[node, step]) * f.problem.step_h[step]
    sign = np.where(requests.is_ceiling[f.missed_row], -1.0, 1.0)
    f.missed = p.columns(len(step), 0.0, np.inf)
    row = p.rows(len(step), sign * free_kwh, np.inf)
    p.entries(row, f.missed, 1.0)
    p.entries(row, f.total[node, step], sign)


def define_export(f: Formulation, terms: Collection[str]) -> None:
    """exported >= 0 and exported >= -(net import): with it, net import counted as import alone is net import + exported."""
    p, step = f.programme, export_steps(f.problem.signals, terms, _root_range_kwh(f)[0])
    low = _root_range_kwh(f)[0]
    f.export_step, f.exported = step, p.columns(len(step), 0.0, -low[step])
    row = p.rows(len(step), -(f.problem.nodes.base_kw[0] * f.problem.step_h)[step], np.inf)
    p.entries(row, f.exported, 1.0)
    p.entries(row, f.total[0, step], 1.0)


def define_intervals(f: Formulation, terms: Collection[str]) -> None:
    """mean_kw of each demand interval, the highest of them, and what of it is above the peak so far."""
    if not {"peak", "demand", "valley"} & set(terms) or f.problem.n_step == 0:
        return
    p, signals = f.programme, f.problem.signals
    low, high = _root_range_kwh(f)
    _, interval = np.unique(signals.demand_period, return_inverse=True)
    n = int(interval[-1]) + 1
    done_kwh, done_h = np.zeros(n), np.zeros(n)
    done_kwh[0], done_h[0] = signals.period_done_kwh, signals.period_done_h
    f.interval_h = total_by(interval, f.problem.step_h, n) + done_h
    low_kw = (total_by(interval, low, n) + done_kwh) / f.interval_h
    high_kw = (total_by(interval, high, n) + done_kwh) / f.interval_h
    f.mean_kw = p.columns(n, -np.inf, np.inf)
    known_kwh = total_by(interval, f.problem.nodes.base_kw[0] * f.problem.step_h, n) + done_kwh
    row = p.rows(n, -known_kwh, -known_kwh)
    p.entries(row[interval], f.total[0], 1.0)
    p.entries(row, f.mean_kw, -f.interval_h)
    if {"peak", "demand"} & set(terms):
        _define_peak(f, terms, low_kw, high_kw)
    if "valley" in terms:
        scale = np.maximum(np.maximum(np.abs(low_kw), np.abs(high_kw)), 1.0)
        f.squares = Square(f.mean_kw, p.columns(n, 0.0, 1.0), scale, low_kw, high_kw)


def _define_peak(f: Formulation, terms: Collection[str], low_kw: Float, high_kw: Float) -> None:
    p, so_far_kw = f.programme, f.problem.signals.peak_so_far_kw
    floor_kw = float(low_kw.max()) if "peak" in terms else max(float(low_kw.max()), so_far_kw)
    f.peak_kw = p.columns(1, floor_kw, np.inf)
    could = np.flatnonzero(high_kw > floor_kw)  # the others can never set the peak
    row = p.rows(len(could), -np.inf, 0.0)
    p.entries(row, f.mean_kw[could], 1.0)
    p.entries(row, np.repeat(f.peak_kw, len(could)), -1.0)
    if "demand" in terms:
        f.excess_kw = p.columns(1, 0.0, np.inf)
        row = p.rows(1, -so_far_kw, np.inf)
        p.entries(row, f.excess_kw, 1.0)
        p.entries(row, f.peak_kw, -1.0)


def define_one_way(f: Formulation, one_way: OneWay) -> None:
    """Binaries that choose a direction where the linear programme took both."""
    if not one_way.n:
        return
    cells, base = f.cells, f.problem.nodes.base_kw[0] * f.problem.step_h
    place = np.searchsorted(f.two_way, one_way.cell)
    _either(f, f.charge[one_way.cell], cells.charge_max_kwh[one_way.cell], f.discharge[place], cells.discharge_max_kwh[one_way.cell])
    unit, step = one_way.store // f.problem.n_step, one_way.store % f.problem.n_step
    stores, step_h = f.problem.stores, f.problem.step_h[step]
    both = f.store_charge[one_way.store], f.store_discharge[one_way.store]
    _either(f, both[0], stores.charge_max_kw[unit] * step_h, both[1], stores.discharge_max_kw[unit] * step_h)
    if len(one_way.step):
        p, (low, high), where = f.programme, _root_range_kwh(f), one_way.step
        exports, column = p.binaries(len(where)), f.exported[np.searchsorted(f.export_step, where)]
        row = p.rows(len(where), -np.inf, 0.0)
        p.entries(row, column, 1.0)
        p.entries(row, exports, low[where])
        # net import + exported <= most import x (1 - exports)
        most = np.maximum(high[where], 0.0)
        row = p.rows(len(where), -np.inf, most - base[where])
        p.entries(row, f.total[0, where], 1.0)
        p.entries(row, column, 1.0)
        p.entries(row, exports, most)


def _either(f: Formulation, first: Int, first_max: Float, second: Int, second_max: Float) -> None:
    """first <= first_max x b and second <= second_max x (1 - b) with b in {0, 1}."""
    p, n = f.programme, len(first)
    chosen, row = p.binaries(n), p.rows(n, -np.inf, 0.0)
    p.entries(row, first, 1.0)
    p.entries(row, chosen, -first_max)
    row = p.rows(n, -np.inf, second_max)
    p.entries(row, second, 1.0)
    p.entries(row, chosen, second_max)
