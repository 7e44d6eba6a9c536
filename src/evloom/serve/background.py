"""A job that runs beside the rest for as long as the platform does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

_LOG = logging.getLogger("evloom.serve")
AGAIN_S = 10.0


class Background:
    """Runs `job` until it is stopped. One that breaks is logged and begun again: nobody would notice that it is gone."""

    def __init__(self, job: Callable[[], Awaitable[None]], name: str) -> None:
        self._job, self._name = job, name
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._job()
            except Exception:  # noqa: BLE001  whatever it was, the others go on
                _LOG.exception("%s broke; it begins again in %.0f s", self._name, AGAIN_S)
            await asyncio.sleep(AGAIN_S)
