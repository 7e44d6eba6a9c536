"""What to believe of a stay: how long it lasts and how much it takes, from stays that ended before it began.

What drivers say is often wrong, but wrong in the same way: it tells which earlier stays were alike. Their departures and
energies are the samples of a belief (k nearest neighbours, Fix and Hodges 1951), fixed at arrival; as time passes only
those still possible count. docs/beliefs.md says how good that is.
"""

from dataclasses import astuple, dataclass
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int, local_clock

HISTORY_DAYS = 60  # older stays are forgotten: habits change
HISTORY_STAYS = 5000  # and of a large site only so many, the newest, are searched: more of the same days would add time and nothing else
NOTICE_S = 60.0  # a car still there is believed to stay at least this long
MEASURABLE_KWH = 0.05  # a car that still draws wants at least this much more
FEW = 3  # with no more samples than this left, nothing is known of what comes
OVERDUE_S = 900.0  # then it is believed to leave so soon
MORE_KWH = 3.0  # and to want so much more
SILENT_H = 1.0  # a car of which nothing at all is known is believed to leave after this long and to want all it can take till then
SAME_H, SAME_KWH = 0.02, 0.02  # drivers who typed the very same figures are probably one driver


@dataclass(frozen=True)
class History:
    """Stays that have ended, columns (n_stay,), in any order. What was not told is NaN.

    ended_s         departure, epoch seconds: nobody may learn from a stay before then
    minute_of_day   local minute of arrival, 0..1439; weekend: it arrived on a Saturday or Sunday
    stay_h          hours stayed; energy_kwh what it took by its meter
    told_h          hours the driver said he would stay; requested_kwh what he asked for
    driver          a number for the driver, -1 unknown
    """

    ended_s: Float
    minute_of_day: Int
    weekend: Bool
    stay_h: Float
    energy_kwh: Float
    told_h: Float
    requested_kwh: Float
    driver: Int

    @cached_property
    def by_end(self) -> "_Past":
        """The same stays by departure, those that left together in falling order of their rows."""
        row = np.lexsort((-np.arange(len(self.ended_s)), self.ended_s))
        told_h, asked_kwh = self.told_h[row], self.requested_kwh[row]
        log_told, log_asked = np.log1p(np.maximum(told_h, 0.0)), np.log(np.maximum(asked_kwh, 0.5))
        clock = self.minute_of_day[row].astype(np.int64), self.weekend[row]
        return _Past(row, self.ended_s[row], *clock, told_h, asked_kwh, log_told, log_asked, self.driver[row].astype(np.int64))


class _Past(NamedTuple):
    """Columns of a `History` by departure; row says where each stands there, log_told is ln(1 + told_h), log_asked ln(requested_kwh)."""

    row: Int
    ended_s: Float
    minute_of_day: Int
    weekend: Bool
    told_h: Float
    requested_kwh: Float
    log_told: Float
    log_asked: Float
    driver: Int


class Newcomer(NamedTuple):
    """A stay that begins at arrival_s (epoch seconds); the rest as in `History`."""

    arrival_s: float
    minute_of_day: int
    weekend: bool
    told_h: float
    requested_kwh: float
    driver: int


@dataclass(frozen=True)
class Likeness:
    """How far two stays are apart, in hours of arrival (the unit), and how many of the nearest count.

    The weights were found on Caltech and JPL, June and July 2019, by the continuous ranked probability score of stay and energy.

    stay_clock, stay_told        per hour between times of arrival; per unit of ln(1 + told hours)
    energy_clock, energy_told,   the same for the energy, and per unit of ln(requested kWh)
    energy_asked
    weekend                      between a weekday and a weekend, for the stay
    silence                      between a driver who told something and one who did not
    same_driver                  how much nearer stays of the same driver are; more would change nothing much where drivers are known
                                 (Trondheim, Georgia, Ticino: with it the score of the energy is better by up to a third)
    typed_alike                  the same for drivers who told the very same figures and are probably one driver
    """

    stay_clock: float = 0.7
    stay_told: float = 4.0
    energy_clock: float = 0.3
    energy_told: float = 1.0
    energy_asked: float = 2.0
    weekend: float = 3.0
    silence: float = 2.0
    same_driver: float = 4.0
    typed_alike: float = 2.0
    n_like: int = 25


