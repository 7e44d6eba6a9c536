"""Meter values of 2.x: numbers with units and multipliers become samples in ours. 2.1 has the same fields."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET

from evloom.pile.station import Deviated, Sample
from evloom.wire.ocpp.meter_unit import IMPORT_REGISTER, converted
from evloom.wire.ocpp.v201.messages import MeterValueType, SampledValueType

MULTIPLIER_MAX = 12
"""A multiplier of a unit is a exponent of ten; larger ones are of no unit of a meter."""


def samples(
    values: Sequence[MeterValueType], action: str, at: Callable[[datetime], float]
) -> tuple[tuple[Sample, ...], tuple[Deviated, ...]]:
    """All samples of a message, with `at` to tell their instants, and what was odd about them."""
    found: list[Sample] = []
    odd: list[Deviated] = []
    for value in values:
        at_s = at(value.timestamp)
        found.extend([_sample(sampled, at_s, odd, action) for sampled in value.sampled_value])
    return tuple(found), tuple(odd)


def _sample(sampled: SampledValueType, at_s: float, odd: list[Deviated], action: str) -> Sample:
    measurand = sampled.measurand or IMPORT_REGISTER
    value, unit, exponent = sampled.value, "", 0
    if sampled.unit_of_measure:
        unit = sampled.unit_of_measure.unit or ""
        exponent = sampled.unit_of_measure.multiplier or 0
    if exponent:
        value *= 10.0 ** min(max(exponent, -MULTIPLIER_MAX), MULTIPLIER_MAX)
    ours = converted(value, measurand, unit)
    if ours.odd or abs(exponent) > MULTIPLIER_MAX:
        field, sent = f"sampledValue({measurand}).unitOfMeasure", f"{unit} multiplier {exponent}"
        odd.append(Deviated(action, "unit_odd", field, sent, "send a unit of the measurand"))
    return Sample(
        at_s,
        measurand,
        ours.value,
        "" if sampled.phase is UNSET else sampled.phase,
        sampled.location or "Outlet",
        sampled.context or "Sample.Periodic",
        msgspec.json.encode(sampled.signed_meter_value).decode() if sampled.signed_meter_value else "",
    )
