"""Who goes short and what stands in the way: the nodes whose limits bind, base load above a limit, needs beyond reach."""

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np

from evloom.dispatch.cells import cells_of, room_of, up_the_tree
from evloom.dispatch.problem import Problem, Schedule, Stays
from evloom.dispatch.terms import steered_kwh, sum_at_nodes
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int

# Less than this is nobody's lack.
_LACK_KWH = 1e-5
# A limit is full, and a vehicle at its most, within this share of it.
_NEAR = 1e-3
# Findings of one kind that are listed, the worst first; of the others the number is said.
_SHOWN_MAX = 100
# Short stays looked at together.
_CHUNK = 20_000
_TREE = 3  # number of the whole node beside its phases 0, 1, 2


def bindings(problem: Problem, schedule: Schedule) -> tuple[Finding, ...]:
    """What keeps drivers from their energy in a schedule, as warnings, the worst first.

    dispatch.node-binds    a node's limit is full in steps in which somebody below it who is short could have drawn more
    dispatch.phase-binds   the same for the limit of a phase
    dispatch.base-above-limit   the load nobody steers is above a node's limit by itself: nothing is steered to draw there
    dispatch.need-beyond-stay   a stay needs more than its own power and time allow, whatever the others do

    Empty where all is delivered and every base load is below its limit.
    """
    reachable_kwh = _reachable_kwh(problem)
    beyond_kwh = np.maximum(problem.stays.need_kwh - reachable_kwh, 0.0)
    lack_kwh = schedule.short_kwh - beyond_kwh
    short = np.flatnonzero(lack_kwh > _LACK_KWH)
    findings = [*_node_findings(problem, _blame(problem, schedule, short, lack_kwh))] if len(short) else []
    findings += _base_findings(problem)
    return (*findings, *_stay_findings(problem, beyond_kwh, reachable_kwh))


def _reachable_kwh(problem: Problem) -> Float:
    """Most that each stay could draw if it were alone, (n_stay,)."""
    stays, step_h = problem.stays, np.append(problem.step_h, 0.0)
    elapsed_h = np.concatenate(([0.0], np.cumsum(problem.step_h)))
    length = stays.last - stays.first
    final = np.maximum(stays.last - 1, 0)
    ends_h = stays.first_share * step_h[stays.first] + np.where(length > 1, stays.last_share * step_h[final], 0.0)
    between_h = elapsed_h[final] - elapsed_h[np.minimum(stays.first + 1, problem.n_step)]
    there_h = np.where(length > 0, ends_h + np.where(length > 2, between_h, 0.0), 0.0)
    reachable: Float = stays.charge_max_kw * there_h
    return reachable


def _full(problem: Problem, schedule: Schedule) -> Bool:
    """Where a node is full: its phases 0, 1, 2 and the node as a whole, (4, n_node, n_step)."""
    room, shape = room_of(problem), problem.nodes.import_max_kw.shape
    tables = schedule.charge_kwh, schedule.discharge_kwh, schedule.store_kwh
    full = np.zeros((4, *shape), dtype=np.bool_)
    full[_TREE] = up_the_tree(problem, steered_kwh(problem, *tables)) >= room.import_max_kwh * (1.0 - _NEAR)
    if room.phase_max_kwh is None:
        return full
    phase = problem.stays.phase if problem.stays.phase is not None else np.full(problem.stays.n, -1)
    place = problem.stays.node * 4 + np.where(phase < 0, _TREE, phase)
    by_phase = sum_at_nodes(place, schedule.charge_kwh, shape[0] * 4) - sum_at_nodes(place, schedule.discharge_kwh, shape[0] * 4)
    own = by_phase.reshape(shape[0], 4, shape[1])
    own[:, _TREE] += sum_at_nodes(problem.stores.node, schedule.store_kwh, shape[0])
    for number in range(3):
        total = up_the_tree(problem, own[:, number] + own[:, _TREE] / 3)
        full[number] = total >= room.phase_max_kwh[:, number] * (1.0 - _NEAR)
    return full


