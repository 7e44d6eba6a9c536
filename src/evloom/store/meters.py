"""Meter values: one row for each instant, with columns for charts and all that was measured packed beside them.

A station says the same measurands in the same order all day, so what the values mean (measurand, phase, location, context) is kept once
as a shape, and a row holds only its numbers: about 90 bytes for nine samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from evloom.pile.station import Sample
from evloom.store.tables.projections import meter_shape, meter_value

PLACE_BITS = 16
"""Bits of a row's id that count the instants within one entry of the log."""

Meaning = tuple[tuple[str, str, str, str], ...]
"""measurand, phase, location, context of each value"""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_json = msgspec.json.Encoder().encode
_meaning = msgspec.json.Decoder(Meaning).decode


@dataclass(frozen=True, slots=True)
class MeterValue:
    """What a meter said at one instant; None where it did not say it.

    at_s         when, by the station's clock, or when it arrived where that clock is off by far
    power_kw     positive = charging, export counted off; energy_kwh the import register
    voltage_v    mean over phases to neutral; current_a the highest of the phases
    """

    meter_value_id: int
    station_id: str
    evse: int
    session_id: str
    at_s: float
    power_kw: float | None
    energy_kwh: float | None
    soc: float | None
    voltage_v: float | None
    current_a: float | None
    samples: tuple[Sample, ...]


class Shapes:
    """The shapes that are in the database for certain, so that only new ones are written."""

    def __init__(self) -> None:
        self._ids: dict[Meaning, int] = {}
        self.new: list[tuple[int, str]] = []

    def id_of(self, meaning: Meaning) -> int:
        """The id of a shape; a new one is put into `new`."""
        found = self._ids.get(meaning)
        if found is None:
            body = _json(meaning)
            found = int.from_bytes(blake2b(body, digest_size=8).digest(), "big") >> 1
            self.new.append((found, body.decode()))
            if len(self._ids) > 10_000:
                self._ids.clear()
            self._ids[meaning] = found
        return found

    def forget(self) -> None:
        """After a transaction that was rolled back: nothing is certain."""
        self._ids.clear()
        self.new.clear()


def packed(samples: Sequence[Sample]) -> tuple[Meaning, bytes]:
    """The samples of one instant as a shape and the bytes of their values."""
    meaning = tuple([(sample.measurand, sample.phase, sample.location, sample.context) for sample in samples])
    values: list[Any] = [sample.value for sample in samples]
    signed = {place: sample.signed for place, sample in enumerate(samples) if sample.signed}
    if signed:
        values.append(signed)
    return meaning, _pack(values)


def unpacked(meaning: Meaning, values: bytes, at_s: float) -> tuple[Sample, ...]:
    """The samples again, each dated `at_s`."""
    numbers = _unpack(values)
    signed = numbers[len(meaning)] if len(numbers) > len(meaning) else {}
    return tuple(
        Sample(at_s, measurand, numbers[place], phase, location, context, signed.get(place, ""))
        for place, (measurand, phase, location, context) in enumerate(meaning)
    )


Chart = tuple[float | None, float | None, float | None, float | None, float | None]
"""power_kw, energy_kwh, soc, voltage_v, current_a"""


def charted(samples: Sequence[Sample]) -> Chart:
    """What charts show of one instant. A total beats the sum over phases, the outlet beats other places."""
    found: dict[tuple[str, str], float] = {}
    for sample in samples:
        if sample.location == "Outlet" or sample.measurand == "SoC":
            found[sample.measurand, sample.phase] = sample.value
        else:
            found.setdefault((sample.measurand, sample.phase), sample.value)
    power_kw = _summed(found, "Power.Active.Import")
    export_kw = _summed(found, "Power.Active.Export")
    if export_kw is not None:
        power_kw = (power_kw or 0.0) - export_kw
    volts = _phases(found, "Voltage")
    amps = _phases(found, "Current.Import")
    return (
        power_kw,
        _summed(found, "Energy.Active.Import.Register"),
        found.get(("SoC", "")),
        sum(volts) / len(volts) if volts else None,
        max(amps) if amps else None,
    )


_LINES = ("L1", "L2", "L3")
_TO_NEUTRAL = ("L1-N", "L2-N", "L3-N")


def _phases(found: dict[tuple[str, str], float], measurand: str) -> list[float]:
    for names in (_TO_NEUTRAL, _LINES, ("",)):
        values = [found[measurand, name] for name in names if (measurand, name) in found]
        if values:
            return values
    return []


def _summed(found: dict[tuple[str, str], float], measurand: str) -> float | None:
    total = found.get((measurand, ""))
    if total is None:
        values = [found[measurand, name] for name in _LINES if (measurand, name) in found]
        return sum(values) if values else None
    return total


def of_session(conn: Connection, session_id: str, *, after: tuple[float, int] = (float("-inf"), 0), n_max: int = 1000) -> list[MeterValue]:
    """Meter values of a session by time; go on with the (at_s, meter_value_id) of the last one as `after`."""
    return list(_page(conn, meter_value.c.session_id == session_id, after, n_max))


def every(conn: Connection, session_id: str, *, page: int = 1000) -> Iterator[MeterValue]:
    """All meter values of a session by time, read in pages."""
    after = (float("-inf"), 0)
    while values := of_session(conn, session_id, after=after, n_max=page):
        yield from values
        after = (values[-1].at_s, values[-1].meter_value_id)


def _page(conn: Connection, which: Any, after: tuple[float, int], n_max: int) -> Iterator[MeterValue]:
    at_s, last = after
    beyond = (meter_value.c.at_s > at_s) | ((meter_value.c.at_s == at_s) & (meter_value.c.meter_value_id > last))
    query = (
        select(meter_value, meter_shape.c.body)
        .join(meter_shape, meter_shape.c.shape_id == meter_value.c.shape_id)
        .where(which, beyond)
        .order_by(meter_value.c.at_s, meter_value.c.meter_value_id)
        .limit(n_max)
    )
    for row in conn.execute(query):
        yield value_of(row)


def value_of(row: Any) -> MeterValue:
    """A row of meter_value with the body of its shape as a value."""
    return MeterValue(
        row.meter_value_id,
        row.station_id,
        row.evse,
        row.session_id,
        row.at_s,
        row.power_kw,
        row.energy_kwh,
        row.soc,
        row.voltage_v,
        row.current_a,
        unpacked(_meaning(row.body), row.samples, row.at_s),
    )
