"""What happens in the platform, told at once to whoever listens in this process: the live loop, the pages, the gateway."""

from collections.abc import Callable
from dataclasses import dataclass

Listener = Callable[["Happening"], None]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was kept: an entry of the log, a finished session, a command that changed, a record of the loop.

    topic    "station" (event is a `pile.station` event), "session", "command", "cycle", "site", "warning", "battery"
    subject  id of the station, session, command, site or battery it is about
    at_s     when it happened, known_s when we learnt it, epoch seconds
    """

    topic: str
    subject: str
    event: object
    at_s: float
    known_s: float
    number: int = 0


class Bus:
    """Calls every listener in turn, in the order in which they came. A listener must not wait and must not raise."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Have `listener` called for every happening of `topic`; returns what ends that."""
        self._listeners.setdefault(topic, []).append(listener)
        return lambda: self._listeners[topic].remove(listener)

    def publish(self, happening: Happening) -> None:
        """Tell everyone who listens. Call it from the event loop's thread, after what happened was committed."""
        for listener in tuple(self._listeners.get(happening.topic, ())):
            listener(happening)
