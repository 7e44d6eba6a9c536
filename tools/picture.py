"""Draw the picture of the README: a week of the packaged month, without control and replanned.

    python -m tools.picture [out.svg]

Runs both policies on examples/workplace-month, which takes half a minute.
"""

import sys
from datetime import datetime
from pathlib import Path

from evloom.simulate.report.picture import picture
from evloom.simulate.report.words import Words
from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import score
from evloom.simulate.stage import stage
from tools.fault import ROOT

POLICIES = ("uncontrolled", "optimal")
START = datetime(2019, 6, 10)  # noqa: DTZ001 the zone of the site is added below; the week with the highest load
DAYS = 5


def main(arguments: list[str]) -> int:
    """Write the picture and say where it is."""
    out = Path(arguments[0]) if arguments else ROOT / "docs/img/demo.svg"
    scenario = load_scenario(ROOT / "examples/workplace-month/scenario.toml")
    ready = stage(scenario)
    runs = [run_policy(ready, name, scenario.objective) for name in POLICIES]
    start = START.replace(tzinfo=scenario.tariff.terms.zone)
    out.parent.mkdir(parents=True, exist_ok=True)
    text = picture(ready, runs, [score(ready, run) for run in runs], start, DAYS, Words("en"))
    out.write_text(text, encoding="utf-8")
    print(f"{out}: {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
