"""Figures of docs/real-chargers.md on currents, steady orders and phases. Writes them into the page.

    python -m tools.current_study

The text between the marks is generated and never typed. The sites are those of the tests that hold the figures.
"""

import sys

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.problem import Problem, Schedule
from evloom.dispatch.real.cycles import cancel_cycles, weak_share
from evloom.dispatch.real.rehearse import Rehearsal, rehearse
from evloom.simulate.stage import stage
from tests.unit.dispatch.moments import row_of_cars, supply
from tests.unit.dispatch.real.sites import chargers_of, home_evening, jpl_day, mixed, planned
from tests.unit.dispatch.real.test_cycles import slack
from tests.unit.loop.test_steady_orders import STEADY, count, week
from tools.fault import ROOT

PAGE = ROOT / "docs/real-chargers.md"


def _sites() -> list[tuple[str, Problem, Schedule]]:
    found = []
    for name, problem, objective in (
        ("50 homes, valley, loose", slack(50, 2), "valley"),
        ("200 homes, valley, loose", slack(200, 3), "valley"),
        ("50 homes, cost, tight cap", home_evening(50, 5), "cost"),
        ("500 homes, cost, tight cap", home_evening(500, 5), "cost"),
        ("workplace 2019-06-12, cost, tight cap", jpl_day(12), "cost"),
        ("workplace 2019-06-28, cost, tight cap", jpl_day(28), "cost"),
    ):
        ready, corner = planned(problem, objective)
        found += [(f"{name}: corner", ready, corner), (f"{name}: no corner", ready, mixed(ready, corner, 0, 2000))]
    return found


def currents_table() -> str:
    """Energy below 6 A before and after cancelling cycles; what rounding down, and carrying over, leave undone; switches."""
    lines = [
        "| plan | below 6 A | after | lost: rounded down | carried over | cancelled and carried over | switched on | after |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, problem, plan in _sites():
        chargers, need_kwh = chargers_of(problem), float(problem.stays.need_kwh.sum())
        ready = cancel_cycles(problem, plan, chargers.least_kw)
        plain = rehearse(problem, plan, chargers, carries_debt=False)
        owed, best = rehearse(problem, plan, chargers), rehearse(problem, ready, chargers)
        lost = [float((run.short_kwh - plan.short_kwh).sum() / need_kwh) for run in (plain, owed, best)]
        weak = [weak_share(problem, each.charge_kwh, chargers.least_kw) for each in (plan, ready)]
        cells = [f"{each:.2%}" for each in (*weak, *lost)] + [f"{_starts(run):,}" for run in (owed, best)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _starts(run: Rehearsal) -> int:
    """How often chargers are switched on."""
    return int(np.count_nonzero((run.order_kw[:, 1:] > 0.0) & (run.order_kw[:, :-1] <= 0.0)))


def orders_table() -> str:
    """Orders sent in the recorded week, how often piles switched and what was missing, by how steady orders had to be."""
    laid_out = stage(week("true"))
    ways: tuple[tuple[str, dict[str, float]], ...] = (
        ("as decided", {}),
        ("dead-band 1 A", {"deadband_kw": STEADY["deadband_kw"]}),
        ("10 min on and off", {"min_on_s": 600.0, "min_off_s": 600.0}),
        ("both, 4 orders an hour", {**STEADY, "orders_per_hour": 4.0}),
        ("both, 2 orders an hour", {**STEADY, "orders_per_hour": 2.0}),
        ("30 min on and off", {"min_on_s": 1800.0, "min_off_s": 1800.0}),
    )
    lines = ["| policy | steadiness | orders | switches | missing energy |", "|---|---|--:|--:|--:|"]
    for policy in ("optimal", "equal-share"):
        for name, control in ways:
            found = count(laid_out, policy, **control)
            lines.append(f"| `{policy}` | {name} | {found.orders:,} | {found.switches:,} | {found.missing:.2%} |")
    return "\n".join(lines) + "\n"


def phases_table() -> str:
    """Thirty cars of 32 A behind fuses of 100 A: what is served by how they are spread over the phases."""
    lines = ["| thirty cars of 32 A behind 100 A per phase | served, kW |", "|---|--:|"]
    for name, phase in (("all on phase 1", np.zeros(30, dtype=np.int64)), ("turned over the phases", np.arange(30) % 3)):
        order_kw, _ = allocate(row_of_cars(30, phase=phase), supply(phase_max_a=100.0), np.full(30, np.inf), np.arange(30))
        lines.append(f"| {name} | {order_kw.sum():.1f} |")
    return "\n".join(lines) + "\n"


def put(page: str, name: str, table: str) -> str:
    """The page with `table` between the marks of that name."""
    begin, end = f"<!-- {name} begin: python -m tools.current_study -->\n", f"<!-- {name} end -->\n"
    before, rest = page.split(begin)
    return before + begin + "\n" + table + "\n" + end + rest.split(end)[1]


def main() -> int:
    """Renew the tables of the page."""
    for name, make in {"currents": currents_table, "orders": orders_table, "phases": phases_table}.items():
        table = make()
        print(table)
        # Read anew each time: others write into the page too.
        PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), name, table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
