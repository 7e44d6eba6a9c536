"""Contracts as a scenario file writes them: a `[contract]` table of a TOML file, already parsed."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from evloom.kernel.errors import InputError
from evloom.market.contract import ByTariff, Contract, Counts, DayWindow, TimeFee
from evloom.market.period import minute_of, number_of
from evloom.market.place import LineOf, Place

_COUNTS = {"connected": Counts.CONNECTED, "charging": Counts.CHARGING, "after-charging": Counts.AFTER_CHARGING}
_MONEY_KEYS = ("service_per_kwh", "session_fee")
_KEYS = frozenset(
    {
        *("name", "currency", "energy_price_per_kwh", "energy_tariff_share", "v2g_price_per_kwh", "v2g_tariff_share"),
        *(*_MONEY_KEYS, "tax_share", "tax_included", "waived_if_no_energy", "time_fees"),
    }
)
_FEE_KEYS = frozenset({"label", "price_per_h", "counts", "free_h", "step_s", "fee_min", "fee_max", "start", "end"})


def contract_from_mapping(mapping: Mapping[str, object], source: str, line_of: LineOf, prefix: str = "contract") -> Contract:
    """The contract of a parsed `[contract]` table.

    Keys: name, currency; energy_price_per_kwh (one price) or energy_tariff_share (times the tariff; the default is 1);
    service_per_kwh, session_fee; v2g_price_per_kwh or v2g_tariff_share (neither: nothing is paid); tax_share, tax_included,
    waived_if_no_energy; time_fees, a list of tables with label, price_per_h, counts (connected, charging or after-charging),
    free_h, step_s, fee_min, fee_max, and start and end of the hours of the day in which the fee runs.
    Raises InputError with all findings.
    """
    place = Place(source, f"{prefix}.", line_of)
    _refuse_unknown(mapping, _KEYS, place)
    currency = mapping.get("currency", "")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        place.refuse("contract.currency", "currency", currency, "three capital letters of ISO 4217, e.g. CNY", "give the currency")
    service, session = (_amount(mapping, key, place) for key in _MONEY_KEYS)
    tax = _decimal(mapping, "tax_share", place, "0..1, e.g. 0.06 for 6 %", lambda x: 0 <= x <= 1)
    flags = [_flag(mapping, key, place) for key in ("tax_included", "waived_if_no_energy")]
    energy, v2g = _price(mapping, "energy", place), _price(mapping, "v2g", place)
    fees = _time_fees(mapping.get("time_fees", []), place)
    if place.findings:
        raise InputError(place.findings)
    return Contract(
        name=str(mapping.get("name") or prefix),
        currency=str(currency),
        energy=ByTariff() if energy is None else energy,
        service_per_kwh=service or Decimal(0),
        session_fee=session or Decimal(0),
        time_fees=fees,
        v2g=v2g,
        tax_share=tax or Decimal(0),
        tax_included=flags[0],
        waived_if_no_energy=flags[1],
    )


def _refuse_unknown(mapping: Mapping[str, object], known: frozenset[str], place: Place) -> None:
    for key in mapping:
        if key not in known:
            place.refuse("contract.unknown-key", key, mapping[key], ", ".join(sorted(known)), "correct the spelling or remove it")


def _decimal(mapping: Mapping[str, object], key: str, place: Place, allowed: str, right: Callable[[float], bool]) -> Decimal | None:
    """The number as it was written (0.35, not its binary neighbour), or None, with a finding where it is wrong."""
    if key not in mapping:
        return None
    value = number_of(mapping[key]) if not isinstance(mapping[key], str) else None
    if value is None or not right(value):
        place.refuse("contract.number", key, mapping[key], allowed, "correct the number")
        return None
    return Decimal(repr(value))


def _amount(mapping: Mapping[str, object], key: str, place: Place) -> Decimal | None:
    return _decimal(mapping, key, place, "0 or more, in the contract's currency", lambda x: x >= 0)


def _flag(mapping: Mapping[str, object], key: str, place: Place) -> bool:
    value = mapping.get(key, False)
    if not isinstance(value, bool):
        place.refuse("contract.flag", key, value, "true or false", "write true or false without quotes")
    return value is True


def _price(mapping: Mapping[str, object], what: str, place: Place) -> ByTariff | Decimal | None:
    one = _amount(mapping, f"{what}_price_per_kwh", place)
    share = _decimal(mapping, f"{what}_tariff_share", place, "0 or more; 1 is the tariff's own price", lambda x: x >= 0)
    if one is not None and share is not None:
        advice = "keep one of the two"
        place.refuse("contract.two-prices", f"{what}_price_per_kwh", str(one), f"not together with {what}_tariff_share", advice)
    return ByTariff(share) if share is not None else one


def _time_fees(raw: object, place: Place) -> tuple[TimeFee, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not all(isinstance(item, Mapping) for item in raw):
        place.refuse("contract.time-fees", "time_fees", raw, "a list of tables", "write one [[contract.time_fees]] for each fee")
        return ()
    fees = [_time_fee(item, place.inside(f"time_fees[{k}].")) for k, item in enumerate(raw)]
    return tuple(fee for fee in fees if fee is not None)


def _time_fee(raw: Mapping[str, object], place: Place) -> TimeFee | None:
    before = len(place.findings)
    _refuse_unknown(raw, _FEE_KEYS, place)
    price, least, most = (_amount(raw, key, place) for key in ("price_per_h", "fee_min", "fee_max"))
    free_h = _decimal(raw, "free_h", place, "0 or more hours", lambda x: x >= 0)
    step_s = _decimal(raw, "step_s", place, "0 or more whole seconds", lambda x: x >= 0 and x == int(x))
    counts = _COUNTS.get(str(raw.get("counts", "connected")))
    if price is None and "price_per_h" not in raw:
        place.refuse("contract.number", "price_per_h", "", "0 or more per hour", "give the price of an hour")
    if counts is None:
        place.refuse("contract.counts", "counts", raw.get("counts"), " | ".join(_COUNTS), "say which part of the visit is counted")
    if least is not None and most is not None and least > most:
        place.refuse("contract.fee-bounds", "fee_min", str(least), f"at most fee_max = {most}", "exchange the two")
    window = _window(raw, place)
    if len(place.findings) > before or price is None or counts is None:
        return None
    label = str(raw.get("label") or counts.value)
    return TimeFee(label, price, counts, free_h or Decimal(0), int(step_s or 0), least, most, window)


def _window(raw: Mapping[str, object], place: Place) -> DayWindow | None:
    if "start" not in raw and "end" not in raw:
        return None
    start, end = minute_of(raw.get("start")), minute_of(raw.get("end"))
    for name, minute in (("start", start), ("end", end)):
        if minute is None:
            place.refuse("contract.time", name, raw.get(name) or "", "a local time from 00:00 to 24:00", "give start and end as HH:MM")
    if start is None or end is None:
        return None
    if start % 1440 == end % 1440:
        return None  # all day: the same as no window
    return DayWindow(start % 1440, end)
