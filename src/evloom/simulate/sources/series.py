"""Readers of series: prices, carbon intensity, solar generation, household load.

Each gives a `Signal` in the model's own units with what was known of it when. What was wrong with the
file stands in `SeriesReading.findings`; a file that cannot be used raises `InputError`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, TimeGrid, local_clock
from evloom.simulate.sources.convert import Column, instants, iso, local_clock_s, numbers, to_utc
from evloom.simulate.sources.daily import DAY_STEPS, DailyProfile
from evloom.simulate.sources.gridding import Gridded, TimedRows, joined, on_grid, run_findings, timed_rows
from evloom.simulate.sources.rows import Note, RawTable, read_bytes, read_header, read_rows, refuse_file

END_DISAGREES = Note("series.end-disagrees", "warning", "Datum bis", "start of the next step", "the start was used, the end was not")
SMARD_ZONES = {
    "AT": "Österreich",
    "BE": "Belgien",
    "CH": "Schweiz",
    "CZ": "Tschechien",
    "DE-AT-LU": "DE/AT/LU",
    "DE-LU": "Deutschland/Luxemburg",
    "DK1": "Dänemark 1",
    "DK2": "Dänemark 2",
    "FR": "Frankreich",
    "HU": "Ungarn",
    "IT-NORTH": "Italien (Nord)",
    "NL": "Niederlande",
    "NO2": "Norwegen 2",
    "PL": "Polen",
    "SE4": "Schweden 4",
    "SI": "Slowenien",
}
# The results of the European day-ahead auction for the whole next day come out at 12:45 local time
# (Single Day-Ahead Coupling, timetable of the nominated electricity market operators, since 2021).
PUBLISHED_MINUTE = 12 * 60 + 45
# Hence at any moment at least the hours to the coming midnight are known: 11 h 15 min just before the next results.
PUBLISHED_AHEAD_S = 11.25 * 3600.0
# Column endings of Evloom's own series format, longest first, and the units they stand for.
OWN_UNITS = {
    "_kw_per_kwp": "kW/kWp",
    "_eur_per_kwh": "EUR/kWh",
    "_cny_per_kwh": "CNY/kWh",
    "_chf_per_kwh": "CHF/kWh",
    "_usd_per_kwh": "USD/kWh",
    "_gbp_per_kwh": "GBP/kWh",
    "_kg_per_kwh": "kgCO2/kWh",
    "_kwh": "kWh",
    "_kw": "kW",
    "_c": "degC",
}


@dataclass(frozen=True)
class SeriesReading:
    """A series and its account: what was wrong (`findings`) and how many rows the files had."""

    series: Signal | DailyProfile
    findings: tuple[Finding, ...]
    n_row: int


def read_series(paths: Path | Sequence[Path], format_name: str, column: str | None = None) -> Signal | DailyProfile:
    """The series of `read_series_with_findings` alone."""
    return read_series_with_findings(paths, format_name, column).series


def read_series_with_findings(paths: Path | Sequence[Path], format_name: str, column: str | None = None) -> SeriesReading:
    """Read a series from one or more files of a format (one of SERIES_FORMATS).

    `column` chooses where a file holds several: a bidding zone (smard-day-ahead: SMARD_ZONES or the name
    in the file, DE-LU by default), a number of homes to add up or one shape (lv-households, all by
    default), the value column (evloom, needed when there are several).
    Steps without a value are NaN and said. Raises InputError when the files cannot be used.
    """
    several = [paths] if isinstance(paths, Path) else list(paths)
    if format_name not in SERIES_FORMATS:
        allowed = ", ".join(SERIES_FORMATS)
        raise refuse_file(
            several[0].name if several else "series", "series.unknown-format", repr(format_name), allowed, "name one of these"
        )
    if not several:
        raise refuse_file("series", "file.missing", "no file named", "at least one file", "name the files of the series")
    return SERIES_FORMATS[format_name](several, column)


def _only(paths: list[Path]) -> Path:
    if len(paths) > 1:
        value = ", ".join(path.name for path in paths)
        raise refuse_file(paths[0].name, "series.many-files", value, "one file for this format", "join the files, or name one")
    return paths[0]


def _reading(gridded: Gridded, raws: list[RawTable], signal: Signal, more: Sequence[Finding] = ()) -> SeriesReading:
    ragged = tuple(finding for raw in raws for finding in raw.findings)
    return SeriesReading(signal, (*ragged, *more, *gridded.findings), sum(raw.n_row for raw in raws))


def _occurrence_utc(clock_s: Float, zone: ZoneInfo) -> Float:
    """Wall-clock readings (n,) in the order of time to UTC: a doubled hour's second coming is the later one."""
    reading = to_utc(clock_s, zone)
    seen: dict[float, int] = {}
    time_s = reading.first_s.copy()
    for i in np.flatnonzero(reading.doubled):
        if seen.setdefault(float(clock_s[i]), int(i)) != i:
            time_s[i] = reading.second_s[i]
    return time_s


