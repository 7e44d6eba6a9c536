"""How good plans are that know of each stay only what was known: writes the tables of docs/beliefs.md.

    python -m tools.belief_study path/to/folder/with/the/recorded/data

The text between the two marks in the page is generated and never typed. Takes about a minute. Sessions of Caltech and JPL,
each car alone (no limit of the site), 6.656 kW, 15-minute steps, every stay inside the month.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from evloom.dispatch.belief import History, Likeness, Newcomer, Steps, Trust, condition, history_of, like_stays, urgent_kwh
from evloom.kernel.forecast import outlook
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, Int, TimeGrid, local_clock
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.series import read_series
from tools.fault import ROOT

PAGE = ROOT / "docs/beliefs.md"
MARKS = ("<!-- figures begin: python -m tools.belief_study -->\n", "<!-- figures end -->\n")
ZONE = ZoneInfo("America/Los_Angeles")
POWER_MAX_KW = 6.656  # 32 A at 208 V
STEP_S = 900
N_LEAD = 96
AS_ISSUED, LEARNT = "as issued, then as usual", "learnt, without caution"
ZHEJIANG = (  # tariffs_china, CNY/kWh from each local hour on
    (0, 0.3784), (8, 0.9014), (11, 0.3784), (13, 0.9014), (19, 1.2064), (21, 0.9014), (22, 0.3784),
)  # fmt: skip


@dataclass(frozen=True)
class Month:
    """The stays wholly inside a month (rows of the history), and what is known of what a kWh costs when."""

    name: str
    history: History
    newcomers: list[Newcomer]
    rows: Int
    grid: TimeGrid
    prices: dict[str, tuple[Float, Float]]
    """For each objective: what came true (grid.n,), and what was expected, (grid.n, N_LEAD)."""


@dataclass(frozen=True)
class Result:
    """Share of foresight's saving that was reached, and share of all energy that was short.

    at_mean has the energy short paid for at the mean cost of the month's uncontrolled charging.
    """

    saving: float
    at_mean: float
    short: float


def read_month(data: Path, site: str, month: int, caution: float) -> Month:
    """June, July or August 2019 (month 6, 7 or 8) at "jpl" or "caltech"."""
    grid = TimeGrid.between(datetime(2019, month, 1, tzinfo=ZONE), datetime(2019, month + 1, 1, tzinfo=ZONE), STEP_S)
    table = read_sessions(data / f"sessions_acn/acn_{site}_2019-05-01_2019-08-31.csv.gz", "acn")
    unknown = np.full(len(table), -1)
    told = table.told_departure_s, table.requested_kwh
    history = history_of(table.arrival_s, table.departure_s, table.energy_kwh, told, unknown, ZONE)
    edges_s = grid.edges_s()
    rows = np.flatnonzero((table.arrival_s >= edges_s[0]) & (table.departure_s <= edges_s[-1]))
    columns = table.arrival_s, history.minute_of_day, history.weekend, history.told_h, table.requested_kwh, unknown
    newcomers = [Newcomer(*(column[row].item() for column in columns)) for row in rows]
    prices = {"cost": _tariff(grid), **_carbon(data, grid, caution)}
    return Month(f"{site} {grid.start.astimezone(ZONE):%B}", history, newcomers, rows, grid, prices)


def _tariff(grid: TimeGrid) -> tuple[Float, Float]:
    hour = local_clock(TimeGrid(grid.start, STEP_S, grid.n + N_LEAD).edges_s()[:-1], ZONE).minute_of_day // 60
    price = np.array([p for _, p in ZHEJIANG])[np.searchsorted([h for h, _ in ZHEJIANG], hour, side="right") - 1]
    return price[: grid.n], np.lib.stride_tricks.sliding_window_view(price, N_LEAD)[: grid.n]


def _carbon(data: Path, grid: TimeGrid, caution: float) -> dict[str, tuple[Float, Float]]:
    """Carbon intensity with each way to expect it; "carbon" is the one that plans use."""
    files = [data / f"carbon_caiso_moer/moer_caiso_SCE_2019-{month:02}.csv.gz" for month in (5, 6, 7, 8)]
    signal = read_series(files, "caiso-moer")
    if not isinstance(signal, Signal):
        raise TypeError("carbon intensity is a signal")
    actual, learnt = signal.actual_on(grid), outlook(signal, grid, N_LEAD)
    usual = np.array([signal.known_on(TimeGrid(grid.at(k), STEP_S, N_LEAD), grid.at(k)) for k in range(grid.n)])
    return {"carbon": (actual, learnt.cautious(caution)), AS_ISSUED: (actual, usual), LEARNT: (actual, learnt.mean)}


Believe = Callable[[int, float, float], tuple[Float, tuple[float, float]]]
"""(position in Month.rows, now in epoch seconds, kWh taken) -> (like departures, (believed departure, need))."""


def by_history(month: Month, trust: Trust) -> Believe:
    """Beliefs from like stays, and of what drivers say while too few are known."""
    told = by_drivers(month)
    likely = [like_stays(month.history, new, trust.least_stays, Likeness()) for new in month.newcomers]

    def believe(i: int, now_s: float, net_kwh: float) -> tuple[Float, tuple[float, float]]:
        departure_s, energy_kwh = likely[i]
        if not len(departure_s):
            return told(i, now_s, net_kwh)
        return departure_s, condition(departure_s, energy_kwh, now_s, net_kwh, trust)

    return believe


def by_drivers(month: Month) -> Believe:
    """What drivers say is believed; where they said nothing, full power now."""

    def believe(i: int, now_s: float, net_kwh: float) -> tuple[Float, tuple[float, float]]:
        new = month.newcomers[i]
        leaves_s = new.arrival_s + new.told_h * 3600.0 if np.isfinite(new.told_h) else now_s
        wants_kwh = new.requested_kwh - net_kwh if np.isfinite(new.requested_kwh) else POWER_MAX_KW
        return np.zeros(0), (max(leaves_s, now_s + STEP_S), max(wants_kwh, 1.0))

    return believe


def by_truth(month: Month) -> Believe:
    """Stays known exactly: what is lost then is lost to the forecast of the price alone."""

    def believe(i: int, _now_s: float, net_kwh: float) -> tuple[Float, tuple[float, float]]:
        row = month.rows[i]
        return np.zeros(0), (float(month.history.ended_s[row]), float(month.history.energy_kwh[row]) - net_kwh)

    return believe


def run(month: Month, objective: str, believe: Believe, trust: Trust) -> Result:
    """Charge every stay by its beliefs, and at once, and with foresight."""
    actual, _ = month.prices[objective]
    spent = at_once = least = short_kwh = wanted_kwh = 0.0
    for i in range(len(month.rows)):
        k, begin_s, end_s = _cells(month, i)
        most_kwh = POWER_MAX_KW * (end_s - begin_s) / 3600.0
        need_kwh = min(float(month.history.energy_kwh[month.rows[i]]), float(most_kwh.sum()))
        at_once += float(_filled(most_kwh, need_kwh) @ actual[k])
        order = np.argsort(actual[k], kind="stable")
        least += float(_filled(most_kwh[order], need_kwh) @ actual[k][order])
        took_kwh = _believing(month, objective, (i, need_kwh), believe, trust)
        spent += float(took_kwh @ actual[k])
        short_kwh += need_kwh - float(took_kwh.sum())
        wanted_kwh += need_kwh
    paid = spent + short_kwh * at_once / wanted_kwh
    return Result((at_once - spent) / (at_once - least), (at_once - paid) / (at_once - least), short_kwh / wanted_kwh)


def _cells(month: Month, i: int) -> tuple[Int, Float, Float]:
    """The steps that stay i touches, and from when to when it is there in each."""
    start_s, row = month.grid.start_s, month.rows[i]
    arrival_s, departure_s = month.newcomers[i].arrival_s, float(month.history.ended_s[row])
    k = np.arange(int((arrival_s - start_s) // STEP_S), int(np.ceil((departure_s - start_s) / STEP_S)))
    begin_s = start_s + STEP_S * k.astype(np.float64)
    return k, np.maximum(begin_s, arrival_s), np.minimum(begin_s + STEP_S, departure_s)


def _believing(month: Month, objective: str, stay: tuple[int, float], believe: Believe, trust: Trust) -> Float:
    """Energy that a stay (its position, its true need) takes in each of its steps when planned by beliefs."""
    i, need_kwh = stay
    _, expected = month.prices[objective]
    k, begin_s, end_s = _cells(month, i)
    took_kwh = np.zeros(len(k))
    for j in range(len(k)):
        left_kwh = need_kwh - float(took_kwh.sum())
        if left_kwh < 1e-9:
            break
        later_s = month.grid.start_s + STEP_S * np.arange(k[j] + 1, k[j] + N_LEAD + 1, dtype=np.float64)
        steps = Steps(np.concatenate((begin_s[j : j + 1], later_s)), expected[k[j]])
        like_s, believed = believe(i, float(begin_s[j]), need_kwh - left_kwh)
        here_s = min(later_s[0], believed[0]) - begin_s[j]
        power_kw = min(POWER_MAX_KW, urgent_kwh(like_s, believed, POWER_MAX_KW, steps, trust) / here_s * 3600.0)
        took_kwh[j] = min(power_kw * (end_s[j] - begin_s[j]) / 3600.0, left_kwh)
    return took_kwh


def _filled(most_kwh: Float, need_kwh: float) -> Float:
    """Energy of each step when all is charged in the order given."""
    before_kwh = np.concatenate(([0.0], np.cumsum(most_kwh)[:-1]))
    return np.clip(need_kwh - before_kwh, 0.0, most_kwh)


SETTINGS = (
    ("default", Trust()),
    ("bold", Trust(departure_quantile=0.5)),
    ("cautious", Trust(departure_quantile=0.2, energy_quantile=0.7, shortage_factor=1.5)),
    ("no dread", Trust(shortage_factor=0.0)),
)


def tables(data: Path) -> str:
    """Three tables in Markdown: savings of cost and of carbon by what is believed, and of carbon by how it is forecast."""
    read = [read_month(data, site, number, Trust().forecast_caution) for site in ("jpl", "caltech") for number in (6, 7, 8)]
    lines = []
    for objective in ("cost", "carbon"):
        lines += ["", f"Saving of {objective}, % of what foresight saves (with the energy short made good / energy short, %):", ""]
        lines += ["| | " + " | ".join(month.name for month in read) + " |", "|---|" + "--:|" * len(read)]
        plain = replace(Trust(), shortage_factor=0.0)
        ways: list[tuple[str, Callable[[Month], Believe], Trust]] = [
            ("drivers believed", by_drivers, plain),
            ("stays known exactly", by_truth, plain),
            *((f"history, {name}", partial(by_history, trust=trust), trust) for name, trust in SETTINGS),
        ]
        for name, way, trust in ways:
            results = [run(month, objective, way(month), trust) for month in read]
            cells = [f"{100 * r.saving:.1f} ({100 * r.at_mean:.1f} / {100 * r.short:.2f})" for r in results]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Saving of carbon by how it is forecast, stays known exactly, %:", "", lines[3], lines[4]]
    for label, key in ((AS_ISSUED, AS_ISSUED), (LEARNT, LEARNT), ("learnt, with caution", "carbon")):
        savings = [run(month, key, by_truth(month), replace(Trust(), shortage_factor=0.0)).saving for month in read]
        lines.append(f"| {label} | " + " | ".join(f"{100 * saving:.1f}" for saving in savings) + " |")
    return "\n".join(lines) + "\n"


def write(data: Path) -> str:
    """Put the tables into the page, and return them."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    made = tables(data)
    PAGE.write_text(before + MARKS[0] + made + "\n" + MARKS[1] + after, encoding="utf-8")
    return made


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