class _Blame:
    """What was found at each phase and node: touched (4, n_node, n_step) steps, n_short and lack_kwh (4, n_node)."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.touched = np.zeros((4, *shape), dtype=np.bool_)
        self.n_short = np.zeros((4, shape[0]), dtype=np.int64)
        self.lack_kwh = np.zeros((4, shape[0]))


def _blame(problem: Problem, schedule: Schedule, short: Int, lack_kwh: Float) -> _Blame:
    """Steps in which a full node kept a short stay below its own power, stays and energy concerned."""
    full, blame = _full(problem, schedule), _Blame(problem.nodes.import_max_kw.shape)
    numbers = np.flatnonzero(full.any(axis=(1, 2)))
    for begin in range(0, len(short), _CHUNK):
        rows = short[begin : begin + _CHUNK]
        stays = _some(problem.stays, rows)
        cells = cells_of(replace(problem, stays=stays))
        drawn_kwh = schedule.charge_kwh[rows[cells.stay], cells.step]
        could = np.flatnonzero(drawn_kwh < cells.charge_max_kwh * (1.0 - _NEAR))
        stay, step = cells.stay[could], cells.step[could]
        at, parent = stays.node, problem.nodes.parent
        while (at >= 0).any():
            for number in numbers:
                hit = (at[stay] >= 0) & full[number, at[stay], step]
                if stays.phase is not None and number != _TREE:
                    hit &= (stays.phase[stay] < 0) | (stays.phase[stay] == number)
                blame.touched[number, at[stay[hit]], step[hit]] = True
                whose = np.unique(stay[hit])
                blame.n_short[number] += np.bincount(at[whose], minlength=len(parent))
                blame.lack_kwh[number] += np.bincount(at[whose], weights=lack_kwh[rows[whose]], minlength=len(parent))
            at = np.where(at >= 0, parent[at], -1)
    return blame


def _some(stays: Stays, rows: Int) -> Stays:
    """Some rows of a table of stays."""
    columns = {field.name: getattr(stays, field.name) for field in fields(stays)}
    return replace(stays, **{name: column[rows] for name, column in columns.items() if column is not None})


def _node_findings(problem: Problem, blame: _Blame) -> Iterator[Finding]:
    number, node = np.nonzero(blame.n_short)
    order = np.argsort(-blame.lack_kwh[number, node], kind="stable")
    for i in order[:_SHOWN_MAX]:
        which, row = int(number[i]), int(node[i])
        steps = blame.touched[which, row]
        value = f"full in {int(steps.sum())} steps in which {int(blame.n_short[which, row])} short stays were there"
        lack = f"short by {blame.lack_kwh[which, row]:.6g} kWh in all"
        if which == _TREE:
            least_kw = float(problem.nodes.import_max_kw[row, steps].min())
            code, field, limit = "dispatch.node-binds", f"import_max_kw[{row}]", f"{least_kw:.6g} kW at the least"
        else:
            rooms = problem.nodes.phase_room_kw
            least_kw = float(rooms[row, which, steps].min()) if rooms is not None else np.inf
            code, field, limit = "dispatch.phase-binds", f"phase_room_kw[{row}, {which}]", f"{least_kw:.6g} kW at the least"
        yield _warning(code, "nodes", row, (field, f"{value}, {lack}"), limit, "a higher limit, or less need in these hours, serves them")
    yield from _and_more("dispatch.node-binds", "nodes", len(order))


def _base_findings(problem: Problem) -> Iterator[Finding]:
    nodes = problem.nodes
    excess_kw = nodes.base_kw - nodes.import_max_kw
    rows = np.flatnonzero((excess_kw > 0.0).any(axis=1)) if problem.n_step else np.zeros(0, dtype=np.int64)
    order = rows[np.argsort(-excess_kw[rows].max(axis=1, initial=0.0), kind="stable")]
    for row in order[:_SHOWN_MAX]:
        n_step, step = int((excess_kw[row] > 0.0).sum()), int(excess_kw[row].argmax())
        value = f"base load up to {nodes.base_kw[row, step]:.6g} kW in {n_step} steps"
        limit = f"{nodes.import_max_kw[row, step]:.6g} kW"
        advice = "nothing is steered to draw in these steps; only less load, storage or a higher limit mends it"
        yield _warning("dispatch.base-above-limit", "nodes", int(row), (f"import_max_kw[{row}]", value), limit, advice)
    yield from _and_more("dispatch.base-above-limit", "nodes", len(rows))


def _stay_findings(problem: Problem, beyond_kwh: Float, reachable_kwh: Float) -> Iterator[Finding]:
    rows = np.flatnonzero(beyond_kwh > _LACK_KWH)
    for row in rows[np.argsort(-beyond_kwh[rows], kind="stable")][:_SHOWN_MAX]:
        value = f"{problem.stays.need_kwh[row]:.6g} kWh"
        limit = f"at most {reachable_kwh[row]:.6g} kWh in this stay at {problem.stays.charge_max_kw[row]:.6g} kW"
        advice = "what can be reached is delivered; a longer stay or a stronger charger gives the rest"
        yield _warning("dispatch.need-beyond-stay", "stays", int(row), (f"need_kwh[{row}]", value), limit, advice)
    yield from _and_more("dispatch.need-beyond-stay", "stays", len(rows))


def _and_more(code: str, table: str, n: int) -> Iterator[Finding]:
    if n > _SHOWN_MAX:
        yield _warning(code, table, None, (None, f"{n - _SHOWN_MAX} rows more"), "none", "the worst are listed before this line")


def _warning(code: str, table: str, row: int | None, what: tuple[str | None, str], allowed: str, advice: str) -> Finding:
    return Finding(code, "warning", f"planning problem, {table}", row, what[0], what[1], allowed, advice)