@dataclass(frozen=True)
class Trust:
    """How cautious plans are with beliefs. docs/beliefs.md has what each costs in savings and in energy short.

    departure_quantile   the believed departure is this quantile of what like stays did: low = cautious
    energy_quantile      the believed need is this quantile: high = cautious
    least_stays          with fewer ended stays than this known, what the driver says is believed
    shortage_factor      a kWh that may be missed is dreaded as this many times the mean cost of a kWh ahead
    unforeseen_per_h     chance in an hour that a car leaves though no like stay ended then
    forecast_caution     a forecast hour counts as dearer by this many times the error of such forecasts
    departure_risk       in place of departure_quantile: the chance that the car leaves before the believed departure
    """

    departure_quantile: float = 0.35
    energy_quantile: float = 0.6
    least_stays: int = 20
    shortage_factor: float = 0.5
    unforeseen_per_h: float = 0.04
    forecast_caution: float = 0.5
    departure_risk: float | None = None


def history_of(arrival_s: Float, departure_s: Float, energy_kwh: Float, told: tuple[Float, Float], driver: Int, zone: ZoneInfo) -> History:
    """Columns of a history from stays (n_stay,); told is (departures in epoch seconds, kWh asked for), NaN where nothing was."""
    clock = local_clock(arrival_s, zone)
    return History(
        departure_s,
        clock.minute_of_day,
        clock.weekday >= 5,
        (departure_s - arrival_s) / 3600.0,
        energy_kwh,
        (told[0] - arrival_s) / 3600.0,
        told[1],
        driver,
    )


def newcomer(arrival_s: float, told_departure_s: float, requested_kwh: float, driver: int, zone: ZoneInfo) -> Newcomer:
    """A stay that begins; NaN for what the driver did not tell, driver -1 where unknown."""
    clock = local_clock(np.array([arrival_s]), zone)
    told_h = (told_departure_s - arrival_s) / 3600.0
    return Newcomer(arrival_s, int(clock.minute_of_day[0]), bool(clock.weekday[0] >= 5), told_h, requested_kwh, driver)


def like_stays(history: History, new: Newcomer, least_stays: int, likeness: Likeness) -> tuple[Float, Float]:
    """Departures (epoch s) and energies (kWh) of the stays most like `new`, each sorted, (n_like,) at most.

    Only stays that ended before `new` arrived, and not over HISTORY_DAYS earlier, are looked at, the newest HISTORY_STAYS
    of them; with fewer than `least_stays` both come out empty. Departures and energies are chosen apart from each other, as different
    things make them alike: they are two lists, not pairs. An energy is scaled halfway to what the newcomer asked for.
    """
    past = history.by_end
    first, last = np.searchsorted(past.ended_s, (new.arrival_s - HISTORY_DAYS * 86400.0, new.arrival_s))
    first = max(first, last - HISTORY_STAYS)
    if last - first < max(1, least_stays):
        return np.zeros(0), np.zeros(0)
    log_told = np.log1p(max(new.told_h, 0.0)) if new.told_h == new.told_h else np.nan
    log_asked = np.log(max(new.requested_kwh, 0.5)) if new.requested_kwh > 0 else np.nan
    *weights, n_like = astuple(likeness)
    for_stay, for_need = _nearest(past, (first, last), new, (log_told, log_asked), tuple(weights), n_like)
    with np.errstate(divide="ignore", invalid="ignore"):  # some asked for nothing
        asked_ratio = new.requested_kwh / history.requested_kwh[for_need]
    scale = np.where(np.isfinite(asked_ratio) & (asked_ratio > 0.0), np.sqrt(np.maximum(asked_ratio, 0.0)), 1.0)
    return np.sort(new.arrival_s + history.stay_h[for_stay] * 3600.0), np.sort(history.energy_kwh[for_need] * scale)


