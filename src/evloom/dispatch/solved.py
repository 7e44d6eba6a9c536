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
    """

    sweep: int
    value: float
    bound: float
    excess: float

    @property
    def gap(self) -> float:
        """See `gap_of`."""
        return gap_of(self.value, self.bound)


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

    @property
    def gap(self) -> float:
        """See `gap_of`."""
        return gap_of(self.value, self.bound)


def gap_of(value: float, bound: float) -> float:
    """(value - bound) / |value|: the share of its value by which a schedule can at most be improved; 0 where both are 0."""
    if value == bound:
        return 0.0
    return max(value - bound, 0.0) / abs(value) if value else float("inf")
