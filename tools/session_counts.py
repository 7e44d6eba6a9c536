"""Write what `--check` says of the recorded session files, and of the packaged month, into docs/sessions.md.

    python -m tools.session_counts path/to/folder/with/the/recorded/data

The text between the two marks in the page is generated and never typed; a test compares it where the data is there.
"""

import sys
from pathlib import Path

from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import read_report

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/sessions.md"
MARKS = ("<!-- counts begin: python -m tools.session_counts -->\n", "<!-- counts end -->\n")
PACKAGED = ROOT / "src/evloom/simulate/data/jpl-2019-06.csv.gz"
FILES = {
    "sessions_acn/acn_caltech_2019-05-01_2019-08-31.csv.gz": "acn",
    "sessions_acn/acn_caltech_2020-02-01_2020-05-31.csv.gz": "acn",
    "sessions_acn/acn_jpl_2019-05-01_2019-08-31.csv.gz": "acn",
    "sessions_norway_trondheim/trondheim_apartments_2018-12_2020-01.csv.gz": "trondheim",
    "sessions_dcfast_epfl/desl_dc_fast_2022-04_2023-01.csv": "dcfast-epfl",
    "sessions_workplace_georgia/workplace_2014-11_2015-10.csv": "georgia",
    "sessions_billed_ticino/ticino_ail_2017_h1.csv": "ticino",
}


def counts(data: Path) -> str:
    """A table of all files, then the full account of each as `--check` prints it."""
    files = [(PACKAGED, "evloom"), *((data / name, form) for name, form in FILES.items())]
    lines = ["| file | format | rows | accepted | repaired | refused | kWh |", "|---|---|--:|--:|--:|--:|--:|"]
    accounts = []
    for path, form in files:
        table = read_sessions(path, form)
        report = read_report(table)
        numbers = (report.n_row, report.n_accepted, report.n_repaired, report.n_refused, round(table.energy_kwh.sum()))
        lines.append(f"| {path.name} | {form} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
        accounts.append(report.text())
    return "\n".join([*lines, "", "```", *accounts, "```", ""])


def main(arguments: list[str]) -> int:
    """Replace the generated part of the page."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(MARKS[0])
    tail = rest.split(MARKS[1])[1]
    PAGE.write_text(head + MARKS[0] + counts(Path(arguments[0])) + MARKS[1] + tail, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
