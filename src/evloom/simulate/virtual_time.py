"""Virtual time for asyncio: a sleep takes no time, it moves the clock."""

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer it says that the time has come."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Ready files at once; with none, time jumps to the next timer, and a hair beyond so that rounding cannot hold it back."""
        ready: list[Any] = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.elapsed_s = math.nextafter(self.elapsed_s + timeout, math.inf)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while code runs."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds since the loop began."""
        return self._jumping.elapsed_s


class VirtualClock:
    """The clock port on virtual time that begins at `start_s` (epoch seconds). Use inside `run_virtually`."""

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s

    def now_s(self) -> float:
        """The present, epoch seconds."""
        return self._start_s + asyncio.get_running_loop().time()

    async def sleep_until(self, instant_s: float) -> None:
        """Return when virtual time has reached `instant_s`."""
        await asyncio.sleep(max(0.0, instant_s - self.now_s()))


def run_virtually(main: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Run a coroutine function on a loop whose time jumps instead of passing."""
    loop = _VirtualLoop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()
