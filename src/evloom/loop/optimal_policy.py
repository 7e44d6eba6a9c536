"""The policy `optimal`: at every cycle the exact optimum of what is known now, and of it the first step."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.allocate import allocate, allocate_ahead
from evloom.dispatch.belief import Steps, Trust, condition
from evloom.dispatch.belief import urgent_kwh as urgent_kwh_of
from evloom.dispatch.closed import step_costs
from evloom.dispatch.exact import solve
from evloom.dispatch.moment import with_units
from evloom.dispatch.objective import Objective
from evloom.dispatch.problem import Nodes, Problem, Schedule, Signals, Stays, Stores
from evloom.dispatch.reason import FALLBACK, MINIMUM
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.loop.rule_policy import RulePolicy, filled
from evloom.loop.snapshot import Orders, Snapshot
from evloom.network.tree import LimitTree

LEAST_H = 1.0 / 60.0  # a stay is planned for at least this long
MARGIN_H = 0.5  # a stated departure is planned for this much earlier where time allows: cars taper, drivers come early
SCARCE_KWH = 0.01  # a plan that leaves more than this undone is made again without the margin
COUPLED = {"demand", "peak", "valley"}  # terms that depend on all cars together


@dataclass(frozen=True)
class _Plan:
    """A solved problem, and the belief (departures, needs) it was made from."""

    problem: Problem
    schedule: Schedule
    belief: tuple[Float, Float]


@dataclass(frozen=True)
class OptimalPolicy:
    """Plans ahead with an exact linear programme and executes the plan's first step.

    objective   what is optimised once service is done
    trust       how cautious the beliefs of departure and need are
    urgent_first  under scarcity serve first who can wait least; otherwise all lack the same share of their need (by priority)
    memory      what quantised orders owe each session of its plan, kWh: carried over, so that rounding does not add up
    """

    objective: Objective
    trust: Trust
    urgent_first: bool = False
    name: str = "optimal"
    controlled: bool = True

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """Orders for now, and the energy debts by session."""
        rows = np.flatnonzero(snapshot.sight.connected)
        try:
            plan = self._plan(snapshot, rows, MARGIN_H)
            if plan.schedule.short_kwh.sum() > SCARCE_KWH:
                plan = self._plan(snapshot, rows, 0.0)
        except SolverError:
            # Cars must charge even then: the best rule decides, every reason says so, and the run counts it as refused.
            orders, _ = RulePolicy("least-laxity").decide(snapshot, None)
            return replace(orders, reason=np.where(snapshot.sight.connected, FALLBACK, orders.reason)), memory
        problem, (departure_s, need_kwh) = plan.problem, plan.belief
        here_h = np.minimum(problem.step_h[0], (departure_s - snapshot.now_s) / 3600.0)
        plan_kw = np.zeros(len(snapshot.evse_id))
        plan_kw[rows] = (plan.schedule.charge_kwh[:, 0] - plan.schedule.discharge_kwh[:, 0]) / here_h
        plan_kw[rows] = np.maximum(plan_kw[rows], self._urgent_kwh(snapshot, rows, problem, plan.belief) / here_h)
        debts = memory if isinstance(memory, dict) else {}
        owed_kwh = np.array([debts.get(snapshot.session_id[row], 0.0) for row in rows])
        target_kw = plan_kw.copy()
        target_kw[rows] = np.where(plan_kw[rows] > 0.0, plan_kw[rows] + owed_kwh / here_h, plan_kw[rows])
        full = plan_kw[rows] >= problem.stays.charge_max_kw * (1.0 - 1e-6)
        target_kw[rows[full]] = snapshot.bays.charge_max_kw[rows[full]]
        target_kw = take_turns(snapshot, rows, target_kw, plan.belief, not self._coupled())
        storage_kw = plan.schedule.store_kwh[:, 0] / problem.step_h[0]
        now = with_units(snapshot.wires, snapshot.site.storage.node, storage_kw)
        rank = rows[np.argsort(_laxity_h(snapshot, rows, departure_s, need_kwh), kind="stable")]
        power_kw, reason = allocate(snapshot.bays, now, target_kw, rank)
        lifted_kw = lift(snapshot, rank, plan_kw, power_kw)
        if lifted_kw is not None:
            power_kw, reason = allocate(snapshot.bays, now, lifted_kw, rank)
        reason[rows[_beneath(snapshot, rows) & (need_kwh > 0.0)]] = MINIMUM
        ahead_kw = _ahead_kw(snapshot, rank, (rows, plan), power_kw)
        return Orders(power_kw, reason, storage_kw, ahead_kw), self._debts(snapshot, rows, owed_kwh, plan_kw, power_kw)

    def _plan(self, snapshot: Snapshot, rows: Int, margin_h: float) -> "_Plan":
        """The optimum from now on, with stated departures planned for `margin_h` earlier where time allows."""
        departure_s, need_kwh = believed(snapshot, rows, self.trust, margin_h)
        problem = problem_of(snapshot, rows, departure_s, need_kwh)
        if self.urgent_first:
            laxity_h = _laxity_h(snapshot, rows, departure_s, need_kwh)
            rank = np.argsort(np.argsort(-laxity_h, kind="stable"), kind="stable")
            problem = replace(problem, stays=replace(problem.stays, priority=1.0 + rank.astype(np.float64)))
        return _Plan(problem, solve(problem, self.objective), (departure_s, need_kwh))

    def _coupled(self) -> bool:
        """Whether the objective has a term that depends on all cars together."""
        return bool(COUPLED & {term for stage in self.objective.stages for term, _ in stage.weights})

    def _urgent_kwh(self, snapshot: Snapshot, rows: Int, problem: Problem, belief: tuple[Float, Float]) -> Float:
        """What each car (n_row,) should charge now lest it leave before the plan has served it.

        Only where a step has one price for all: what a peak or a battery would cost is not known car by car.
        """
        urgent_kwh = np.full(len(rows), -np.inf)
        costs = step_costs(problem, self.objective)
        if costs is None or len(costs) == 0 or self._coupled():
            return urgent_kwh
        steps = Steps(snapshot.ahead.edges_s, costs[0])
        for i, row in enumerate(rows):
            like_s = snapshot.likely[row].departure_s
            if len(like_s):
                believed_now = float(belief[0][i]), float(belief[1][i])
                urgent_kwh[i] = urgent_kwh_of(like_s, believed_now, float(snapshot.bays.charge_max_kw[row]), steps, self.trust)
        return urgent_kwh

    def _debts(self, snapshot: Snapshot, rows: Int, owed_kwh: Float, plan_kw: Float, power_kw: Float) -> dict[str, float]:
        """What each session is owed after the coming step: at most what one step at its least current carries."""
        bays = snapshot.bays
        most_kwh = np.maximum(bays.current_min_a[rows], bays.current_step_a[rows]) * bays.kw_per_a[rows] * snapshot.step_h
        given_kw = np.minimum(power_kw[rows], snapshot.sight.car_max_kw[rows])
        owed_kwh = owed_kwh + (plan_kw[rows] - given_kw) * snapshot.step_h
        owed_kwh = np.where(plan_kw[rows] >= 0.0, np.clip(owed_kwh, -most_kwh, most_kwh), 0.0)
        return {snapshot.session_id[row]: float(kwh) for row, kwh in zip(rows, owed_kwh, strict=True)}


def _ahead_kw(snapshot: Snapshot, rank: Int, planned: tuple[Int, _Plan], power_kw: Float) -> Float:
    """The plan (n_evse, n_ahead) as piles can be set to it and as limits allow, where none of them hears anything more.

    Nobody is left to discharge by itself: what a car then gives could not be called back.
    """
    rows, plan = planned
    problem, schedule = plan.problem, plan.schedule
    target_kw = np.zeros((len(power_kw), len(problem.step_h)))
    target_kw[rows] = (schedule.charge_kwh - schedule.discharge_kwh) / problem.step_h
    base_kw = snapshot.ahead.base_kw.copy()
    for unit, node in enumerate(snapshot.site.storage.node):
        path = snapshot.wires.path[node]
        base_kw[path[path >= 0]] += schedule.store_kwh[unit] / problem.step_h
    ahead_kw = allocate_ahead(snapshot.bays, snapshot.wires, base_kw, target_kw, rank)
    ahead_kw[:, 0] = power_kw
    return ahead_kw


def believed(snapshot: Snapshot, rows: Int, trust: Trust, margin_h: float) -> tuple[Float, Float]:
    """Departure (epoch s) and energy still wanted (kWh) of the connected rows, given that they are still there and draw.

    Departures that were stated, not learnt, are taken `margin_h` earlier where time allows, all by what the taper costs.
    """
    need_kwh = snapshot.bays.need_kwh[rows].copy()
    soonest_s = snapshot.now_s + need_kwh / np.maximum(snapshot.bays.charge_max_kw[rows], 1e-6) * 3600.0
    stated_s = snapshot.bays.departure_s[rows]
    early_s = (margin_h + snapshot.sight.slow_h[rows]) * 3600.0
    departure_s = np.minimum(stated_s, np.maximum(soonest_s, stated_s - early_s))
    for i, row in enumerate(rows):
        likely = snapshot.likely[row]
        leaves_s, wants_kwh = condition(likely.departure_s, likely.energy_kwh, snapshot.now_s, snapshot.sight.net_kwh[row], trust)
        if len(likely.departure_s):
            departure_s[i] = min(leaves_s, max(soonest_s[i], leaves_s - snapshot.sight.slow_h[row] * 3600.0))
        if len(likely.energy_kwh):
            need_kwh[i] = 0.0 if snapshot.sight.done[row] else wants_kwh
    return np.maximum(departure_s, snapshot.now_s + LEAST_H * 3600.0), need_kwh


def _laxity_h(snapshot: Snapshot, rows: Int, departure_s: Float, need_kwh: Float) -> Float:
    """Hours each row can wait, (n_row,); infinite for cars believed done."""
    charge_kw = np.maximum(snapshot.bays.charge_max_kw[rows], 1e-6)
    laxity_h: Float = np.where(need_kwh > 0.0, (departure_s - snapshot.now_s) / 3600.0 - need_kwh / charge_kw, np.inf)
    return laxity_h


def take_turns(snapshot: Snapshot, rows: Int, target_kw: Float, belief: tuple[Float, Float], at_full: bool) -> Float:
    """Targets (n_evse,) in which at piles that charge one bay at a time the cars charge in turns.

    The plan cannot know that bays exclude each other: where it charges any of several cars in need, it is the turn of the one
    that leaves first, which serves all if that can be done at all (earliest deadline first on one machine, Horn 1974).
    belief is (departure, need), each (n_row,). at_full: it charges at its full power, which wastes no time of the pile; otherwise
    at what the plan gave the pile's cars together, which keeps the peak that was planned.
    """
    bays, (departure_s, need_kwh) = snapshot.bays, belief
    needy = bays.one_at_a_time[rows] & (need_kwh > 0.0)
    turned_kw = target_kw.copy()
    piles, count = np.unique(bays.pile[rows[needy]], return_counts=True)
    for pile in piles[count > 1]:
        at = np.flatnonzero(needy & (bays.pile[rows] == pile))
        if target_kw[rows[at]].max() > 0.0:
            turn = rows[at[np.argmin(departure_s[at])]]
            turned_kw[rows[at]] = 0.0
            turned_kw[turn] = bays.charge_max_kw[turn] if at_full else min(bays.charge_max_kw[turn], target_kw[rows[at]].sum())
    return turned_kw


def lift(snapshot: Snapshot, rank: Int, plan_kw: Float, power_kw: Float) -> Float | None:
    """Targets (n_evse,) that give what rounding took from some cars to others that charge, those who can wait least first.

    What is given is taken back by the energy debts, so that over a few steps each car has what it planned. None where all orders
    together are within a current step of the plan.
    """
    bays = snapshot.bays
    left_kw = float(np.sum(np.minimum(plan_kw[rank], bays.charge_max_kw[rank]) - power_kw[rank]))
    lifted_kw = power_kw.copy()
    for row in rank[power_kw[rank] > 0.0]:
        step_kw = max(bays.current_step_a[row] * bays.kw_per_a[row], 1e-3)
        if left_kw < step_kw * (1.0 - 1e-9):
            continue
        more_kw = min(left_kw, bays.charge_max_kw[row] - power_kw[row])
        more_kw = np.floor(more_kw / step_kw + 1e-9) * step_kw
        lifted_kw[row] += more_kw
        left_kw -= more_kw
    return lifted_kw if lifted_kw.sum() > power_kw.sum() else None


def _beneath(snapshot: Snapshot, rows: Int) -> Bool:
    """Rows (n_row,) at which car and pile together cannot carry the least current: the plan must not count on them."""
    bays = snapshot.bays
    beneath: Bool = bays.charge_max_kw[rows] < bays.current_min_a[rows] * bays.kw_per_a[rows] * (1.0 - 1e-9)
    return beneath


def problem_of(snapshot: Snapshot, rows: Int, departure_s: Float, need_kwh: Float) -> Problem:
    """The planning problem of the snapshot: one stay per connected row, from now to its believed departure."""
    edges_s = snapshot.ahead.edges_s
    step_h = np.diff(edges_s) / 3600.0
    last = np.clip(np.searchsorted(edges_s, departure_s, side="left"), 1, len(step_h))
    end_h = np.clip((departure_s - edges_s[last - 1]) / 3600.0, LEAST_H / 60.0, step_h[last - 1])
    share = end_h / step_h[last - 1]
    sight, bays = snapshot.sight, snapshot.bays
    v2g = bays.discharge_max_kw[rows] > 0.0
    room_kwh = np.maximum(np.where(v2g, sight.room_kwh[rows], need_kwh), need_kwh)
    stays = Stays(
        first=np.zeros(len(rows), dtype=np.int64),
        last=last,
        first_share=np.where(last == 1, share, 1.0),
        last_share=share,
        node=bays.node[rows],
        charge_max_kw=np.where(_beneath(snapshot, rows), 0.0, np.minimum(bays.charge_max_kw[rows], sight.car_max_kw[rows])),
        discharge_max_kw=bays.discharge_max_kw[rows],
        need_kwh=need_kwh,
        room_kwh=np.where(np.isfinite(room_kwh), room_kwh, need_kwh),
        below_kwh=sight.spare_kwh[rows],
        charge_efficiency=sight.charge_efficiency[rows],
        discharge_efficiency=sight.discharge_efficiency[rows],
        wear_per_kwh=sight.wear_per_kwh[rows],
        priority=bays.priority[rows],
    )
    return Problem(step_h, stays, _stores(snapshot), _nodes(snapshot, rows, stays), _signals(snapshot))


def _stores(snapshot: Snapshot) -> Stores:
    table = snapshot.site.storage
    return Stores(
        table.node, table.capacity_kwh, snapshot.storage_kwh, table.charge_max_kw, table.discharge_max_kw,
        table.charge_efficiency, table.discharge_efficiency, table.wear_per_kwh,
        end_min_kwh=np.minimum(snapshot.storage_kwh, table.soc_initial * table.capacity_kwh),
    )  # fmt: skip


def _nodes(snapshot: Snapshot, rows: Int, stays: Stays) -> Nodes:
    """The tree ahead. A pile that charges one bay at a time gives, while several cars are there, the mean power of serving their
    needs one after the other: less than its rating where the cars are slow."""
    nodes = nodes_of(snapshot.site.tree, snapshot.ahead.base_kw)
    turns = np.flatnonzero(snapshot.bays.one_at_a_time[rows] & (stays.need_kwh > 0.0) & (stays.charge_max_kw > 0.0))
    piles, count = np.unique(snapshot.bays.pile[rows[turns]], return_counts=True)
    for pile in piles[count > 1]:
        at = turns[snapshot.bays.pile[rows[turns]] == pile]
        turn_kw = stays.need_kwh[at].sum() / (stays.need_kwh[at] / stays.charge_max_kw[at]).sum()
        together = slice(0, int(np.sort(stays.last[at])[-2]))
        limit_kw = nodes.import_max_kw[stays.node[at[0]], together]
        np.minimum(limit_kw, turn_kw + nodes.base_kw[stays.node[at[0]], together], out=limit_kw)
    return nodes


def nodes_of(tree: LimitTree, base_kw: Float) -> Nodes:
    """The tree over a horizon with the base load (n_node, n_step) on it.

    A limit of export through a node lets steered units feed the node's own load as well: that much more they may push back.
    """
    import_max_kw = np.repeat(tree.import_max_kw[:, None], base_kw.shape[1], axis=1)
    return Nodes(tree.parent, import_max_kw, np.maximum(tree.export_max_kw[:, None] + base_kw, 0.0), base_kw)


def _signals(snapshot: Snapshot) -> Signals:
    ahead, demand = snapshot.ahead, snapshot.demand
    return Signals(
        price_per_kwh=filled(ahead.price_per_kwh),
        export_price_per_kwh=filled(ahead.export_price_per_kwh),
        carbon_kg_per_kwh=filled(ahead.carbon_kg_per_kwh),
        demand_period=(ahead.edges_s[:-1] // demand.interval_s).astype(np.int64),
        demand_price_per_kw=demand.price_per_kw,
        peak_so_far_kw=demand.peak_so_far_kw,
        period_done_kwh=demand.done_kwh,
        period_done_h=demand.done_h,
    )
