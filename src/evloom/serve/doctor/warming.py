"""Kernels of the doctor are compiled in a process of its own, as those of the loop are: while a thread compiles, no other can run."""

import contextlib
import os
import tempfile
from pathlib import Path

import numpy as np

from evloom.kernel.compiled import note_compiled, was_compiled
from evloom.serve.doctor.rounds import Rounds
from evloom.serve.live.warming import compiled_elsewhere
from evloom.store.battery.parquet_store import FrameStore
from evloom.vehicle.telemetry import Frames, Pack, unflagged

KERNELS = "doctor"
PROGRAM = "from evloom.serve.doctor.warming import main; main()"
DAYS, CAPACITY_AH = 3, 150.0


async def made_ready() -> None:
    """Have another process compile what the doctor needs, where that was not done before on this machine."""
    if not was_compiled(KERNELS):
        await compiled_elsewhere(PROGRAM)


def main() -> None:
    """The other process: it takes the time that nobody else wants."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    if warm_up():
        note_compiled(KERNELS)


def warm_up() -> bool:
    """Make the rounds over a made-up battery in a folder that goes away again; whether all of it went well."""
    with tempfile.TemporaryDirectory() as folder, FrameStore(Path(folder)) as store:
        store.write([_frames()])
        rounds = Rounds(store, Path(folder) / "doctor", lambda _: True, lambda pack: pack)
        rounds.start()
        rounds.stop()
    return rounds.n_frame > 0 and rounds.n_failed == 0


def _frames() -> Frames:
    """A battery that drives, rests and charges, a frame a minute."""
    at_s = 1.7e9 + 60.0 * np.arange(DAYS * 1440)
    hour = at_s / 3600.0 % 24.0
    driving, charging = (hour > 8.0) & (hour < 12.0), (hour > 18.0) & (hour < 22.0)
    current_a = np.where(driving, -20.0, np.where(charging, 20.0, 0.0))
    soc = np.clip(0.9 + np.cumsum(current_a) / 60.0 / CAPACITY_AH, 0.05, 1.0)
    cell_v = (3.4 + 0.7 * soc + 1e-3 * current_a)[:, None] + np.array([0.0, 0.001, -0.001, 0.002])
    return unflagged(
        Pack("warm-up", "warm-up", 4, 2, chemistry="NMC", capacity_ah=CAPACITY_AH),
        at_s=at_s,
        current_a=current_a.astype(np.float32),
        pack_v=cell_v.sum(axis=1).astype(np.float32),
        soc=soc.astype(np.float32),
        charging=charging.astype(np.int64),
        cell_v=cell_v.astype(np.float32),
        probe_c=np.full((len(at_s), 2), 25.0, dtype=np.float32),
        speed_km_per_h=np.where(driving, 50.0, 0.0).astype(np.float32),
    )
