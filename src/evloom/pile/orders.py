"""What we ask of a pile or a stationary battery."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetPower:
    """Draw (positive) or give (negative) this power from now on, at the meter.

    reason is the row of a node of the limit tree or a number of `dispatch.reason`.
    """

    at_s: float
    unit_id: str
    power_kw: float
    reason: int
