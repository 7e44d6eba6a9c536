"""Drivers of the loop: one plain, one asynchronous. What they do between two ticks is the same."""

import hashlib
from collections.abc import Callable, Iterable

import numpy as np

from evloom.dispatch.real.dwell import AS_DECIDED, Steady
from evloom.loop.cycle import Memory, step
from evloom.loop.ports import Clock, Field, Policy
from evloom.loop.record import Record
from evloom.loop.snapshot import Snapshot
from evloom.loop.state import State
from evloom.pile.events import Event
from evloom.pile.orders import SetPower

Sink = Callable[[list[Event], tuple[SetPower, ...], Record], None]


class Digest:
    """A fingerprint of everything a run ordered, bit for bit."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def take(self, record: Record) -> None:
        """Add the orders in force after a cycle."""
        self._hash.update(np.float64(record.now_s).tobytes())
        self._hash.update(record.power_kw.tobytes())
        self._hash.update(record.storage_kw.tobytes())

    def text(self) -> str:
        """The fingerprint so far, in hexadecimal."""
        return self._hash.hexdigest()


class Loop:
    """Holds what one loop carries from tick to tick: state, memory and digest; `snapshot` is what it last decided on."""

    def __init__(self, state: State, policy: Policy, steady: Steady = AS_DECIDED) -> None:
        self.state, self.policy, self.steady = state, policy, steady
        self.memory = Memory()
        self.digest = Digest()
        self.snapshot: Snapshot | None = None

    def tick(self, events: Iterable[Event]) -> tuple[tuple[SetPower, ...], Record]:
        """Take in what happened, the last event being the tick itself, and decide."""
        for event in events:
            self.state.apply(event)
        self.snapshot = self.state.snapshot()
        self.memory, orders, record = step(self.memory, self.snapshot, self.policy, self.steady)
        self.state.ordered(record.power_kw, orders)
        self.digest.take(record)
        return orders, record


def drive(loop: Loop, field: Field, instants_s: Iterable[float], sink: Sink) -> None:
    """Run the loop at the given instants (epoch seconds, rising), as fast as it goes."""
    for instant_s in instants_s:
        events = field.advance(float(instant_s))
        orders, record = loop.tick(events)
        field.act(orders)
        sink(events, orders, record)


async def drive_live(loop: Loop, field: Field, clock: Clock, instants_s: Iterable[float], sink: Sink) -> None:
    """The same on a clock: sleep until each instant, then run the loop."""
    for instant_s in instants_s:
        await clock.sleep_until(float(instant_s))
        events = field.advance(float(instant_s))
        orders, record = loop.tick(events)
        field.act(orders)
        sink(events, orders, record)
