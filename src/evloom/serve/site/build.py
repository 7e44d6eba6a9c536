"""From the document of a site to what the loop needs: site, EVSE, terms, tariff. And the findings where it does not hold together."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from evloom.dispatch.belief import Trust
from evloom.dispatch.fallback import Fallback
from evloom.dispatch.guard import GuardRules, Limit
from evloom.dispatch.objective import parse_objective
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import TimeGrid, from_epoch_s
from evloom.loop.policies import policy_named
from evloom.loop.ports import Policy
from evloom.loop.state import Terms
from evloom.market.mapping import tariff_from_mapping
from evloom.market.tariff import Tariff
from evloom.network.site import Site, StorageTable
from evloom.network.tree import LimitTree
from evloom.pile.evse import EvseTable
from evloom.serve.site.plan import ROOT, EvsePlan, GuardPlan, LimitPlan, SitePlan

PHASES = {"L1": 0, "L2": 1, "L3": 2}
NO_LIMIT_KW = 1e9
NO_STORAGE = StorageTable((), np.zeros(0, dtype=np.int64), *(np.zeros(0) for _ in range(7)))


@dataclass(frozen=True)
class Built:
    """A site as the loop knows it; tariff None where energy has no price."""

    plan: SitePlan
    site: Site
    evse: EvseTable
    tariff: Tariff | None


def built(plan: SitePlan) -> Built:
    """Build a site. Raises InputError with everything that is wrong with its document."""
    findings = [*_zone_findings(plan), *_tree_findings(plan), *_evse_findings(plan)]
    tariff: Tariff | None = None
    try:
        tariff = None if plan.tariff is None else tariff_from_mapping(tariff_table(plan), f"site {plan.site_id}", lambda _: None)
        parse_objective(plan.objective)
    except InputError as error:
        findings += error.findings
    if findings:
        raise InputError(findings)
    tree = _tree(plan)
    site = Site(plan.name or plan.site_id, plan.zone, plan.voltage_v, tree, (), (), NO_STORAGE)
    return Built(plan, site, _evse_table(plan, tree), tariff)


def tariff_table(plan: SitePlan) -> dict[str, object]:
    """The tariff of the site as the table [tariff] of a scenario; with its zone and currency where it names none."""
    own = dict(plan.tariff or {"price_per_kwh": 0.0})
    packaged = isinstance(own.get("name"), str) and not {"periods", "price_per_kwh"} & own.keys()
    return own if packaged else {"zone": plan.zone, "currency": plan.currency, **own}


def run_grid(plan: SitePlan, now_s: float) -> TimeGrid:
    """The steps of a run that begins now: from the running step to the local midnight after the next step, at most a day and a step."""
    begin = from_epoch_s(now_s // plan.step_s * plan.step_s)
    soon = (begin + timedelta(seconds=plan.step_s)).astimezone(ZoneInfo(plan.zone))
    midnight = (soon + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return TimeGrid.between(begin, midnight, plan.step_s)


def terms_of(made: Built, grid: TimeGrid, fallback: Fallback) -> Terms:
    """What the loop is told once for a run on `grid`."""
    charge = made.tariff.terms.demand if made.tariff is not None else None
    price = float(charge.price_per_kw_month) if charge else 0.0
    ahead = TimeGrid(grid.start, grid.step_s, grid.n + n_ahead(made.plan))
    return Terms(ahead, n_ahead(made.plan), price, charge.interval_s if charge else 900, fallback, guard_of(made.plan.guard))


def n_ahead(plan: SitePlan) -> int:
    """Steps that are looked ahead."""
    return max(1, round(plan.horizon_h * 3600 / plan.step_s))


def policy_of(plan: SitePlan) -> Policy:
    """The policy that decides for the site."""
    return policy_named(plan.policy, parse_objective(aim_of(plan)), Trust())


def aim_of(plan: SitePlan) -> str:
    """What the site aims at: where energy has no price, a lower cost than none is to have it early."""
    return "earliest" if plan.tariff is None and plan.objective == "cost" else plan.objective


def guard_of(guard: GuardPlan | None) -> GuardRules | None:
    """The rules for batteries that discharge, None without any."""
    if guard is None:
        return None

    def limit(value: float | None) -> Limit | None:
        return None if value is None else Limit(value, guard.source)

    return GuardRules(
        soc_min=limit(guard.soc_min),
        soc_max=limit(guard.soc_max),
        daily_kwh=limit(guard.daily_kwh),
        yearly_kwh=limit(guard.yearly_kwh),
        yearly_cycles=limit(guard.yearly_cycles),
    )


def ordered_limits(plan: SitePlan) -> list[LimitPlan]:
    """The limits below the root, parents before children; those that hang on nothing are left out."""
    placed, order, waiting = {ROOT}, list[LimitPlan](), list(plan.limits)
    while ready := [item for item in waiting if item.parent in placed]:
        order += ready
        placed |= {item.id for item in ready}
        waiting = [item for item in waiting if item.id not in placed]
    return order


def root_kw(plan: SitePlan) -> float:
    """What the site may draw, the margin left free."""
    return plan.max_kw * (1.0 - plan.margin)


def _tree(plan: SitePlan) -> LimitTree:
    limits = ordered_limits(plan)
    row = {ROOT: 0} | {item.id: number for number, item in enumerate(limits, 1)}
    share = 1.0 - plan.margin
    infinite = float("inf")
    return LimitTree(
        (ROOT, *(item.id for item in limits)),
        np.array([-1, *(row[item.parent] for item in limits)], dtype=np.int64),
        np.array([root_kw(plan), *(_max_kw(item, share) for item in limits)]),
        np.array([plan.export_max_kw, *(infinite if item.export_max_kw is None else item.export_max_kw for item in limits)]),
        np.array([infinite if a is None else a * share for a in (plan.phase_max_a, *(item.phase_max_a for item in limits))]),
        (plan.source or f"limit of {plan.max_kw:g} kW", *(item.source or f"limit {item.id}" for item in limits)),
    )


def _max_kw(item: LimitPlan, share: float) -> float:
    """What a node may draw. One that limits neither power nor current is written with a number, as a scenario must be."""
    if item.max_kw is not None:
        return item.max_kw * share
    return NO_LIMIT_KW if item.phase_max_a is None else float("inf")


def _evse_table(plan: SitePlan, tree: LimitTree) -> EvseTable:
    items = plan.evse
    row = {name: number for number, name in enumerate(tree.node_id)}
    return EvseTable(
        tuple(item.evse_id for item in items),
        np.arange(len(items)),
        np.zeros(len(items), dtype=np.bool_),
        np.array([row[item.node or ROOT] for item in items], dtype=np.int64),
        np.array([item.dc for item in items], dtype=np.bool_),
        np.array([item.n_phase for item in items], dtype=np.int64),
        np.array([phase_of(item, number) for number, item in enumerate(items)], dtype=np.int64),
        np.array([item.rating_kw for item in items], dtype=np.float64),
        np.array([item.discharge_max_kw for item in items], dtype=np.float64),
        np.array([0.0 if item.dc else item.current_min_a for item in items], dtype=np.float64),
        np.array([0.0 if item.dc else item.current_step_a for item in items], dtype=np.float64),
        np.ones(len(items)),
    )


def phase_of(item: EvsePlan, number: int) -> int:
    """The phase, 0..2, that a single-phase EVSE (or car) loads: its own, or in turn by its number in the document."""
    return PHASES.get(item.phase, number % 3)


def _zone_findings(plan: SitePlan) -> list[Finding]:
    try:
        ZoneInfo(plan.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return [_refused(plan, "zone", plan.zone, "an IANA name such as Asia/Shanghai", "name the site's time zone")]
    return []


def _tree_findings(plan: SitePlan) -> list[Finding]:
    placed = {ROOT} | {item.id for item in ordered_limits(plan)}
    count = Counter([ROOT, *(item.id for item in plan.limits)])
    twice = [name for name, n in count.items() if n > 1]
    lost = [f"{item.id} below {item.parent}" for item in plan.limits if item.id not in placed]
    advice = "give every limit a name of its own"
    return [
        *(_refused(plan, "duplicate-node", name, "an id used once", advice) for name in twice),
        *(_refused(plan, "no-way-to-root", name, f"a tree below {ROOT}", "correct its parent") for name in lost),
    ]


def _evse_findings(plan: SitePlan) -> list[Finding]:
    nodes = {"", ROOT, *(item.id for item in plan.limits)}
    findings = []
    for item in plan.evse:
        least_kw = 0.0 if item.dc else item.current_min_a * plan.voltage_v / 1000.0 * item.n_phase
        if item.node not in nodes:
            allowed = ", ".join(sorted(nodes - {""}))
            findings.append(_refused(plan, "unknown-node", f"{item.evse_id} at {item.node}", allowed, "name a node of this site"))
        if item.rating_kw < least_kw:
            allowed = f">= {least_kw:g} kW, its least current"
            findings.append(
                _refused(plan, "rating-below-minimum", f"{item.evse_id}: {item.rating_kw:g} kW", allowed, "correct one of the two")
            )
    for name, n in Counter(item.evse_id for item in plan.evse).items():
        if n > 1:
            findings.append(_refused(plan, "duplicate-evse", name, "each EVSE once", "remove one of them"))
    return findings


def _refused(plan: SitePlan, code: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(f"site.{code}", "refused", f"site {plan.site_id}", None, None, value, allowed, advice)
