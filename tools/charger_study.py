"""Figures of docs/real-chargers.md on what is not known: lost links, departures, starts in cheap hours. Writes them into the page.

    python -m tools.charger_study [path/to/the/recorded/data]

The text between the marks is generated and never typed. Without the recorded data the table of departures stays as it is.
"""

import sys
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from evloom.dispatch.belief import Likeness, at_risk_s, history_of, like_stays, newcomer
from evloom.kernel.timegrid import Float
from evloom.simulate.run import PolicyRun, run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Link, Scenario
from evloom.simulate.scores import Score, score
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.stage import Stage, stage
from evloom.simulate.stays import TRUST
from tools.fault import ROOT

PAGE = ROOT / "docs/real-chargers.md"
PACIFIC = ZoneInfo("America/Los_Angeles")

CAR_PARK = """
name = "car park"
[time]
zone = "Europe/Berlin"
from = 2025-06-02
to = 2025-06-07
[transformer]
rating_kva = 100
[[limit]]
id = "deck"
phase_max_a = 120
[[base_load]]
profile = "office-building"
peak_kw = 20
[[pile]]
id = "D{n:02}"
count = 30
node = "deck"
rating_kw = 7.36
[[pile]]
id = "T{n:02}"
count = 30
rating_kw = 11.04
phases = 3
[sessions.generate]
kind = "workplace"
seed = 3
vehicles = 160
[driver]
departure = "told"
energy = "told"
[tariff]
name = "zhejiang-jiaxing-2025"
zone = "Europe/Berlin"
"""

ESTATE = """
name = "estate"
[time]
zone = "Asia/Shanghai"
from = 2025-06-02T12:00:00
to = 2025-06-05T12:00:00
[transformer]
rating_kva = 5000
[[pile]]
id = "H{n:03}"
count = 300
rating_kw = 7
[sessions.generate]
kind = "home"
vehicles = 300
[driver]
departure = "told"
energy = "told"
error = 0
[tariff]
currency = "CNY"
zone = "Asia/Shanghai"
periods = [
  {category="peak", start="07:00", end="23:00", price_per_kwh=0.55},
  {category="valley", start="23:00", end="07:00", price_per_kwh=0.30},
]
"""


