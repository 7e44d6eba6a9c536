"""Write the generated parts of docs/dispatch.md and of the README of its example: the tables of columns, and what the command prints.

    python -m tools.dispatch_page

Between two comments, `<!-- columns begin: ... -->` or `<!-- figures begin: ... -->` and the end, everything is replaced. The line
with processor time and memory is left out, since it differs from machine to machine.
"""

import re
import sys
from collections.abc import Mapping

from evloom.dispatch.optimise import Effort, go_on
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.columns import TABLES, Column
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.header import KEYS
from evloom.plan.fleet.outcome import run, usual_objective
from evloom.plan.fleet.output import about, table_text
from evloom.plan.fleet.read import read_case
from tools.fault import ROOT

PAGE, README = ROOT / "docs" / "dispatch.md", ROOT / "examples" / "city-dispatch" / "README.md"
MAKER = "python -m tools.dispatch_page"
GAP = 1e-5
"""Smaller than usual: two plans that are both within 0.1 % of the best may differ in who is short."""
LEAST_A = 6.0
ABOUT: Mapping[str, str] = {
    "vehicles": "One row for each vehicle and stay. File `vehicles.csv`, `vehicles.parquet` or `vehicles.json`.",
    "nodes": "The tree of limits, a list in `network.json`. Every number may be a list with one number for each step instead.",
    "signals": "One row for each step. File `signals.csv`, `signals.parquet` or `signals.json`.",
    "requests": "What the grid asks for; may be left out. File `requests.csv` and so on, or a list in `network.json`.",
    "stores": "Stationary batteries; may be left out. File `stores.csv` and so on, or a list in `network.json`.",
}


def columns_text() -> str:
    """Markdown: the settings and the columns of every table."""
    rows = [
        (key.name, key.allowed, "**required**" if key.default is None else f"{key.default!r}".replace("'", '"'), key.meaning)
        for key in KEYS
    ]
    parts = ["### Settings in `network.json`", _table("setting", rows)]
    for name, columns in TABLES.items():
        parts += [f"### `{name}`", ABOUT[name], _table("column", [_row(column) for column in columns])]
    return "\n\n".join(parts)


def _table(what: str, rows: list[tuple[str, str, str, str]]) -> str:
    head = f"| {what} | allowed | default | meaning |\n|---|---|---|---|\n"
    return head + "\n".join(f"| `{name}` | {allowed} | {default} | {meaning} |" for name, allowed, default, meaning in rows)


def _row(column: Column) -> tuple[str, str, str, str]:
    default = "**required**" if column.required else ("empty" if column.default is None else f"{column.default:g}")
    return column.name, column.allowed, default, column.meaning


def figures_text(case: Case) -> str:
    """What the command prints of a case, without what differs from machine to machine."""
    text = table_text(run(case, usual_objective(case.problem), Effort(gap=GAP), go_on))
    return f"```\n{about(case)}\n\n" + re.sub(r"; CPU .*", "", text) + "\n```"


def settable_text() -> str:
    """Markdown: energy below the least current in plans of generated fleets, and what whole amperes cost."""
    lines = [
        "| fleet | below 6 A as planned | after | energy short with any power, kWh | with whole amperes, kWh |",
        "|---|--:|--:|--:|--:|",
    ]
    for options, recipe in (
        ("--generate 10000", Recipe(10_000)),
        ("--generate 10000 --v2g 0.3", Recipe(10_000, v2g_share=0.3)),
        ("--generate 10000 --tree one", Recipe(10_000, tree="one")),
    ):
        case, effort = generate(recipe), Effort(gap=GAP)
        aim = usual_objective(case.problem)
        plain, ready = run(case, aim, effort, go_on), run(case, aim, effort, go_on, None, LEAST_A)
        assert ready.settable is not None
        shares = f"{ready.settable.weak_share_before:.1%} | {ready.settable.weak_share_after:.2%}"
        short_kwh = [float(each.solved.schedule.short_kwh.sum()) for each in (plain, ready)]
        lines.append(f"| `{options}` | {shares} | {short_kwh[0]:,.1f} | {short_kwh[1]:,.1f} |")
    return "\n".join(lines)


def example() -> Case:
    """The packaged example."""
    return read_case(README.parent)


def thousands() -> Case:
    """The fleet of the page's first command."""
    return generate(Recipe(10_000))


def renewed(text: str, parts: Mapping[str, str]) -> str:
    """A page with its parts, which stand between marks, replaced."""
    for name, part in parts.items():
        head, begin, rest = text.partition(f"<!-- {name} begin: {MAKER} -->\n")
        _, end, tail = rest.partition(f"<!-- {name} end -->")
        if not begin or not end:
            raise ValueError(f"the page has no marks of {name}")
        text = f"{head}{begin}{part}\n{end}{tail}"
    return text


def main() -> int:
    """Renew both pages."""
    for page, parts in (
        (PAGE, {"columns": columns_text(), "figures": figures_text(thousands()), "settable": settable_text()}),
        (README, {"figures": figures_text(example())}),
    ):
        page.write_text(renewed(page.read_text(encoding="utf-8"), parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
