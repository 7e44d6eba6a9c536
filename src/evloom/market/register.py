"""Register samples of a meter: what a session counted, and the series of intervals that a bill is made from."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.market.bill import MeterSeries

IDLE_KW = 0.05
"""A mean power up to this is the pile's own draw, not charging: ours (2026); a car draws at least 1.3 kW (6 A, one phase)."""


@dataclass(frozen=True, slots=True)
class Registers:
    """Readings of one session's meter by time: import (n,) and export (m,), kWh, each with its instants in epoch seconds.

    Instants rise strictly, as `registers` makes them. Export is empty where the meter counts no energy given back.
    """

    import_at_s: Float
    import_kwh: Float
    export_at_s: Float
    export_kwh: Float

    @property
    def charged_kwh(self) -> float:
        """Last import reading less the first; 0 without two readings."""
        return float(self.import_kwh[-1] - self.import_kwh[0]) if len(self.import_kwh) else 0.0

    @property
    def given_kwh(self) -> float:
        """Last export reading less the first; 0 without two readings."""
        return float(self.export_kwh[-1] - self.export_kwh[0]) if len(self.export_kwh) else 0.0


def registers(bought: list[tuple[float, float]], sold: list[tuple[float, float]] | None = None) -> Registers:
    """Registers of (instant, kWh) readings of import and export in any order. Of two at one instant the higher stands."""
    return Registers(*_column(bought), *_column(sold or []))


def _column(readings: list[tuple[float, float]]) -> tuple[Float, Float]:
    by_time = dict(sorted(readings))
    return np.array(list(by_time), dtype=np.float64), np.array(list(by_time.values()), dtype=np.float64)


def clipped(meter: Registers, start_s: float, end_s: float) -> Registers:
    """The readings at or inside [start_s, end_s]."""
    bought = (meter.import_at_s >= start_s) & (meter.import_at_s <= end_s)
    sold = (meter.export_at_s >= start_s) & (meter.export_at_s <= end_s)
    return Registers(meter.import_at_s[bought], meter.import_kwh[bought], meter.export_at_s[sold], meter.export_kwh[sold])


def meter_series(meter: Registers) -> MeterSeries:
    """The intervals between readings. Where import and export were read at different instants, each is spread evenly between its own.

    Fewer than two readings of both give one empty interval, so that fees can be billed all the same.
    """
    edges_s = np.union1d(meter.import_at_s, meter.export_at_s)
    if len(edges_s) < 2:
        start_s = float(edges_s[0]) if len(edges_s) else 0.0
        return MeterSeries(np.array([start_s, start_s + 1.0]), np.zeros(1))
    charged = _per_interval(edges_s, meter.import_at_s, meter.import_kwh)
    if len(meter.export_kwh) < 2:
        return MeterSeries(edges_s, charged)
    return MeterSeries(edges_s, charged, _per_interval(edges_s, meter.export_at_s, meter.export_kwh))


def _per_interval(edges_s: Float, at_s: Float, register_kwh: Float) -> Float:
    if len(at_s) < 2:
        return np.zeros(len(edges_s) - 1)
    never_falling = np.minimum.accumulate(register_kwh[::-1])[::-1]  # a fall within the guard's slack is nobody's discharge
    return np.diff(np.interp(edges_s, at_s, never_falling))


def charging_end_s(meter: MeterSeries, start_s: float, end_s: float, held_back: bool) -> float:
    """When charging ended, within [start_s, end_s]: the end of the last interval that moved energy faster than IDLE_KW.

    held_back   True where the pile, not the car, was pausing when the session ended: then waiting was our doing and the
                charging ended with the session, so that no driver pays overstay for a pause that we ordered.
    """
    if held_back:
        return end_s
    mean_kw = (meter.charged_kwh() + meter.given_kwh()) / np.diff(meter.edges_s) * 3600.0
    used = np.flatnonzero(mean_kw > IDLE_KW)
    last_s = float(meter.edges_s[used[-1] + 1]) if len(used) else start_s
    return min(max(last_s, start_s), end_s)


def with_ends(meter: Registers, start: tuple[float, float] | None, end: tuple[float, float] | None) -> Registers:
    """The registers with the (instant, kWh) of begin and end set as given, as a correction by a person says; others between them stay.

    Readings outside the two instants, or outside the two values, are dropped, so that what is billed is what was corrected.
    """
    at_s, kwh = meter.import_at_s, meter.import_kwh
    if start is not None:
        keep = (at_s > start[0]) & (kwh >= start[1])
        at_s, kwh = np.concatenate(([start[0]], at_s[keep])), np.concatenate(([start[1]], kwh[keep]))
    if end is not None:
        keep = (at_s < end[0]) & (kwh <= end[1])
        at_s, kwh = np.concatenate((at_s[keep], [end[0]])), np.concatenate((kwh[keep], [end[1]]))
    rising = np.maximum.accumulate(kwh) == kwh
    return replace(meter, import_at_s=at_s[rising], import_kwh=kwh[rising])
