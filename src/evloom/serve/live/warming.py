"""Kernels of the loop are compiled in a process of its own, which can be ended at any moment: a thread that compiles cannot."""

import asyncio
import contextlib
import sys

from evloom.kernel.compiled import was_compiled
from evloom.serve.live.run import KERNELS, warm_up

PROGRAM = "from evloom.serve.live.run import warm_up; warm_up()"


async def warmed_up() -> None:
    """Have everything ready that the first decision needs. What was compiled before is only read, which takes a second or two."""
    if not was_compiled(KERNELS):
        await compiled_elsewhere(PROGRAM)
    await asyncio.to_thread(warm_up)


async def compiled_elsewhere(program: str) -> None:
    """Have another process compile by running `program`; nobody minds where it fails, as this one compiles what it lacks."""
    quiet = asyncio.subprocess.DEVNULL
    try:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdin=quiet, stdout=quiet, stderr=quiet)
    except OSError:
        return
    try:
        await child.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())
