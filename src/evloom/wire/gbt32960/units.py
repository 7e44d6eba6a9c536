"""Data units of reports: the tables of chapter 7 and annex B as classes. `_raw` is the number on the wire; `number.reading` reads it.

Where the sender says "abnormal" or "invalid" instead of a number of items, that number (0xFE, 0xFF; 0xFFFE, 0xFFFF) stands in place of
the items.
"""

from typing import Annotated

import msgspec

from evloom.wire.gbt32960.number import Byte, Celsius, Fields, Number, Plain, PlainLong, Word

Items = bytes | int
"""Bytes of numbers that follow each other, or what was said instead of their count."""


class Unit(msgspec.Struct, frozen=True, gc=False):
    """Base of all data units."""


class Vehicle2016(Fields, Unit, frozen=True):
    """0x01 (tables 9, B.4). Current counts discharging positive. The last two fields are reserved between platforms."""

    state: Byte
    charging: Byte
    mode: Byte
    speed_raw: Annotated[int, Number("H", "km/h", 0.1, 0.0, 2200)]
    odometer_raw: Annotated[int, Number("I", "km", 0.1, 0.0, 9999999)]
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 10000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, -1000.0, 20000)]
    soc_raw: Annotated[int, Number("B", "%", 1.0, 0.0, 100)]
    dcdc: Byte
    gear: Plain
    insulation_raw: Annotated[int, Number("H", "kOhm", 1.0, 0.0, 60000)]
    accelerator_raw: Annotated[int, Number("B", "%", 1.0, 0.0, 100)]
    brake_raw: Annotated[int, Number("B", "%", 1.0, 0.0, 101)]


class Vehicle2025(Fields, Unit, frozen=True):
    """0x01 (table 10)."""

    state: Byte
    charging: Byte
    mode: Byte
    speed_raw: Annotated[int, Number("H", "km/h", 0.1, 0.0, 5000)]
    odometer_raw: Annotated[int, Number("I", "km", 0.1, 0.0, 9999999)]
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 60000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, -3000.0, 60000)]
    soc_raw: Annotated[int, Number("B", "%", 1.0, 0.0, 100)]
    dcdc: Byte
    gear: Plain
    insulation_raw: Annotated[int, Number("H", "kOhm", 1.0, 0.0, 60000)]


class Motor2016(Fields, frozen=True):
    """A drive motor (table 11)."""

    number: Byte
    state: Byte
    controller_raw: Celsius
    speed_raw: Annotated[int, Number("H", "r/min", 1.0, -20000.0, 65531)]
    torque_raw: Annotated[int, Number("H", "N m", 0.1, -2000.0, 65531)]
    motor_raw: Celsius
    input_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 60000)]
    bus_raw: Annotated[int, Number("H", "A", 0.1, -1000.0, 20000)]


class Motor2025(Fields, frozen=True):
    """A drive motor (table 16)."""

    number: Byte
    state: Byte
    controller_raw: Celsius
    speed_raw: Annotated[int, Number("H", "r/min", 1.0, -32000.0, 65531)]
    torque_raw: Annotated[int, Number("I", "N m", 0.1, -20000.0, 400000)]
    motor_raw: Celsius


class Motors2016(Unit, frozen=True):
    """0x02 (table 10)."""

    motors: tuple[Motor2016, ...] | int


class Motors2025(Unit, frozen=True):
    """0x02 (table 15)."""

    motors: tuple[Motor2025, ...] | int


class FuelCell2016(Unit, frozen=True):
    """0x03 (table 12): what comes before the probes, the probes (degC + 40), what comes after them."""

    stack: "Stack2016"
    probes: Items
    hydrogen: "Hydrogen2016"


class Stack2016(Fields, frozen=True):
    """First part of table 12."""

    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 20000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, 0.0, 20000)]
    consumption_raw: Annotated[int, Number("H", "kg/100km", 0.01, 0.0, 60000)]


class Hydrogen2016(Fields, frozen=True):
    """Last part of table 12."""

    hottest_raw: Annotated[int, Number("H", "degC", 0.1, -40.0, 2400)]
    hottest_probe: Byte
    densest_raw: Annotated[int, Number("H", "mg/kg", 1.0, 0.0, 60000)]
    densest_sensor: Byte
    pressure_raw: Annotated[int, Number("H", "MPa", 0.1, 0.0, 1000)]
    pressure_sensor: Byte
    dcdc: Byte


class Hydrogen2025(Fields, Unit, frozen=True):
    """0x03 (table 17): fuel cell engine and hydrogen on board."""

    hottest_raw: Annotated[int, Number("H", "degC", 1.0, -40.0, 250)]
    hottest_probe: Byte
    densest_raw: Annotated[int, Number("H", "%", 0.0001, 0.0, 60000)]
    densest_sensor: Byte
    pressure_raw: Annotated[int, Number("H", "MPa", 0.1, 0.0, 1000)]
    pressure_sensor: Byte
    dcdc: Byte
    left_raw: Annotated[int, Number("B", "%", 1.0, 0.0, 100)]
    controller_raw: Celsius


class Stack2025(Fields, frozen=True):
    """A fuel cell stack (table 19); `probes` of the cooling water, degC + 40."""

    number: Byte
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 20000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, 0.0, 20000)]
    hydrogen_raw: Annotated[int, Number("H", "kPa", 0.1, -100.0, 5000)]
    air_raw: Annotated[int, Number("H", "kPa", 0.1, -100.0, 5000)]
    inlet_raw: Celsius
    probes: Items


