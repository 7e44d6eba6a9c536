"""A seeded generator of sessions: home, workplace, public, taxi and bus depot.

Home, workplace and public follow ElaadNL's tables: arrivals by quarter-hour, stay, energy, day of the
week, power. Stay and energy depend on the time of arrival and on each other through their ranks (a
Gaussian copula), which leaves each table's own distribution as it is. Drivers come back with habits: part
of each rank belongs to the driver. Taxis and buses follow rules of our own (`fleets.py`).
"""

import heapq
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.random import PCG64, Generator

from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int, epoch_s
from evloom.simulate.sources.convert import to_utc
from evloom.simulate.sources.drivers import told_by
from evloom.simulate.sources.elaad import DAY_START_H, Behaviour, behaviour
from evloom.simulate.sources.fleets import Visits, bus_visits, taxi_visits
from evloom.simulate.sources.normal import blend, correlated, quantile, rank_of, score_of
from evloom.simulate.sources.table import SessionTable

Kind = Literal["home", "workplace", "public", "taxi", "bus-depot"]
USUAL_POWER_KW = {"home": 11.0, "workplace": 11.0, "public": 11.0, "taxi": 60.0, "bus-depot": 120.0}
EXCHANGE_ROUNDS = 20
# Drivers who take more energy have cars that charge faster: share of the variance of power. An assumption of ours.
POWER_SHARE = 0.5
# Sessions on a mean day at these ranks of the drivers. Home: 51 private users of the Trondheim garages; workplace: 59 users of
# the Georgia programme, over 7 days (both with more than 30 days between first and last session). Public: an assumption of ours.
RATE_RANK = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
RATE = {
    "home": np.array([0.10, 0.21, 0.29, 0.60, 0.83, 1.00, 1.00]),
    "workplace": np.array([0.03, 0.08, 0.19, 0.47, 0.55, 0.67, 0.71]),
    "public": np.array([0.05, 0.10, 0.20, 0.33, 0.50, 0.70, 0.90]),
}


@dataclass(frozen=True)
class Habit:
    """How stay and energy hang together. Correlations are of normal scores, shares of their variance.

    stay_by_arrival, energy_by_arrival   correlation to the rank of the mean at that arrival time; fitted to the
                                         table of means, which they meet within 1.5, 1.9, 1.1 h and 1.5, 0.5, 0.4 kWh
                                         (root mean square; home, public, workplace)
    energy_by_stay                       Spearman's correlation, measured (home: Trondheim, workplace: Georgia)
    arrival_share, stay_share, energy_share   what belongs to the driver: intraclass correlation, measured on the same
    """

    stay_by_arrival: float
    energy_by_arrival: float
    energy_by_stay: float
    arrival_share: float
    stay_share: float
    energy_share: float


HABITS = {
    "home": Habit(0.31, 0.24, 0.34, 0.08, 0.24, 0.46),
    "workplace": Habit(0.31, 0.10, 0.42, 0.46, 0.21, 0.33),
    # Nobody measured the habits of public drivers in data we have: those of home were taken.
    "public": Habit(0.46, 0.17, 0.34, 0.08, 0.24, 0.46),
}


