"""Meter values of 1.6: texts with units become samples in ours."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import UNSET

from evloom.pile.station import Deviated, Sample
from evloom.wire.ocpp.meter_unit import IMPORT_REGISTER, converted, number
from evloom.wire.ocpp.v16.messages import MeterValue, SampledValue, TransactionData


def samples(
    values: Sequence[MeterValue | TransactionData], action: str, at: Callable[[datetime], float]
) -> tuple[tuple[Sample, ...], tuple[Deviated, ...]]:
    """All samples of a message, with `at` to tell their instants, and what was wrong with those that could not be read as they are."""
    found: list[Sample] = []
    odd: list[Deviated] = []
    for value in values:
        at_s = at(value.timestamp)
        for sampled in value.sampled_value:
            _add(sampled, at_s, found, odd, action)
    return tuple(found), tuple(odd)


def _add(sampled: SampledValue, at_s: float, found: list[Sample], odd: list[Deviated], action: str) -> None:
    measurand = sampled.measurand or IMPORT_REGISTER
    phase = "" if sampled.phase is UNSET else sampled.phase
    location, context = sampled.location or "Outlet", sampled.context or "Sample.Periodic"
    if sampled.format == "SignedData":
        found.append(Sample(at_s, f"{measurand}.Signed", 0.0, phase, location, context, sampled.value))
        return
    value = number(sampled.value)
    if value is None:
        advice = "send a number in decimal notation"
        odd.append(Deviated(action, "value_unreadable", f"sampledValue({measurand}).value", sampled.value[:200], advice))
        return
    unit = sampled.unit or ""
    ours = converted(value, measurand, unit)
    if ours.odd:
        odd.append(Deviated(action, "unit_odd", f"sampledValue({measurand}).unit", str(unit)[:200], "send a unit of the measurand"))
    found.append(Sample(at_s, measurand, ours.value, phase, location, context))
