"""What a vehicle's terminal says: frames of a pack as reports of GB/T 32960 of 2016. The standard counts discharging positive."""

import numpy as np

from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.codec import encode
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result

_NOTHING_2, _NOTHING_4 = 0xFFFF, 0xFFFFFFFF
_CHARGING = {0: 3, 1: 1, 2: 2, 3: 4}
"""Status of charging of `vehicle.telemetry` to that of the standard."""


def login(vin: str, pack_code: str, at_s: float) -> bytes:
    """The frame by which a vehicle with one battery logs in."""
    return _framed(m.Login2016(round(at_s), 1, "8986", (pack_code,), len(pack_code)), Command.LOGIN, vin)


def report(vin: str, frames: Frames, row: int) -> bytes:
    """A row of `frames` as a real-time report."""
    volt, amp = _raw(frames.pack_v[row], 10.0, 0.0, _NOTHING_2), _raw(-frames.current_a[row], 10.0, 1000.0, _NOTHING_2)
    charging = _CHARGING.get(int(frames.charging[row]), 0xFF)
    speed, way = _raw(frames.speed_km_per_h[row], 10.0, 0.0, _NOTHING_2), _raw(frames.odometer_km[row], 10.0, 0.0, _NOTHING_4)
    soc, insulation = _raw(frames.soc[row], 100.0, 0.0, 0xFF), _raw(frames.insulation_ohm[row] / 1000.0, 1.0, 0.0, _NOTHING_2)
    car = u.Vehicle2016(1, charging, 1, speed, way, volt, amp, soc, 1, 0, insulation, 0, 0)
    cells = np.where(np.isnan(frames.cell_v[row]), _NOTHING_2, np.rint(frames.cell_v[row] * 1000.0)).astype(">u2")
    probes = np.where(np.isnan(frames.probe_c[row]), 255, np.rint(frames.probe_c[row]) + 40).astype(np.uint8)
    pack = u.CellPack2016(1, volt, amp, frames.pack.n_cell, 1, cells.tobytes())
    told = m.Report(round(frames.at_s[row]), (car, u.Cells2016((pack,)), u.Probes((u.ProbePack(1, probes.tobytes()),))))
    return _framed(told, Command.REPORT, vin)


def _framed(message: m.Message, command: int, vin: str) -> bytes:
    return Frame(Edition.V2016, command, Result.COMMAND, vin, Cipher.PLAIN, encode(message, Edition.V2016)).encoded()


def _raw(value: float, scale: float, offset: float, nothing: int) -> int:
    return nothing if np.isnan(value) else round((value + offset) * scale)
