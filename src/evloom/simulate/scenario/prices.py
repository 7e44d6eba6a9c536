"""Tariff and contract of a scenario."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.market.contract import ByTariff, Contract, Counts, DayWindow, TimeFee
from evloom.market.mapping import series_tariff_from_mapping, tariff_from_mapping
from evloom.market.tariff import Tariff
from evloom.simulate.scenario.loads import Setting, read_file
from evloom.simulate.scenario.schema import ContractSection, TimeFeeSection
from evloom.simulate.scenario.section import Notes

SERIES_KEYS = ("file", "format", "column")


def tariff_of(raw: object, setting: Setting, notes: Notes) -> Tariff | None:
    """The tariff of the [tariff] table; with `format` its `file` is a series of prices. None beside findings."""
    if not isinstance(raw, Mapping):
        value = "(not given)" if raw is None else str(raw)
        notes.refuse("missing-key", "tariff", value, "a table", 'add [tariff] with name = "zhejiang-jiaxing-2025", or periods of your own')
        return None
    try:
        if "format" in raw:
            return _series_tariff(raw, setting, notes)
        return tariff_from_mapping(raw, notes.source, notes.lines.line_of, lambda name: read_text(setting.folder / name))
    except InputError as error:
        notes.findings.extend(error.findings)
        return None


def _series_tariff(raw: Mapping[str, object], setting: Setting, notes: Notes) -> Tariff | None:
    wrong = [name for name in SERIES_KEYS if not isinstance(raw.get(name, ""), str)]
    for name in wrong + (["file"] if "file" not in raw else []):
        notes.refuse("wrong-type", f"tariff.{name}", str(raw.get(name, "(not given)")), "text", "a price series needs file and format")
    if wrong or "file" not in raw:
        return None
    column = str(raw["column"]) if "column" in raw else None
    signal = read_file((str(raw["file"]),), (str(raw["format"]), column), "tariff.file", setting, notes)
    if signal is None:
        return None
    terms = {name: value for name, value in raw.items() if name not in SERIES_KEYS}
    if signal.unit != f"{raw.get('currency')}/kWh":
        allowed = f"{raw.get('currency')}/kWh"
        notes.refuse(
            "tariff-unit", "tariff.currency", f"prices in {signal.unit}", allowed, "give the currency of the file, and a column of prices"
        )
        return None
    return series_tariff_from_mapping(terms, notes.source, notes.lines.line_of, _without_gaps(signal, setting))


def _without_gaps(signal: Signal, setting: Setting) -> Signal:
    """The longest piece of the series around the run in which every step has a price, at most as far as plans can look."""
    grid, wanted = signal.grid, setting.around()
    low = max(0, math.floor(grid.position(wanted.start)))
    high = min(grid.n, math.ceil(grid.position(wanted.end)))
    missing = np.flatnonzero(~np.isfinite(signal.actual))
    before = missing[missing < grid.position(setting.grid.start)]
    after = missing[missing >= grid.position(setting.grid.end)]
    low = max(low, int(before[-1]) + 1) if len(before) else low
    high = min(high, int(after[0])) if len(after) else high
    issued = None if signal.issued is None else signal.issued[low:high]
    return replace(signal, grid=TimeGrid(grid.at(low), grid.step_s, high - low), actual=signal.actual[low:high], issued=issued)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8. Raises InputError with one finding where that is not possible."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        advice = "name a file that exists; paths are relative to the scenario"
        raise _unreadable("file.not-readable", path, error.strerror or "not readable", "a readable file", advice) from None
    except UnicodeDecodeError:
        raise _unreadable("file.not-utf-8", path, "another encoding", "UTF-8", "save the file as UTF-8") from None


def _unreadable(code: str, path: Path, value: str, allowed: str, advice: str) -> InputError:
    return InputError([Finding(code, "refused", path.name, None, None, value, allowed, advice)])


def contract_of(section: ContractSection | None, currency: str, notes: Notes) -> Contract | None:
    """The contract of [contract] in the tariff's currency; money becomes Decimal with the digits that were written."""
    if section is None:
        return None
    if section.v2g_tariff_share is not None and section.v2g_price_per_kwh is not None:
        notes.refuse(
            "two-prices", f"{section.path}.v2g_price_per_kwh", "two prices", "one of the two", "keep v2g_tariff_share or v2g_price_per_kwh"
        )
    v2g: ByTariff | Decimal | None = None
    if section.v2g_price_per_kwh is not None:
        v2g = _money(section.v2g_price_per_kwh)
    elif section.v2g_tariff_share is not None:
        v2g = ByTariff(_money(section.v2g_tariff_share))
    fixed = section.energy_price_per_kwh
    return Contract(
        name=section.name,
        currency=currency,
        energy=ByTariff(_money(section.energy_tariff_share)) if fixed is None else _money(fixed),
        service_per_kwh=_money(section.service_price_per_kwh),
        session_fee=_money(section.session_fee),
        time_fees=tuple(_time_fee(item, notes) for item in section.time_fee),
        v2g=v2g,
        tax_share=_money(section.tax_share),
        tax_included=section.tax_included,
        waived_if_no_energy=section.waived_if_no_energy,
    )


def _time_fee(item: TimeFeeSection, notes: Notes) -> TimeFee:
    window = None
    if item.window_from is not None or item.window_to is not None:
        start = _minute(item.window_from or "00:00", f"{item.path}.window_from", notes)
        window = DayWindow(start, _minute(item.window_to or "24:00", f"{item.path}.window_to", notes))
    return TimeFee(
        label=item.label,
        price_per_h=_money(item.price_per_h),
        counts=Counts(item.counts),
        free_h=_money(item.free_h),
        step_s=item.step_s,
        fee_min=None if item.fee_min is None else _money(item.fee_min),
        fee_max=None if item.fee_max is None else _money(item.fee_max),
        window=window,
    )


def _money(value: float) -> Decimal:
    """The decimal digits that were written: 0.1 is one tenth, not its binary neighbour. A refused value counts as 0."""
    return Decimal(repr(value)) if value == value else Decimal(0)


def _minute(text: str, path: str, notes: Notes) -> int:
    hour, _, minute = text.partition(":")
    if hour.isdigit() and minute.isdigit() and int(minute) < 60 and int(hour) * 60 + int(minute) <= 1440:
        return int(hour) * 60 + int(minute)
    notes.refuse("not-a-time", path, f'"{text}"', "00:00 to 24:00", 'write the local time of day as "07:00"')
    return 0