@dataclass(frozen=True)
class Request:
    """What to generate.

    kind          what sort of place
    start, days   the local calendar days in which sessions arrive; DST days have 23 or 25 h
    seed, zone    same seed, same sessions; local time of the place
    n_evse, n_vehicle   connectors and vehicles; one alone stands for both
    power_kw      power of a connector; 11 kW, taxi 60 kW, bus depot 120 kW where None
    driver_error  0: drivers tell the truth; 1: as wrong as measured (drivers.py)
    feasible      fit energies to what the stays can take at 95 % of the power; False leaves them as drawn
    """

    kind: Kind
    start: date
    days: int
    seed: int
    zone: ZoneInfo
    n_evse: int | None = None
    n_vehicle: int | None = None
    power_kw: float | None = None
    driver_error: float = 1.0
    feasible: bool = True

    def __post_init__(self) -> None:
        if self.kind not in USUAL_POWER_KW:
            raise ValueError(f"kind {self.kind!r}: one of {', '.join(USUAL_POWER_KW)}")
        if self.n_evse is None and self.n_vehicle is None:
            raise ValueError("n_evse or n_vehicle: give at least one")
        numbers = {"n_evse": self.n_evse, "n_vehicle": self.n_vehicle, "days": self.days, "driver_error": self.driver_error}
        for name, number in numbers.items():
            if number is not None and not number >= 0:
                raise ValueError(f"{name} = {number}: 0 or more")
        if self.power_kw is not None and not self.power_kw > 0:
            raise ValueError(f"power_kw = {self.power_kw}: more than 0 kW")

    @property
    def vehicles(self) -> int:
        """Number of vehicles: `n_vehicle`, or else one for each connector."""
        return self.n_vehicle if self.n_vehicle is not None else self.n_evse or 0

    @property
    def connectors(self) -> int:
        """Number of connectors: `n_evse`, or else one for each vehicle."""
        return self.n_evse if self.n_evse is not None else self.n_vehicle or 0

    @property
    def connector_power_kw(self) -> float:
        """Power of a connector in kW."""
        return self.power_kw if self.power_kw is not None else USUAL_POWER_KW[self.kind]


def generate(request: Request) -> SessionTable:
    """Sessions that arrive on the days of the request, the same on every platform for the same request.

    A vehicle is at one place at a time, a connector holds one vehicle at a time. With fewer connectors
    than vehicles a car that finds none free goes away (a finding counts them); a bus stays and its
    connector is unknown, as the depot moves buses to piles that come free.
    """
    rng = Generator(PCG64(request.seed))
    if request.kind == "taxi":
        visits = taxi_visits(rng, request.vehicles, request.start, request.days, request.connector_power_kw)
    elif request.kind == "bus-depot":
        visits = bus_visits(rng, request.vehicles, request.start, request.days, request.connector_power_kw)
    else:
        visits = _habitual_visits(rng, request)
    arrival_s = np.floor(to_utc(visits.arrival_clock_s, request.zone).first_s)
    if visits.departure_clock_s is None:
        departure_s = arrival_s + np.maximum(np.round(visits.stay_s), 300.0)
    else:
        departure_s = np.floor(to_utc(visits.departure_clock_s, request.zone).first_s)
    if request.feasible:
        visits = _made_feasible(rng, visits, 0.95 * visits.power_max_kw * (departure_s - arrival_s) / 3600.0)
    energy_kwh = visits.energy_kwh
    told_s, asked_kwh = told_by(rng, visits.vehicle, departure_s - arrival_s, energy_kwh, visits.driver_error_factor * request.driver_error)
    order = np.lexsort((visits.vehicle, arrival_s))
    kept = order[_present_once(visits.vehicle[order], arrival_s[order], departure_s[order])]
    kept = kept[_arriving(arrival_s[kept], request)]
    evse, found = _take_connectors(visits.vehicle[kept], arrival_s[kept], departure_s[kept], request)
    at = kept[found]
    table = _table(request, visits.select(at), (arrival_s[at], departure_s[at]), np.round(energy_kwh[at], 3))
    told = replace(table, told_departure_s=np.round(arrival_s[at] + told_s[at]), requested_kwh=np.round(asked_kwh[at], 3))
    return replace(told, evse_id=[evse[i] for i in np.flatnonzero(found)], findings=_turned_away(request, found))


