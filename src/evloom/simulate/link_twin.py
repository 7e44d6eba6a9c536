"""The twin of the links: piles lose theirs at random and go on by themselves until they have it back."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from evloom.kernel.timegrid import Float, Int
from evloom.pile.events import Event
from evloom.simulate.scenario.model import Link

LOST, ENDED, BACK = range(3)


class Change(NamedTuple):
    """At `at_s` the EVSE `row` loses its link (LOST), comes to the end of its profile (ENDED), or has its link BACK."""

    at_s: float
    row: int
    kind: int


def outages(link: Link, from_s: float, to_s: float, pile: int) -> Float:
    """When a pile loses its link and has it back, (n_outage, 2) epoch seconds, rising.

    A Poisson process with exponential lengths, of a seed of its own for every pile: more piles change nothing for the others.
    """
    if link.drops_per_day <= 0.0:
        return np.zeros((0, 2))
    rng = np.random.default_rng([link.seed, pile])
    spans: list[tuple[float, float]] = []
    at_s = from_s
    while True:
        at_s += rng.exponential(86400.0 / link.drops_per_day)
        if at_s >= to_s:
            return np.array(spans).reshape(-1, 2)
        back_s = at_s + rng.exponential(link.outage_min * 60.0)
        spans.append((at_s, back_s))
        at_s = back_s


class LinkTwin:
    """The links of all EVSE: down (n_evse,) says which are lost; what happens there meanwhile is told when they are back."""

    def __init__(self, link: Link, pile: Int, from_s: float, to_s: float) -> None:
        self.down = np.zeros(len(pile), dtype=np.bool_)
        self._untold: dict[int, list[Event]] = {}
        changes = []
        for row, number in enumerate(pile):
            for lost_s, back_s in outages(link, from_s, to_s, int(number)).tolist():  # plain floats: they go into events
                changes += [Change(lost_s, row, LOST), Change(back_s, row, BACK)]
                ended_s = lost_s + link.hold_min * 60.0
                changes += [Change(ended_s, row, ENDED)] if ended_s < back_s else []
        self._changes = sorted(changes)
        self._next = 0

    def instants_s(self) -> Float:
        """When links are lost and found, epoch seconds."""
        return np.array([change.at_s for change in self._changes if change.kind != ENDED], dtype=np.float64)

    def changes(self, until_s: float) -> Iterator[Change]:
        """What happens to links from the last call on, up to and including `until_s`."""
        while self._next < len(self._changes) and self._changes[self._next].at_s <= until_s:
            change = self._changes[self._next]
            self._next += 1
            if change.kind != ENDED:
                self.down[change.row] = change.kind == LOST
            yield change

    def tell(self, row: int, event: Event) -> list[Event]:
        """The event, if it can be told now; else it is kept."""
        if not self.down[row]:
            return [event]
        self._untold.setdefault(row, []).append(event)
        return []

    def untold(self, row: int) -> list[Event]:
        """What happened at an EVSE while it had no link."""
        return self._untold.pop(row, [])
