"""From messages of the standard to words of ours. The standard counts discharging positive; the house counts charging: flipped here."""

import math

from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.codec import decode, encode, time_bytes
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.number import reading
from evloom.wire.gbt32960.parameters import period
from evloom.wire.gbt32960.spoken import (
    Alive,
    Answered,
    Battery,
    Car,
    ClockAsked,
    LoggedIn,
    LoggedOut,
    Meaning,
    NotSpoken,
    PlatformIn,
    PlatformOut,
    Reported,
)
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result

_CHARGING = {1: 1, 2: 2, 3: 0, 4: 3}
"""Charge status of the standard to that of `vehicle.telemetry`."""
_LEVEL_MAX = 4
_TIMED = frozenset((Command.LOGIN, Command.REPORT, Command.SUPPLEMENT, Command.LOGOUT, Command.PLATFORM_LOGIN, Command.PLATFORM_LOGOUT))


def meaning(frame: Frame) -> Meaning:
    """What a frame means. Raises BadData for data that cannot be read."""
    message = decode(frame)
    match message:
        case m.Report():
            return _reported(message, frame.command == Command.SUPPLEMENT)
        case m.Heartbeat():
            return Alive()
        case m.Login2016():
            return LoggedIn(message.at_s, message.serial, message.iccid, tuple(code.strip() for code in message.codes))
        case m.Login2025():
            codes = tuple(code.strip() for packs in message.packs for code in packs)
            return LoggedIn(message.at_s, message.serial, message.iccid, codes)
        case m.Logout():
            return LoggedOut(message.at_s, message.serial)
        case m.PlatformLogin():
            encrypts = message.cipher != Cipher.PLAIN
            return PlatformIn(message.at_s, message.serial, message.user, message.password, encrypts)
        case m.PlatformLogout():
            return PlatformOut(message.at_s, message.serial)
        case m.TimeSync():
            return ClockAsked()
        case m.Answer():
            return Answered(frame.answer)
    return NotSpoken(Command(frame.command).name.lower() if frame.command in list(Command) else f"command {frame.command:#04x}")


def answer(frame: Frame, result: Result, now_s: float) -> bytes:
    """The answer to a command (6.3.2): the flag, the time of what is answered, nothing else; the clock where it was asked for."""
    data = b""
    if frame.command == Command.TIME_SYNC:
        data = time_bytes(now_s) if result == Result.SUCCESS else b""
    elif frame.command in _TIMED:
        data = frame.data[:6]
    return Frame(frame.edition, frame.command, result.said_in(frame.edition), frame.vin, Cipher.PLAIN, data).encoded()


def period_bytes(edition: Edition, vin: str, period_s: int, now_s: float) -> bytes:
    """The command that sets the period of a terminal's reports. Raises ValueError for a period that the edition cannot say."""
    data = encode(period(int(now_s), period_s, edition), edition)
    return Frame(edition, Command.SET, Result.COMMAND, vin, Cipher.PLAIN, data).encoded()


def _reported(message: m.Report, late: bool) -> Reported:
    car: Car | None = None
    level: int | None = None
    batteries: list[Battery] = []
    for unit in message.units:
        match unit:
            case u.Vehicle2016() | u.Vehicle2025():
                car = _car(unit)
            case u.Cells2016():
                batteries += [] if isinstance(unit.packs, int) else [_cells_2016(pack) for pack in unit.packs]
            case u.Cells2025():
                batteries += [] if isinstance(unit.packs, int) else [_cells_2025(pack) for pack in unit.packs]
            case u.Probes():
                batteries += [] if isinstance(unit.packs, int) else [_probes(pack) for pack in unit.packs]
            case u.Alarms2016() | u.Alarms2025():
                said = unit.head.level
                level = max(-1 if level is None else level, said if said <= _LEVEL_MAX else -1)
    return Reported(message.at_s, late, car, level, tuple(batteries), message.signature is not None)


def _car(unit: u.Vehicle2016 | u.Vehicle2025) -> Car:
    return Car(
        current_a=_charging_a(reading(unit, "current_raw")),
        pack_v=reading(unit, "voltage_raw"),
        soc=reading(unit, "soc_raw") / 100.0,
        speed_km_per_h=reading(unit, "speed_raw"),
        odometer_km=reading(unit, "odometer_raw"),
        charging=_CHARGING.get(unit.charging, -1),
        insulation_ohm=reading(unit, "insulation_raw") * 1000.0,
        status_null=unit.charging not in _CHARGING,
    )


def _charging_a(discharging_a: float) -> float:
    """Positive = charging. Zero keeps no sign."""
    return discharging_a if math.isnan(discharging_a) else 0.0 - discharging_a


def _cells_2016(pack: u.CellPack2016) -> Battery:
    current_a, pack_v = _charging_a(reading(pack, "current_raw")), reading(pack, "voltage_raw")
    if isinstance(pack.cells, int):
        return Battery(_number(pack.number), current_a, pack_v)
    n_here = len(pack.cells) // 2
    first = max(pack.first_cell - 1, 0) if pack.first_cell < 0xFFFE else 0
    n_cell = pack.n_cell if pack.n_cell < 0xFFFE else first + n_here
    return Battery(_number(pack.number), current_a, pack_v, max(n_cell, first + n_here), first, pack.cells)


def _cells_2025(pack: u.CellPack2025) -> Battery:
    current_a, pack_v = _charging_a(reading(pack, "current_raw")), reading(pack, "voltage_raw")
    if isinstance(pack.cells, int):
        return Battery(_number(pack.number), current_a, pack_v)
    return Battery(_number(pack.number), current_a, pack_v, len(pack.cells) // 2, 0, pack.cells)


def _probes(pack: u.ProbePack) -> Battery:
    nan = float("nan")
    return Battery(_number(pack.number), nan, nan, probes=None if isinstance(pack.probes, int) else pack.probes)


def _number(number: int) -> int:
    """A battery whose number is not said is the only one."""
    return number if 0 < number < 0xFE else 1