def _smard(paths: list[Path], column: str | None) -> SeriesReading:
    """SMARD day-ahead prices: ';', decimal comma, '-' missing, EUR/MWh, wall clock of Berlin with 23 and 25 h days."""
    path = _only(paths)
    raw = read_rows(read_bytes(path), path.name, ";", ("Datum von", "Datum bis"))
    wanted = SMARD_ZONES.get(column or "DE-LU", column or "")
    names = [name for name in raw.header if name == wanted or name.startswith(f"{wanted} [")]
    if not names or "[€/MWh]" not in names[0]:
        known = ", ".join(SMARD_ZONES) + "; in this file: " + ", ".join(raw.header[2:])
        raise refuse_file(path.name, "series.unknown-column", repr(column), known, "choose a bidding zone priced in €/MWh")
    pattern = r"(?P<d>\d{2})\.(?P<m>\d{2})\.(?P<y>\d{4}) (?P<H>\d{2}):(?P<M>\d{2})"
    zone = ZoneInfo("Europe/Berlin")
    start, end = local_clock_s(raw.column["Datum von"], pattern), local_clock_s(raw.column["Datum bis"], pattern)
    price = numbers(raw.column[names[0]], ",")
    rows = timed_rows(raw, _occurrence_utc(start.value, zone), price.value[:, None] / 1000.0, price.bad)
    gridded = on_grid(rows)
    # Either clock may count: over a change of the clock an hour later is not the hand an hour further.
    by_hand = np.abs(end.value - start.value - gridded.grid.step_s) < 1
    by_time = np.abs(to_utc(end.value, zone).first_s - rows.time_s - gridded.grid.step_s) < 1
    right = by_hand | by_time
    more = run_findings(rows, ~right & np.isfinite(rows.time_s), END_DISAGREES, lambda i: raw.column["Datum bis"][i])
    actual = gridded.value[:, 0]
    signal = Signal(
        f"day-ahead price {column or 'DE-LU'}",
        "EUR/kWh",
        gridded.grid,
        actual,
        PUBLISHED_AHEAD_S,
        published_day_ahead(gridded.grid, actual, zone),
        published=True,
    )
    return _reading(gridded, [raw], signal, more)


def published_day_ahead(grid: TimeGrid, actual: Float, zone: ZoneInfo) -> Float:
    """What was public of a day-ahead series at each step -> (grid.n, n_lead); NaN for what was not yet.

    The prices of a local day are public from 12:45 of the day before; so at the start of step k are
    known all steps of the day it lies in, and of the next when it starts at 12:45 or later.
    """
    clock = local_clock(grid.edges_s()[:-1], zone)
    last_day = clock.day_ordinal + (clock.minute_of_day >= PUBLISHED_MINUTE)
    n_lead = int(timedelta(hours=36, minutes=15) / timedelta(seconds=grid.step_s))  # from 12:45 over a day of 25 h
    step = np.minimum(np.arange(grid.n)[:, None] + np.arange(n_lead)[None, :], grid.n)
    value = np.append(actual, np.nan)[step]
    day = np.append(clock.day_ordinal, np.iinfo(np.int64).max)[step]
    public: Float = np.where(day <= last_day[:, None], value, np.nan)
    return public


def _caiso_moer(paths: list[Path], _column: str | None) -> SeriesReading:
    """Marginal emissions of the Californian grid, kgCO2/kWh, with the 36 forecasts issued at each 5 minutes.

    The first forecast is for the step at whose start it was issued: it lies nearest to the value of that step.
    The value itself was metered, hence known at the end of its step.

    Several months may be given; where files overlap they must agree.
    """
    ahead = tuple(f"f{k}" for k in range(1, 37))
    raws = [read_rows(read_bytes(path), path.name, ",", ("time", "moer", *ahead)) for path in paths]
    gridded = on_grid(joined([_moer_rows(raw, ahead) for raw in raws]))
    signal = Signal("marginal carbon intensity", "kgCO2/kWh", gridded.grid, gridded.value[:, 0].copy(), 0.0, gridded.value[:, 1:])
    return _reading(gridded, raws, signal)


def _moer_rows(raw: RawTable, ahead: tuple[str, ...]) -> TimedRows:
    columns = [numbers(raw.column[name]) for name in ("moer", *ahead)]
    value = np.stack([column.value for column in columns], axis=1)
    return timed_rows(raw, instants(raw.column["time"]).value, value, columns[0].bad)


def _pv_netherlands(paths: list[Path], _column: str | None) -> SeriesReading:
    """Modelled hourly generation of 1 kW installed in the Netherlands, 2019, kW per kWp, times in UTC."""
    path = _only(paths)
    raw = read_rows(read_bytes(path), path.name, ",", ("time", "local_time", "electricity"))
    time = local_clock_s(raw.column["time"], r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2}) (?P<H>\d{2}):(?P<M>\d{2})")
    generation = numbers(raw.column["electricity"])
    gridded = on_grid(timed_rows(raw, time.value, generation.value[:, None], generation.bad))
    return _reading(gridded, [raw], Signal("solar generation", "kW/kWp", gridded.grid, gridded.value[:, 0]))


