"""Logging in is slowed down where it goes wrong: for each address, and for each account from an address.

Nobody can lock another out: an account is never closed as a whole, only slowed down for addresses from which nobody got in. An
address that fails too often waits; the wait doubles up to `WAIT_MAX_S`.
"""

from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 5
"""Wrong passwords in a row that cost nothing."""
ADDRESS_FREE_TRIES = 20
WAIT_MAX_S = 300.0
FORGET_S = 3600.0
BUSY_TRIES = 50
"""Wrong passwords of one account from anywhere, after which every attempt on it is answered slowly."""
SLOW_S = 1.0
KEPT_MAX = 20_000
"""Counters kept; the oldest go first, so that a flood of names takes no more memory."""


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last_s: float = 0.0

    def wait_s(self, now_s: float, free: int) -> float:
        over = self.failures - free
        if over < 0 or now_s - self.last_s > FORGET_S:
            return 0.0
        return max(0.0, self.last_s + min(WAIT_MAX_S, 2.0 ** min(over, 16)) - now_s)


class LoginThrottle:
    """Counts of failures in this process. Instants are arguments."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()

    def wait_s(self, name: str, remote: str, now_s: float) -> float:
        """How long this account must not be tried from this address, 0 for now."""
        account = self._counts.get((name.lower(), remote))
        address = self._counts.get(("", remote))
        waits = [account.wait_s(now_s, FREE_TRIES) if account else 0.0, address.wait_s(now_s, ADDRESS_FREE_TRIES) if address else 0.0]
        return max(waits)

    def slow_s(self, name: str, now_s: float) -> float:
        """How long the answer to an attempt on an account is held back, whoever tries: many addresses try it."""
        count = self._counts.get((name.lower(), ""))
        return SLOW_S if count and count.failures >= BUSY_TRIES and now_s - count.last_s <= FORGET_S else 0.0

    def failed(self, name: str, remote: str, now_s: float) -> int:
        """Count a wrong password; returns how many there were for the account from the address."""
        for key in ((name.lower(), remote), ("", remote), (name.lower(), "")):
            count = self._counts.setdefault(key, _Count())
            if now_s - count.last_s > FORGET_S:
                count.failures = 0
            count.failures += 1
            count.last_s = now_s
            self._counts.move_to_end(key)
        while len(self._counts) > KEPT_MAX:
            self._counts.popitem(last=False)
        return self._counts[name.lower(), remote].failures

    def succeeded(self, name: str, remote: str) -> None:
        """The right password came: the account is free again from that address."""
        self._counts.pop((name.lower(), remote), None)
        self._counts.pop(("", remote), None)
