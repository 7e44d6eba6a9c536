"""Write the packaged table of ElaadNL's charging behaviour, from which the generator draws.

    python -m tools.package_elaad_tables path/to/folder/with/the/upstream/tables

The upstream tables are the CSV files of EV2Gym (ev2gym/data, MIT licence), which took them from ElaadNL's open
data. Their numbers are kept to six significant digits; the columns are renamed and put into one file.
"""

import csv
import io
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src/evloom/simulate/data/elaad-nl.csv"
# table name, upstream file, unit of the key, unit of the value, upstream columns of home, public and workplace
TABLES = (
    ("arrival-weekday", "distribution-of-arrival.csv", "quarter-hour", "percent of arrivals", ("private", "public", "workplace")),
    ("arrival-weekend", "distribution-of-arrival-weekend.csv", "quarter-hour", "percent of arrivals", ("private", "public", "")),
    ("stay", "distribution-of-connection-time.csv", "percent of sessions longer", "h", ("private", "public", "workplace")),
    ("energy", "distribution-of-energy-demand.csv", "percent of sessions larger", "kWh", ("private", "public", "workplace")),
    ("mean-stay", "mean-session-length-per.csv", "half-hour of arrival", "h", ("home", "public", "work")),
    ("mean-energy", "mean-demand-per-arrival.csv", "half-hour of arrival", "kWh", ("home", "public", "work")),
    (
        "day-share",
        "distribution-of-charging.csv",
        "day of the week",
        "percent of the week's sessions",
        ("private (median)", "public (median)", "workplace (median)"),
    ),
    ("power-2020", "development-in-power-dem.csv", "percent of sessions larger", "kW", ("2020", "2020", "2020")),
)


def rows_of(folder: Path, table: tuple[str, str, str, str, tuple[str, ...]]) -> list[list[str]]:
    """The rows of one table for the packaged file, in the order of their key."""
    name, file, key_unit, unit, columns = table
    text = (folder / file).read_text(encoding="utf-8-sig")
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        key = next(iter(row.values()))
        cells = ["" if not column or not row.get(column) else f"{float(row[column]):.6g}" for column in columns]
        rows.append([name, key_unit, key, unit, *cells])
    return sorted(rows, key=lambda row: row[2]) if ":" in rows[0][2] else rows


def main(arguments: list[str]) -> int:
    """Write the packaged file and say how many rows it has."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    rows = [row for table in TABLES for row in rows_of(Path(arguments[0]), table)]
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "key_unit", "key", "unit", "home", "public", "workplace"])
        writer.writerows(rows)
    print(f"{TARGET.name}: {len(rows)} rows, {TARGET.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
