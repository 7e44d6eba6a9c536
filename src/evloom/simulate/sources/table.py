"""Recorded or generated charging sessions as columns, and the account of how they were read."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from evloom.kernel.finding import Finding, Severity
from evloom.kernel.timegrid import Bool, Float, Int, epoch_s

TEXT_COLUMNS = ("session_id", "evse_id", "driver_id", "vehicle_model")
INSTANT_COLUMNS = ("arrival_s", "departure_s", "told_departure_s", "charging_end_s")
NUMBER_COLUMNS = ("energy_kwh", "requested_kwh", "soc_arrival", "soc_departure", "battery_kwh", "power_max_kw", "fee")


@dataclass(frozen=True)
class SessionTable:
    """Charging sessions in columns of equal length (n_session,), sorted by arrival, then session_id.

    Unknown text is "", an unknown number or instant is NaN. Instants are seconds since the epoch (UTC).

    session_id        unique in the table
    evse_id           the connector; two sessions on one connector never overlap in time
    arrival_s         plug-in; departure_s: plug-out, always later; both as they really happened
    energy_kwh        metered energy, >= 0: what was delivered, taken as what the car needed
    requested_kwh     what the driver asked for; told_departure_s: when the driver said he would leave
    soc_arrival, soc_departure   state of charge 0..1
    battery_kwh       usable energy of the battery; power_max_kw: limit of the car or of the plug
    charging_end_s    when the car stopped drawing power
    fee               what the driver was billed, in `currency` (ISO 4217, one for the whole table)
    source, zone      file name or generator; IANA name of the local time zone ("" unknown)
    findings, n_row   everything that was wrong with the file, and how many rows it had
    """

    session_id: list[str]
    evse_id: list[str]
    driver_id: list[str]
    vehicle_model: list[str]
    arrival_s: Float
    departure_s: Float
    energy_kwh: Float
    requested_kwh: Float
    told_departure_s: Float
    soc_arrival: Float
    soc_departure: Float
    battery_kwh: Float
    power_max_kw: Float
    charging_end_s: Float
    fee: Float
    currency: str = ""
    source: str = ""
    zone: str = ""
    findings: tuple[Finding, ...] = ()
    n_row: int = 0

    def __post_init__(self) -> None:
        n_session = len(self.session_id)
        for name in TEXT_COLUMNS + INSTANT_COLUMNS + NUMBER_COLUMNS:
            if len(getattr(self, name)) != n_session:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, session_id has {n_session}")

    def __len__(self) -> int:
        return len(self.session_id)

    def select(self, mask: Bool | Int) -> "SessionTable":
        """The rows of a boolean mask (n_session,) or of row numbers; findings and n_row stay those of the file."""
        index = np.flatnonzero(mask) if mask.dtype == np.bool_ else np.asarray(mask, dtype=np.int64)
        column: dict[str, Any] = {name: [getattr(self, name)[i] for i in index] for name in TEXT_COLUMNS}
        column.update({name: getattr(self, name)[index] for name in INSTANT_COLUMNS + NUMBER_COLUMNS})
        return replace(self, **column)

    def wholly_inside(self, start: datetime, end: datetime) -> "SessionTable":
        """Sessions that arrive at or after `start` and leave at or before `end` (timezone-aware instants)."""
        return self.select((self.arrival_s >= epoch_s(start)) & (self.departure_s <= epoch_s(end)))

    def arriving(self, start: datetime, end: datetime) -> "SessionTable":
        """Sessions whose arrival lies in [start, end), whenever they leave (timezone-aware instants)."""
        return self.select((self.arrival_s >= epoch_s(start)) & (self.arrival_s < epoch_s(end)))


def no_sessions(source: str) -> SessionTable:
    """A table without any session."""
    columns: dict[str, Any] = {name: [] for name in TEXT_COLUMNS}
    columns.update({name: np.zeros(0) for name in INSTANT_COLUMNS + NUMBER_COLUMNS})
    return SessionTable(**columns, source=source)


@dataclass(frozen=True, slots=True)
class CodeCount:
    """How often one kind of finding came up, and where first."""

    code: str
    severity: Severity
    n_row: int
    first: Finding


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What became of the rows of a file: accepted + refused = read, and repaired rows are accepted ones."""

    source: str
    n_row: int
    n_accepted: int
    n_repaired: int
    n_refused: int
    by_code: tuple[CodeCount, ...]

    def text(self) -> str:
        """Several lines for people: the counts, then one line for each kind of finding with its first case."""
        accepted = f"{self.n_accepted} accepted ({self.n_repaired} of them repaired)"
        head = f"{self.source}: {self.n_row} rows read, {accepted}, {self.n_refused} refused"
        lines = [f"  {c.severity:8} {c.n_row:6}  {c.code}\n           first: {c.first.text()}" for c in self.by_code]
        return "\n".join([head, *lines])


def read_report(table: SessionTable) -> ReadReport:
    """Count the findings of a table by row: a row with several findings counts once in each total."""
    refused = {f.row for f in table.findings if f.severity == "refused" and f.row is not None}
    repaired = {f.row for f in table.findings if f.severity == "repaired" and f.row is not None} - refused
    count = Counter((f.code, f.severity) for f in table.findings)
    first: dict[tuple[str, Severity], Finding] = {}
    for finding in table.findings:
        first.setdefault((finding.code, finding.severity), finding)
    order = {"refused": 0, "repaired": 1, "warning": 2}
    kinds = sorted(count, key=lambda kind: (order[kind[1]], -count[kind], kind[0]))
    by_code = tuple(CodeCount(code, severity, count[code, severity], first[code, severity]) for code, severity in kinds)
    return ReadReport(table.source, table.n_row, table.n_row - len(refused), len(repaired), len(refused), by_code)
