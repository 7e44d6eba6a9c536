"""Run the packaged scenarios and write what they print into the pages that show it.

    python -m tools.example_figures [community building-v2g bus-depot workplace-month]

A page holds a block between two comments, `<!-- figures NAME begin: ... -->` and `<!-- figures NAME end -->`; everything between
is replaced. The row of CPU seconds is left out, since it differs from machine to machine.
"""

import re
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np

from evloom.market.bill import LineKind
from evloom.simulate.bills import session_bills
from evloom.simulate.output import headline, table_text
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import Score, outflow_kwh
from evloom.simulate.study import Study, study
from tools.fault import ROOT

NAMES = ("community", "building-v2g", "bus-depot", "workplace-month")
MAKER = "python -m tools.example_figures"

STANDARD_KVA = (100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000)
"""Ratings of distribution transformers: the R10 series that IEC 60076-1 prefers and GB/T 6451 uses."""
REPLACEMENT_CNY_PER_KVA = 600
"""An assumption of ours, not a quotation: what a new transformer costs with switchgear and works. Money is proportional to it."""
INTEREST_SHARE = 0.05
"""Yearly interest on money that is not spent yet. An assumption of ours."""


def pages(name: str) -> list[Path]:
    """The pages that show the figures of an example."""
    own = [ROOT / "examples" / name / "README.md"]
    return [*own, ROOT / "README.md", ROOT / "docs" / "simulate.md"] if name == "workplace-month" else own


def marks(name: str) -> tuple[str, str]:
    """The comments before and after the block of an example."""
    return f"<!-- figures {name} begin: {MAKER} -->", f"<!-- figures {name} end -->"


def block_of(page: str, name: str) -> str:
    """What stands between the marks on a page."""
    begin, end = marks(name)
    return page.split(begin)[1].split(end, maxsplit=1)[0]


def run(scenario_file: Path, policies: tuple[str, ...] | None = None) -> Study:
    """Run a scenario under its policies, or those given."""
    scenario = load_scenario(scenario_file)
    return study(scenario, policies or scenario.policies, scenario.objective, None, lambda *_: None)


def figures(name: str) -> str:
    """The block of an example: the table of the command and what follows from it."""
    result = run(ROOT / "examples" / name / "scenario.toml")
    table = "\n".join(line.rstrip() for line in table_text(result).splitlines() if not line.startswith("CPU"))
    more = {"community": _community, "building-v2g": _building}.get(name)
    paragraphs = [f"```\n{table}\n\n{headline(result)}\n```", *(more(result) if more else ())]
    return "\n" + "\n\n".join(paragraphs) + "\n"


def _by_name(result: Study) -> dict[str, Score]:
    return {score.policy: score for score in result.scores}


def standard_kva(power_kw: float, power_factor: float) -> int:
    """The smallest standard transformer that carries `power_kw`."""
    return next(kva for kva in STANDARD_KVA if kva >= power_kw / power_factor)


def _community(result: Study) -> list[str]:
    scores = _by_name(result)
    before, after = scores["uncontrolled"], scores["optimal"]
    limit_kw, power_factor, installed_kva = float(result.stage.scenario.site.tree.import_max_kw[0]), 0.95, 200
    assert limit_kw == installed_kva * power_factor
    needed_kva = standard_kva(before.power_max_kw, power_factor)
    whole_cny = needed_kva * REPLACEMENT_CNY_PER_KVA
    transformer = (
        f"**The transformer.** Disorderly charging reaches {before.power_max_kw:.1f} kW, which is "
        f"{before.power_max_kw / power_factor:.0f} kVA at a power factor of {power_factor}: the next standard size is {needed_kva} kVA. "
        f"`optimal` reaches {after.power_max_kw:.1f} kW, {after.power_max_kw / power_factor:.0f} kVA, and stays within the "
        f"{installed_kva} kVA that are there. Deferred: {needed_kva - installed_kva} kVA of capacity, and the "
        f"{whole_cny:,} CNY of a new {needed_kva} kVA transformer, which is {whole_cny * INTEREST_SHARE:,.0f} CNY of interest a year."
    )
    requests = (
        f"**The requests.** Charging at once and at full power leaves {before.short_kwh:.1f} kWh of {before.sessions_short} sessions "
        f"undelivered: these cars cannot be filled in their stay by anybody, because power falls near full. `optimal` leaves "
        f"{after.short_kwh:.1f} kWh of {after.sessions_short} sessions, {max(0.0, after.short_kwh - before.short_kwh):.1f} kWh more, of "
        f"{before.energy_kwh + before.short_kwh:,.0f} kWh wanted."
    )
    return [transformer, requests, _wrong_inputs(before, after)]


