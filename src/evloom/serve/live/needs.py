"""What is believed of a stay on a live site: as its driver or car told, else as like stays of the token and the site went."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from evloom.dispatch.belief import HISTORY_DAYS, History, Likeness, Trust, condition, history_of, like_stays, newcomer, told_belief
from evloom.kernel.timegrid import from_epoch_s, local_clock
from evloom.pile.events import PluggedIn, Wanted
from evloom.serve.live.bay import Bay
from evloom.store.sites import Need, Stay

TRUST = Trust()
LEAST_KWH = 0.3  # stays that took less teach nothing of needs
HISTORY_S = HISTORY_DAYS * 86400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What EVSE and car can take: kW for charging and (unsigned) for discharging, conductors in use."""

    charge_max_kw: float
    give_max_kw: float
    n_phase: int


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of a stay, as in `pile.events.PluggedIn`; told: its driver or car said when it leaves."""

    departure_s: float
    wanted_kwh: float
    like_departure_s: list[float]
    like_kwh: list[float]
    priority: float
    told: bool


class Memory:
    """Earlier stays at a site, from which beliefs are made."""

    def __init__(self, zone: str, stays: Sequence[Stay] = ()) -> None:
        self.zone = ZoneInfo(zone)
        self._drivers: dict[str, int] = {}
        self._history: History | None = None
        self.learn(stays)

    def learn(self, stays: Sequence[Stay]) -> None:
        """Take these stays for what is known; only those that have ended."""
        rows = [stay for stay in stays if stay.ended_at_s is not None and stay.energy_kwh >= LEAST_KWH]
        self._drivers = {name: number for number, name in enumerate(dict.fromkeys(stay.token for stay in rows if stay.token))}
        nan = float("nan")
        self._history = history_of(
            np.array([stay.started_at_s for stay in rows], dtype=np.float64),
            np.array([stay.ended_at_s for stay in rows], dtype=np.float64),
            np.array([stay.energy_kwh for stay in rows], dtype=np.float64),
            (
                np.array([nan if stay.told_s is None else stay.told_s for stay in rows]),
                np.array([nan if stay.asked_kwh is None else stay.asked_kwh for stay in rows]),
            ),
            np.array([self._drivers.get(stay.token, -1) for stay in rows], dtype=np.int64),
            self.zone,
        )

    def believe(self, bay: Bay, need: Need | None, most_kw: float) -> Belief:
        """What to believe of the stay at `bay`: told by app, console or car first, else learnt, else what nobody knows."""
        told_s, asked_kwh = self._departure_s(bay, need), self._wanted_kwh(bay, need)
        nan = float("nan")
        asked = nan if told_s is None else told_s, nan if asked_kwh is None else asked_kwh
        departure_s, wanted_kwh = told_belief(*asked, bay.since_s, most_kw)
        like_s, like_kwh = self._alike(bay, asked)
        like_s, like_kwh = ([] if told_s is not None else like_s), ([] if asked_kwh is not None else like_kwh)
        guess_s, guess_kwh = condition(np.array(like_s), np.array(like_kwh), bay.since_s, 0.0, TRUST)
        return Belief(
            guess_s if like_s else departure_s,
            guess_kwh if like_kwh else wanted_kwh,
            like_s,
            like_kwh,
            1.0 if need is None else need.priority,
            told_s is not None,
        )

    def _alike(self, bay: Bay, asked: tuple[float, float]) -> tuple[list[float], list[float]]:
        assert self._history is not None
        new = newcomer(bay.since_s, *asked, self._drivers.get(bay.token, -1), self.zone)
        like_s, like_kwh = like_stays(self._history, new, TRUST.least_stays, Likeness())
        return like_s.tolist(), like_kwh.tolist()

    def _departure_s(self, bay: Bay, need: Need | None) -> float | None:
        if need is not None and need.departure_s is not None and need.departure_s > bay.since_s:
            return need.departure_s
        if bay.car is not None and bay.car.departure_s is not None and bay.car.departure_s > bay.since_s:
            return bay.car.departure_s
        if need is not None and need.ready_minute is not None:
            return _next_minute_s(need.ready_minute, bay.since_s, self.zone)
        return None

    @staticmethod
    def _wanted_kwh(bay: Bay, need: Need | None) -> float | None:
        """Energy at the meter; a target for the state of charge says it where the car told its own."""
        soc = bay.car.soc if bay.car is not None and bay.car.soc is not None else bay.meter.soc
        if need is not None and need.wanted_kwh is not None:
            return need.wanted_kwh
        if need is not None and need.soc_target is not None and need.battery_kwh and soc is not None:
            return max(0.0, need.soc_target - soc) * need.battery_kwh + max(bay.net_kwh, 0.0)
        return bay.car.wanted_kwh if bay.car is not None else None


def limits_of(bay: Bay, rating_kw: float, give_kw: float, n_phase: int, need: Need | None) -> Limits:
    """What car and EVSE can do together; discharge only where the driver consents and the car can."""
    car, phases = bay.car, bay.meter.n_phase or n_phase
    if car is not None and car.mode == "AC_single_phase":
        phases = 1
    phases = min(phases, n_phase)
    charge_kw = min(rating_kw, car.charge_max_kw if car is not None and car.charge_max_kw else rating_kw) * phases / n_phase
    two_way = need is not None and need.v2g_consent and car is not None and car.mode.endswith("BPT")
    give = min(give_kw, car.discharge_max_kw or give_kw) if two_way and car is not None else 0.0
    return Limits(charge_kw, give, phases)


def plugged_in(bay: Bay, belief: Belief, limits: Limits) -> PluggedIn:
    """The loop's word for the car at `bay`."""
    current_min_a = bay.car.current_min_a if bay.car is not None and bay.car.current_min_a else 6.0
    most_kw, wanted_kwh = _granted(bay, belief, limits)
    return PluggedIn(
        bay.since_s, bay.evse_id, bay.session_id, belief.departure_s, wanted_kwh, most_kw, limits.n_phase,
        current_min_a, limits.give_max_kw, 0.95, 0.95, 0.0, belief.priority, 0.0, belief.like_departure_s, belief.like_kwh, bay.token,
    )  # fmt: skip


def wanted(bay: Bay, belief: Belief, limits: Limits, at_s: float) -> Wanted:
    """The same where something else is believed of it now."""
    most_kw, wanted_kwh = _granted(bay, belief, limits)
    return Wanted(
        at_s, bay.evse_id, belief.departure_s, wanted_kwh, most_kw, limits.n_phase, limits.give_max_kw,
        belief.priority, belief.like_departure_s, belief.like_kwh,
    )  # fmt: skip


def _granted(bay: Bay, belief: Belief, limits: Limits) -> tuple[float, float]:
    """The most power and the energy that a car gets: nothing where its token was refused."""
    return (0.0, 0.0) if bay.refused else (limits.charge_max_kw, belief.wanted_kwh)


def _next_minute_s(minute: int, after_s: float, zone: ZoneInfo) -> float:
    """The next instant at which local clocks show this minute of the day; a quarter of an hour ahead at least."""
    for quarter in range(1, 2 * 96 + 8):
        at_s = (after_s // 900 + quarter) * 900.0
        now = int(local_clock(np.array([at_s]), zone).minute_of_day[0])
        if 0 <= minute - now < 15:
            return at_s + (minute - now) * 60.0
    return from_epoch_s(after_s).timestamp() + 86400.0
