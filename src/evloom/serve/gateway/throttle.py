"""How often: token buckets for messages, and for wrong passwords by station and address."""

from collections import OrderedDict


class Bucket:
    """Lets `per_s` through on average and `burst` at once. May be overdrawn, so that what was taken in is paid back by waiting."""

    __slots__ = ("_at_s", "_left", "burst", "per_s")

    def __init__(self, per_s: float, burst: float, now_s: float) -> None:
        self.per_s = per_s
        self.burst = burst
        self._left = burst
        self._at_s = now_s

    def wait_s(self, now_s: float) -> float:
        """How long until one may pass; 0 when it may now."""
        left = self._refilled(now_s)
        return 0.0 if left >= 1.0 else (1.0 - left) / self.per_s

    def take(self, now_s: float, n: float = 1.0) -> float:
        """Take `n`, overdrawing if need be; returns how long to wait until the bucket is out of debt."""
        self._left = self._refilled(now_s) - n
        return 0.0 if self._left >= 0.0 else -self._left / self.per_s

    def _refilled(self, now_s: float) -> float:
        if now_s > self._at_s:
            self._left = min(self.burst, self._left + (now_s - self._at_s) * self.per_s)
            self._at_s = now_s
        return self._left


class Guesses:
    """Slows down who guesses passwords: failures cost, successes do not.

    Each station from each address, each address and each station has a bucket. All refill within seconds, so the right station is let in
    soon after the guessing has ended; one whose password was verified before is not asked to wait at all (`credential.Credentials`).
    """

    _LEVELS = ((1.0, 10.0), (5.0, 100.0), (5.0, 50.0))  # pair, address, station: per second and at once
    _KEPT = 20_000

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def wait_s(self, station_id: str, address: str, now_s: float) -> float:
        """How long this station at this address must wait before it may try a password."""
        found = (self._buckets.get(key) for key in self._keys(station_id, address))
        return max((bucket.wait_s(now_s) for bucket in found if bucket is not None), default=0.0)

    def failed(self, station_id: str, address: str, now_s: float) -> None:
        """A wrong password was tried."""
        for key, (per_s, burst) in zip(self._keys(station_id, address), self._LEVELS, strict=True):
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = Bucket(per_s, burst, now_s)
                if len(self._buckets) > self._KEPT:
                    self._buckets.popitem(last=False)
            bucket.take(now_s)

    @staticmethod
    def _keys(station_id: str, address: str) -> tuple[tuple[str, str], ...]:
        return ((station_id, address), ("", address), (station_id, ""))


class Echo:
    """Says a thing that happens again and again at once for the first few times, then once a minute with how often it was."""

    _FIRST, _EVERY_S, _KEPT = 3, 60.0, 5_000

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def times(self, what: str, who: str, now_s: float) -> int:
        """0: be silent. Else how many happenings this line stands for."""
        seen = self._seen.setdefault((what, who), [0.0, now_s, 0.0])
        if len(self._seen) > self._KEPT:
            self._seen.popitem(last=False)
        if now_s - seen[1] >= self._EVERY_S:
            n, seen[:] = int(seen[2]) + 1, [float(self._FIRST), now_s, 0.0]
            return n
        seen[0] += 1
        if seen[0] <= self._FIRST:
            return 1
        seen[2] += 1
        return 0
