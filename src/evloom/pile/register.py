"""The energy registers of one transaction: what its words said of them, in whatever order the words came.

A register only counts up. Where one does not, or counts faster than the EVSE can charge, its values are kept and the fault is named; the
energy is never negative. Everything here is a minimum, a maximum or a set over the readings, so neither their order of arrival nor a
repetition changes the result, as long as no reading comes later than KEPT others that were measured after it.
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evloom.pile.station import Sample

IMPORT_REGISTER = "Energy.Active.Import.Register"
EXPORT_REGISTER = "Energy.Active.Export.Register"
IMPORT_POWER = "Power.Active.Import"
EXPORT_POWER = "Power.Active.Export"
SOC = "SoC"

KEPT = 16
"""Readings that are kept one by one to place a late one among them; older ones are kept as one."""

RESOLUTION_KWH = 0.002
"""A register may seem to step back by this much: meters and firmware round to 1 Wh in different ways."""

RATING_TOLERANCE = 1.2
"""Over the rating by this factor: ratings are nominal, meters count at 1 to 2 % and mains voltage varies by 10 %."""

JUMP_MARGIN_KWH = 1.0
JUMP_MARGIN_S = 60.0
"""Slack of the test for jumps: stations stamp whole seconds or minutes, and some meters count in whole kWh."""

Point = tuple[float, float]
"""Instant in epoch seconds, value."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What one word says of the whole EVSE, phases summed: points of registers (kWh), powers (kW) and SoC."""

    imported: tuple[tuple[float, float, str], ...] = ()
    exported: tuple[Point, ...] = ()
    import_power: Point | None = None
    export_power: Point | None = None
    soc: Point | None = None


_WANTED = frozenset({IMPORT_REGISTER, EXPORT_REGISTER, IMPORT_POWER, EXPORT_POWER, SOC})


def totals(samples: Sequence[Sample]) -> Totals:
    """Sum up the samples of a word. A value without a phase is the total; without one the phases are added.

    Values at the outlet go before values measured elsewhere in the station.
    """
    outlet = {sample.measurand for sample in samples if sample.location == "Outlet"}
    whole: dict[tuple[str, float, str], float] = {}
    parts: dict[tuple[str, float, str], float] = {}
    for sample in samples:
        if sample.measurand not in _WANTED or (sample.location != "Outlet" and sample.measurand in outlet):
            continue
        key = (sample.measurand, sample.at_s, sample.context)
        if not sample.phase:
            whole[key] = sample.value
        elif sample.phase in ("L1", "L2", "L3", "L1-N", "L2-N", "L3-N"):
            parts[key] = parts.get(key, 0.0) + sample.value
    if parts:
        whole = {**parts, **whole}
    return Totals(
        imported=tuple((at_s, value, context) for (name, at_s, context), value in whole.items() if name == IMPORT_REGISTER),
        exported=tuple((at_s, value) for (name, at_s, _), value in whole.items() if name == EXPORT_REGISTER),
        import_power=_latest(whole, IMPORT_POWER),
        export_power=_latest(whole, EXPORT_POWER),
        soc=_latest(whole, SOC),
    )


def _latest(values: dict[tuple[str, float, str], float], measurand: str) -> Point | None:
    return max(((at_s, value) for (name, at_s, _), value in values.items() if name == measurand), default=None)


@dataclass(frozen=True, slots=True)
class Registers:
    """What is known of the registers of a transaction, in kWh.

    begin        explicit begin register: instant, value; first the earliest other reading above zero
    end          explicit end register; last the latest reading of any kind, earliest the earliest
    export_first, export_last   of the export register
    points       the last readings in order of time; head what came before them: until when, highest reading, and least of reading minus
                 what could have been charged up to then
    backwards, jump   a reading below an earlier one; a reading that the rating cannot explain
    """

    begin: Point | None = None
    first: Point | None = None
    earliest: Point | None = None
    end: Point | None = None
    last: Point | None = None
    export_first: Point | None = None
    export_last: Point | None = None
    points: tuple[Point, ...] = ()
    head: tuple[float, float, float] | None = None
    backwards: bool = False
    jump: bool = False


def least(one: Point | None, other: Point | None) -> Point | None:
    """The earlier of two points; where one is None, the other."""
    if one is None or other is None:
        return one or other
    return min(one, other)


def most(one: Point | None, other: Point | None) -> Point | None:
    """The later of two points; where one is None, the other."""
    if one is None or other is None:
        return one or other
    return max(one, other)


