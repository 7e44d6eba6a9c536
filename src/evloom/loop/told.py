"""What piles were told: the power now and the plan that went along, which they carry out by themselves while nobody says otherwise."""

from bisect import bisect_right

import numpy as np

from evloom.kernel.timegrid import Float, Int

Plan = tuple[tuple[float, float], ...]
"""(instant in epoch seconds, kW from then on), rising in time."""

NOTHING: Plan = ((-np.inf, 0.0),)


def value_at(plan: Plan, at_s: float) -> float:
    """Power of the plan at an instant; 0 before it begins."""
    place = bisect_right(plan, (at_s, np.inf)) - 1
    return plan[place][1] if place >= 0 else 0.0


def steps_of(edges_s: Float, power_kw: Float) -> Plan:
    """The changes of a power over steps (n,), from its second step on; the first is what is ordered now."""
    at = np.flatnonzero(power_kw[1:] != power_kw[:-1]) + 1
    return tuple(zip(edges_s[at].tolist(), power_kw[at].tolist(), strict=True))


class ToldBook:
    """The plan last sent to each EVSE, and all that may be in force there because nothing was heard of it since they were sent."""

    def __init__(self, n_evse: int) -> None:
        self.plan: list[Plan] = [NOTHING] * n_evse
        self._may: list[list[Plan]] = [[NOTHING] for _ in range(n_evse)]

    def sent(self, row: int, plan: Plan) -> None:
        """A plan was sent to the EVSE: it or one before it may be in force."""
        self.plan[row] = plan
        self._may[row].append(plan)

    def reset(self, row: int, at_s: float) -> None:
        """A car came or went: nothing is in force."""
        self.plan[row] = ((at_s, 0.0),)
        self._may[row] = [self.plan[row]]

    def heard(self, row: int) -> None:
        """The EVSE was heard of after the last plan was sent: no other is in force."""
        if len(self._may[row]) > 1:
            del self._may[row][:-1]

    def scaled(self, row: int, factor: float) -> None:
        """What the EVSE was told is another power by now."""
        plans = [tuple((at_s, power_kw * factor) for at_s, power_kw in plan) for plan in self._may[row]]
        self._may[row], self.plan[row] = plans, plans[-1]

    def moving(self) -> list[int]:
        """Rows whose plan changes by itself."""
        return [row for row, plan in enumerate(self.plan) if len(plan) > 1]

    def bounds_kw(self, row: int, at_s: Float) -> tuple[Float, Float]:
        """Highest (at least 0) and lowest (at most 0) power that may be in force at instants (n,)."""
        values = np.array([[value_at(plan, instant_s) for instant_s in at_s] for plan in self._may[row]]).reshape(-1, len(at_s))
        return values.max(axis=0, initial=0.0), values.min(axis=0, initial=0.0)

    def high_kw(self, rows: Int, at_s: Float) -> Float:
        """Highest power that may be in force at `rows`, (n_row, n) at instants (n,)."""
        return np.array([self.bounds_kw(int(row), at_s)[0] for row in rows]).reshape(len(rows), len(at_s))
