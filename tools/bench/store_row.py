"""What it costs to append a word of nine samples to the log and to work out the projections: CPU of the whole process, on SQLite.

python -m tools.bench.store_row [words] [stations]
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from evloom.pile.station import Sample, TransactionSaid
from evloom.store.database import Database, opened
from evloom.store.log import LogEntry
from tools.bench.row import Row

START_S = 1_790_000_000.0
LIMIT_S = 250e-6


def words(station_id: str, n: int) -> Iterator[LogEntry]:
    """The words of one session, a minute apart, each with nine samples and a frame of the usual size."""
    raw = b"x" * 1500
    for seq in range(n):
        at_s = START_S + 60.0 * seq
        phase = "started" if seq == 0 else "ended" if seq == n - 1 else "updated"
        samples = (
            Sample(at_s, "Energy.Active.Import.Register", 100.0 + 0.183 * seq),
            Sample(at_s, "Power.Active.Import", 11.0),
            *(Sample(at_s, "Current.Import", 15.9, line) for line in ("L1", "L2", "L3")),
            *(Sample(at_s, "Voltage", 230.1, line) for line in ("L1-N", "L2-N", "L3-N")),
            Sample(at_s, "SoC", 0.5, location="EV"),
        )
        said = TransactionSaid("T1", phase, seq, 1, 1, "MeterValuePeriodic", "Charging", token="CARD", samples=samples)
        yield LogEntry(station_id, said, at_s, at_s, f"T1:{seq}", raw)


async def load(database: Database, n_station: int, n_word: int, prefix: str = "S") -> float:
    """Every station says its words one after the other, each when the last was kept; CPU seconds, projections included."""

    async def station(name: str) -> None:
        for word in words(name, n_word):
            await database.append([word])

    begun_s = time.process_time()
    await asyncio.gather(*(station(f"{prefix}{number:04}") for number in range(n_station)))
    await database.caught_up()
    return time.process_time() - begun_s


async def measured(n_word: int, n_station: int) -> tuple[float, float]:
    """CPU seconds and seconds for each word."""
    with tempfile.TemporaryDirectory() as folder:
        database = opened(f"sqlite:///{Path(folder) / 'bench.db'}")
        await load(database, 2, 3, "W")
        begun_s = time.monotonic()
        cpu_s = await load(database, n_station, n_word)
        took_s = time.monotonic() - begun_s
        await database.close()
    n = n_word * n_station
    return cpu_s / n, took_s / n


def store_row(n_word: int = 60, n_station: int = 500) -> Row:
    """A row of the table of `make bench`."""
    cpu_s, took_s = asyncio.run(measured(n_word, n_station))
    what = f"log and projections, {n_station} stations in a closed loop, word of 9 samples"
    return Row(what, cpu_s * 1e6, LIMIT_S * 1e6, "µs", f"durable, {1 / took_s:,.0f} words a second", sound=True)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    row = store_row(*numbers)
    print(" ".join(row.cells()[:5]))
