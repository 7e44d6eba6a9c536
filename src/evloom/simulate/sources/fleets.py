"""Visits of fleets that follow a plan: taxis and depot buses.

The rules and numbers here are assumptions of ours, chosen to be plausible for a Chinese city: two charges
a day for a taxi that two drivers share, one night in the depot for a bus. They are no measurement.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.random import Generator

from evloom.kernel.timegrid import Float, Int

TAXI_BATTERY_KWH = 60.0
# When a taxi charges: in the midday lull and before the morning shift. Mean and spread of the driver's usual time, local hours.
TAXI_TIMES_H = ((12.5, 0.8), (4.0, 1.2))
TAXI_SKIPS = 0.05
BUS_BATTERY_KWH = 350.0
BUS_KWH_PER_KM = 1.2
BUS_DUTY_KM = (90.0, 210.0)
BUS_OUT_H = (5.0, 7.5)
BUS_BACK_H = (18.5, 23.0)
BUS_WEEKEND_SHARE = 0.6
BUS_SOC_FULL = 0.95


@dataclass(frozen=True)
class Visits:
    """Stays at a connector before connectors are given out, columns (n,). Clock readings are local, in seconds since 1970-01-01 00:00.

    vehicle                 number of the vehicle from 0
    stay_s                  length of stay; not used where `departure_clock_s` says the end
    driver_error_factor     0 for a fleet whose timetable is known, 1 where drivers are asked
    """

    vehicle: Int
    arrival_clock_s: Float
    stay_s: Float
    energy_kwh: Float
    power_max_kw: Float
    departure_clock_s: Float | None = None
    soc_arrival: Float | None = None
    soc_departure: Float | None = None
    battery_kwh: float = float("nan")
    vehicle_model: str = ""
    driver_error_factor: float = 1.0

    def select(self, index: Int) -> "Visits":
        """The visits of the given row numbers."""
        return replace(
            self,
            vehicle=self.vehicle[index],
            arrival_clock_s=self.arrival_clock_s[index],
            stay_s=self.stay_s[index],
            energy_kwh=self.energy_kwh[index],
            power_max_kw=self.power_max_kw[index],
            departure_clock_s=None if self.departure_clock_s is None else self.departure_clock_s[index],
            soc_arrival=None if self.soc_arrival is None else self.soc_arrival[index],
            soc_departure=None if self.soc_departure is None else self.soc_departure[index],
        )


def _day_s(start: date, offset: Int) -> Float:
    """Clock readings of midnight, `offset` days after `start`."""
    return (start.toordinal() - date(1970, 1, 1).toordinal() + offset.astype(np.float64)) * 86400.0


def taxi_visits(rng: Generator, n_vehicle: int, start: date, days: int, power_kw: float) -> Visits:
    """Two charges a day for each taxi, at about the same times each day, from about a third to nearly full."""
    n_time = len(TAXI_TIMES_H)
    habit = rng.standard_normal((n_time, n_vehicle))
    shape = (n_time, days + 2, n_vehicle)
    occasion, low, high = (rng.standard_normal(shape) for _ in range(3))
    comes, lingers = rng.random(shape) >= TAXI_SKIPS, rng.random(shape)
    time, day, vehicle = np.nonzero(comes)
    mean_h, spread_h = np.array(TAXI_TIMES_H).T
    at_h = mean_h[time] + spread_h[time] * habit[time, vehicle] + 0.4 * occasion[comes]
    soc_arrival = np.clip(0.32 + 0.10 * low[comes], 0.08, 0.6)
    soc_departure = np.clip(0.92 + 0.03 * high[comes], 0.75, 1.0)
    energy_kwh = TAXI_BATTERY_KWH * (soc_departure - soc_arrival)
    # Near full the power falls, so the mean is taken as 0.8 of the connector's; then the driver comes back to the car.
    stay_s = energy_kwh / (0.8 * power_kw) * 3600.0 + 180.0 + 720.0 * lingers[comes]
    return Visits(
        vehicle=vehicle.astype(np.int64),
        arrival_clock_s=_day_s(start, day - 1) + np.round(at_h * 3600.0),
        stay_s=stay_s,
        energy_kwh=energy_kwh,
        power_max_kw=np.full(len(vehicle), power_kw),
        soc_arrival=soc_arrival,
        soc_departure=soc_departure,
        battery_kwh=TAXI_BATTERY_KWH,
        vehicle_model="taxi",
    )


def bus_visits(rng: Generator, n_vehicle: int, start: date, days: int, power_kw: float) -> Visits:
    """One stay for each duty: from the evening return to the next way out. Each bus has one fixed duty.

    At weekends the first BUS_WEEKEND_SHARE of the buses drive. The way out is told: the timetable is known.
    """
    out_h, back_h, duty_km = (rng.uniform(*span, n_vehicle) for span in (BUS_OUT_H, BUS_BACK_H, BUS_DUTY_KM))
    offset = np.arange(-3, days + 4)  # long enough to find the next duty after a weekend
    weekend = (start.toordinal() + offset + 6) % 7 >= 5
    on_duty = ~weekend[:, None] | (np.arange(n_vehicle) < BUS_WEEKEND_SHARE * n_vehicle)[None, :]
    late_s = np.clip(rng.normal(0.0, 240.0, on_duty.shape), -600.0, 1200.0)
    use = rng.normal(1.0, 0.05, on_duty.shape)
    vehicle, row, following = [], [], []
    for bus in range(n_vehicle):
        duties = np.flatnonzero(on_duty[:, bus])
        vehicle.append(np.full(len(duties) - 1, bus))
        row.append(duties[:-1])
        following.append(duties[1:])
    who, at, after = (
        np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64) for parts in (vehicle, row, following)
    )
    energy_kwh = np.minimum(duty_km[who] * BUS_KWH_PER_KM * use[at, who], (BUS_SOC_FULL - 0.1) * BUS_BATTERY_KWH)
    return Visits(
        vehicle=who,
        arrival_clock_s=_day_s(start, offset[at]) + np.round(back_h[who] * 3600.0 + late_s[at, who]),
        stay_s=np.zeros(len(who)),
        energy_kwh=energy_kwh,
        power_max_kw=np.full(len(who), power_kw),
        departure_clock_s=_day_s(start, offset[after]) + np.round(out_h[who] * 3600.0),
        soc_arrival=BUS_SOC_FULL - energy_kwh / BUS_BATTERY_KWH,
        soc_departure=np.full(len(who), BUS_SOC_FULL),
        battery_kwh=BUS_BATTERY_KWH,
        vehicle_model="bus",
        driver_error_factor=0.0,
    )
