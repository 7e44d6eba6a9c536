"""Optima of recorded charging days, computed first by an independent programme; skipped where the recordings are not at hand."""

import csv
import gzip
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores

STEP_S = 900
POWER_KW = 6.656  # 32 A at 208 V
PACIFIC = ZoneInfo("US/Pacific")
NONE = np.zeros(0)


def midnight_s(year, month, day):
    return datetime(year, month, day, tzinfo=PACIFIC).timestamp()


def sessions(data_dir, start_s, end_s):
    """Arrival, departure, energy of the JPL sessions wholly inside."""
    with gzip.open(data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz", "rt") as file:
        rows = [
            (
                datetime.fromisoformat(r["arrival"]).timestamp(),
                datetime.fromisoformat(r["departure"]).timestamp(),
                r["delivered_energy (kWh)"],
            )
            for r in csv.DictReader(file)
        ]
    return np.array([row for row in rows if row[0] >= start_s and row[1] <= end_s], dtype=np.float64)


def problem_of(table, start_s, end_s, price_per_kwh, carbon_kg_per_kwh):
    n_step = round((end_s - start_s) / STEP_S)
    arrival, departure = (table[:, 0] - start_s) / STEP_S, (table[:, 1] - start_s) / STEP_S
    first, last = np.floor(arrival).astype(np.int64), np.ceil(departure).astype(np.int64)
    one = last - first == 1
    nothing, all_ones = np.zeros(len(table)), np.ones(len(table))
    stays = Stays(
        first=first,
        last=last,
        first_share=np.where(one, departure - arrival, first + 1 - arrival),
        last_share=np.where(one, departure - arrival, departure - last + 1),
        node=np.zeros(len(table), dtype=np.int64),
        charge_max_kw=np.full(len(table), POWER_KW),
        discharge_max_kw=nothing,
        need_kwh=table[:, 2],
        room_kwh=table[:, 2],
        below_kwh=nothing,
        charge_efficiency=all_ones,
        discharge_efficiency=all_ones,
        wear_per_kwh=nothing,
        priority=all_ones,
    )
    stores = Stores(NONE.astype(np.int64), *[NONE] * 7)
    zero = np.zeros((1, n_step))
    signals = Signals(price_per_kwh, price_per_kwh, carbon_kg_per_kwh, np.arange(n_step), 0.0, 0.0, 0.0, 0.0)
    return Problem(np.full(n_step, STEP_S / 3600), stays, stores, Nodes(np.array([-1]), zero + np.inf, zero, zero), signals)


def zhejiang(data_dir, n_step):
    hour = np.arange(n_step) * STEP_S / 3600 % 24
    price = np.full(n_step, np.nan)
    with (data_dir("tariffs_china") / "zhejiang_jiaxing_tou.csv").open() as file:
        for row in csv.DictReader(file):
            begin, end = (int(text[:2]) for text in row["period"].split("-"))
            price[(hour >= begin) & (hour < end)] = float(row["price_cny_per_kwh"])
    return price


def day_problem(data_dir, *day):
    start_s = midnight_s(*day)
    table = sessions(data_dir, start_s, start_s + 86400)
    return problem_of(table, start_s, start_s + 86400, zhejiang(data_dir, 96), np.zeros(96))


def june(data_dir):
    start_s, end_s = midnight_s(2019, 6, 1), midnight_s(2019, 7, 1)
    n_step = round((end_s - start_s) / STEP_S)
    five = np.full(n_step * 3, np.nan)
    for month in ("2019-05", "2019-06", "2019-07"):
        with gzip.open(data_dir("carbon_caiso_moer") / f"moer_caiso_SCE_{month}.csv.gz", "rt") as file:
            for row in csv.DictReader(file):
                instant = datetime.fromisoformat(row["time"])
                k = ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() - start_s) / 300
                if 0 <= k < len(five) and row["moer"]:
                    five[int(k)] = float(row["moer"])
    table = sessions(data_dir, start_s, end_s)
    return table, problem_of(table, start_s, end_s, zhejiang(data_dir, n_step), five.reshape(-1, 3).mean(axis=1))


@pytest.mark.parametrize(
    ("day", "n_session", "text", "term", "best"),
    [
        ((2019, 5, 3), 85, "peak", "peak", 91.8417),
        ((2019, 5, 3), 85, "cost", "cost", 662.378),
        ((2019, 5, 3), 85, "peak:1.25>cost", "cost", 786.612),
        ((2019, 8, 29), 71, "peak", "peak", 71.7466),
    ],
)
def test_recorded_days(data_dir, day, n_session, text, term, best):
    problem = day_problem(data_dir, *day)
    assert problem.stays.n == n_session
    schedule = solve(problem, parse_objective(text))
    assert schedule.objective[term] == pytest.approx(best, rel=1e-6)
    assert schedule.short_kwh.max() == 0.0
    assert schedule.charge_kwh.sum(axis=1) == pytest.approx(problem.stays.need_kwh, abs=1e-9)


def test_a_month_of_carbon_foresight(data_dir):
    table, problem = june(data_dir)
    assert len(table) == 1384
    schedule = solve(problem, parse_objective("carbon"))
    assert schedule.objective["carbon"] == pytest.approx(3132.82, abs=0.005)
    assert schedule.charge_kwh.sum() == pytest.approx(table[:, 2].sum(), abs=1e-6)


def test_a_month_under_a_cap_lies_between_free_and_flat(data_dir):
    """No figure from elsewhere: the cap costs something, and the least peak of the month is the least cap that serves all."""
    _, problem = june(data_dir)
    least_kw = solve(problem, parse_objective("peak")).objective["peak"]
    capped = np.full_like(problem.nodes.base_kw, least_kw + 1e-6)
    nodes = Nodes(problem.nodes.parent, capped, problem.nodes.export_max_kw, problem.nodes.base_kw)
    under_cap = Problem(problem.step_h, problem.stays, problem.stores, nodes, problem.signals)
    schedule, free = solve(under_cap, parse_objective("carbon")), solve(problem, parse_objective("carbon"))
    assert schedule.short_kwh.sum() == 0.0
    assert schedule.objective["carbon"] > free.objective["carbon"]
    below = Nodes(problem.nodes.parent, capped - 0.1, problem.nodes.export_max_kw, problem.nodes.base_kw)
    too_low = Problem(problem.step_h, problem.stays, problem.stores, below, problem.signals)
    assert solve(too_low, parse_objective("carbon")).short_kwh.sum() > 0.0
