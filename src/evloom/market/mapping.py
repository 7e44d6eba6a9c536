"""Tariffs as a scenario file writes them: the `[tariff]` table of a TOML file, already parsed."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.market.named import NAMED_TARIFFS, named_periods, named_terms
from evloom.market.period import Period, months_of, number_of, period_from
from evloom.market.place import LineOf, Place
from evloom.market.table import tariff_from_table
from evloom.market.tariff import DemandCharge, SeriesTariff, Tariff, Terms, TouTariff, series_tariff, tou_tariff

ReadText = Callable[[str], str]

TERM_KEYS = frozenset(
    {"name", "currency", "zone", "demand_per_kw_month", "demand_interval_s", "export_price_per_kwh", "tax_share"},
)
_PRICE_KEYS = ("periods", "file", "price_per_kwh")
_KEYS = TERM_KEYS | {*_PRICE_KEYS, "region", "season_months"}
_PERIOD_KEYS = frozenset({"category", "start", "end", "price_per_kwh", "months", "days", "season"})


def tariff_from_mapping(mapping: Mapping[str, object], source: str, line_of: LineOf, read_text: ReadText | None = None) -> Tariff:
    """The tariff of a parsed `[tariff]` table.

    The prices come from exactly one of: a packaged `name`, `periods`, `file` (with `region` and `season_months` where its
    layout needs them), or `price_per_kwh` for one price at all times. Beside them: currency, zone, demand_per_kw_month,
    demand_interval_s (900), export_price_per_kwh, tax_share (0); with a packaged name they replace what the name says.

    line_of    line number of a key path such as "tariff.periods[2].start", or None
    read_text  returns the text of the file named by `file`, or raises InputError; needed only for `file`
    Raises InputError with all findings.
    """
    place = Place(source, "tariff.", line_of)
    _refuse_unknown(mapping, _KEYS, place)
    name = mapping.get("name")
    given = [key for key in _PRICE_KEYS if key in mapping]
    packaged = isinstance(name, str) and name in NAMED_TARIFFS
    if len(given) + packaged != 1:
        known = ", ".join(sorted(NAMED_TARIFFS))
        value = " and ".join([*([f"name {name}"] if packaged else []), *given]) or (f"name {name}" if name else "no prices")
        place.refuse(
            "tariff.prices",
            "name",
            value,
            f"one of periods, file, price_per_kwh or a packaged name ({known})",
            "say once where prices come from",
        )
    terms = terms_from_mapping(mapping, place, named_terms(str(name)) if packaged else None)
    periods = named_periods(str(name)) if packaged else _periods(mapping, place)
    if "file" in mapping and terms is not None:
        return _from_file(mapping, terms, place, read_text)
    if place.findings or terms is None:
        raise InputError(place.findings)
    return tou_tariff(terms, periods, place)


def series_tariff_from_mapping(mapping: Mapping[str, object], source: str, line_of: LineOf, signal: Signal) -> SeriesTariff:
    """The tariff of a price series that the caller has read; `mapping` holds its terms (the keys of TERM_KEYS)."""
    place = Place(source, "tariff.", line_of)
    terms = terms_from_mapping(mapping, place, None)
    if place.findings or terms is None:
        raise InputError(place.findings)
    return series_tariff(terms, signal, source)


def terms_from_mapping(mapping: Mapping[str, object], place: Place, base: Terms | None) -> Terms | None:
    """The terms in `mapping`, over those of `base`; None (with findings in `place`) where they cannot be used."""
    before = len(place.findings)
    currency, zone = _currency(mapping, place, base), _zone(mapping, place, base)
    price = _number(mapping, "demand_per_kw_month", place, "0 or more per kW and month", lambda x: x >= 0)
    interval_s = _number(mapping, "demand_interval_s", place, "60 to 86400 s, whole seconds", lambda x: 60 <= x <= 86400 and x == int(x))
    export = _number(mapping, "export_price_per_kwh", place, "a finite price per kWh")
    tax = _number(mapping, "tax_share", place, "0..1, e.g. 0.13 for 13 %", lambda x: 0 <= x <= 1)
    if len(place.findings) > before or currency is None or zone is None:
        return None
    terms = base or Terms(str(mapping.get("name") or "tariff"), currency, zone)
    demand = terms.demand if price is None else DemandCharge(price)
    if interval_s is not None and demand is not None:
        demand = replace(demand, interval_s=int(interval_s))
    return replace(
        terms,
        currency=currency,
        zone=zone,
        demand=demand,
        export_price_per_kwh=terms.export_price_per_kwh if export is None else export,
        tax_share=terms.tax_share if tax is None else tax,
    )


def _refuse_unknown(mapping: Mapping[str, object], known: frozenset[str], place: Place) -> None:
    for key in mapping:
        if key not in known:
            place.refuse("tariff.unknown-key", key, mapping[key], ", ".join(sorted(known)), "correct the spelling or remove it")


def _currency(mapping: Mapping[str, object], place: Place, base: Terms | None) -> str | None:
    value = mapping.get("currency", base.currency if base else "")
    if isinstance(value, str) and re.fullmatch("[A-Z]{3}", value):
        if base is None or value == base.currency:
            return value
        place.refuse("tariff.currency", "currency", value, base.currency, "a packaged tariff keeps its currency: remove this line")
        return None
    place.refuse("tariff.currency", "currency", value, "three capital letters of ISO 4217, e.g. CNY", "give the currency")
    return None


def _zone(mapping: Mapping[str, object], place: Place, base: Terms | None) -> ZoneInfo | None:
    if "zone" not in mapping and base is not None:
        return base.zone
    value = mapping.get("zone", "")
    try:
        if isinstance(value, str) and value:
            return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    place.refuse("tariff.zone", "zone", value, "an IANA time zone, e.g. Asia/Shanghai", "give the zone whose clock the periods follow")
    return None


def _number(
    mapping: Mapping[str, object], key: str, place: Place, allowed: str, right: Callable[[float], bool] = math.isfinite
) -> float | None:
    if key not in mapping:
        return None
    value = number_of(mapping[key]) if not isinstance(mapping[key], str) else None
    if value is None or not right(value):
        place.refuse("tariff.number", key, mapping[key], allowed, "correct the number")
        return None
    return value


def _periods(mapping: Mapping[str, object], place: Place) -> list[Period]:
    if "price_per_kwh" in mapping:
        price = _number(mapping, "price_per_kwh", place, "a finite price per kWh")
        return [] if price is None else [Period("flat", 0, 1440, price)]
    raw = mapping.get("periods", [])
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not all(isinstance(item, Mapping) for item in raw):
        place.refuse("tariff.periods", "periods", raw, "a list of tables", "write one [[tariff.periods]] for each period")
        return []
    periods = []
    for k, item in enumerate(raw):
        here = place.inside(f"periods[{k}].")
        _refuse_unknown(item, _PERIOD_KEYS, here)
        line = next((n for key in item if (n := here.line_of(f"{here.prefix}{key}")) is not None), None)
        periods.append(period_from(item, here, line))
    return [p for p in periods if p is not None]


def _from_file(mapping: Mapping[str, object], terms: Terms, place: Place, read_text: ReadText | None) -> TouTariff:
    file, region, seasons = mapping["file"], mapping.get("region"), mapping.get("season_months", {})
    if not isinstance(file, str) or not file:
        place.refuse("tariff.file", "file", file, "the path of a table (CSV)", "give the path as text")
    if region is not None and not isinstance(region, str):
        place.refuse("tariff.region", "region", region, "text", "name one of the table's provinces")
    months: dict[str, Sequence[int]] = {}
    for season, value in seasons.items() if isinstance(seasons, Mapping) else [("", None)]:
        found = months_of(value)
        if found is None:
            place.refuse("tariff.months", f"season_months.{season}", value, "months 1..12, e.g. [7, 8]", "list the months of the season")
        months[str(season)] = sorted(found or ())
    if place.findings:
        raise InputError(place.findings)
    if read_text is None:
        raise ValueError("a tariff with `file` needs `read_text`")
    return tariff_from_table(read_text(str(file)), str(file), terms, months, None if region is None else str(region))