def _lv_households(paths: list[Path], column: str | None) -> SeriesReading:
    """One day of household load at one minute, kW: the sum of the first so many homes. A row's time is the end of its minute."""
    path = _only(paths)
    content = read_bytes(path)
    shapes = [name for name in read_header(content, path.name) if name.startswith("shape_")]
    raw = read_rows(content, path.name, ",", ("time", "shape_1"))
    chosen = shapes[: int(column)] if column is not None and column.isdecimal() else shapes if column is None else [column]
    if not chosen or chosen[-1] not in shapes or (column is not None and column.isdecimal() and int(column) > len(shapes)):
        allowed = f"a number of homes 1 to {len(shapes)}, or shape_1 to shape_{len(shapes)}"
        raise refuse_file(path.name, "series.unknown-column", repr(column), allowed, "choose one of these")
    homes = [numbers(raw.column[name]) for name in chosen]
    minutes = [_minute_of_day(text) for text in raw.column["time"]]
    total_kw = np.sum([home.value for home in homes], axis=0)
    if sorted(minutes) != list(range(1, DAY_STEPS + 1)) or not np.all(np.isfinite(total_kw)):
        value = f"{len(set(minutes))} minutes, {int(np.isnan(total_kw).sum())} without a value"
        raise refuse_file(path.name, "series.not-a-day", value, "00:01:00 to 24:00:00, a value each", "give the whole day")
    profile_kw = np.empty(DAY_STEPS)
    profile_kw[np.array(minutes) - 1] = total_kw
    return SeriesReading(DailyProfile(f"load of {len(chosen)} homes", "kW", profile_kw), raw.findings, raw.n_row)


def _minute_of_day(text: str) -> int:
    """Minutes since midnight of "HH:MM:SS"; 24:00:00 is 1440; -1 where it cannot be read."""
    part = text.split(":")
    if len(part) != 3 or not all(piece.isdecimal() for piece in part) or int(part[1]) > 59:
        return -1
    return int(part[0]) * 60 + int(part[1])


def _own(paths: list[Path], column: str | None) -> SeriesReading:
    """Evloom's own series: `time` (ISO 8601 with UTC offset, the start of the step) and value columns that end in their unit."""
    contents = [read_bytes(path) for path in paths]
    raws = [read_rows(content, path.name, ",", ("time",)) for content, path in zip(contents, paths, strict=True)]
    name = column or _one_value_column(raws[0])
    unit = next((unit for ending, unit in OWN_UNITS.items() if name.endswith(ending)), None)
    if unit is None or any(name not in raw.header for raw in raws):
        allowed = "a column of the file that ends in " + ", ".join(OWN_UNITS)
        found = ", ".join(raws[0].header)
        raise refuse_file(paths[0].name, "series.unknown-column", repr(name), allowed, f"found: {found}; the ending says the unit")
    parts = []
    for raw in raws:
        value: Column = numbers(raw.column[name])
        parts.append(timed_rows(raw, instants(raw.column["time"]).value, value.value[:, None], value.bad))
    gridded = on_grid(joined(parts))
    return _reading(gridded, raws, Signal(name, unit, gridded.grid, gridded.value[:, 0]))


def _one_value_column(raw: RawTable) -> str:
    names = [name for name in raw.header if name != "time"]
    if len(names) != 1:
        raise refuse_file(raw.source, "series.which-column", ", ".join(names) or "none", "one value column", "name the column to read")
    return names[0]


SERIES_FORMATS: dict[str, Callable[[list[Path], str | None], SeriesReading]] = {
    "evloom": _own,
    "smard-day-ahead": _smard,
    "caiso-moer": _caiso_moer,
    "pv-netherlands": _pv_netherlands,
    "lv-households": _lv_households,
}


def series_text(reading: SeriesReading) -> str:
    """Several lines for people: what was read, and each finding."""
    series = reading.series
    if isinstance(series, DailyProfile):
        what = (
            f"{series.name}: a day of {DAY_STEPS} minutes, {series.minute_value.min():.3g} to {series.minute_value.max():.4g} {series.unit}"
        )
    else:
        known = series.actual[np.isfinite(series.actual)]
        span = f"{iso(series.grid.start_s)} to {iso(series.grid.edges_s()[-1])}, {series.grid.n} steps of {series.grid.step_s} s"
        low, high = (known.min(), known.max()) if len(known) else (np.nan, np.nan)
        what = f"{series.name}: {span}, {len(known)} with a value, {low:.4g} to {high:.4g} {series.unit}"
    return "\n".join([f"{what}; {reading.n_row} rows read", *(f"  {finding.text()}" for finding in reading.findings)])
