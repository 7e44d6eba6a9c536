"""Which stations are connected here, one link each: the newer closes the older, and two devices under one name are noticed."""

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator

from evloom.serve.gateway.station_link import StationLink
from evloom.serve.logs import told

_LOG = logging.getLogger("evloom.gateway")
FLAPPING_N, FLAPPING_S = 4, 60.0
"""So many take-overs within so many seconds: two devices under one name, or one that reconnects without need."""
_KEPT = 2_000


class Registry:
    """Links by station."""

    def __init__(self) -> None:
        self._links: dict[str, StationLink] = {}
        self._takeovers: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[StationLink]:
        return iter(tuple(self._links.values()))

    def get(self, station_id: str) -> StationLink | None:
        """The link of a station that can be used."""
        link = self._links.get(station_id)
        return link if link is not None and link.is_open else None

    def enter(self, link: StationLink) -> StationLink | None:
        """Take the link in. Returns the one that it took over from, which is closed by this; the link itself when it is the older."""
        older = self._links.get(link.station_id)
        if older is not None and older.caller.epoch > link.caller.epoch:
            link.fence("a newer connection of this station is open")
            return link
        self._links[link.station_id] = link
        if older is None:
            return None
        older.fence("this station has connected anew")
        told(
            _LOG, logging.WARNING, "station.takeover", station=link.station_id, remote=link.caller.remote, older_remote=older.caller.remote
        )
        return older

    def leave(self, link: StationLink) -> bool:
        """The link is down; whether it was the one that counted."""
        if self._links.get(link.station_id) is not link:
            return False
        del self._links[link.station_id]
        return True

    def flapping(self, station_id: str, now_s: float) -> bool:
        """Note a take-over; True when it is one of many, and then not again before another FLAPPING_N."""
        times = self._takeovers.setdefault(station_id, deque(maxlen=FLAPPING_N))
        self._takeovers.move_to_end(station_id)
        if len(self._takeovers) > _KEPT:
            self._takeovers.popitem(last=False)
        times.append(now_s)
        if len(times) < FLAPPING_N or now_s - times[0] > FLAPPING_S:
            return False
        times.clear()
        return True
