"""What a word of nine samples takes on the disk: log, projections and the messages in both directions, on SQLite.

python -m tools.bench.store_bytes [hours] [stations]
"""

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from evloom.pile.station import Sample, TransactionSaid
from evloom.store.database import opened
from evloom.store.frames import Frame
from evloom.store.log import LogEntry

START_S = 1_790_000_000.0
STEP_S = 30.0
UNITS = {"Energy.Active.Import.Register": "Wh", "Power.Active.Import": "W", "Current.Import": "A", "Voltage": "V", "SoC": "Percent"}
SCALE = {"Wh": 1000.0, "W": 1000.0, "Percent": 100.0}


def sampled(sample: Sample) -> dict[str, object]:
    """A sample as a station of 2.0.1 sends it."""
    unit = UNITS[sample.measurand]
    phase = {"phase": sample.phase} if sample.phase else {}
    value = round(sample.value * SCALE.get(unit, 1.0), 1)
    rest = {"location": sample.location, "unitOfMeasure": {"unit": unit}}
    return {"value": value, "context": sample.context, "measurand": sample.measurand, **phase, **rest}


def words(station: int, n: int) -> Iterator[tuple[LogEntry, bytes]]:
    """The words of a session: each with what it means and the message that said it. Powers, currents and voltages waver."""
    rng = np.random.default_rng(station)
    transaction = rng.bytes(12).hex()
    register_kwh = float(rng.uniform(100.0, 9000.0))
    for seq in range(n):
        at_s = START_S + STEP_S * seq
        volts, amps = rng.normal(231.0, 1.5, 3).round(1), rng.normal(15.9, 0.1, 3).round(1)
        power_kw = round(float(volts @ amps) / 1000.0, 3)
        register_kwh = round(register_kwh + power_kw * STEP_S / 3600.0, 3)
        samples = (
            Sample(at_s, "Energy.Active.Import.Register", register_kwh),
            Sample(at_s, "Power.Active.Import", power_kw),
            *(Sample(at_s, "Current.Import", float(value), line) for line, value in zip(("L1", "L2", "L3"), amps, strict=True)),
            *(Sample(at_s, "Voltage", float(value), line) for line, value in zip(("L1-N", "L2-N", "L3-N"), volts, strict=True)),
            Sample(at_s, "SoC", round(0.2 + 0.7 * seq / n, 2), location="EV"),
        )
        phase = "started" if seq == 0 else "ended" if seq == n - 1 else "updated"
        said = TransactionSaid(transaction, phase, seq, 1, 1, "MeterValuePeriodic", "Charging", samples=samples)
        instant = f"2026-09-21T{(seq * 30 // 3600) % 24:02}:{seq // 2 % 60:02}:{seq % 2 * 30:02}Z"
        payload = {
            "eventType": phase.capitalize(),
            "timestamp": instant,
            "triggerReason": "MeterValuePeriodic",
            "seqNo": seq,
            "transactionInfo": {"transactionId": transaction, "chargingState": "Charging"},
            "meterValue": [{"timestamp": instant, "sampledValue": [sampled(sample) for sample in samples]}],
            "evse": {"id": 1, "connectorId": 1},
        }
        raw = msgspec.json.encode([2, rng.bytes(16).hex(), "TransactionEvent", payload])
        yield LogEntry(f"CP-{station:03}", said, at_s, at_s + 0.2, f"{transaction}:{seq}", raw), raw


def measured(hours: float, n_station: int) -> tuple[int, float, dict[str, float]]:
    """Words, bytes of a message, and bytes for each word by table, indices with it; "" is the whole file."""
    n = round(hours * 3600.0 / STEP_S)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bytes.db"
        database = opened(f"sqlite:///{file}")
        empty = file.stat().st_size
        sizes: list[int] = []
        for together in zip(*(words(station, n) for station in range(n_station)), strict=True):
            for entry, raw in together:
                database.note_frame(Frame(entry.station_id, entry.known_at_s, "in", raw.decode(), "TransactionEvent"))
                sizes.append(len(raw))
            database.append_now([entry for entry, _ in together])
            for entry, raw in together:
                answer = f'[3,"{raw[4:36].decode()}",{{}}]'
                database.note_frame(Frame(entry.station_id, entry.known_at_s, "out", answer, "TransactionEvent"))
        database.caught_up_now()
        database.close_now()
        found = _by_table(file)
        found[""] = file.stat().st_size - empty
    return n * n_station, sum(sizes) / len(sizes), {name: size / (n * n_station) for name, size in found.items()}


def _by_table(file: Path) -> dict[str, float]:
    """Bytes of pages of each table and its indices; nothing where this SQLite cannot tell."""
    query = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_schema USING (name) GROUP BY tbl_name"
    with closing(sqlite3.connect(file)) as conn:
        try:
            return dict(conn.execute(query).fetchall())
        except sqlite3.OperationalError:
            return {}


def main() -> None:
    """Measure and print."""
    hours, n_station = float((sys.argv[1:] or ["2"])[0]), int((sys.argv[2:] or ["30"])[0])
    n_word, message, found = measured(hours, n_station)
    day_mb = found[""] * n_station * 86_400.0 / STEP_S / 1e6
    print(f"{n_word:,} words of 9 samples from {n_station} stations, a message of {message:,.0f} bytes each")
    for name, size in sorted(found.items(), key=lambda row: -row[1]):
        if name and size >= 10.0:
            print(f"  {name:12} {size:7,.0f} bytes a word")
    print(f"  {'all':12} {found['']:7,.0f} bytes a word; {day_mb:,.0f} MB a day, charging all day at one word in {STEP_S:.0f} s")


if __name__ == "__main__":
    main()
