"""What a portfolio could do in a window: how many kW up and down from its baseline, for how long, with what energy and at what price.

Up is more import, down is less. A promise is kept for every step of the window, and a schedule of the whole problem that keeps it,
every limit and every driver's promise stands behind each number (`verify_schedule`). docs/portfolio.md states the theory.
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.objective import Objective
from evloom.dispatch.optimise import Effort
from evloom.dispatch.portfolio.curve import Curve, Point, convex_curve
from evloom.dispatch.portfolio.part import Part, Window, part_of
from evloom.dispatch.portfolio.relaxed import shift_bound_kw
from evloom.dispatch.portfolio.respond import Response, node_kw, respond
from evloom.dispatch.portfolio.shift import cheapest_shift, largest_decrease, largest_increase
from evloom.dispatch.problem import Problem, Requests, Schedule
from evloom.dispatch.terms import stage_value
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float

# A bound is met when a schedule comes this close to it, relative to it, and the search for a better promise stops.
_NEAR = 1e-3
_HALVINGS_MAX = 12
_NOTHING_KW = 1e-6
EXACT = Effort("exact")


@dataclass(frozen=True)
class Offer:
    """What is promised in one direction.

    power_kw      by which the load can differ from the baseline in every step of the window, unsigned
    bound_kw      no schedule can do more; equal to power_kw where the answer is exact
    energy_kwh    power_kw times the hours of the window
    rebound_kwh   energy that moves to steps outside of the window for it, signed: what is drawn more there
    curve         what each kW costs; no points where it was not asked for
    schedule      of the whole problem, that does it
    """

    power_kw: float
    bound_kw: float
    energy_kwh: float
    rebound_kwh: float
    curve: Curve
    schedule: Schedule


@dataclass(frozen=True)
class Flexibility:
    """Both directions at a node in the steps first <= k < last.

    baseline_kw  (n_window,) net power through the node at the baseline, base load included
    is_exact     no schedule can do more; always so where nothing can discharge and no limit is of a phase. Otherwise the promise
                 is verified and lies below a proved bound
    """

    window: Window
    baseline_kw: Float
    up: Offer
    down: Offer
    is_exact: bool


@dataclass(frozen=True)
class Pricing:
    """How costs are found: one stage of money terms, by how much effort, and at how many powers at most (0: no curve).

    Differences of costs are asked for, so an effort with a gap g makes them wrong by up to g times the whole cost.
    """

    objective: Objective
    effort: Effort = EXACT
    points_max: int = 9


def flexibility(problem: Problem, baseline: Schedule, window: Window, pricing: Pricing) -> Flexibility:
    """How far the units at or below a node could move their load, all others kept at the baseline.

    The whole horizon may be replanned for it. No driver gets less than in the baseline. Raises InputError with all findings
    where the window, the baseline or the objective cannot be used.
    """
    if len(pricing.objective.stages) != 1:
        value = f"{len(pricing.objective.stages)} stages"
        raise InputError([Finding("portfolio.objective", "refused", "objective", None, None, value, "one stage", "add the terms with +")])
    part = part_of(problem, baseline, window)
    up, down = (_offer(part, pricing, sign) for sign in (1, -1))
    is_exact = all(offer.bound_kw - offer.power_kw <= _NOTHING_KW for offer in (up, down))
    return Flexibility(window, node_kw(problem, baseline, window.node)[window.steps], up, down, is_exact)


def lasting_kw(problem: Problem, baseline: Schedule, window: Window, pricing: Pricing) -> tuple[Float, Float]:
    """How many kW up and down could be held from window.first for 1, 2 .. steps, to window.last -> two columns (n_window,), falling."""
    spans = [part_of(problem, baseline, replace(window, last=last)) for last in range(window.first + 1, window.last + 1)]
    up, down = ([_promise(part, pricing, sign)[0] for part in spans] for sign in (1, -1))
    return np.minimum.accumulate(np.array(up)), np.minimum.accumulate(np.array(down))


def _offer(part: Part, pricing: Pricing, sign: int) -> Offer:
    power_kw, bound_kw, own = _promise(part, pricing, sign)
    power_kw = power_kw if power_kw > _NOTHING_KW else 0.0
    steps, step_h = part.window.steps, part.problem.step_h
    shift_kwh = part.shift_kw(own) * step_h
    curve = convex_curve(power_kw, lambda kw: _point(part, pricing, sign, kw), pricing.points_max)
    rebound_kwh = float(np.delete(shift_kwh, steps).sum())
    return Offer(power_kw, bound_kw, power_kw * float(step_h[steps].sum()), rebound_kwh, curve, part.merged(own))


def _promise(part: Part, pricing: Pricing, sign: int) -> tuple[float, float, Schedule]:
    """The largest shift for which a schedule was found and verified, a bound on any, and that schedule of the part."""
    if part.only_charges:
        shift = largest_increase(part) if sign > 0 else largest_decrease(part)
        if not part.violations(shift.own):
            return shift.power_kw, shift.power_kw, shift.own
    bound_kw = shift_bound_kw(part, sign)
    low_kw, own = 0.0, _own_baseline(part)
    wish_kw = bound_kw
    for _ in range(_HALVINGS_MAX):
        if bound_kw - low_kw <= _NEAR * bound_kw:
            break
        found_kw, schedule = _tried(part, pricing, sign, wish_kw)
        if found_kw > low_kw:
            low_kw, own = found_kw, schedule
        wish_kw = (low_kw + wish_kw) / 2
    return low_kw, bound_kw, own


def _tried(part: Part, pricing: Pricing, sign: int, power_kw: float) -> tuple[float, Schedule]:
    """Ask for a shift -> what every step of the window got of it, 0 where the schedule does not verify, and the schedule."""
    response = _respond(part, pricing, sign, power_kw)
    own = response.solved.schedule
    if part.violations(own):
        return 0.0, own
    got_kw = float((sign * part.shift_kw(own)[part.window.steps]).min())
    return min(max(got_kw, 0.0), power_kw), own


def _point(part: Part, pricing: Pricing, sign: int, power_kw: float) -> Point | None:
    """What a shift costs, or None where none was reached by a schedule that verifies; its power is what the schedule does of it."""
    own = cheapest_shift(part, pricing.objective, sign, power_kw) if part.only_charges else None
    if own is None or part.violations(own):
        own = _respond(part, pricing, sign, power_kw).solved.schedule
        if part.violations(own):
            return None
    got_kw = float((sign * part.shift_kw(own)[part.window.steps]).min())
    reached_kw = min(got_kw, power_kw) if power_kw - got_kw > _NOTHING_KW else power_kw
    return Point(max(reached_kw, 0.0), stage_value(pricing.objective, 0, own.objective), part.merged(own))


def _respond(part: Part, pricing: Pricing, sign: int, power_kw: float) -> Response:
    """Dispatch the part with baseline and shift as a hard target in every step of the window: at least that up, at most that down."""
    steps = part.window.steps
    target_kw = part.problem.nodes.base_kw[part.window.node, steps] + part.load_kwh[steps] / part.problem.step_h[steps] + sign * power_kw
    n = len(steps)
    requests = Requests(np.full(n, part.window.node), steps, steps + 1, target_kw, np.full(n, sign < 0), np.full(n, np.inf))
    return respond(part.problem, requests, pricing.objective, pricing.effort)


def _own_baseline(part: Part) -> Schedule:
    whole = part.baseline
    return Schedule(
        whole.charge_kwh[part.stay],
        whole.discharge_kwh[part.stay],
        whole.store_kwh[part.store],
        np.zeros(len(part.stay)),
        whole.objective,
    )
