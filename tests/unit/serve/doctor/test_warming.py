"""The doctor's kernels: compiled by another process, all of them, which ends with the platform."""

import asyncio
import os
import subprocess
import sys
import time

import pytest

from evloom.kernel.compiled import note_compiled
from evloom.serve.bus import Bus
from evloom.serve.doctor.part import Doctor
from evloom.serve.doctor.warming import KERNELS
from evloom.serve.live.warming import compiled_elsewhere
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.database import opened
from tests.unit.serve.doctor.packs import short_pack

NOTHING_NEW = """
import gc
from numba.core.dispatcher import Dispatcher
from evloom.serve.doctor.ward import fresh_ward
from evloom.serve.doctor.warming import warm_up
from evloom.simulate.pack.fleet import fleet
from evloom.store.battery.parquet_journal import BEGINNING
from evloom.store.battery.rules import load_rules

def compiled():
    kernels = [one for one in gc.get_objects() if isinstance(one, Dispatcher)]
    return {(one.py_func.__qualname__, str(kind)) for one in kernels for kind in one.signatures}

packs = [next(iter(fleet(5, 1, {"internal-short": 1.0}, 20, {name: 1.0}, 60.0)))[0] for name in ("NMC", "LFP")]
twin = compiled()
assert warm_up()
known = compiled()
assert len(known) > len(twin) + 5, (len(known), len(twin))  # what is read from the cache shows its outermost kernels only
for frames in packs:
    ward = fresh_ward(frames.pack, BEGINNING)
    for begin in range(0, frames.n, 5000):
        ward.take(frames.part(slice(begin, begin + 5000)))
    assert ward.state.days > 5
    ward.seen(load_rules())
    ward.kept()
assert compiled() == known, compiled() - known
"""


def test_what_is_compiled_beforehand_is_all_that_batteries_need():
    done = subprocess.run([sys.executable, "-c", NOTHING_NEW], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_process_that_compiles_ends_with_who_asked_for_it(tmp_path):
    told = tmp_path / "pid"
    program = f"import os, pathlib, time; pathlib.Path({str(told)!r}).write_text(f'{{os.getpid()}} ', 'ascii'); time.sleep(600.0)"

    async def job() -> None:
        compiling = asyncio.create_task(compiled_elsewhere(program))
        while not (told.exists() and told.read_text("ascii").endswith(" ")):  # noqa: ASYNC110  a file of another process
            await asyncio.sleep(0.01)
        compiling.cancel()
        await asyncio.gather(compiling, return_exceptions=True)

    asyncio.run(job())
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text("ascii")), 0)


def test_a_doctor_waits_until_loops_are_warm_and_one_who_has_not_begun_leaves_the_frames(tmp_path):
    note_compiled(KERNELS)
    db = opened(f"sqlite:///{tmp_path}/evloom.db")

    async def begun(store: FrameStore, *, warm: bool) -> int:
        gate = asyncio.Event()

        async def after() -> None:
            await gate.wait()

        doctor = Doctor(store, db, Bus(), time.time, after=after)
        await doctor.start()
        if warm:
            gate.set()
            while doctor._rounds.lag_bytes():  # noqa: ASYNC110  what /metrics shows
                await asyncio.sleep(0.02)
        else:
            doctor.nudge()
            await asyncio.sleep(0.05)
        await doctor.stop()
        return doctor._rounds.n_frame

    async def job() -> None:
        with FrameStore(tmp_path / "frames") as store:
            store.write([short_pack().part(slice(0, 200))])
            assert await begun(store, warm=False) == 0
            assert await begun(store, warm=True) == 200
        await db.close()

    asyncio.run(job())