def explained_kwh(power_max_kw: float, span_s: float) -> float:
    """The most that a register can have counted in `span_s` at an EVSE rated `power_max_kw`."""
    return power_max_kw * RATING_TOLERANCE * (span_s + JUMP_MARGIN_S) / 3600.0 + JUMP_MARGIN_KWH


@dataclass(frozen=True, slots=True)
class Heard:
    """The registers of one word: explicit begin and end, other readings, exports. `timed` is False where the clock was wrong.

    placed   whether the begin register was read when it says; many stations repeat it in every word, stamped with the time of that word
    """

    begin: Point | None
    end: Point | None
    others: tuple[Point, ...]
    exported: tuple[Point, ...]
    timed: bool
    placed: bool = True


def heard(registers: Registers, word: Heard, power_max_kw: float) -> Registers:
    """`registers` with a word added."""
    everything = [point for point in (word.begin if word.placed else None, *word.others, word.end) if point is not None]
    if not everything and word.begin is None and not word.exported:
        return registers
    points, head, backwards, jump = registers.points, registers.head, registers.backwards, registers.jump
    if word.timed:
        for point in everything:
            points, head, back, leap = _placed(points, head, point, power_max_kw)
            backwards, jump = backwards or back, jump or leap
    above_zero = [point for point in (*word.others, *((word.end,) if word.end else ())) if point[1] > RESOLUTION_KWH]
    return Registers(
        begin=least(registers.begin, word.begin),
        first=least(registers.first, min(above_zero, default=None)),
        earliest=least(registers.earliest, min(everything, default=None)),
        end=most(registers.end, word.end),
        last=most(registers.last, max(everything, default=None)),
        export_first=least(registers.export_first, min(word.exported, default=None)),
        export_last=most(registers.export_last, max(word.exported, default=None)),
        points=points,
        head=head,
        backwards=backwards,
        jump=jump,
    )


def _placed(
    points: tuple[Point, ...], head: tuple[float, float, float] | None, point: Point, power_max_kw: float
) -> tuple[tuple[Point, ...], tuple[float, float, float] | None, bool, bool]:
    """The points with one more, and whether it stands against one of them: lower than an earlier one, or too high after it."""
    if point in points or (head is not None and point[0] <= head[0]):
        return points, head, False, False
    at_s, value_kwh = point
    slope_kw = power_max_kw * RATING_TOLERANCE
    margin_kwh = explained_kwh(power_max_kw, 0.0)
    backwards = jump = False
    for other_at_s, other_kwh in points:
        span_s = at_s - other_at_s
        step_kwh = value_kwh - other_kwh if span_s > 0.0 else other_kwh - value_kwh
        backwards |= span_s != 0.0 and step_kwh < -RESOLUTION_KWH
        jump |= (step_kwh if span_s else abs(step_kwh)) > slope_kw * abs(span_s) / 3600.0 + margin_kwh
    if head is not None:
        backwards |= value_kwh < head[1] - RESOLUTION_KWH
        jump |= value_kwh - slope_kw * (at_s - head[0]) / 3600.0 > head[2] + margin_kwh
    grown = list(points)
    insort(grown, point)
    while len(grown) > KEPT:
        head = _swallowed(head, grown.pop(0), slope_kw)
    return tuple(grown), head, backwards, jump


def _swallowed(head: tuple[float, float, float] | None, point: Point, slope_kw: float) -> tuple[float, float, float]:
    """The head with the next point in it. Its third value is the least, over its readings, of the reading plus what can have been
    charged from then until the head's end."""
    at_s, value_kwh = point
    if head is None:
        return at_s, value_kwh, value_kwh
    return at_s, max(head[1], value_kwh), min(head[2] + slope_kw * (at_s - head[0]) / 3600.0, value_kwh)


def begins_at_zero(registers: Registers, power_max_kw: float) -> bool:
    """Whether the begin register is a zero that the next reading gives the lie: the station had not read its meter yet."""
    begin, first = registers.begin, registers.first
    if begin is None or first is None or begin[1] > RESOLUTION_KWH:
        return False
    return first[1] - begin[1] > explained_kwh(power_max_kw, max(first[0] - begin[0], 0.0))


def bounds_kwh(registers: Registers, power_max_kw: float, ended: bool) -> tuple[float | None, float | None]:
    """Begin and last register that the energy is counted between; None where no reading was sent."""
    begin = registers.begin or registers.earliest
    if begins_at_zero(registers, power_max_kw):
        begin = registers.first
    last = registers.end if ended and registers.end is not None else registers.last
    return (None if begin is None else begin[1]), (None if last is None else last[1])


def joined(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes once each, in order."""
    return tuple(sorted(set(codes)))