def _wrong_inputs(before: Score, told: Score) -> str:
    """What it costs when residents are as wrong as drivers were measured to be: the same sessions under `optimal`."""
    lines = [
        "**What wrong inputs cost.** The same fortnight under `optimal`:",
        "",
        "| what the plan goes by | energy short, kWh | sessions short | cost, CNY |",
        "|---|--:|--:|--:|",
        _served("told, and true (`error = 0.0`, as shipped)", told),
    ]
    text = (ROOT / "examples/community/scenario.toml").read_text(encoding="utf-8")
    wrong = re.sub(r"^error = .*$", "error = 1.0", text, flags=re.MULTILINE)
    for label, source in (("told, as wrong as measured (`error = 1.0`)", "told"), ("history in place of what is told", "history")):
        changed = re.sub(r'^(departure|energy) = ".*"$', rf'\1 = "{source}"', wrong, flags=re.MULTILINE)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "scenario.toml"
            path.write_text(changed, encoding="utf-8")
            lines.append(_served(label, run(path, ("optimal",)).scores[0]))
    return "\n".join([*lines, _served("nobody asks: `uncontrolled`", before)])


def _served(label: str, score: Score) -> str:
    return f"| {label} | {score.short_kwh:.1f} | {score.sessions_short} | {score.cost:,.0f} |"


def _building(result: Study) -> list[str]:
    score, stage = _by_name(result)["optimal"], result.stage
    done = next(run for run in result.runs if run.policy == "optimal")
    promise = (
        f"**The promise.** {score.sessions_short} of {score.sessions} sessions left with less than was promised. {score.discharge_kwh:.1f} "
        f"kWh were discharged, worth {score.revenue:.2f} CNY, and wore the batteries by {score.wear_cost:.2f} CNY."
    )
    credit: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row, bill in zip(stage.session, session_bills(stage, done), strict=True):
        credit[stage.scenario.sessions.driver_id[row]] -= bill.amount_of(LineKind.V2G_CREDIT)
    earned = ["| driver | earned by discharging, CNY |", "|---|--:|"]
    earned += [f"| {driver} | {amount:.2f} |" for driver, amount in sorted(credit.items()) if amount]
    return [_following(result), promise, "**Who earned what** (from `--bills`):", "\n".join(earned)]


def _following(result: Study) -> str:
    """Whether cars discharge when the building draws much: under the example's objective, and where the valley is to be filled."""
    by_valley = study(result.stage.scenario, ("optimal",), "valley", None, lambda *_: None)
    stage, base_kw = result.stage, result.stage.base_kw[0, : result.stage.grid.n]
    edges_s, plugged = stage.grid.edges_s(), np.zeros(stage.grid.n, dtype=bool)
    for row in np.flatnonzero(stage.cars.v2g):
        plugged |= (edges_s[1:] > stage.cars.arrival_s[row]) & (edges_s[:-1] < stage.cars.departure_s[row])
    rows = ["| `--objective` | discharged, kWh | building's load then, kW | correlation | site peak, kW |", "|---|--:|--:|--:|--:|"]
    for each in (result, by_valley):
        run_of, score = next((run, score) for run, score in zip(each.runs, each.scores, strict=True) if run.policy == "optimal")
        out_kwh = outflow_kwh(stage, run_of)
        rows.append(
            f"| `{each.objective}` | {score.discharge_kwh:.0f} | {out_kwh @ base_kw / out_kwh.sum():.0f} | "
            f"{np.corrcoef(out_kwh, base_kw)[0, 1]:.2f} | {score.peak_site_kw:.0f} |"
        )
    text = (
        f"**It follows the load.** The building draws {base_kw[plugged].mean():.0f} kW in the mean of the hours in which a car with "
        "consent is plugged in. While cars discharge (weighted by what they give) it draws:"
    )
    return f"{text}\n\n" + "\n".join(rows)


def main(arguments: list[str]) -> int:
    """Write the blocks of the examples named, of all when none is."""
    for name in arguments or NAMES:
        made = figures(name)
        for page in pages(name):
            text = page.read_text(encoding="utf-8")
            begin, end = marks(name)
            page.write_text(text.replace(begin + block_of(text, name) + end, begin + made + end), encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