def _habitual_visits(rng: Generator, request: Request) -> Visits:
    """Visits of drivers with habits, from the day before the first (whose late evening lies in it) to the last."""
    tables, habit = behaviour(request.kind), HABITS[request.kind]
    n_vehicle, n_day = request.vehicles, request.days + 1
    first = request.start.toordinal() - 1
    arrival_habit, stay_habit, energy_habit, power_own = (rng.standard_normal(n_vehicle) for _ in range(4))
    rate = np.interp(rng.random(n_vehicle), RATE_RANK, RATE[request.kind])
    weekday = (first + np.arange(n_day) + 6) % 7
    comes = rng.random((n_day, n_vehicle)) < rate[None, :] * tables.day_factor[weekday][:, None]
    day, vehicle = np.nonzero(comes)
    draws = rng.standard_normal((3, len(day)))
    mixing = rng.random((2, len(day)))
    arrival_rank = rank_of(blend(habit.arrival_share, arrival_habit[vehicle], draws[0]))
    since_start_s = _arrival_s(tables, arrival_rank, weekday[day] >= 5)
    clock_s = (first + day - date(1970, 1, 1).toordinal()) * 86400.0 + DAY_START_H * 3600.0 + since_start_s
    slot = (np.floor_divide(clock_s, 1800.0) % 48).astype(np.int64)
    stay_by_time, energy_by_time = (
        score_of(ranks[slot, 0] + u * (ranks[slot, 1] - ranks[slot, 0]))
        for ranks, u in ((tables.stay_rank, mixing[0]), (tables.energy_rank, mixing[1]))
    )
    stay_own = blend(habit.stay_share, stay_habit[vehicle], draws[1])
    energy_own = correlated(habit.energy_by_stay, stay_own, blend(habit.energy_share, energy_habit[vehicle], draws[2]))
    power_rank = rank_of(blend(POWER_SHARE, energy_habit, power_own))
    car_kw = quantile(np.maximum(power_rank, 0.01), tables.power_kw)
    stay_h = quantile(rank_of(correlated(habit.stay_by_arrival, stay_by_time, stay_own)), tables.stay_h)
    energy_kwh = quantile(rank_of(correlated(habit.energy_by_arrival, energy_by_time, energy_own)), tables.energy_kwh)
    return Visits(
        vehicle=vehicle.astype(np.int64),
        arrival_clock_s=clock_s,
        stay_s=stay_h * 3600.0,
        energy_kwh=np.maximum(energy_kwh, 0.1),
        power_max_kw=np.minimum(car_kw, request.connector_power_kw)[vehicle],
    )


def _made_feasible(rng: Generator, visits: Visits, room_kwh: Float) -> Visits:
    if visits.soc_arrival is None:
        return replace(visits, energy_kwh=fitted_kwh(rng, visits.energy_kwh, room_kwh))
    # A fleet's energy belongs to its trip and cannot be exchanged: the vehicle leaves less full.
    energy_kwh = np.minimum(visits.energy_kwh, room_kwh)
    return replace(visits, energy_kwh=energy_kwh, soc_departure=visits.soc_arrival + energy_kwh / visits.battery_kwh)


def fitted_kwh(rng: Generator, energy_kwh: Float, room_kwh: Float) -> Float:
    """Energies (n,) that fit their stays: none above `room_kwh`.

    A stay and an energy drawn apart may not go together. Two sessions exchange their energies when both
    fit then, which leaves the distribution as it was; what no exchange mends is cut to the room.
    """
    fitted = energy_kwh.copy()
    for _ in range(EXCHANGE_ROUNDS):
        too_much = np.flatnonzero(fitted > room_kwh)
        partner = rng.permutation(len(fitted))[: len(too_much)]
        mends = (fitted[too_much] <= room_kwh[partner]) & (fitted[partner] <= room_kwh[too_much])
        mends &= fitted[partner] <= room_kwh[partner]  # who has too much himself is no partner
        first, second = too_much[mends], partner[mends]
        fitted[first], fitted[second] = fitted[second], fitted[first]
    return np.minimum(fitted, room_kwh)


def _arrival_s(tables: Behaviour, rank: Float, weekend: Bool) -> Float:
    """Seconds since DAY_START_H at which each rank (n,) of the day's arrivals comes."""
    edges_s = 900.0 * np.arange(97)
    since_s: Float = np.where(weekend, np.interp(rank, tables.arrival_weekend, edges_s), np.interp(rank, tables.arrival_weekday, edges_s))
    return since_s


