"""Sites that charge for real: recorded workplace days and generated home evenings, planned by the exact optimum."""

import csv
import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

import numpy as np

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Schedule, Signals, Stays, Stores
from evloom.dispatch.real.currents import Currents, currents, within_currents
from evloom.dispatch.real.rehearse import presence_h

STEP_H = 0.25
KW_PER_A = 0.23
NONE = np.zeros(0)
NO_STORES = Stores(np.zeros(0, dtype=np.int64), *[NONE] * 7)


def site(stay_h, need_kwh, power_kw, cap_kw, price_per_kwh, phases=(None, None)) -> Problem:
    """One node with a cap; stay_h is (arrival, departure) in hours from the start, cut to whole steps; need is cut to what a stay carries.

    phases: the phase of each stay and the room on each.

    Whole steps: the power of a vehicle that is there for part of a step would count against the cap for all of it.
    """
    (arrival_h, departure_h), (phase, phase_room_kw), n_step = stay_h, phases, len(price_per_kwh)
    first = np.ceil(arrival_h / STEP_H).astype(np.int64)
    last = np.minimum(np.floor(departure_h / STEP_H).astype(np.int64), n_step)
    kept = last > first
    first, last, n = first[kept], last[kept], int(kept.sum())
    power_kw = np.broadcast_to(power_kw, len(kept)).astype(float)[kept]
    need_kwh = np.minimum(need_kwh[kept], power_kw * (last - first) * STEP_H * 0.98)
    nothing, ones = np.zeros(n), np.ones(n)
    stays = Stays(
        first, last, ones, ones, np.zeros(n, dtype=np.int64), power_kw, nothing,
        need_kwh, need_kwh, nothing, ones, ones, nothing, ones, phase,
    )  # fmt: skip
    caps = np.full((1, n_step), float(cap_kw))
    nodes = Nodes(np.array([-1]), caps, np.zeros((1, n_step)), np.zeros((1, n_step)), None, phase_room_kw)
    signals = Signals(price_per_kwh, np.zeros(n_step), np.zeros(n_step), np.arange(n_step), 10.0, 0.0, 0.0, 0.0)
    return Problem(np.full(n_step, STEP_H), stays, NO_STORES, nodes, signals)


def day_price(n_step=96) -> np.ndarray:
    """Dear from 10 to 15 and from 18 to 21 o'clock, cheap at night."""
    hour = np.arange(n_step) * STEP_H % 24
    return np.where(((hour >= 10) & (hour < 15)) | ((hour >= 18) & (hour < 21)), 0.30, np.where((hour < 7) | (hour >= 23), 0.09, 0.17))


@cache
def jpl_day(day: int, power_kw=7.36, cap_share=0.35) -> Problem:
    """The sessions that arrive on a day of June 2019; the cap is so much of the rated power of the most cars that stood there at once."""
    with gzip.open(str(files("evloom.simulate") / "data" / "jpl-2019-06.csv.gz"), "rt") as file:
        rows = [row for row in csv.DictReader(file) if float(row["energy_kwh"]) > 0.2]
    start = datetime(2019, 6, day, 7, tzinfo=UTC)  # midnight in California
    hours = np.array([[(datetime.fromisoformat(row[c]) - start) / timedelta(hours=1) for c in ("arrival", "departure")] for row in rows])
    energy_kwh = np.array([float(row["energy_kwh"]) for row in rows])
    kept = (hours[:, 0] >= 0) & (hours[:, 0] < 24) & (hours[:, 1] < 36)
    there = (hours[kept, 0][:, None] <= np.arange(0, 36, STEP_H)) & (hours[kept, 1][:, None] > np.arange(0, 36, STEP_H))
    cap_kw = cap_share * power_kw * there.sum(axis=0).max()
    return site(hours[kept].T, energy_kwh[kept], power_kw, cap_kw, day_price(144))


