"""What people see of a site's loop: load against limits, the plan ahead, and for every EVSE what it is ordered and why."""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose.limits import SOURCE
from evloom.dispatch.reason import DIAGNOSED, MINIMUM, PLAN, STEP
from evloom.kernel.timegrid import Float
from evloom.loop.record import Record
from evloom.loop.snapshot import Snapshot
from evloom.loop.told import Plan
from evloom.network.tree import node_total
from evloom.serve.live.bay import Bay
from evloom.serve.live.diagnosis import held_by_diagnosis
from evloom.serve.live.site_loop import SiteLoop
from evloom.serve.live.words import Sentence, reason_key

UNDER_LIMIT = frozenset({PLAN, STEP, MINIMUM})
FULL_SHARE = 0.985  # a node with more of its limit planned than this is full


@dataclass(frozen=True, slots=True)
class NodeBoard:
    """A node of the tree now: limit (None: none), whole load and base load in kW, who set the limit, and its meter's age in seconds."""

    node: str
    parent: str
    source: str
    limit_kw: float | None
    load_kw: float
    base_kw: float
    meter_age_s: float | None
    meter_is_stale: bool


@dataclass(frozen=True, slots=True)
class EvseBoard:
    """An EVSE now. ordered_kw and metered_kw None where not known; follows: "follows", "untried", "ignores", "refused", "unanswered"."""

    evse_id: str
    station_id: str
    evse: int
    node: str
    link: bool
    session_id: str
    ordered_kw: float | None
    metered_kw: float | None
    metered_at_s: float | None
    reason: Sentence
    follows: str
    trouble: str
    default_a: float
    default: str
    plan: Plan
    departure_s: float | None
    wanted_kwh: float | None
    net_kwh: float


@dataclass(frozen=True, slots=True)
class Ahead:
    """The plan ahead: edges_s (n + 1) and for each step the load of base and cars at the root, its limit and the price."""

    edges_s: tuple[float, ...]
    base_kw: tuple[float, ...]
    ev_kw: tuple[float, ...]
    limit_kw: tuple[float | None, ...]
    price_per_kwh: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A site. running: its loop runs in this process. notes: what people should know. past: (instant, load, base, limit) in kW."""

    site_id: str
    at_s: float
    running: bool
    policy: str
    currency: str
    limit_kw: float | None
    load_kw: float
    ev_kw: float
    base_kw: float
    price_per_kwh: float | None
    nodes: tuple[NodeBoard, ...] = ()
    evses: tuple[EvseBoard, ...] = ()
    ahead: Ahead | None = None
    past: tuple[tuple[float, float, float, float], ...] = ()
    notes: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a session gets what it gets: sentences, the plan, the cost of the plan and of charging at once, and what binds until when."""

    session_id: str
    evse_id: str
    ordered_kw: float
    sentences: tuple[Sentence, ...]
    plan: Plan
    departure_s: float
    wanted_kwh: float
    saves: float | None
    currency: str
    binds: str = ""
    binds_until_s: float | None = None

    def text(self, lang: str = "en") -> str:
        """All sentences in one line."""
        return ("；" if lang.startswith("zh") else "; ").join(sentence.text(lang) for sentence in self.sentences)


def board_of(loop: SiteLoop, now_s: float, past: tuple[tuple[float, float, float, float], ...]) -> Board:
    """The board of a loop that runs here."""
    field, plan, record = loop.field, loop.made.plan, loop.record
    load, base, limit = field.load_kw(now_s), field.base_kw(now_s), field.limit_kw()
    snapshot = loop.run.loop.snapshot if loop.run is not None else None
    price = float(snapshot.ahead.price_per_kwh[0]) if snapshot is not None and loop.made.tariff is not None else None
    nodes = tuple(_node(loop, row, now_s) for row in range(loop.made.site.tree.n))
    return Board(
        plan.site_id, now_s, True, plan.policy, plan.currency, _finite(limit[0]), float(load[0]), float(load[0] - base[0]), float(base[0]),
        price, nodes, tuple(_evse(loop, bay, record) for bay in field.bays.values()), _ahead(loop, record, snapshot), past,
        tuple(_notes(loop, now_s, nodes)),
    )  # fmt: skip


def _node(loop: SiteLoop, row: int, now_s: float) -> NodeBoard:
    field, tree = loop.field, loop.made.site.tree
    name, meter = tree.node_id[row], field.base.nodes[tree.node_id[row]]
    heard = meter.at_s > float("-inf")
    source = field.limits[name].source if name in field.limits else tree.source[row]
    return NodeBoard(
        name, tree.node_id[tree.parent[row]] if row else "", source, _finite(field.limit_kw()[row]), float(field.load_kw(now_s)[row]),
        float(field.base_kw(now_s)[row]), now_s - meter.at_s if heard else None, heard and meter.is_stale(now_s),
    )  # fmt: skip


