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


class BatteryKeeper:
    """The sink of the telemetry. Made where telemetry is on; `run` brings the journal into Parquet files once a day."""

    def __init__(self, folder: Path, now_s: Callable[[], float]) -> None:
        self._store = FrameStore(folder)
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
            self._store.write([frames])

    async def run(self) -> None:
        """Compact once a day, until cancelled."""
        while True:
            await asyncio.sleep(COMPACT_S)
            await asyncio.to_thread(self._store.compact)

    async def close(self) -> None:
        """Let go of the store."""
        await asyncio.to_thread(self._store.close)