class Stacks2025(Unit, frozen=True):
    """0x30 (table 18)."""

    stacks: tuple[Stack2025, ...] | int


class Engine2016(Fields, Unit, frozen=True):
    """0x04 (table 13)."""

    state: Byte
    crankshaft_raw: Annotated[int, Number("H", "r/min", 1.0, 0.0, 60000)]
    consumption_raw: Annotated[int, Number("H", "L/100km", 0.01, 0.0, 60000)]


class Engine2025(Fields, Unit, frozen=True):
    """0x04 (table 20)."""

    crankshaft_raw: Annotated[int, Number("H", "r/min", 1.0, 0.0, 60000)]


class Position2016(Fields, Unit, frozen=True):
    """0x05 (table 14). Bits of `state`: 0 not valid, 1 south, 2 west."""

    state: Plain
    longitude_raw: Annotated[int, Number("I", "deg", 1e-6, 0.0, 180000000)]
    latitude_raw: Annotated[int, Number("I", "deg", 1e-6, 0.0, 90000000)]


class Position2025(Fields, Unit, frozen=True):
    """0x05 (table 21). Map: 1 WGS84, 2 GCJ02, 3 another."""

    state: Plain
    map_kind: Byte
    longitude_raw: Annotated[int, Number("I", "deg", 1e-6, 0.0, 180000000)]
    latitude_raw: Annotated[int, Number("I", "deg", 1e-6, 0.0, 90000000)]


class Extremes2016(Fields, Unit, frozen=True):
    """0x06 (table 16)."""

    highest_pack: Byte
    highest_cell: Byte
    highest_raw: Annotated[int, Number("H", "V", 0.001, 0.0, 15000)]
    lowest_pack: Byte
    lowest_cell: Byte
    lowest_raw: Annotated[int, Number("H", "V", 0.001, 0.0, 15000)]
    hottest_pack: Byte
    hottest_probe: Byte
    hottest_raw: Celsius
    coldest_pack: Byte
    coldest_probe: Byte
    coldest_raw: Celsius


class AlarmHead(Fields, frozen=True):
    """Highest level (0 none .. 3, since 2025 4 for a thermal event) and the common flags (tables 18, 24)."""

    level: Byte
    flags: PlainLong


Codes = tuple[int, ...] | int
"""Fault codes of 32 bits, which each maker defines."""


class Alarms2016(Unit, frozen=True):
    """0x07 (table 17)."""

    head: AlarmHead
    storage: Codes
    motors: Codes
    engines: Codes
    others: Codes


class Alarms2025(Unit, frozen=True):
    """0x06 (table 23): the last list has the number of a common flag and its level."""

    head: AlarmHead
    storage: Codes
    motors: Codes
    engines: Codes
    others: Codes
    levels: tuple[tuple[int, int], ...] | int


class CellPack2016(Fields, frozen=True):
    """Voltages of one storage system (table B.6): `cells` are WORDs of 1 mV from number `first_cell` (1..) on, of `n_cell` in all."""

    number: Byte
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 10000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, -1000.0, 20000)]
    n_cell: Word
    first_cell: Word
    cells: Items


class CellPack2025(Fields, frozen=True):
    """Voltages of the parallel groups of one pack (table 12): WORDs of 1 mV, all in one frame."""

    number: Byte
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 60000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, -3000.0, 60000)]
    cells: Items


class Cells2016(Unit, frozen=True):
    """0x08 (table B.5)."""

    packs: tuple[CellPack2016, ...] | int


class Cells2025(Unit, frozen=True):
    """0x07 (table 11)."""

    packs: tuple[CellPack2025, ...] | int


class ProbePack(Fields, frozen=True):
    """Temperatures of one storage system or pack (tables B.8, 14): bytes of degC + 40."""

    number: Byte
    probes: Items


class Probes(Unit, frozen=True):
    """0x09 of 2016 (table B.7), 0x08 of 2025 (table 13)."""

    packs: tuple[ProbePack, ...] | int


class CapacitorHead(Fields, frozen=True):
    """First part of table 25."""

    number: Byte
    voltage_raw: Annotated[int, Number("H", "V", 0.1, 0.0, 10000)]
    current_raw: Annotated[int, Number("H", "A", 0.1, -3000.0, 60000)]


class Supercapacitor(Unit, frozen=True):
    """0x31 (table 25): `cells` WORDs of 1 mV, `probes` bytes of degC + 40."""

    head: CapacitorHead
    cells: Items
    probes: Items


class SupercapacitorExtremes(Fields, Unit, frozen=True):
    """0x32 (table 26)."""

    highest_system: Byte
    highest_cell: Word
    highest_raw: Annotated[int, Number("H", "V", 0.001, 0.0, 60000)]
    lowest_system: Byte
    lowest_cell: Word
    lowest_raw: Annotated[int, Number("H", "V", 0.001, 0.0, 60000)]
    hottest_system: Byte
    hottest_probe: Word
    hottest_raw: Celsius
    coldest_system: Byte
    coldest_probe: Word
    coldest_raw: Celsius


class Custom(Unit, frozen=True):
    """0x80 to 0xFE (tables 19, 27), and reserved ids whose data have a length before them in the same way."""

    kind: int
    data: bytes


class Unread(Unit, frozen=True):
    """A unit that nobody defined, and all that came after it: without its length nothing behind it can be found."""

    kind: int
    data: bytes
