"""Tariffs and contracts as documents: what an operator writes, the API stores, and a bill is made from, checked as a whole.

A tariff document says what energy costs when:

    {"currency": "CNY", "zone": "Asia/Shanghai", "tax_share": 0,
     "periods": [{"category": "valley", "start": "22:00", "end": "08:00", "price_per_kwh": 0.3784}, ...]}

or names a packaged tariff: {"name": "zhejiang-jiaxing-2025"}. A contract document says what a driver pays:

    {"name": "orderly", "currency": "CNY", "energy_tariff_share": 1, "service_price_per_kwh": 0.40, "session_fee": 0,
     "tax_share": 0.06, "v2g_tariff_share": 1.2,
     "time_fees": [{"label": "overstay", "price_per_h": 2, "counts": "after charging", "free_h": 0.25}]}

or names a packaged contract: {"name": "orderly-cny"}. Money may be a number or text; its digits are kept as they were written.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from evloom.kernel.errors import InputError
from evloom.market.contract import ByTariff, Contract, Counts, DayWindow, PriceRule, TimeFee, minor_unit
from evloom.market.mapping import tariff_from_mapping
from evloom.market.named_contracts import NAMED_CONTRACTS
from evloom.market.period import minute_of
from evloom.market.place import Place
from evloom.market.tariff import TouTariff

TARIFF_KEYS = ("name", "currency", "zone", "periods", "price_per_kwh", "tax_share", "export_price_per_kwh")
CONTRACT_KEYS = (
    "name",
    "currency",
    "energy_tariff_share",
    "energy_price_per_kwh",
    "service_price_per_kwh",
    "session_fee",
    "tax_share",
    "tax_included",
    "v2g_tariff_share",
    "v2g_price_per_kwh",
    "waived_if_no_energy",
    "time_fees",
)
FEE_KEYS = ("label", "price_per_h", "counts", "free_h", "step_s", "fee_min", "fee_max", "window_from", "window_to")
MONEY_MAX = Decimal(1_000_000)
NEGATIVE = "negative_prices"
"""Key of a tariff document: true where prices below zero are meant; without it one is taken for a mistake."""


def tariff_of_document(document: Mapping[str, object], source: str = "tariff") -> TouTariff:
    """The tariff of a document. Raises InputError with every finding: no currency, hole, overlap, negative price, unknown key ..."""
    place = Place(source, "", lambda _: None)
    if "file" in document:
        place.refuse("tariff.unknown-key", "file", document["file"], ", ".join(TARIFF_KEYS), "write the periods into the document")
    _refuse_negative(document, place)
    plain = {key: value for key, value in document.items() if key not in (NEGATIVE, "file")}
    found = list(place.findings)
    tariff = None
    try:
        tariff = tariff_from_mapping(plain, source, place.line_of)
    except InputError as error:
        found += [replace(f, field=(f.field or "").removeprefix("tariff.") or None) for f in error.findings]
    if found or not isinstance(tariff, TouTariff):
        raise InputError(found)
    return tariff


def contract_of_document(document: Mapping[str, object], source: str = "contract") -> Contract:
    """The contract of a document. Raises InputError with every finding."""
    place = Place(source, "", lambda _: None)
    name = document.get("name")
    if isinstance(name, str) and set(document) == {"name"} and name in NAMED_CONTRACTS:
        return contract_of_document(NAMED_CONTRACTS[name], source)
    _refuse_unknown(document, CONTRACT_KEYS, place)
    if not isinstance(name, str) or not name.strip() or len(name) > 100:
        place.refuse("contract.name", "name", _shown(name), "a name of 1 to 100 characters", "name the contract as the bill shall call it")
    currency = document.get("currency")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper() and currency.isalpha()):
        place.refuse("contract.currency", "currency", _shown(currency), "three capital letters of ISO 4217, e.g. CNY", "give the currency")
    contract = Contract(
        name=str(name).strip(),
        currency=str(currency),
        energy=_rule(document, "energy", place) or ByTariff(),
        service_per_kwh=_money(document, "service_price_per_kwh", place) or Decimal(0),
        session_fee=_money(document, "session_fee", place) or Decimal(0),
        time_fees=_time_fees(document.get("time_fees", []), place),
        v2g=_rule(document, "v2g", place),
        tax_share=_money(document, "tax_share", place, Decimal(1)) or Decimal(0),
        tax_included=_flag(document, "tax_included", place),
        waived_if_no_energy=_flag(document, "waived_if_no_energy", place),
    )
    if place.findings:
        raise InputError(place.findings)
    _refuse_fractions(contract, place)
    return contract


def _refuse_fractions(contract: Contract, place: Place) -> None:
    """A fee that is taken once must be an amount that can be paid."""
    unit = minor_unit(contract.currency)
    fixed = [("session_fee", contract.session_fee)]
    for k, fee in enumerate(contract.time_fees):
        fixed += [(f"time_fees[{k}].{key}", x) for key, x in (("fee_min", fee.fee_min), ("fee_max", fee.fee_max)) if x is not None]
    for key, amount in fixed:
        if amount != amount.quantize(unit):
            place.refuse("contract.minor-unit", key, f"{amount} {contract.currency}", f"a multiple of {unit}", "round it")
    if place.findings:
        raise InputError(place.findings)


def _refuse_negative(document: Mapping[str, object], place: Place) -> None:
    flag = document.get(NEGATIVE, False)
    if not isinstance(flag, bool):
        place.refuse("tariff.flag", NEGATIVE, _shown(flag), "true or false", "correct it or leave it out")
    if flag is True:
        return
    prices = [("price_per_kwh", document.get("price_per_kwh"))]
    periods = document.get("periods")
    if isinstance(periods, Sequence) and not isinstance(periods, str):
        prices += [(f"periods[{k}].price_per_kwh", p.get("price_per_kwh")) for k, p in enumerate(periods) if isinstance(p, Mapping)]
    for path, value in prices:
        price = _decimal(value)
        if price is not None and price < 0:
            place.refuse(
                "tariff.negative-price",
                path,
                f"{value} per kWh",
                "0 or more per kWh",
                f"correct it, or set {NEGATIVE} to true",
            )


def _refuse_unknown(document: Mapping[str, object], known: Sequence[str], place: Place) -> None:
    for key in document:
        if key not in known:
            place.refuse("contract.unknown-key", key, _shown(document[key]), ", ".join(known), "correct the spelling or remove it")


def _decimal(value: object) -> Decimal | None:
    """A number, or text of one, with the digits as written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _money(document: Mapping[str, object], key: str, place: Place, most: Decimal = MONEY_MAX) -> Decimal | None:
    """A number 0..most with at most 8 decimals; None where it is missing or refused."""
    value = document.get(key)
    if value is None:
        return None
    number = _decimal(value)
    if number is None or not 0 <= number <= most or number != round(number, 8):
        what = "negative-price" if number is not None and number < 0 else "number"
        allowed = f"0 to {most}, at most 8 decimals"
        place.refuse(f"contract.{what}", key, _shown(value), allowed, "correct the number; a credit to the driver is a v2g price")
        return None
    return number