def _present_once(vehicle: Int, arrival_s: Float, departure_s: Float) -> Bool:
    """A vehicle that still stands at a connector does not arrive; a quarter of an hour at least lies between two visits."""
    here_until: dict[int, float] = {}
    kept = np.zeros(len(vehicle), dtype=np.bool_)
    for i, who in enumerate(vehicle.tolist()):
        if arrival_s[i] >= here_until.get(who, -np.inf):
            kept[i] = True
            here_until[who] = departure_s[i] + 900.0
    return kept


def _arriving(arrival_s: Float, request: Request) -> Bool:
    midnight = datetime.combine(request.start, datetime.min.time(), tzinfo=request.zone)
    after = datetime.combine(request.start + timedelta(days=request.days), datetime.min.time(), tzinfo=request.zone)
    inside: Bool = (arrival_s >= epoch_s(midnight.astimezone(UTC))) & (arrival_s < epoch_s(after.astimezone(UTC)))
    return inside


def _take_connectors(vehicle: Int, arrival_s: Float, departure_s: Float, request: Request) -> tuple[list[str], Bool]:
    """The connector of each visit (n,), in order of arrival, and whether there was one.

    At home each vehicle has its own where there are enough; else the free one with the lowest number is taken.
    """
    names = [f"evse-{k + 1:03d}" for k in range(request.connectors)]
    if request.kind == "bus-depot" and request.connectors < request.vehicles:
        return [""] * len(vehicle), np.ones(len(vehicle), dtype=np.bool_)
    if request.kind in ("home", "bus-depot") and request.connectors >= request.vehicles:
        return [names[who] for who in vehicle], np.ones(len(vehicle), dtype=np.bool_)
    free, busy = list(range(request.connectors)), list[tuple[float, int]]()
    taken, found = [""] * len(vehicle), np.zeros(len(vehicle), dtype=np.bool_)
    for i in range(len(vehicle)):
        while busy and busy[0][0] <= arrival_s[i]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            k = heapq.heappop(free)
            heapq.heappush(busy, (float(departure_s[i]), k))
            taken[i], found[i] = names[k], True
    return taken, found


def _turned_away(request: Request, found: Bool) -> tuple[Finding, ...]:
    n_away = int(np.count_nonzero(~found))
    if n_away == 0:
        return ()
    value = f"{request.connectors}: {n_away} of {len(found)} arrivals found none free and went away"
    advice = "give more connectors or fewer vehicles if that was not meant"
    return (Finding("generate.turned-away", "warning", _source(request), None, "n_evse", value, "a free connector", advice),)


def _source(request: Request) -> str:
    return f"generated {request.kind}, seed {request.seed}"


def _table(request: Request, visits: Visits, stay: tuple[Float, Float], energy_kwh: Float) -> SessionTable:
    n = len(visits.vehicle)
    unknown = np.full(n, np.nan)
    return SessionTable(
        session_id=[f"{request.kind}-{i + 1:06d}" for i in range(n)],
        evse_id=[""] * n,
        driver_id=[f"{request.kind}-driver-{who + 1:04d}" for who in visits.vehicle],
        vehicle_model=[visits.vehicle_model] * n,
        arrival_s=stay[0],
        departure_s=stay[1],
        energy_kwh=energy_kwh,
        requested_kwh=unknown,
        told_departure_s=unknown,
        soc_arrival=unknown if visits.soc_arrival is None else np.round(visits.soc_arrival, 4),
        soc_departure=unknown if visits.soc_departure is None else np.round(visits.soc_departure, 4),
        battery_kwh=np.full(n, visits.battery_kwh),
        power_max_kw=visits.power_max_kw,
        charging_end_s=unknown,
        fee=unknown,
        source=_source(request),
        zone=request.zone.key,
        n_row=n,
    )