@compiled
def _nearest(
    past: _Past, span: tuple[int, int], new: Newcomer, logs: tuple[float, float], weights: tuple[float, ...], n_like: int
) -> tuple[Int, Int]:
    """Rows of the `n_like` of past[span[0]:span[1]] nearest to `new`, by what matters to the stay, and by what matters to the energy.

    Newest first among equals.

    weights are the fields of `Likeness` in their order; logs are ln(1 + told_h) and ln(requested_kwh) of `new`.
    """
    stay_clock, stay_told, energy_clock, energy_told, energy_asked, weekend, silence, same_driver, typed_alike = weights
    first, last = span
    n = min(n_like, last - first)
    stays, needs = np.full(n, np.inf), np.full(n, np.inf)
    for_stay, for_need = np.full(n, -1), np.full(n, -1)
    for at in range(last - 1, first - 1, -1):
        clock_h = abs(past.minute_of_day[at] - new.minute_of_day) / 60.0
        clock_h = min(clock_h, 24.0 - clock_h)
        told, asked = abs(past.log_told[at] - logs[0]), abs(past.log_asked[at] - logs[1])
        told, asked = told if np.isfinite(told) else 0.0, asked if np.isfinite(asked) else 0.0
        typed = abs(past.told_h[at] - new.told_h) < SAME_H and abs(past.requested_kwh[at] - new.requested_kwh) < SAME_KWH
        nearer = same_driver if new.driver >= 0 and past.driver[at] == new.driver else (typed_alike if typed else 0.0)
        apart = (silence if np.isfinite(past.told_h[at]) != np.isfinite(new.told_h) else 0.0) - nearer
        weekday = weekend if past.weekend[at] != new.weekend else 0.0
        _keep(apart + stay_clock * clock_h + stay_told * told + weekday, past.row[at], stays, for_stay)
        _keep(apart + energy_clock * clock_h + energy_told * told + energy_asked * asked, past.row[at], needs, for_need)
    return for_stay, for_need


@compiled
def _keep(apart: float, row: int, nearest: Float, rows: Int) -> None:
    """Put a row in its place among the nearest so far, which are in rising order, or leave it out."""
    at = len(nearest) - 1
    if not apart < nearest[at]:
        return
    while at > 0 and apart < nearest[at - 1]:
        nearest[at], rows[at] = nearest[at - 1], rows[at - 1]
        at -= 1
    nearest[at], rows[at] = apart, row


def told_belief(told_departure_s: float, requested_kwh: float, arrival_s: float, charge_max_kw: float) -> tuple[float, float]:
    """Departure (epoch s) and wanted energy (kWh) at arrival by what the driver says alone.

    Where he says nothing the car is believed to leave soon and to want full power till then: it is served at once.
    """
    departure_s = told_departure_s if np.isfinite(told_departure_s) else arrival_s + SILENT_H * 3600.0
    departure_s = max(departure_s, arrival_s + OVERDUE_S)
    wanted_kwh = requested_kwh if np.isfinite(requested_kwh) else charge_max_kw * SILENT_H
    return departure_s, max(wanted_kwh, MEASURABLE_KWH)


def condition(like_departure_s: Float, like_kwh: Float, now_s: float, net_kwh: float, trust: Trust) -> tuple[float, float]:
    """Departure (epoch s) and energy still wanted (kWh) of a car that is still there at `now_s` and still draws after `net_kwh`.

    The samples are those of `like_stays`, sorted and not empty. At arrival (net_kwh 0) this is the point belief of the rules.
    """
    departure_s, wanted_kwh = _condition(like_departure_s, like_kwh, now_s, net_kwh, trust.departure_quantile, trust.energy_quantile)
    if trust.departure_risk is not None and len(like_departure_s):
        departure_s = at_risk_s(like_departure_s, now_s, trust.departure_risk)
    return departure_s, wanted_kwh


