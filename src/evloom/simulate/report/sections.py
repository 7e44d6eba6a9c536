"""The tables and bars of the page that need no script: service, money, bills, phases, V2G, storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import from_epoch_s
from evloom.market.bill import Bill, LineKind
from evloom.simulate.bills import contract_of, session_bills, totals
from evloom.simulate.report.figures import number
from evloom.simulate.report.why import cause, shown_reason
from evloom.simulate.report.words import Words
from evloom.simulate.run import PolicyRun
from evloom.simulate.scores import SHORT_KWH, Score, short_kwh
from evloom.simulate.stage import Stage

ROWS_MAX = 20  # rows of a table of sessions; the rest is summed up in words
NODES_MAX = 8  # nodes whose phases are drawn
BILLS_MAX = 20_000  # bills made for the page, about ten seconds of work


@dataclass(frozen=True)
class Lists:
    """A table of sessions for one policy: a line that sums it up, the rows, and what is said of those left out."""

    policy: str
    summary: str
    rows: tuple[tuple[str, ...], ...]
    rest: str


@dataclass(frozen=True)
class Bar:
    """A piece of a bar: kind (a colour of the style sheet), where it begins and how wide it is in % of the scale, and its text."""

    kind: str
    left: float
    width: float
    text: str


@dataclass(frozen=True)
class Bars:
    """One bar of several pieces, the figure beside it, and a mark in % of the scale (None for none)."""

    label: str
    pieces: tuple[Bar, ...]
    text: str
    mark: float | None = None


def _money(amount: Decimal) -> str:
    return f"{amount:,f}".replace("-", "−")


def local_time(stage: Stage, instant_s: float) -> str:
    """An instant on the clock of the site."""
    return f"{from_epoch_s(instant_s).astimezone(stage.scenario.tariff.terms.zone):%Y-%m-%d %H:%M}"


def service(stage: Stage, runs: Sequence[PolicyRun], scores: Sequence[Score], words: Words) -> list[Lists]:
    """Who got less than wanted and why, the worst first, for each policy."""
    return [_short_sessions(stage, run, score, words) for run, score in zip(runs, scores, strict=True)]


def _short_sessions(stage: Stage, run: PolicyRun, score: Score, words: Words) -> Lists:
    lacking_kwh = short_kwh(stage, run)
    worst = np.argsort(-lacking_kwh, kind="stable")[: int((lacking_kwh > SHORT_KWH).sum())]
    reason = shown_reason(stage, run)
    sources = stage.scenario.site.tree.source
    rows = [
        (
            *_who(stage, row),
            number(stage.cars.energy_kwh[row], 1),
            number(stage.cars.energy_kwh[row] - lacking_kwh[row], 1),
            number(lacking_kwh[row], 1),
            words.loss(cause(stage, run, row, reason), sources),
        )
        for row in worst[:ROWS_MAX].tolist()
    ]
    left = worst[ROWS_MAX:]
    rest = words("service.more", n=len(left), kwh=number(float(lacking_kwh[left].sum()), 1)) if len(left) else ""
    summary = words("service.summary", short=score.sessions_short, all=score.sessions, kwh=number(score.short_kwh, 1))
    return Lists(words.policy(run.policy), summary, tuple(rows), rest)


def _who(stage: Stage, row: int) -> tuple[str, str, str, str]:
    """Session, bay, arrival and departure of a row of the stage, as text."""
    return (
        stage.scenario.sessions.session_id[stage.session[row]],
        stage.scenario.evse.evse_id[stage.beliefs.evse[row]],
        local_time(stage, float(stage.cars.arrival_s[row])),
        local_time(stage, float(stage.cars.departure_s[row])),
    )


def money(scores: Sequence[Score], words: Words) -> list[Bars]:
    """Energy, demand and wear stacked to the right, energy given back to the left; all bars on one scale."""
    spent = [
        [("energy", s.energy_cost + s.revenue), ("demand", s.demand_cost), ("wear", s.wear_cost), ("revenue", -s.revenue)] for s in scores
    ]
    most = max((sum(max(v, 0.0) for _, v in parts) for parts in spent), default=0.0)
    least = min((sum(min(v, 0.0) for _, v in parts) for parts in spent), default=0.0)
    scale = max(most - least, 1e-9)
    bars = []
    for score, parts in zip(scores, spent, strict=True):
        right = left = 100.0 * -least / scale
        pieces = []
        for kind, value in parts:
            width = 100.0 * abs(value) / scale
            if value < 0.0:
                left -= width
            if width > 0.0:
                pieces.append(Bar(kind, left if value < 0.0 else right, width, f"{words(f'money.{kind}')} {number(value, 2)}"))
            if value > 0.0:
                right += width
        bars.append(Bars(words.policy(score.policy), tuple(pieces), number(score.cost + score.wear_cost, 2)))
    return bars


@dataclass(frozen=True)
class BillTable:
    """Kinds of lines that occur, and for each policy its sums in that order with the total last."""

    kinds: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    trouble: str


def all_bills(stage: Stage, runs: Sequence[PolicyRun], words: Words) -> tuple[list[list[Bill]], str]:
    """The bills of every run, or none and the reason in words."""
    n_bill = len(stage.session) * len(runs)
    if n_bill > BILLS_MAX:
        return [], words("bills.too-many", n=number(n_bill, 0))
    try:
        return [session_bills(stage, run) for run in runs], ""
    except InputError as error:
        return [], words("bills.failed", why=error.findings[0].text())


def bill_table(stage: Stage, runs: Sequence[PolicyRun], bills: Sequence[list[Bill]], trouble: str, words: Words) -> BillTable:
    """The sums of all bills of each policy by kind of line."""
    currency = contract_of(stage).currency
    sums = [totals(of_run, currency) for of_run in bills]
    kinds = [kind for kind in LineKind if any(total[kind] for total in sums)] if sums else []
    rows = [
        (words.policy(run.policy), (*(_money(total[kind]) for kind in kinds), _money(sum(total.values(), start=Decimal(0)))))
        for run, total in zip(runs, sums, strict=False)
    ]
    return BillTable((*(words(f"bill.{kind.value}") for kind in kinds), words("bill.total")), tuple(rows), trouble)


@dataclass(frozen=True)
class PhaseBlock:
    """A node, the source of its limit, and for each policy the bars of its three phases."""

    node: str
    source: str
    policies: tuple[tuple[str, tuple[Bars, ...]], ...]


def shared_nodes(stage: Stage) -> list[int]:
    """Rows of the limit tree without those that stand for a single pile: one pile is not balanced against itself."""
    tree, evse = stage.scenario.site.tree, stage.scenario.evse
    return [node for node in range(tree.n) if node == 0 or node in tree.parent or len(set(evse.pile[evse.node == node].tolist())) != 1]


def phases(stage: Stage, runs: Sequence[PolicyRun], words: Words) -> tuple[list[PhaseBlock], int]:
    """Highest current on each phase of the nodes that carry most, and how many further nodes there are."""
    tree = stage.scenario.site.tree
    nodes = shared_nodes(stage)
    most_a = np.max([run.track.phase_max_a.max(axis=1) for run in runs], axis=0) if runs else np.zeros(tree.n)
    shown = sorted(sorted(nodes, key=lambda node: (node != 0, not np.isfinite(tree.phase_max_a[node]), -most_a[node]))[:NODES_MAX])
    return [_phase_block(stage, runs, node, float(most_a[node]), words) for node in shown], len(nodes) - len(shown)


def _phase_block(stage: Stage, runs: Sequence[PolicyRun], node: int, most_a: float, words: Words) -> PhaseBlock:
    tree = stage.scenario.site.tree
    limit_a = float(tree.phase_max_a[node])
    scale = max(most_a, limit_a if np.isfinite(limit_a) else 0.0, 1e-9) * 1.02
    mark = 100.0 * limit_a / scale if np.isfinite(limit_a) else None
    policies = []
    for run in runs:
        bars = []
        for phase, current_a in enumerate(run.track.phase_max_a[node].tolist()):
            over = current_a > limit_a + 1e-6
            text = number(current_a, 0) + (f" / {limit_a:g} A" if mark is not None else " A")
            piece = Bar("over" if over else f"phase{phase}", 0.0, 100.0 * current_a / scale, text)
            bars.append(Bars(words(f"phase.{'abc'[phase]}"), (piece,), text, mark))
        policies.append((words.policy(run.policy), tuple(bars)))
    return PhaseBlock(tree.node_id[node], words.source(tree.source[node]), tuple(policies))


def v2g(stage: Stage, runs: Sequence[PolicyRun], bills: Sequence[list[Bill]], words: Words) -> list[Lists]:
    """What every car gave back, earned and lost in wear, for each policy under which any did."""
    out = []
    wear_per_kwh = stage.scenario.fleet.wear_per_kwh[stage.cars.model]
    for number_of_run, run in enumerate(runs):
        gave_kwh = run.track.out_kwh
        order = np.argsort(-gave_kwh, kind="stable")[: int((gave_kwh > SHORT_KWH).sum())]
        if not len(order):
            continue
        of_run = bills[number_of_run] if bills else []
        rows = []
        for row in order[:ROWS_MAX].tolist():
            earned = _money(-of_run[row].amount_of(LineKind.V2G_CREDIT)) if of_run else "–"
            paid = _money(of_run[row].total) if of_run else "–"
            soc = run.track.soc_end[row]
            left = number(100.0 * soc, 0) if np.isfinite(soc) else "–"
            gave = number(gave_kwh[row], 1)
            rows.append((*_who(stage, row), gave, earned, number(gave_kwh[row] * wear_per_kwh[row], 2), left, paid))
        rest = order[ROWS_MAX:]
        more = words("v2g.more", n=len(rest), kwh=number(float(gave_kwh[rest].sum()), 1)) if len(rest) else ""
        out.append(Lists(words.policy(run.policy), f"{number(float(gave_kwh.sum()), 1)} kWh", tuple(rows), more))
    return out


def storage(stage: Stage, runs: Sequence[PolicyRun], words: Words) -> list[tuple[str, ...]]:
    """(battery, policy, kWh charged, kWh discharged, wear) of each stationary battery under each policy."""
    table = stage.scenario.site.storage
    return [
        (
            name,
            words.policy(run.policy),
            number(float(run.storage_kwh[row].sum() + run.storage_out_kwh[row]), 1),
            number(float(run.storage_out_kwh[row]), 1),
            number(float(run.storage_out_kwh[row] * table.wear_per_kwh[row]), 2),
        )
        for row, name in enumerate(table.storage_id)
        for run in runs
    ]
