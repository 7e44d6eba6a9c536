"""What we ask of a pile or a stationary battery."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetPower:
    """Draw (positive) or give (negative) this power from now on, at the meter.

    reason is the row of a node of the limit tree or a number of `dispatch.reason`.
    ahead is the plan that goes along, so that a pile without a link has one: (instant in epoch seconds, kW from then on), rising in
    time. Empty: this power is held.
    """

    at_s: float
    unit_id: str
    power_kw: float
    reason: int
    ahead: tuple[tuple[float, float], ...] = ()
