"""Charge windows: what was charged between which states, and what it says of the capacity."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A figure with its doubt: it lies below p10 one time in ten, below p50 one in two, below p90 nine in ten."""

    p10: float
    p50: float
    p90: float

    def times(self, factor: float) -> "Interval":
        """The interval of a positive multiple."""
        return Interval(self.p10 * factor, self.p50 * factor, self.p90 * factor)


@dataclass(frozen=True)
class Window:
    """One charge, or a part of one that was seen.

    kind        "ac" or "fast"; soc_span  share of the capacity that it went through, None where that is not known
    charge_ah   counted, less the offset of the sensor; mean_c  temperature, NaN where unknown
    capacity_ah what this window says by itself, given the curve that the pack's other windows have shown; None where it is refused
    refused     why, a key of `health_text.TEXTS`, "" where it was used
    managed_span  by how much the management's own state of charge changed, None where it was not sent
    """

    begin_s: float
    end_s: float
    kind: str
    soc_span: float | None
    charge_ah: float
    mean_c: float
    capacity_ah: Interval | None
    refused: str = ""
    managed_span: float | None = None
