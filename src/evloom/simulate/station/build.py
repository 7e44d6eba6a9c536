"""Virtual stations and their cars out of a scenario: a station for each pile, its bays, and who comes when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evloom.simulate.scenario.model import Scenario
from evloom.simulate.station.spec import BaySpec, Manners, StationSpec, Stay, Traffic
from evloom.simulate.stays import beliefs_of, cars_of, seats
from evloom.wire.ocpp.version import Version

WEEK_S = 7 * 86_400.0
TOKEN_MAX = 20  # characters of an idTag in OCPP 1.6


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of the stations beside the scenario.

    count      how many; 0 = one for each pile. More than there are piles: piles again, with the same cars
    versions   taken in turn; manners: of the first stations, one each; the rest behave
    """

    count: int = 0
    versions: tuple[Version, ...] = (Version.V16, Version.V201, Version.V21)
    id_prefix: str = ""
    token_prefix: str = ""
    password: str = ""
    meter_s: float = 60.0
    seed: int = 1
    manners: tuple[Manners, ...] = ()


@dataclass(frozen=True)
class Cast:
    """Stations, and by station the cars that come, in the time of the scenario."""

    specs: tuple[StationSpec, ...]
    traffic: dict[str, Traffic]
    start_s: float
    end_s: float

    def shifted(self, station_id: str, shift_s: float) -> Traffic:
        """The cars of a station, `shift_s` later."""
        traffic = self.traffic[station_id]
        stays = tuple(_later(stay, shift_s) for stay in traffic.stays)
        return Traffic(traffic.cars, stays, shift_s)

    def week_shift_s(self, now_s: float) -> float:
        """Whole weeks by which the scenario is moved, so that now falls into its first week at the same hour of the same weekday."""
        return float(np.floor((now_s - self.start_s) / WEEK_S)) * WEEK_S


def _later(stay: Stay, shift_s: float) -> Stay:
    told_s = None if stay.told_departure_s is None else stay.told_departure_s + shift_s
    return replace(stay, arrives_s=stay.arrives_s + shift_s, leaves_s=stay.leaves_s + shift_s, told_departure_s=told_s)


def token_of(prefix: str, name: str) -> str:
    """The token of a driver: its last characters, as many as every version takes."""
    return f"{prefix}{name}"[-TOKEN_MAX:]


def cast(scenario: Scenario, wish: Wish) -> Cast:
    """The stations of a scenario and their cars."""
    evse = scenario.evse
    piles = [np.flatnonzero(evse.pile == pile) for pile in dict.fromkeys(evse.pile.tolist())]
    count = wish.count or len(piles)
    specs = tuple(_spec(scenario, wish, k, piles[k % len(piles)], k // len(piles)) for k in range(count))
    cars_by_pile = _traffic(scenario, wish, piles)
    traffic = {spec.station_id: cars_by_pile[k % len(piles)] for k, spec in enumerate(specs)}
    return Cast(specs, traffic, scenario.grid.start_s, scenario.grid.start_s + scenario.grid.n * scenario.grid.step_s)


def _spec(scenario: Scenario, wish: Wish, k: int, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]", again: int) -> StationSpec:
    evse = scenario.evse
    first = evse.evse_id[int(rows[0])]
    name = first.rpartition("-")[0] or first if len(rows) > 1 else first
    bays = tuple(
        BaySpec(
            rating_kw=float(evse.charge_max_kw[row]),
            n_phase=int(evse.n_phase[row]),
            dc=bool(evse.dc[row]),
            phase=int(evse.phase[row]),
            current_min_a=float(evse.current_min_a[row]),
            current_step_a=float(evse.current_step_a[row]),
            discharge_max_kw=float(evse.discharge_max_kw[row]),
            efficiency=float(evse.efficiency[row]),
        )
        for row in rows
    )
    return StationSpec(
        station_id=f"{wish.id_prefix}{name}" + (f"-{again + 1}" if again else ""),
        version=wish.versions[k % len(wish.versions)],
        bays=bays,
        rating_kw=max(bay.rating_kw for bay in bays),
        one_at_a_time=bool(evse.one_at_a_time[rows[0]]),
        voltage_v=scenario.site.voltage_v,
        password=wish.password,
        meter_s=wish.meter_s,
        seed=wish.seed,
        manners=wish.manners[k] if k < len(wish.manners) else Manners(),
    )


def _traffic(scenario: Scenario, wish: Wish, piles: "Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]") -> list[Traffic]:
    """The cars of each pile."""
    at = seats(scenario)
    kept = np.flatnonzero(at >= 0)
    cars = cars_of(scenario, kept, at[kept])
    beliefs, _ = beliefs_of(scenario, kept, at[kept], cars)
    bay_of = {int(row): (pile, bay) for pile, rows in enumerate(piles) for bay, row in enumerate(rows, 1)}
    stays: list[list[Stay]] = [[] for _ in piles]
    for car, session in enumerate(kept):
        pile, bay = bay_of[int(at[session])]
        name = scenario.sessions.driver_id[session] or scenario.evse.evse_id[int(at[session])]
        stays[pile].append(
            Stay(
                bay=bay,
                car=car,
                arrives_s=float(cars.arrival_s[car]),
                leaves_s=float(cars.departure_s[car]),
                token=token_of(wish.token_prefix, name),
                told_departure_s=float(beliefs.departure_s[car]),
                told_kwh=float(beliefs.wanted_kwh[car]),
            )
        )
    return [Traffic(cars, tuple(each)) for each in stays]
