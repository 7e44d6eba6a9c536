"""Why a connection was not let in: said to the station as HTTP status and text, and kept for the operator."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a handshake that is not let in.

    status   HTTP status; code a short name for counters; text one line for the person who reads the charger's log
    headers  further HTTP headers
    """

    status: int
    code: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A connection that was refused. station_id is empty where the path names none."""

    station_id: str
    remote: str
    status: int
    code: str
    text: str
    at_s: float


@dataclass(slots=True)
class Refusals:
    """The latest refusals, newest last, so that a page can show who knocks in vain."""

    kept: deque[Refusal] = field(default_factory=lambda: deque(maxlen=200))

    def add(self, refusal: Refusal) -> None:
        """Keep one; the oldest goes."""
        self.kept.append(refusal)

    def of_station(self, station_id: str) -> list[Refusal]:
        """Those of one station, newest last."""
        return [refusal for refusal in self.kept if refusal.station_id == station_id]
