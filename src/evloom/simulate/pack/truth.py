"""What only the maker of a pack knows: its fault, and what its cells truly are on each day."""

from dataclasses import dataclass, field
from typing import Any

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.fault import Fault


@dataclass(frozen=True)
class Truth:
    """fault is a kind of `fault.NAMED` or `fault.UNKNOWN`, or "none"; cell -1 where it is no single one.

    onset_s         NaN where there is no fault; ten_ohm_s when an internal short falls under 10 ohm, else NaN
    capacity_ah     (n_day, n_cell), resistance_ohm likewise: of 10 s, at 25 degC and half charge
    parameters      numbers of the fault, and use, climate, rates of the box
    """

    fault: str
    cell: int
    onset_s: float
    ten_ohm_s: float
    capacity_ah: Float
    resistance_ohm: Float
    parameters: dict[str, Any] = field(default_factory=dict)


def described(fault: Fault) -> dict[str, Any]:
    """The numbers of a fault as a dictionary for `Truth.parameters`."""
    return dict(fault.numbers)