def scenario_of(text: str) -> Scenario:
    """The scenario that a TOML text says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(path)


def lost_links(car_park: Scenario, link: Link) -> tuple[Stage, PolicyRun, Score]:
    """The car park under least-laxity, with links lost as `link` says."""
    laid_out = stage(replace(car_park, link=link))
    run = run_policy(laid_out, "least-laxity", "cost")
    return laid_out, run, score(laid_out, run)


def overload_min_per_day(laid_out: Stage, run: PolicyRun) -> float:
    """Minutes a day during which the worst of the nodes was above a limit."""
    return float(run.track.over_h.max()) * 60.0 / (laid_out.grid.n * laid_out.grid.step_s / 86400.0)


def cheap_hours(estate: Scenario, starts: Literal["together", "spread"]) -> tuple[Stage, PolicyRun, Score]:
    """The estate under price-queue with starts "together" or "spread"."""
    laid_out = stage(replace(estate, control=replace(estate.control, starts=starts)))
    run = run_policy(laid_out, "price-queue", "cost")
    return laid_out, run, score(laid_out, run)


def first_quarter_kw(laid_out: Stage, run: PolicyRun) -> Float:
    """Mean power of all cars in the first quarter-hour after 23:00 in Shanghai, each night."""
    hour = (laid_out.grid.edges_s()[:-1] / 3600.0 + 8.0) % 24.0
    first: Float = run.track.ev_kwh[np.abs(hour - 23.0) < 1e-6] / laid_out.grid.step_h
    return first


def links_table() -> str:
    """What every fallback costs, with and without its room kept free."""
    car_park = scenario_of(CAR_PARK)
    lines = [
        "| piles without a link | room kept free | overload, min a day | worst, kW | energy short, % |",
        "|---|---|--:|--:|--:|",
    ]
    kinds = [
        ("no link is ever lost", Link()),
        ("0 A after 5 min", Link(6.0, 15.0, 0.0, 5.0)),
        ("6 A after 5 min", Link(6.0, 15.0, 6.0, 5.0)),
        ("hold; 6 A for a car that comes", Link(6.0, 15.0, 6.0)),
        ("hold; 0 A for a car that comes", Link(6.0, 15.0, 0.0)),
    ]
    for name, link in kinds:
        for reserve in (False, True):
            laid_out, run, result = lost_links(car_park, replace(link, reserve=reserve))
            short = 100.0 * result.short_kwh / laid_out.cars.energy_kwh.sum()
            over = overload_min_per_day(laid_out, run)
            lines.append(f"| {name} | {'yes' if reserve else 'no'} | {over:.1f} | {run.track.over_kw.max():.1f} | {short:.1f} |")
    return "\n".join(lines) + "\n"


def starts_table() -> str:
    """The first quarter-hour of the cheap window, together and spread."""
    estate = scenario_of(ESTATE)
    lines = [
        "| starts | 23:00-23:15, kW (three nights) | highest quarter-hour, kW | cost, CNY | delivered, kWh | short, kWh |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    kinds: tuple[Literal["together", "spread"], ...] = ("together", "spread")
    for starts in kinds:
        laid_out, run, result = cheap_hours(estate, starts)
        first = ", ".join(f"{kw:.0f}" for kw in first_quarter_kw(laid_out, run))
        peak_kw = run.track.ev_kwh.max() / laid_out.grid.step_h
        row = f"| {starts} | {first} | {peak_kw:.0f} | {result.cost:.0f} | {result.energy_kwh:.0f} | {result.short_kwh:.2f} |"
        lines.append(row)
    return "\n".join(lines) + "\n"


def july_stays(path: Path) -> list[tuple[float, float, Float]]:
    """Arrival and departure of every stay of July 2019, and the departures of like stays of June."""
    table = read_sessions(path, "acn")
    drivers = {name: number for number, name in enumerate(dict.fromkeys(table.driver_id)) if name}
    driver = np.array([drivers.get(name, -1) for name in table.driver_id])
    told = table.told_departure_s, table.requested_kwh
    june_s, july_s, august_s = (datetime(2019, month, 1, tzinfo=PACIFIC).timestamp() for month in (6, 7, 8))
    train = (table.arrival_s >= june_s) & (table.departure_s < july_s)
    past_told = told[0][train], told[1][train]
    past = history_of(table.arrival_s[train], table.departure_s[train], table.energy_kwh[train], past_told, driver[train], PACIFIC)
    stays = []
    for i in np.flatnonzero((table.arrival_s >= july_s) & (table.arrival_s < august_s)):
        new = newcomer(table.arrival_s[i], told[0][i], told[1][i], int(driver[i]), PACIFIC)
        like_s, _ = like_stays(past, new, TRUST.least_stays, Likeness())
        stays.append((float(table.arrival_s[i]), float(table.departure_s[i]), like_s))
    return stays


def share_left_before(stays: list[tuple[float, float, Float]], after_h: float, risk: float) -> tuple[float, int]:
    """Of the cars still there so many hours after they came, the share that left before the believed departure, and their number."""
    early = []
    for arrival_s, departure_s, like_s in stays:
        now_s = arrival_s + after_h * 3600.0
        if departure_s > now_s + 60.0:
            early.append(departure_s < at_risk_s(like_s, now_s, risk))
    return float(np.mean(early)), len(early)


def departures_table(data: Path) -> str:
    """How often cars left before the departure that was believed with each risk."""
    risks = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
    lines = ["| site | " + " | ".join(f"risk {risk:.2f}" for risk in risks) + " |", "|---|" + "--:|" * len(risks)]
    for site in ("jpl", "caltech"):
        stays = july_stays(data / f"sessions_acn/acn_{site}_2019-05-01_2019-08-31.csv.gz")
        cells = [" / ".join(f"{share_left_before(stays, after_h, risk)[0]:.3f}" for after_h in (0.0, 2.0, 4.0)) for risk in risks]
        lines.append(f"| {site}, {len(stays)} stays | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def put(page: str, name: str, table: str) -> str:
    """The page with `table` between the marks of that name."""
    begin, end = f"<!-- {name} begin: python -m tools.charger_study -->\n", f"<!-- {name} end -->\n"
    before, rest = page.split(begin)
    return before + begin + "\n" + table + "\n" + end + rest.split(end)[1]


def main(arguments: list[str]) -> int:
    """Renew the tables of the page."""
    tables = {"links": links_table(), "starts": starts_table()}
    if arguments:
        tables["departures"] = departures_table(Path(arguments[0]))
    page = PAGE.read_text(encoding="utf-8")
    for name, table in tables.items():
        print(table)
        page = put(page, name, table)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
