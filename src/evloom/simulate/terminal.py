"""A vehicle's terminal in software: frames of the pack twin go out as reports of GB/T 32960, each acknowledged before it counts as done."""

import asyncio

import numpy as np

from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.codec import encode
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.translate import answer
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result

NOTHING_2, NOTHING_4 = 0xFFFF, 0xFFFFFFFF
AHEAD = 200
"""Reports on their way at the same time."""


def reported(frames: Frames, row: int) -> m.Report:
    """A frame as a report of the edition of 2016."""
    volt, amp = _raw(frames.pack_v[row], 10.0, 0.0, NOTHING_2), _raw(-frames.current_a[row], 10.0, 1000.0, NOTHING_2)
    charging = {0: 3, 1: 1, 2: 2, 3: 4}.get(int(frames.charging[row]), 0xFF)
    speed, way = _raw(frames.speed_km_per_h[row], 10.0, 0.0, NOTHING_2), _raw(frames.odometer_km[row], 10.0, 0.0, NOTHING_4)
    soc, insulation = _raw(frames.soc[row], 100.0, 0.0, 0xFF), _raw(frames.insulation_ohm[row] / 1000.0, 1.0, 0.0, NOTHING_2)
    car = u.Vehicle2016(1, charging, 1, speed, way, volt, amp, soc, 1, 0, insulation, 0, 0)
    cells = np.where(np.isnan(frames.cell_v[row]), NOTHING_2, np.rint(frames.cell_v[row] * 1000.0)).astype(">u2")
    probes = np.where(np.isnan(frames.probe_c[row]), 255, np.rint(frames.probe_c[row]) + 40).astype(np.uint8)
    pack = u.CellPack2016(1, volt, amp, frames.pack.n_cell, 1, cells.tobytes())
    return m.Report(round(frames.at_s[row]), (car, u.Cells2016((pack,)), u.Probes((u.ProbePack(1, probes.tobytes()),))))


def framed(message: m.Message, command: int, vin: str) -> bytes:
    """A message of a vehicle as the bytes of its frame."""
    return Frame(Edition.V2016, command, Result.COMMAND, vin, Cipher.PLAIN, encode(message, Edition.V2016)).encoded()


class Terminal:
    """The terminal of a vehicle with one battery. n_done: frames that were acknowledged; the next `drive` goes on after them."""

    def __init__(self, frames: Frames, vin: str, pack_code: str) -> None:
        self.frames, self.vin, self.pack_code = frames, vin, pack_code
        self.n_done = 0

    async def drive(self, port: int, until: int, *, login_s: float, pace_per_s: float = 0.0) -> None:
        """Log in at a platform on this machine and send frames up to `until`, as fast as they are acknowledged or `pace_per_s` a second.

        Ends when all are acknowledged. Raises ConnectionError where they will not be. The platform must answer reports ("always").
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stream, ahead = Stream(), AHEAD if pace_per_s == 0.0 else max(int(pace_per_s), 1)
        try:
            login = m.Login2016(round(login_s), 1, "8986", (self.pack_code,), len(self.pack_code))
            writer.write(framed(login, Command.LOGIN, self.vin))
            await self._answered(reader, writer, stream, 1)
            while self.n_done < until:
                part = range(self.n_done, min(self.n_done + ahead, until))
                writer.write(b"".join(framed(reported(self.frames, row), Command.REPORT, self.vin) for row in part))
                await self._answered(reader, writer, stream, len(part))
                await asyncio.sleep(len(part) / pace_per_s if pace_per_s else 0.0)
        finally:
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stream: Stream, n: int) -> None:
        """Until so many frames are acknowledged. What the platform sets is taken up."""
        while n:
            data = await reader.read(65536)
            if not data:
                raise ConnectionResetError("the platform is gone")
            for frame in stream.feed(data):
                if not isinstance(frame, Frame) or frame.answer not in (Result.SUCCESS, Result.COMMAND):
                    raise ConnectionAbortedError(f"the platform answers {frame}")
                if frame.answer == Result.COMMAND:
                    writer.write(answer(frame, Result.SUCCESS, 0.0))
                else:
                    n -= 1
                    self.n_done += frame.command == Command.REPORT


def _raw(value: float, scale: float, offset: float, nothing: int) -> int:
    return nothing if np.isnan(value) else round((value + offset) * scale)