def at_risk_s(like_departure_s: Float, now_s: float, risk: float) -> float:
    """The departure (epoch s) before which a car that is still there at `now_s` leaves with the chance `risk`, 0 < risk < 1.

    One more stay like n others ends before the k-th of them with the chance k / (n + 1), whatever their distribution (Weibull 1939);
    between them it is linear, and before the first from now on. Without any later sample it is OVERDUE_S from now.
    """
    later_s = like_departure_s[np.searchsorted(like_departure_s, now_s + NOTICE_S, side="right") :]
    if len(later_s) <= FEW:
        return now_s + OVERDUE_S
    share = np.arange(len(later_s) + 1) / (len(later_s) + 1)
    return float(np.interp(risk, share, np.append(now_s, later_s)))


@compiled
def _condition(
    like_departure_s: Float, like_kwh: Float, now_s: float, net_kwh: float, departure_quantile: float, energy_quantile: float
) -> tuple[float, float]:
    later_s = like_departure_s[np.searchsorted(like_departure_s, now_s + NOTICE_S, side="right") :]
    more_kwh = like_kwh[np.searchsorted(like_kwh, net_kwh + MEASURABLE_KWH, side="right") :]
    departure_s = _quantile(later_s, departure_quantile) if len(later_s) > FEW else now_s + OVERDUE_S
    wanted_kwh = _quantile(more_kwh, energy_quantile) - net_kwh if len(more_kwh) > FEW else MORE_KWH
    return departure_s, wanted_kwh


@compiled
def _quantile(values: Float, share: float) -> float:
    """The quantile of sorted values, linear between them (type 7 of Hyndman and Fan 1996)."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return float(values[below] + (place - below) * (values[above] - values[below]))


class Steps(NamedTuple):
    """The steps ahead: edges_s (n_step + 1,) epoch seconds from now on, and what a kWh costs in each, (n_step,), in any unit."""

    edges_s: Float
    cost_per_kwh: Float


def urgent_kwh(like_departure_s: Float, believed: tuple[float, float], charge_max_kw: float, steps: Steps, trust: Trust) -> float:
    """What a car alone should charge in the first step (kWh) when a missed kWh is dreaded.

    believed is (departure, need) of `condition`. Waiting for a step costs its price and the chance that the car has left by
    then times the dread; the need goes to the steps where that sum is least. A plan that knows no such chance waits for the
    smallest gain and, told at every step that the car will stay a little longer, may wait until it has left.
    Without samples (n_like = 0) the believed departure is taken as sure.
    """
    dread = trust.shortage_factor * float(np.abs(steps.cost_per_kwh).mean()) if len(steps.cost_per_kwh) else 0.0
    first_kwh: float = _urgent_kwh(like_departure_s, *believed, charge_max_kw, steps, (dread, trust.unforeseen_per_h))
    return first_kwh


@compiled
def _urgent_kwh(
    like_departure_s: Float, departure_s: float, need_kwh: float, charge_max_kw: float, steps: Steps, dread: tuple[float, float]
) -> float:
    edges_s = steps.edges_s
    first = np.searchsorted(like_departure_s, edges_s[0] + NOTICE_S, side="right")
    n_later = len(like_departure_s) - first
    now_kwh = min(need_kwh, charge_max_kw * (edges_s[1] - edges_s[0]) / 3600.0)
    is_sure = len(like_departure_s) == 0
    if need_kwh <= 0.0 or (n_later <= FEW and not is_sure):
        return float(max(now_kwh, 0.0))
    cheaper_kwh, now_cost = 0.0, 0.0
    for step in range(len(steps.cost_per_kwh)):
        hours = (min(edges_s[step + 1], departure_s) - edges_s[step]) / 3600.0
        if hours <= 0.0 or cheaper_kwh >= need_kwh:
            break
        middle_s = (edges_s[step] + edges_s[step + 1]) / 2.0
        there = 1.0
        if not is_sure:
            left = max(0, np.searchsorted(like_departure_s, middle_s) - first)
            there = (1.0 - left / n_later) * np.exp(-dread[1] * (middle_s - edges_s[0]) / 3600.0)
        cost = steps.cost_per_kwh[step] + dread[0] * (1.0 - there)
        if step == 0:
            now_cost = cost
        elif cost < now_cost:
            cheaper_kwh += charge_max_kw * hours
    return float(max(0.0, min(now_kwh, need_kwh - cheaper_kwh)))
