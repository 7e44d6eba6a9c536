"""Readers of what the French grid operator RTE publishes on balancing: the grid's frequency every 10 s, and what reserve is paid.

Both files tell the time by the clock of Paris, as RTE's publications do. Findings as in `series.py`: nothing is dropped silently.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float
from evloom.simulate.sources.convert import local_clock_s, numbers, to_utc
from evloom.simulate.sources.gridding import TimedRows, on_grid, run_findings, timed_rows
from evloom.simulate.sources.rows import Note, RawTable, read_bytes, read_rows, refuse_file

PARIS = ZoneInfo("Europe/Paris")
# Outside of this no European generator stays connected (Commission Regulation (EU) 2016/631, article 13: 47.5 to 51.5 Hz): a broken meter.
PLAUSIBLE_HZ = (47.0, 52.0)
IMPLAUSIBLE = Note("frequency.range", "refused", "frequency", "47 to 52 Hz", "the sample has no value")
_FREQUENCY_COLUMNS = ("DATE", "FREQUENCE_RETENUE(EN Hz)")
_RESERVE_COLUMNS = ("Date", "Heures", "Type de réserve", "Prix de la réserve (en euros/MW/30min)")
RESERVES = {"primary": "Réserve primaire", "secondary": "Réserve secondaire"}


@dataclass(frozen=True)
class SignalReading:
    """A signal and its account: what was wrong (`findings`) and how many rows the file had."""

    signal: Signal
    findings: tuple[Finding, ...]
    n_row: int


def read_frequency(path: Path) -> SignalReading:
    """The frequency of the Continental European grid, Hz; NaN for samples without a value ("N/A"), each run of them a finding.

    Columns `DATE` (dd/mm/yyyy HH:MM:SS) and `FREQUENCE_RETENUE(EN Hz)` with decimal comma, ';' between cells and at the line's end.
    Raises InputError when the file cannot be used.
    """
    raw = read_rows(read_bytes(path), path.name, ";", _FREQUENCY_COLUMNS)
    clock = local_clock_s(raw.column["DATE"], r"(?P<d>\d{2})/(?P<m>\d{2})/(?P<y>\d{4}) (?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})")
    told = raw.column[_FREQUENCY_COLUMNS[1]]
    column = numbers(told, ",")
    broken = (column.value < PLAUSIBLE_HZ[0]) | (column.value > PLAUSIBLE_HZ[1])
    value = np.where(broken, np.nan, column.value)
    rows = timed_rows(raw, _paris_to_utc(clock.value), value[:, None], column.bad)
    more = run_findings(rows, broken, IMPLAUSIBLE, lambda i: f"{told[i]} Hz")
    gridded = on_grid(rows)
    signal = Signal("grid frequency", "Hz", gridded.grid, gridded.value[:, 0])
    return SignalReading(signal, (*raw.findings, *more, *gridded.findings), raw.n_row)


def read_reserve_prices(path: Path, reserve: str = "primary") -> SignalReading:
    """What holding reserve earned, EUR/(kW h), by half-hours; `reserve` is one of RESERVES. Prices stand in EUR/MW/30 min in the file.

    Raises InputError when the file cannot be used, or when no row is of that reserve.
    """
    if reserve not in RESERVES:
        raise refuse_file(path.name, "reserve.unknown", repr(reserve), ", ".join(RESERVES), "choose one of these")
    raw = _only_kind(read_rows(read_bytes(path), path.name, ",", _RESERVE_COLUMNS), RESERVES[reserve])
    text = [f"{day[:10]} {slot[:5]}" for day, slot in zip(raw.column["Date"], raw.column["Heures"], strict=True)]
    clock = local_clock_s(text, r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2}) (?P<H>\d{2}):(?P<M>\d{2})")
    price = numbers(raw.column[_RESERVE_COLUMNS[3]], ",")
    rows: TimedRows = timed_rows(raw, _paris_to_utc(clock.value), price.value[:, None] * 2.0 / 1000.0, price.bad)
    gridded = on_grid(rows)
    signal = Signal(f"{reserve} reserve", "EUR/(kW h)", gridded.grid, gridded.value[:, 0])
    return SignalReading(signal, (*raw.findings, *gridded.findings), raw.n_row)


def _only_kind(raw: RawTable, kind: str) -> RawTable:
    """The rows of one kind of reserve; rows of other kinds are not its business, and `n_row` still counts all."""
    which = [i for i, told in enumerate(raw.column["Type de réserve"]) if told == kind]
    if not which:
        found = ", ".join(sorted(set(raw.column["Type de réserve"])))
        raise refuse_file(raw.source, "reserve.no-rows", f"no row of {kind}", "rows of that reserve", f"found: {found or 'none'}")
    column = {name: [cells[i] for i in which] for name, cells in raw.column.items()}
    return replace(raw, column=column, line=raw.line[which])


def _paris_to_utc(clock_s: Float) -> Float:
    """Readings of the clock (n,) in the order of time to UTC: once the doubled hour has jumped back, it is its second coming."""
    reading = to_utc(clock_s, PARIS)
    latest_s = np.maximum.accumulate(np.where(np.isnan(reading.first_s), -np.inf, reading.first_s))
    day = np.floor_divide(clock_s, 86400.0)
    jumped = np.where(reading.doubled & (reading.first_s < latest_s), day, -1.0)
    is_second = reading.doubled & (np.maximum.accumulate(jumped) == day)
    time_s: Float = np.where(is_second, reading.second_s, reading.first_s)
    return time_s
