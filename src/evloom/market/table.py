"""Tariffs written as tables (CSV text): our own and two published layouts.

Own layout            season,months,days,category,start,end,price_per_kwh
Period layout         period,price_<currency>_per_kwh             (period is "08:00-11:00"; one day for all the year)
Province layout       province,season,category,start,end,price_<currency>_per_kwh

The caller reads the file; this module sees only its text.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence

from evloom.market.period import ALL_MONTHS, number_of, period_from
from evloom.market.place import Place
from evloom.market.tariff import Terms, TouTariff, tou_tariff

OWN_COLUMNS = ("season", "months", "days", "category", "start", "end", "price_per_kwh")
_NEEDED = {"category", "start", "end", "price_per_kwh"}

# The period layout names no levels; they are named by order of price. Without a fourth price there is no flat one.
_LEVELS = {1: ("flat",), 2: ("valley", "peak"), 3: ("valley", "peak", "sharp"), 4: ("valley", "flat", "peak", "sharp")}

Row = tuple[int, dict[str, object]]


def tariff_from_table(
    text: str,
    source: str,
    terms: Terms,
    season_months: Mapping[str, Sequence[int]] | None = None,
    region: str | None = None,
) -> TouTariff:
    """The tariff of a table given as text. `source` is the file name that findings show.

    season_months  months of each season the table names but does not date, e.g. {"summer": [7, 8], "non-summer": [...]};
                   a table with a `months` column needs none, and the season "all" means all the year
    region         which province's rows to use, for the province layout

    Raises InputError with every finding: unreadable rows (with line numbers), holes, overlaps, another currency.
    """
    place = Place(source, "", lambda _: None)
    rows = _normal_rows(_rows(text, place), terms.currency, place)
    if region is not None or any("province" in row for _, row in rows):
        rows = _of_region(rows, region, place)
    rows = _dated(rows, season_months or {}, place)
    periods = [period_from(row, _at(place, line), line) for line, row in rows]
    return tou_tariff(terms, [p for p in periods if p is not None], place)


def _rows(text: str, place: Place) -> list[Row]:
    """Lines as dictionaries with their 1-based line number; extra or missing cells are findings."""
    header: list[str] | None = None
    rows: list[Row] = []
    for line, cells in _lines(text, place):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
        elif len(cells) != len(header):
            here = _at(place, line)
            here.refuse(
                "tariff.cells", "row", f"{len(cells)} cells", f"{len(header)} cells as in the header", "use ',' and '.' as in 0.3784"
            )
        else:
            rows.append((line, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    if not rows and not place.findings:
        place.refuse("tariff.empty", "table", f"{0 if header is None else 1} line", "a header and at least one period", "check the file")
    return rows


def _lines(text: str, place: Place) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.removeprefix("\ufeff").splitlines())
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        _at(place, reader.line_num).refuse("tariff.not-a-table", "row", str(error), "a table of text, comma separated", "check the file")


def _at(place: Place, line: int) -> Place:
    return Place(place.source, "", lambda _: line, place.findings)


def _normal_rows(rows: list[Row], currency: str, place: Place) -> list[Row]:
    """The rows in our own column names, whichever layout they came in."""
    if not rows:
        return rows
    columns = list(rows[0][1])
    for column in columns:
        match = re.fullmatch(r"price_([a-z]{3})_per_kwh", column)
        if match and match[1].upper() != currency:
            place.refuse("tariff.currency", column, match[1].upper(), currency, "set the tariff's currency to that of the table")
        if match:
            rows = [(line, {("price_per_kwh" if k == column else k): v for k, v in row.items()}) for line, row in rows]
    if "period" in columns:
        rows = list(_named_levels(rows, place))
    missing = sorted(_NEEDED - set(rows[0][1])) if rows else []
    if missing:
        advice = "this looks like another delimiter: save it with ','" if ";" in columns[0] or "\t" in columns[0] else "add the columns"
        place.refuse(
            "tariff.columns", "header", ",".join(columns), f"columns {','.join(OWN_COLUMNS)}", f"{advice} (missing: {', '.join(missing)})"
        )
        return []
    return rows


def _named_levels(rows: list[Row], place: Place) -> Iterator[Row]:
    """Period layout: split "08:00-11:00" and name the price levels from cheap to dear."""
    prices = sorted({p for _, row in rows if (p := number_of(row.get("price_per_kwh"))) is not None})
    names = _LEVELS.get(len(prices)) or tuple(f"level {k + 1}" for k in range(len(prices)))
    for line, row in rows:
        start, dash, end = str(row["period"]).partition("-")
        if not dash:
            _at(place, line).refuse("tariff.time", "period", str(row["period"]), "two local times, e.g. 08:00-11:00", "write start-end")
            continue
        price = number_of(row.get("price_per_kwh"))
        category = names[prices.index(price)] if price is not None else "unpriced"
        yield line, {**row, "start": start, "end": end, "category": category}


def _of_region(rows: list[Row], region: str | None, place: Place) -> list[Row]:
    known = list(dict.fromkeys(str(row.get("province", "")) for _, row in rows))
    if region not in known and rows:
        place.refuse("tariff.region", "region", region or "", " | ".join(known), "name one of the table's provinces")
        return []
    return [(line, row) for line, row in rows if row["province"] == region]


def _dated(rows: list[Row], season_months: Mapping[str, Sequence[int]], place: Place) -> list[Row]:
    """The rows with their months, taken from the season where the table gives none; one finding for each unknown season."""
    if not rows or "months" in rows[0][1]:
        return rows
    known = {"": ALL_MONTHS, "all": ALL_MONTHS, **{season: frozenset(months) for season, months in season_months.items()}}
    lines: dict[str, int] = {}
    for line, row in rows:
        lines.setdefault(str(row.get("season", "")), line)
    for season, line in lines.items():
        if season not in known:
            advice = f'say which months it has: season_months = {{ "{season}" = [...] }}'
            _at(place, line).refuse("tariff.season-months", "season", season, "a season whose months are given", advice)
    return [(line, {**row, "months": sorted(known.get(str(row.get("season", "")), ALL_MONTHS))}) for line, row in rows]
