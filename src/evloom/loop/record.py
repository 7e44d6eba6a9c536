"""What one cycle decided and why."""

from dataclasses import dataclass

from evloom.dispatch.guard import Refusal
from evloom.dispatch.verify import Violation
from evloom.kernel.timegrid import Float, Int


@dataclass(frozen=True)
class Record:
    """power_kw (n_evse,) in force from now on, reason (n_evse,) of `dispatch.reason`, storage_kw (n_storage,).

    violations is what the check found wrong with the orders of the policy; they were then replaced by safe ones. refusals says of
    each battery that may not give why (`dispatch.guard`). ahead_kw (n_evse, n_ahead) is the plan that went along, None without one.
    """

    now_s: float
    power_kw: Float
    reason: Int
    storage_kw: Float
    violations: tuple[Violation, ...]
    refusals: tuple[Refusal, ...] = ()
    ahead_kw: Float | None = None
