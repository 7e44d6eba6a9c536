"""The guard against a second connection inside a transaction: with few connections it is how platforms lock themselves up."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from evloom.store.errors import ProgrammerError

_here = threading.local()


@contextmanager
def inside() -> Iterator[None]:
    """While this lasts, the thread is in a transaction and may not ask for another connection."""
    check_outside()
    _here.inside = True
    try:
        yield
    finally:
        _here.inside = False


def check_outside() -> None:
    """Raise ProgrammerError where this thread is in a transaction already."""
    if getattr(_here, "inside", False):
        raise ProgrammerError("a second connection inside a transaction: use the connection that the job was given")


def check_blocking() -> None:
    """Raise ProgrammerError where waiting would stop an event loop, or where this thread is in a transaction already."""
    check_outside()
    if asyncio._get_running_loop() is not None:
        raise ProgrammerError("this waits for the database; in an event loop use `await` with write, read or append")
