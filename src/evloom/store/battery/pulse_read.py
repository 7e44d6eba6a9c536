"""Files of pulse tests of bare cells: our own csv, and the workbooks of `battery_retired_pulse`; every bad row with what is wrong.

reading = read(path)                        # csv, csv.gz, xlsx, or a folder of these
grades = grade_cells(reading.tests, load_rules())
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evloom.diagnose.pulse import N_U, PulseTests
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.store.battery.workbook import first_sheet

U_COLUMNS = tuple(f"U{k}" for k in range(1, N_U + 1))
COLUMNS = ("cell_id", "type", "rated_ah", "charged", "pulse_s", "capacity_ah", "origin", *U_COLUMNS)
"""Our own csv. `charged`, `capacity_ah` and `origin` may be empty or absent."""
_NEEDED = ("cell_id", "type", "rated_ah", *U_COLUMNS)
_WORKBOOK = {"ID": "cell_id", "Mat": "type", "Qn": "rated_ah", "Q": "capacity_ah", "Pt": "pulse_s", "SOC": "charged"}
"""Columns of the workbooks by ours. `SOC` is the charge since empty in percent of the rated capacity; `SOE`, `SOCR`, `SOH` are not read."""
_ENDINGS = (".csv", ".csv.gz", ".xlsx")
_VOLTS = (0.5, 5.0)
_RATED = (0.05, 1000.0)
_OF_RATED = (0.05, 1.3)
_COMMA = re.compile(r"^\s*(-?\d+),(\d+)\s*$")
_AGED = re.compile(r"(.+)-\d+$")
_LISTED = 20


@dataclass(frozen=True)
class PulseReading:
    """What was read: the tests of accepted rows, and an account of all rows."""

    tests: PulseTests
    findings: tuple[Finding, ...]
    accepted: int
    refused: int


@dataclass(frozen=True)
class _Row:
    source: str
    line: int
    cell: str
    kind: str
    origin: str
    numbers: Mapping[str, float]
    u_v: tuple[float, ...]


def read(path: Path) -> PulseReading:
    """Pulse tests of a file or folder. Raises InputError where no row can be used."""
    findings: list[Finding] = []
    rows: list[_Row] = []
    refused = 0
    for file in _files(path):
        for line, values in _lines(file, findings):
            row = _row(file.name, line, values, findings)
            refused += row is None
            rows += [] if row is None else [row]
    rows, twice = _without_twice(rows, findings)
    if not rows:
        raise InputError(_short(findings) or [_whole(path.name, "pulses.empty", "no row", "one row for each test", "add rows")])
    origins = _origins(rows, findings)
    return PulseReading(_tests(rows, origins), _short(findings), len(rows), refused + twice)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.lower().endswith(_ENDINGS))
        if not found:
            raise InputError([_whole(path.name, "pulses.empty", "no such files in the folder", "csv, csv.gz or xlsx", "name another")])
        return found
    if not path.exists():
        raise InputError([_whole(path.name, "file.not-found", "no such file", "a csv or xlsx file, or a folder", "check the path")])
    if not path.name.lower().endswith(_ENDINGS):
        raise InputError([_whole(path.name, "file.unknown-format", path.suffix or "no ending", "csv, csv.gz, xlsx", "save it as csv")])
    return [path]


def _lines(file: Path, findings: list[Finding]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values by our column names) of a file; what cannot be read at all becomes a finding."""
    try:
        yield from _table(file, findings)
    except (ValueError, OSError, EOFError, csv.Error, zlib.error) as error:
        findings.append(_whole(file.name, "file.broken", str(error)[:120], "a whole file", "save it again; rows before the break are used"))


def _table(file: Path, findings: list[Finding]) -> Iterator[tuple[int, dict[str, str]]]:
    table = first_sheet(file) if file.suffix.lower() == ".xlsx" else _csv_rows(file)
    head = [name.strip() for name in next(table, (0, ()))[1]]
    is_workbook = "Qn" in head
    names = [_WORKBOOK.get(name, name) for name in head] if is_workbook else head
    missing, twice = [name for name in _NEEDED if name not in names], [name for name in COLUMNS if names.count(name) > 1]
    if missing:
        what = f"no column {', '.join(missing)}"
        findings.append(_whole(file.name, "pulses.column-missing", what, ", ".join(_NEEDED), "add the columns"))
    elif twice:
        findings.append(_whole(file.name, "file.column-twice", ", ".join(twice), "each column once", "rename or delete one"))
    else:
        for line, cells in table:
            values = dict(zip(names, cells, strict=False))
            if any(values.values()):
                yield line, _in_shares(values) if is_workbook else values


