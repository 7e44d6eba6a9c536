"""What is known of every vehicle that spoke: who speaks for it, its batteries' rows so far, what it has sent already."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Protocol

from evloom.wire.gbt32960.assembly import Assembly
from evloom.wire.gbt32960.words import Edition

REPORTS_KEPT = 64
LOGINS_KEPT = 8
VEHICLES_MAX = 200_000


class Speaker(Protocol):
    """A connection. `platform` is the name of the platform that it is of, "" for a vehicle's own."""

    platform: str

    def leave(self, reason: str) -> None:
        """Close it."""
        ...

    def tell(self, data: bytes) -> None:
        """Send something that was not asked for."""
        ...


class Seen:
    """The last so many pieces of bytes, to know one that comes again."""

    __slots__ = ("_digests", "_n_max")

    def __init__(self, n_max: int) -> None:
        self._digests: dict[int, None] = {}
        self._n_max = n_max

    def add(self, raw: bytes) -> bool:
        """Remember it; whether it is new."""
        digest = _digest(raw)
        if digest in self._digests:
            return False
        self._digests[digest] = None
        if len(self._digests) > self._n_max:
            del self._digests[next(iter(self._digests))]
        return True

    def forget(self, raw: bytes) -> None:
        """It was not kept after all: let it come again."""
        self._digests.pop(_digest(raw), None)


def _digest(raw: bytes) -> int:
    return int.from_bytes(blake2b(raw, digest_size=8).digest())


@dataclass(slots=True)
class Vehicle:
    """A vehicle. Times are epoch seconds, `since_s` NaN while nobody speaks for it."""

    vin: str
    assembly: Assembly
    speaker: Speaker | None = None
    since_s: float = float("nan")
    heard_s: float = float("nan")
    edition: Edition = Edition.V2016
    serial: int = 0
    iccid: str = ""
    n_report: int = 0
    n_replay: int = 0
    n_refused: int = 0
    unverified: bool = False
    reports: Seen = field(default_factory=lambda: Seen(REPORTS_KEPT))
    logins: Seen = field(default_factory=lambda: Seen(LOGINS_KEPT))

    @property
    def online(self) -> bool:
        """Whether somebody speaks for it."""
        return self.speaker is not None

    @property
    def linked(self) -> bool:
        """Whether its own terminal is at the other end, and no platform in between."""
        return self.speaker is not None and not self.speaker.platform


class Vehicles:
    """All of them. The longest silent ones are forgotten when there are too many. `moved`: came or went since somebody last took them."""

    def __init__(self, n_max: int = VEHICLES_MAX) -> None:
        self.moved: set[str] = set()
        self._all: OrderedDict[str, Vehicle] = OrderedDict()
        self._n_max = n_max

    def __iter__(self) -> Iterator[Vehicle]:
        return iter(tuple(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def get(self, vin: str) -> Vehicle | None:
        """A vehicle that is known."""
        return self._all.get(vin)

    def of(self, vin: str) -> Vehicle:
        """A vehicle; made where it is new."""
        vehicle = self._all.get(vin)
        if vehicle is None:
            self._make_room()
            vehicle = self._all[vin] = Vehicle(vin, Assembly(vin))
        else:
            self._all.move_to_end(vin)
        return vehicle

    def enter(self, vehicle: Vehicle, speaker: Speaker, now_s: float) -> Speaker | None:
        """Somebody speaks for the vehicle from now on; who did so before, if it was another."""
        before, vehicle.speaker = vehicle.speaker, speaker
        self.moved.add(vehicle.vin)
        vehicle.since_s = vehicle.heard_s = now_s
        return None if before is speaker else before

    def leave(self, vehicle: Vehicle, speaker: Speaker) -> bool:
        """Nobody speaks for it any more, unless another has taken over; whether so."""
        if vehicle.speaker is not speaker:
            return False
        vehicle.speaker, vehicle.since_s = None, float("nan")
        self.moved.add(vehicle.vin)
        return True

    def _make_room(self) -> None:
        if len(self._all) < self._n_max:
            return
        gone = next((vin for vin, vehicle in self._all.items() if not vehicle.online), next(iter(self._all)))
        del self._all[gone]