def _flag(document: Mapping[str, object], key: str, place: Place) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        place.refuse("contract.flag", key, _shown(value), "true or false", "correct it or leave it out")
    return value is True


def _rule(document: Mapping[str, object], what: str, place: Place) -> PriceRule | None:
    share, price = f"{what}_tariff_share", f"{what}_price_per_kwh"
    if document.get(share) is not None and document.get(price) is not None:
        place.refuse("contract.two-prices", price, "two prices", f"{share} or {price}", "keep one of the two")
    fixed = _money(document, price, place)
    part = _money(document, share, place, Decimal(100))
    return fixed if fixed is not None else None if part is None else ByTariff(part)


def _time_fees(raw: object, place: Place) -> tuple[TimeFee, ...]:
    if not isinstance(raw, Sequence) or isinstance(raw, str) or not all(isinstance(item, Mapping) for item in raw) or len(raw) > 20:
        place.refuse("contract.time-fees", "time_fees", _shown(raw), "a list of at most 20 fees", "write one object for each fee")
        return ()
    return tuple(_time_fee(item, place.inside(f"time_fees[{k}].")) for k, item in enumerate(raw))


def _time_fee(item: Mapping[str, object], place: Place) -> TimeFee:
    _refuse_unknown(item, FEE_KEYS, place)
    label, counts, step_s = item.get("label"), item.get("counts", Counts.AFTER_CHARGING.value), item.get("step_s", 0)
    if not isinstance(label, str) or not label.strip() or len(label) > 100:
        place.refuse("contract.label", "label", _shown(label), "a name of 1 to 100 characters", "name the fee as the bill shall call it")
    known = [kind.value for kind in Counts]
    if counts not in known:
        place.refuse("contract.counts", "counts", _shown(counts), " | ".join(known), "say which part of the stay it counts")
    if not isinstance(step_s, int) or isinstance(step_s, bool) or not 0 <= step_s <= 86_400:
        place.refuse("contract.step", "step_s", _shown(step_s), "0 to 86400 s, whole seconds", "0 counts to the second")
    if item.get("price_per_h") is None:
        place.refuse("contract.number", "price_per_h", "(empty)", "a price per hour", "give the price, 0 if it is free")
    least, most = _money(item, "fee_min", place), _money(item, "fee_max", place)
    if least is not None and most is not None and least > most:
        place.refuse("contract.fee-bounds", "fee_min", str(least), f"at most fee_max, {most}", "correct one of the two")
    return TimeFee(
        label=str(label).strip(),
        price_per_h=_money(item, "price_per_h", place) or Decimal(0),
        counts=Counts(counts) if counts in known else Counts.AFTER_CHARGING,
        free_h=_money(item, "free_h", place) or Decimal(0),
        step_s=step_s if isinstance(step_s, int) else 0,
        fee_min=least,
        fee_max=most,
        window=_window(item, place),
    )


def _window(item: Mapping[str, object], place: Place) -> DayWindow | None:
    if item.get("window_from") is None and item.get("window_to") is None:
        return None
    minutes = []
    for key, otherwise in (("window_from", "00:00"), ("window_to", "24:00")):
        minute = minute_of(item.get(key) or otherwise)
        if minute is None:
            place.refuse("contract.time", key, _shown(item.get(key)), "a local time from 00:00 to 24:00", "write it as HH:MM")
        minutes.append(minute or 0)
    if minutes[0] == minutes[1]:
        place.refuse(
            "contract.time", "window_to", _shown(item.get("window_to")), "not the time of window_from", "leave both out for always"
        )
    return DayWindow(minutes[0], minutes[1])


def _shown(value: object) -> str:
    try:
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text[:80] or "(empty)"
