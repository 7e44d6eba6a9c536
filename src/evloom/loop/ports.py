"""What the loop needs from outside: a policy, a clock and a field. Simulation and the live platform fill them."""

from typing import Protocol

from evloom.loop.snapshot import Orders, Snapshot
from evloom.pile.events import Event
from evloom.pile.orders import SetPower


class Policy(Protocol):
    """Decides. `memory` is what it returned last time, None after a restart; it must be right without it."""

    @property
    def name(self) -> str:
        """The name by which users choose it."""
        ...

    @property
    def controlled(self) -> bool:
        """False for a policy that ignores limits on purpose."""
        ...

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """Power for every EVSE and storage from now on, with reasons, and what to remember."""
        ...


class Clock(Protocol):
    """Tells and waits for instants (epoch seconds)."""

    def now_s(self) -> float:
        """The present."""
        ...

    async def sleep_until(self, instant_s: float) -> None:
        """Return at or after `instant_s`."""
        ...


class Field(Protocol):
    """The piles, cars and meters, real or simulated."""

    def advance(self, until_s: float) -> list[Event]:
        """Everything that happened since the last call, up to and including `until_s`, in order."""
        ...

    def act(self, orders: tuple[SetPower, ...]) -> None:
        """Send orders."""
        ...