def _evse(loop: SiteLoop, bay: Bay, record: Record | None) -> EvseBoard:
    row, field = bay.row, loop.field
    stand = field.stands.get(bay.evse_id)
    follows = "unanswered" if bay.trouble.startswith("unanswered") else bay.conduct.standing
    default_a = bay.default_a if bay.default == "installed" else field.fallback_a[row]
    ordered = float(record.power_kw[row]) if record is not None and bay.session_id else None
    return EvseBoard(
        bay.evse_id, bay.station_id, bay.number, loop.made.site.tree.node_id[loop.made.evse.node[row]], bay.link, bay.session_id, ordered,
        bay.meter.power_kw if bay.meter.n else None, bay.meter.at_s if bay.meter.n else None,
        reason_of(loop, record, row), follows, bay.trouble, default_a, bay.default,
        loop.plan_of(bay, record) if record is not None and bay.session_id else (), None if stand is None else stand[0].departure_s,
        None if stand is None else stand[0].wanted_kwh, bay.net_kwh,
    )  # fmt: skip


def reason_of(loop: SiteLoop, record: Record | None, row: int) -> Sentence:
    """Why an EVSE gets what it gets; of a limit that binds, until when by the plan."""
    if record is None:
        return Sentence("empty")
    if loop.field.bays[loop.made.evse.evse_id[row]].refused:
        return Sentence("token_refused")
    reason = binding(loop, record, row)
    if reason < 0:
        return Sentence(reason_key(reason))
    source, until_s = loop.made.site.tree.source[reason], binds_until_s(loop, record, reason)
    name = loop.made.site.tree.node_id[reason]
    source = loop.field.limits[name].source if name in loop.field.limits else source
    if until_s is None:
        return Sentence("node", {"source": source})
    return Sentence("node_until", {"source": source, "until": until_s}, loop.made.plan.zone)


def binding(loop: SiteLoop, record: Record, row: int) -> int:
    """The reason of an order, of `dispatch.reason`: a limit that the plan fills is what binds, though the plan knew of it."""
    reason = int(record.reason[row])
    snapshot = loop.run.loop.snapshot if loop.run is not None else None
    if reason not in UNDER_LIMIT or snapshot is None or not snapshot.bays.connected[row]:
        return reason
    own_kw, evse, bays = np.zeros(loop.made.site.tree.n), loop.made.evse, snapshot.bays
    np.add.at(own_kw, evse.node, np.where(bays.connected, record.power_kw, 0.0))
    room_kw = loop.field.limit_kw() - node_total(loop.made.site.tree, own_kw) - snapshot.wires.base_kw
    more_kw = max(float(bays.current_step_a[row]), 1.0) * float(bays.kw_per_a[row])
    if record.power_kw[row] <= 0.0:
        more_kw = max(more_kw, float(bays.current_min_a[row] * bays.kw_per_a[row]))
    wants_more = bays.need_kwh[row] > 0.0 and record.power_kw[row] < bays.charge_max_kw[row] - more_kw
    path = snapshot.wires.path[evse.node[row]]
    full = [int(node) for node in path[path >= 0] if room_kw[node] < more_kw]
    return full[0] if wants_more and full else reason


def binds_until_s(loop: SiteLoop, record: Record, node: int) -> float | None:
    """The border of the first step in which the plan leaves room at a node; None where there is no plan, or none in it."""
    snapshot = loop.run.loop.snapshot if loop.run is not None else None
    if record.ahead_kw is None or snapshot is None or snapshot.now_s != record.now_s:
        return None
    load_kw = _planned_kw(loop, record, snapshot)[node]
    free = np.flatnonzero(load_kw[1:] < FULL_SHARE * loop.field.limit_kw()[node])
    return float(snapshot.ahead.edges_s[free[0] + 1]) if len(free) else None


def _planned_kw(loop: SiteLoop, record: Record, snapshot: Snapshot) -> Float:
    """Load planned at or below each node, (n_node, n_ahead)."""
    assert record.ahead_kw is not None
    own_kw = np.zeros((loop.made.site.tree.n, record.ahead_kw.shape[1]))
    np.add.at(own_kw, loop.made.evse.node, record.ahead_kw)
    return node_total(loop.made.site.tree, own_kw) + snapshot.ahead.base_kw


