"""Plans that chargers can be set to: powers that are currents, and as little energy below the least current as costs nothing.

What it means for a charger, and how much is left undone by one that is told less than its least current: docs/real-chargers.md.
"""

import time
from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.problem import Problem, Stays
from evloom.dispatch.real.currents import THREE_PHASE_KW_PER_A, Currents, beneath, currents, within_currents
from evloom.dispatch.real.cycles import cancel_cycles, sites_of, weak_share
from evloom.dispatch.solved import Solved
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Int
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.stays import THREE_PHASES

AC_MAX_A = 63.0
"""Most current of an AC charger, in each of three phases (IEC 62196-2, GB/T 20234.2): what is stronger charges with direct current."""
CIRCLE = 200
"""Vehicles that change places among themselves, at most: the work grows with the square, and larger circles find next to nothing more."""


@dataclass(frozen=True)
class Settable:
    """What became of the energy below the least current.

    current_min_a            least current that charges
    weak_share_before/after  share of the energy charged that is below it: as planned, and after vehicles changed places
    beneath                  vehicles with a need whose power is below the least current: they cannot charge at all
    cpu_s                    processor time of changing places
    """

    current_min_a: float
    weak_share_before: float
    weak_share_after: float
    beneath: int
    cpu_s: float


def chargers_of(stays: Stays, current_min_a: float) -> Currents:
    """What each vehicle's charger can be set to, as far as the files say: `current_min_a` and up in whole amperes at 230 V.

    A vehicle without a phase loads all three, unless it is too weak for the least current on three: then it is on one. One that is
    stronger than any AC charger charges with direct current, which has no least current and no steps.
    """
    phase = np.full(stays.n, THREE_PHASES) if stays.phase is None else stays.phase
    is_weak = stays.charge_max_kw < THREE_PHASE_KW_PER_A * current_min_a * (1.0 - 1e-9)
    found = currents(np.where(is_weak & (phase < 0), 0, phase), current_min_a)
    is_direct = stays.charge_max_kw > THREE_PHASE_KW_PER_A * AC_MAX_A * (1.0 + 1e-9)
    least_a, step_a = (np.where(is_direct, 0.0, column) for column in (found.current_min_a, found.current_step_a))
    return found._replace(current_min_a=least_a, current_step_a=step_a)


def restricted(case: Case, chargers: Currents) -> Case:
    """The case with powers that its chargers can be set to; a finding says how many vehicles cannot charge at all then."""
    below = beneath(case.problem, chargers).tolist()
    found = case.findings
    if below:
        names = ", ".join(str(case.vehicle_id[row]) for row in below[:3]) + (", ..." if len(below) > 3 else "")
        value = f"below the least current in {len(below)} of {case.problem.stays.n} rows ({names})"
        advice = "accepted: they do not charge and are short of their whole need; mend charge_max_kw or the phase"
        allowed = f"at least {float(chargers.least_kw[below].min()):g} kW"
        found = (*found, Finding("dispatch.below-least-current", "warning", "vehicles", None, "charge_max_kw", value, allowed, advice))
    return replace(case, problem=within_currents(case.problem, chargers), findings=found)


def set_to(problem: Problem, solved: Solved, chargers: Currents, current_min_a: float) -> tuple[Solved, Settable]:
    """The plan after vehicles have changed places: the same loads, energies, discharges, value and bound, less energy below the least."""
    began_s = time.process_time()
    least_kw, plan = chargers.least_kw, solved.schedule
    ready = cancel_cycles(problem, plan, least_kw, circles_of(problem))
    before, after = (weak_share(problem, each.charge_kwh, least_kw) for each in (plan, ready))
    # Where a plan has hardly any to begin with rounding may leave more: it is kept as it is.
    if after > before:
        ready, after = plan, before
    cannot = int(((problem.stays.need_kwh > 0.0) & (problem.stays.charge_max_kw <= 0.0)).sum())
    return replace(solved, schedule=ready), Settable(current_min_a, before, after, cannot, time.process_time() - began_s)


def circles_of(problem: Problem) -> Int:
    """A number for each stay (n_stay,), equal for those that change places: the sites of the problem in parts of at most CIRCLE."""
    site = sites_of(problem)
    order = np.argsort(site, kind="stable")
    _, begin, size = np.unique(site[order], return_index=True, return_counts=True)
    place = np.arange(len(site)) - np.repeat(begin, size)
    parts = -(-size // CIRCLE)
    # Parts of a site are as equal as they can be, and members lie side by side in the files.
    part = place * np.repeat(parts, size) // np.repeat(size, size)
    circle = np.empty(len(site), dtype=np.int64)
    circle[order] = np.repeat(np.cumsum(parts) - parts, size) + part
    return circle