def _in_shares(values: dict[str, str]) -> dict[str, str]:
    """The workbooks give SOC in percent and the rated capacity beside the chemistry."""
    try:
        return {**values, "charged": str(float(values["charged"]) / 100.0)}
    except (KeyError, ValueError):
        return values


def _csv_rows(file: Path) -> Iterator[tuple[int, Sequence[str]]]:
    raw = file.read_bytes()
    if file.name.lower().endswith(".gz"):
        raw = gzip.decompress(raw)
    text = _decoded(raw)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    has_commas = delimiter != "," and re.search(r"\d,\d", text) is not None and re.search(r"\d\.\d", text) is None
    for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1):
        yield number, [_COMMA.sub(r"\1.\2", cell) for cell in cells] if has_commas else cells


def _decoded(raw: bytes) -> str:
    """Text as UTF-8, as UTF-16 where it says so, else as GB 18030, in which spreadsheets of China save csv."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("gb18030")


def _row(source: str, line: int, values: Mapping[str, str], findings: list[Finding]) -> _Row | None:
    """A row that can be used, None with findings where not."""
    found: list[Finding] = []
    cell, chemistry = values.get("cell_id", "").strip(), values.get("type", "").strip()
    for name, text in (("cell_id", cell), ("type", chemistry)):
        if not text:
            found.append(Finding("pulses.no-name", "refused", source, line, name, "nothing", "a name", "give every row one"))
    numbers = {name: _number(source, line, name, values, found) for name in ("rated_ah", "charged", "pulse_s", "capacity_ah")}
    u_v = tuple(_number(source, line, name, values, found) for name in U_COLUMNS)
    if not found:
        found.extend(_wrong(source, line, numbers, u_v))
    findings.extend(found)
    if found:
        return None
    length = f", {numbers['pulse_s']:g} s" if np.isfinite(numbers["pulse_s"]) else ""
    kind = f"{chemistry} {numbers['rated_ah']:g} Ah{length}"
    return _Row(source, line, cell, kind, values.get("origin", "").strip(), numbers, u_v)


def _number(source: str, line: int, name: str, values: Mapping[str, str], found: list[Finding]) -> float:
    text = values.get(name, "").strip()
    if not text and name not in _NEEDED:
        return float("nan")
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        advice = "mend or delete the row" if name in _NEEDED else "leave it empty where it is not known"
        found.append(Finding("pulses.no-number", "refused", source, line, name, text[:40] or "nothing", "a finite number", advice))
    return number


def _wrong(source: str, line: int, numbers: Mapping[str, float], u_v: Sequence[float]) -> Iterable[Finding]:
    """What is impossible in a row of numbers; of a row in other units, the units alone."""
    rated_ah, capacity_ah, charged = numbers["rated_ah"], numbers["capacity_ah"], numbers["charged"]
    if (units := tuple(_units(source, line, numbers, u_v))) != ():
        yield from units
        return
    checks = (
        ("rated_ah", "pulses.rated-range", rated_ah, "Ah", *_RATED),
        ("charged", "pulses.charged-range", charged, "of the rated capacity (a share, not percent)", 0.0, 1.1),
        ("capacity_ah", "pulses.capacity-range", capacity_ah / rated_ah if rated_ah > 0.0 else np.inf, "of the rated capacity", *_OF_RATED),
        *((name, "pulses.voltage-range", volts, "V", *_VOLTS) for name, volts in zip(U_COLUMNS, u_v, strict=True)),
    )
    for name, code, value, unit, low, high in checks:
        if np.isfinite(value) and not low <= value <= high:
            yield Finding(code, "refused", source, line, name, f"{value:g} {unit}", f"{low:g} .. {high:g} {unit}", "mend or delete the row")
    if max(u_v) - min(u_v) <= 0.0:
        yield Finding(
            "pulses.flat", "refused", source, line, "U1..U21", "all equal", "a response", "the voltage was not logged: test again"
        )
    elif not (u_v[2] > u_v[0] > u_v[6]):
        what = f"U1 {u_v[0]:g}, U3 {u_v[2]:g}, U7 {u_v[6]:g} V"
        allowed = "U3 (charging) above U1, U7 (discharging) below it"
        yield Finding("pulses.sign", "refused", source, line, "U3", what, allowed, "first pulse must charge, second discharge")


def _units(source: str, line: int, numbers: Mapping[str, float], u_v: Sequence[float]) -> Iterator[Finding]:
    """Numbers that are right in another unit."""
    charged, of_rated = numbers["charged"], numbers["capacity_ah"] / numbers["rated_ah"] if numbers["rated_ah"] > 0.0 else np.nan
    checks = (
        ("U1..U21", min(u_v), max(u_v), 1e3 * _VOLTS[0], 1e3 * _VOLTS[1], "mV", "V", "divide the voltages by 1000"),
        ("rated_ah", numbers["rated_ah"], numbers["rated_ah"], _RATED[1], 1e3 * _RATED[1], "mAh", "Ah", "divide it by 1000"),
        ("capacity_ah", of_rated, of_rated, 1e3 * _OF_RATED[0], 1e3 * _OF_RATED[1], "mAh", "Ah", "divide it by 1000"),
        ("charged", charged, charged, 1.1, 110.0, "percent", "a share of the rated capacity", "divide it by 100"),
    )
    for name, low, high, least, most, unit, wanted, advice in checks:
        if least < low and high <= most:
            yield Finding("pulses.unit", "refused", source, line, name, f"numbers like {unit}", wanted, advice)


def _without_twice(rows: Sequence[_Row], findings: list[Finding]) -> tuple[list[_Row], int]:
    """The first of rows of one cell at one state of charge; how many were left out."""
    kept: dict[tuple[str, str, float], _Row] = {}
    twice = 0
    for row in rows:
        charged = row.numbers["charged"]
        key = (row.kind, row.cell, charged if np.isfinite(charged) else -float(row.line))
        if key in kept:
            twice += 1
            what, first = f"{row.cell} at {charged:g}", kept[key]
            allowed = "one test of a cell at a state of charge"
            advice = f"the first is kept: {first.source}:{first.line}"
            findings.append(Finding("pulses.twice", "refused", row.source, row.line, "cell_id", what, allowed, advice))
        else:
            kept[key] = row
    return list(kept.values()), twice


def _origins(rows: Sequence[_Row], findings: list[Finding]) -> list[str]:
    """The physical cell of each row: as the file says, else what names that end in -NUMBER have in common (`D3-100`, `D3-200`)."""
    stems = {(row.kind, row.cell): match[1] for row in rows if not row.origin and (match := _AGED.match(row.cell)) is not None}
    often = Counter((kind, stem) for (kind, _), stem in stems.items())
    origins = []
    told: set[str] = set()
    for row in rows:
        stem = stems.get((row.kind, row.cell))
        shared = stem is not None and often[row.kind, stem] > 1
        origins.append(f"{row.kind}/{row.origin or (stem if shared else row.cell)}")
        if shared and row.kind not in told:
            told.add(row.kind)
            what, allowed = f"names like {row.cell}", "a name of its own for each physical cell, or a column origin"
            advice = "taken as one cell at several ages: never in what is learnt from and what is judged at once"
            findings.append(Finding("pulses.same-cell", "warning", row.source, row.line, "cell_id", what, allowed, advice))
    return origins


def _tests(rows: Sequence[_Row], origins: Sequence[str]) -> PulseTests:
    return PulseTests(
        cell=tuple(row.cell for row in rows),
        origin=tuple(origins),
        kind=tuple(row.kind for row in rows),
        rated_ah=np.array([row.numbers["rated_ah"] for row in rows]),
        charged=np.array([row.numbers["charged"] for row in rows]),
        u_v=np.array([row.u_v for row in rows]),
        capacity_ah=np.array([row.numbers["capacity_ah"] for row in rows]),
    )


def _short(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The first twenty of each code; how many more there are is said."""
    counts: Counter[str] = Counter()
    kept = []
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= _LISTED:
            kept.append(finding)
    source = {finding.code: finding.source for finding in findings}
    more = [
        _whole(source[code], code, f"{count - _LISTED} more rows", "none", "as above")
        for code, count in sorted(counts.items())
        if count > _LISTED
    ]
    return (*kept, *more)


def _whole(source: str, code: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(code, "refused", source, None, None, value, allowed, advice)
