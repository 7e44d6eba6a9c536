"""What a station must get to the central system in its order: the words of transactions, kept while there is no link."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from evloom.simulate.station.connection import CallFailed, Said
from evloom.wire.ocpp.link import CLOSED

ATTEMPTS = 3


@dataclass
class Word:
    """A message to be sent: its action, what makes its payload when its turn comes, and who hears the answer."""

    action: str
    make: Callable[[], Said]
    heard: Callable[[Said], None] | None = None
    attempts: int = 0


class Outbox:
    """Sends words one after the other through `ask` while there is a link; what fails for another reason is tried again, then dropped."""

    def __init__(self, ask: Callable[[str, Said], Awaitable[Said]], duplicate_every: int = 0) -> None:
        self._ask = ask
        self._words: deque[Word] = deque()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._duplicate_every = duplicate_every
        self.n_sent = 0
        self.n_dropped = 0
        self.is_open = False

    def __len__(self) -> int:
        return len(self._words)

    def put(self, word: Word) -> None:
        """A word more."""
        self._words.append(word)
        self._idle.clear()
        self._ready.set()

    def set_open(self, is_open: bool) -> None:
        """Whether there is a link that takes words."""
        self.is_open = is_open
        self._ready.set()

    async def drained(self) -> None:
        """Return when nothing waits."""
        await self._idle.wait()

    async def run(self, retry_s: float = 1.0) -> None:
        """Send for ever; `retry_s` real seconds before a word that failed is tried again, more with each attempt."""
        while True:
            if not (self._words and self.is_open):
                self._ready.clear()
                if not self._words:
                    self._idle.set()
                await self._ready.wait()
                continue
            await self._send(self._words[0], retry_s)

    async def _send(self, word: Word, retry_s: float) -> None:
        try:
            answer = await self._ask(word.action, word.make())
            if self._duplicate_every and (self.n_sent + 1) % self._duplicate_every == 0:
                await self._ask(word.action, word.make())
        except CallFailed as failed:
            if failed.code == CLOSED:
                self.is_open = False
                return
            word.attempts += 1
            if word.attempts >= ATTEMPTS:
                self._words.popleft()
                self.n_dropped += 1
            else:
                await asyncio.sleep(retry_s * word.attempts)
            return
        self._words.popleft()
        self.n_sent += 1
        if word.heard is not None:
            word.heard(answer)
