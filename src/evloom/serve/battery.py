"""What vehicles and battery boxes send, kept before it is answered: readings in the store of frames, raw frames beside it as evidence."""

import asyncio
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames

COMPACT_S = 86_400.0


def _nothing() -> None:
    """Nobody wants to know."""


class BatteryKeeper:
    """The sink of the telemetry. Made where telemetry is on; `run` brings the journal into Parquet files once a day.

    kept() is called after frames were kept, from any thread; floor() is the first segment of the journal that must stay.
    """

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self.kept: Callable[[], None] = _nothing
        self.floor: Callable[[], int] | None = None
        self.store = FrameStore(folder, keep_from=self._keep_from)
        self._raw = folder / "raw"
        self._raw.mkdir(exist_ok=True)
        self._now_s = now_s
        self._lock = threading.Lock()

    async def sink(self, frames: Frames, raw: list[bytes]) -> None:
        """Keep rows and raw frames; they would survive a crash when this returns."""
        await asyncio.to_thread(self._keep, frames, raw)

    def _keep(self, frames: Frames, raw: list[bytes]) -> None:
        if raw:
            at = datetime.fromtimestamp(self._now_s(), UTC)
            lines = "".join(f"{at:%Y-%m-%dT%H:%M:%S.%f}Z {frames.pack.vehicle_id or '-'} {frame.hex()}\n" for frame in raw)
            with self._lock, (self._raw / f"{at:%Y-%m-%d}.txt").open("a", encoding="ascii", errors="replace") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        if frames.n:
            self.store.write([frames])
            self.kept()

    def _keep_from(self) -> int:
        """Without anybody who follows it, the journal is not needed once it is in the files."""
        return self.floor() if self.floor is not None else self.store.end.segment

    async def run(self) -> None:
        """Compact once a day, until cancelled."""
        while True:
            await asyncio.sleep(COMPACT_S)
            await asyncio.to_thread(self.store.compact)

    async def close(self) -> None:
        """Let go of the store."""
        await asyncio.to_thread(self.store.close)
