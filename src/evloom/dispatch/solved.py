"""What every optimising algorithm returns: a schedule, what it is worth, and a proof of how much better any other could be."""

from dataclasses import dataclass

from evloom.dispatch.problem import Schedule
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float


@dataclass(frozen=True)
class Round:
    """How far an algorithm had come after a sweep over all units.

    sweep      number of sweeps so far, from 1
    value      of the best schedule that holds every limit; infinity while there is none
    bound      best proved lower bound so far; -infinity while there is none
    excess     largest excess over a limit of the loads now planned, relative to the room there
    fixed      what the objective would be with nothing steered at all
    """

    sweep: int
    value: float
    bound: float
    excess: float
    fixed: float = 0.0

    @property
    def gap(self) -> float:
        """See `gap_of`."""
        return gap_of(self.value, self.bound, self.fixed)


@dataclass(frozen=True)
class Solved:
    """A schedule with its proof.

    schedule            holds every limit; see `dispatch.problem.Schedule`
    method              "closed", "flow", "programme" (all exact) or "sweeps"
    value               the objective: weighted terms of the last stage, penalties of requests, and short energy at `service.short_cost`
    bound               no schedule has a lower value than this
    short_price_per_kwh price of the first kWh that a need lacks
    node_price_per_kwh  (n_node, n_step) what one kWh more room at the node would save (import positive, export negative); None where the
                        algorithm does not know
    rounds              one for each sweep that was measured; empty for exact methods
    findings            what the reader should know: who is short and which node binds, severity "note" or "warning"
    is_interrupted      it was stopped before the gap that was asked for; the schedule is the best so far
    fixed               what the objective would be with nothing steered at all: the share of it that no schedule can change
    """

    schedule: Schedule
    method: str
    value: float
    bound: float
    short_price_per_kwh: float
    node_price_per_kwh: Float | None
    rounds: tuple[Round, ...]
    findings: tuple[Finding, ...]
    is_interrupted: bool = False
    fixed: float = 0.0

    @property
    def gap(self) -> float:
        """See `gap_of`."""
        return gap_of(self.value, self.bound, self.fixed)


# Of sums of what many units cost.
_ROUNDING = 1e-10


def gap_of(value: float, bound: float, fixed: float = 0.0) -> float:
    """(value - bound) / |value - fixed|: by what share of what it steers a schedule can at most be improved; 0 where both are 0.

    The base load's own cost is left out (`fixed`): it would make any gap look small.
    """
    if value < float("inf") and value - bound <= _ROUNDING * max(abs(value), abs(fixed), 1.0):
        return 0.0
    return (value - bound) / abs(value - fixed) if value != fixed and value < float("inf") else float("inf")
