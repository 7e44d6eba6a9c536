"""A vehicle's terminal in software: frames of the pack twin go out as reports of GB/T 32960, each acknowledged before it counts as done."""

import asyncio

from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960 import terminal
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.translate import answer
from evloom.wire.gbt32960.words import Command, Result

AHEAD = 200
"""Reports on their way at the same time."""


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
            writer.write(terminal.login(self.vin, self.pack_code, login_s))
            await self._answered(reader, writer, stream, 1)
            while self.n_done < until:
                part = range(self.n_done, min(self.n_done + ahead, until))
                writer.write(b"".join(terminal.report(self.vin, self.frames, row) for row in part))
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