def home_evening(n: int, seed: int, cap_kw_each=1.6) -> Problem:
    """`n` cars that come home in the evening and leave in the morning, from noon to noon, at chargers of 16 and 32 A, one in four on three
    phases."""
    rng = np.random.default_rng(seed)
    arrival_h, departure_h = rng.normal(6.5, 1.5, n).clip(0.1, 11), rng.normal(19.5, 1.0, n).clip(16, 23.5)
    power_kw = KW_PER_A * rng.choice([16.0, 32.0], n) * np.where(rng.random(n) < 0.25, 3, 1)
    price = np.roll(day_price(), -48)
    return site((arrival_h, departure_h), rng.gamma(2.0, 6.0, n).clip(1, 60), power_kw, cap_kw_each * n, price)


def chargers_of(problem: Problem, step_a=1.0) -> Currents:
    """6 A and up in steps; cars above 7.4 kW load three phases."""
    phase = np.where(problem.stays.charge_max_kw > 7.4, -1, 0)
    return currents(phase, current_step_a=step_a)


def planned(problem: Problem, objective: str) -> tuple[Problem, Schedule]:
    """The problem with powers that can be set, and its optimum."""
    problem = within_currents(problem, chargers_of(problem))
    return problem, solve(problem, parse_objective(objective))


def mixed(problem: Problem, schedule: Schedule, seed: int, swaps_per_stay=400) -> Schedule:
    """Another optimum of the same cost and loads: pairs of stays swap energy between pairs of steps, at random and not to the end.

    Only between two discharges of each, so that batteries hold. What interior-point methods, augmented Lagrangians and averages of
    sweeps return is of this kind; a simplex corner is the exception.
    """
    rng, stays = np.random.default_rng(seed), problem.stays
    charge = schedule.charge_kwh.copy()
    most = np.where(schedule.discharge_kwh > 0.0, 0.0, stays.charge_max_kw[:, None] * presence_h(problem))
    span = np.cumsum(schedule.discharge_kwh > 0.0, axis=1)
    draws = rng.integers(0, [stays.n, stays.n, problem.n_step, problem.n_step], (swaps_per_stay * stays.n, 4))
    for (i, j, k, other), share in zip(draws, rng.random(len(draws)), strict=True):
        more = min(most[i, k] - charge[i, k], charge[i, other], charge[j, k], most[j, other] - charge[j, other])
        if i != j and more > 0.0 and span[i, k] == span[i, other] and span[j, k] == span[j, other]:
            shift = more * share
            charge[i, k] += shift
            charge[i, other] -= shift
            charge[j, k] -= shift
            charge[j, other] += shift
    return replace(schedule, charge_kwh=np.clip(charge, 0.0, most))


def with_discharge(problem: Problem) -> tuple[Problem, Schedule]:
    """The site with batteries that may give, and a plan that is no corner in which they do: 1 kWh out late, what is lost bought early."""
    n, stays = problem.stays.n, problem.stays
    able = replace(
        stays, discharge_max_kw=np.full(n, 7.36), below_kwh=np.full(n, 5.0), room_kwh=stays.need_kwh + 5.0,
        charge_efficiency=np.full(n, 0.95), discharge_efficiency=np.full(n, 0.95),
    )  # fmt: skip
    problem, plan = planned(replace(problem, stays=able), "valley")
    idle = plan.charge_kwh <= 0.0
    discharge_kwh, short_kwh = np.zeros_like(plan.charge_kwh), plan.short_kwh.copy()
    for row in range(0, n, 2):
        there = np.flatnonzero(idle[row] & (presence_h(problem)[row] > 0.0))
        discharge_kwh[row, there[len(there) // 2]] = 0.5
        short_kwh[row] += 0.5 / 0.95**2
    nodes = replace(problem.nodes, export_max_kw=np.full_like(problem.nodes.export_max_kw, 1e3))
    problem = replace(problem, nodes=nodes)
    return problem, mixed(problem, replace(plan, discharge_kwh=discharge_kwh, short_kwh=short_kwh), 0, 2000)