def _ahead(loop: SiteLoop, record: Record | None, snapshot: Snapshot | None) -> Ahead | None:
    if record is None or snapshot is None or record.ahead_kw is None:
        return None
    n, limit = record.ahead_kw.shape[1], _finite(loop.field.limit_kw()[0])
    prices = tuple(_finite(price) for price in snapshot.ahead.price_per_kwh) if loop.made.tariff is not None else (None,) * n
    return Ahead(
        tuple(snapshot.ahead.edges_s.tolist()),
        tuple(snapshot.ahead.base_kw[0].tolist()),
        tuple(record.ahead_kw.sum(axis=0).tolist()),
        (limit,) * n,
        prices,
    )


def _notes(loop: SiteLoop, now_s: float, nodes: tuple[NodeBoard, ...]) -> list[Sentence]:
    """What people should know now."""
    zone, notes = loop.made.plan.zone, []
    for node in nodes:
        if node.meter_is_stale and node.meter_age_s is not None:
            notes.append(Sentence("stale", {"node": node.node, "time": now_s - node.meter_age_s}, zone))
        if node.limit_kw is not None and node.load_kw > node.limit_kw * 1.005:
            notes.append(Sentence("above", {"source": node.source, "load": node.load_kw, "limit": node.limit_kw}, zone))
    for bay in loop.field.bays.values():
        if not bay.link:
            notes.append(Sentence("lost", {"evse": bay.evse_id}))
        elif bay.session_id and bay.trouble:
            notes.append(Sentence("refused", {"evse": bay.evse_id, "why": bay.trouble}))
        elif bay.session_id and bay.conduct.standing == "ignores":
            values: dict[str, float | str] = {"evse": bay.evse_id, "measured": bay.meter.power_kw, "ordered": bay.allowed_kw(now_s)}
            notes.append(Sentence("ignores", values))
    return notes


def explanation_of(loop: SiteLoop, bay: Bay) -> Explanation | None:
    """Why the session at `bay` gets what it gets; None before its first decision."""
    record, stand = loop.record, loop.field.stands.get(bay.evse_id)
    snapshot = loop.run.loop.snapshot if loop.run is not None else None
    if record is None or stand is None or snapshot is None:
        return None
    zone, belief, row = loop.made.plan.zone, stand[0], bay.row
    ordered_kw, plan = float(record.power_kw[row]), loop.plan_of(bay, record)
    reason = binding(loop, record, row)
    sentences = [reason_of(loop, record, row), *held_by_diagnosis(record.refusals, row)]
    starts = next(((at_s, power_kw) for at_s, power_kw in plan[1:] if power_kw > 0.0), None)
    if ordered_kw <= 0.0 and starts is not None:
        sentences.append(Sentence("charges_at", {"power": starts[1], "time": starts[0]}, zone))
    sentences.append(Sentence("leaves_told" if belief.told else "leaves", {"time": belief.departure_s}, zone))
    sentences.append(Sentence("wants", {"wanted": belief.wanted_kwh, "done": max(bay.net_kwh, 0.0)}))
    saves = saved(record, snapshot, row, stand[1].charge_max_kw) if loop.made.tariff is not None else None
    if saves is not None and saves >= 0.01:
        sentences.append(Sentence("saves", {"money": saves, "currency": loop.made.plan.currency}))
    binds = loop.made.site.tree.source[reason] if reason >= 0 else SOURCE if reason == DIAGNOSED else ""
    until_s = binds_until_s(loop, record, reason) if reason >= 0 else None
    return Explanation(
        bay.session_id, bay.evse_id, ordered_kw, tuple(sentences), plan, belief.departure_s, belief.wanted_kwh, saves,
        loop.made.plan.currency, binds, until_s,
    )  # fmt: skip


def saved(record: Record, snapshot: Snapshot, row: int, most_kw: float) -> float | None:
    """What the plan of an EVSE costs less than the same energy at full power from now on; None without a plan."""
    if record.ahead_kw is None or snapshot.now_s != record.now_s:
        return None
    hours = np.diff(snapshot.ahead.edges_s) / 3600.0
    price = np.where(np.isfinite(snapshot.ahead.price_per_kwh), snapshot.ahead.price_per_kwh, 0.0)
    planned_kwh = record.ahead_kw[row] * hours
    at_once_kwh = np.diff(np.minimum(np.concatenate(([0.0], np.cumsum(most_kw * hours))), planned_kwh.sum()))
    return float((price * (at_once_kwh - planned_kwh)).sum())


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
