"""A receipt as text: every number formatted, every word in the reader's language. Page and paper lay out the same view."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from evloom.kernel.timegrid import from_epoch_s
from evloom.market.bill import Line, LineKind, PeriodUse
from evloom.market.contract import minor_unit
from evloom.market.offer import Named
from evloom.market.receipt import Receipt
from evloom.serve.billing.lexicon import Language, remark, word

Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]
"""Heads and rows of a table."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown, in the order in which it is shown. Paragraphs and tables may be empty."""

    language: Language
    title: str
    number: str
    facts: tuple[tuple[str, str], ...]
    items: Table
    total: tuple[str, str]
    tax_within: tuple[str, str] | None
    uses_title: str
    uses: Table
    paragraphs: tuple[tuple[str, tuple[str, ...]], ...]
    signed: tuple[str, tuple[str, ...]]
    foot: str


def view_of(receipt: Receipt, language: Language) -> View:
    """The receipt in a language, times by the clock of the tariff."""
    title = word(receipt.kind if receipt.number else "preview", language)
    number = f"{word('number', language)} {receipt.number:06d}" if receipt.number else ""
    unit = minor_unit(receipt.currency)
    within = None
    if receipt.tax_within:
        within = (word("tax within", language), f"{receipt.tax_within.quantize(unit):f} {receipt.currency}")
    return View(
        language=language,
        title=title,
        number=number,
        facts=tuple((label, text) for label, text in _facts(receipt, language) if text),
        items=_items(receipt, language),
        total=(word("total", language), f"{receipt.total.quantize(unit):f} {receipt.currency}"),
        tax_within=within,
        uses_title=word("uses", language),
        uses=_uses(receipt, language),
        paragraphs=_paragraphs(receipt, language),
        signed=(word("signed", language), receipt.signed),
        foot=f"{word('rule', language)} {word('clock', language)} {receipt.zone}.",
    )


def plain(value: Decimal) -> str:
    """A decimal number without zeros at its end."""
    return f"{value.normalize():f}"


def local(instant_s: float, zone: str) -> datetime:
    """An instant on the clock of a zone."""
    return from_epoch_s(instant_s).astimezone(ZoneInfo(zone))


def category_word(category: str, language: Language) -> str:
    """The name of a period of the tariff."""
    return word(category, language)


def line_label(line: Line, language: Language) -> str:
    """What a line is for."""
    if line.kind in (LineKind.ENERGY, LineKind.V2G_CREDIT):
        name = word("energy" if line.kind is LineKind.ENERGY else "V2G credit", language)
        text = f"{name} ({category_word(line.category, language)})" if line.category else name
    else:
        text = word(line.label, language)
        text = text[:1].upper() + text[1:]
    return f"{text}, {word(line.note, language)}" if line.note else text


def _facts(receipt: Receipt, language: Language) -> list[tuple[str, str]]:
    def named(key: str) -> str:
        return word(key, language)

    refers = named("replaces" if receipt.kind == "correction" else "credits")
    at = f"{receipt.station_id}, {named('connector')} {receipt.evse}" if receipt.evse else receipt.station_id
    rows = [
        (refers, f"{receipt.refers_to:06d}" if receipt.refers_to else ""),
        (named("reason"), named(receipt.reason)),
        (named("issued"), _minute(receipt.issued_s, receipt.zone) if receipt.issued_s else ""),
        (named("operator"), receipt.org_name),
        (named("site"), receipt.site_name),
        (named("station"), at),
        (named("session"), receipt.session_id),
        (named("driver"), receipt.driver_name or receipt.driver_id),
        (named("token"), receipt.token),
        (named("connected"), _span(receipt, language)),
    ]
    if receipt.kind == "credit":
        return rows
    return [
        *rows,
        (named("charged until"), _minute(receipt.charging_end_s, receipt.zone) if receipt.uses else ""),
        (named("energy charged"), f"{receipt.energy_kwh:f} kWh"),
        (named("energy given"), f"{receipt.given_kwh:f} kWh" if receipt.given_kwh else ""),
        (named("registers"), _registers(receipt)),
        (named("contract"), _named(receipt.contract, receipt.contract_version, language, named(f"whose {receipt.scope}"))),
        (named("tariff"), _named(receipt.tariff_version.terms_id, receipt.tariff_version, language, "")),
    ]


def _named(name: str, version: Named, language: Language, whose: str) -> str:
    if not name:
        return ""
    details = [f"{word('version', language)} {version.version}"] if version.version else []
    details += [whose] if whose and version.terms_id else []
    return f"{name} ({', '.join(details)})" if details else name


def _registers(receipt: Receipt) -> str:
    if receipt.begin_kwh is None or receipt.end_kwh is None:
        return ""
    return f"{receipt.begin_kwh:.3f} - {receipt.end_kwh:.3f} kWh"


def _minute(instant_s: float, zone: str) -> str:
    return f"{local(instant_s, zone):%Y-%m-%d %H:%M}"


def _span(receipt: Receipt, language: Language) -> str:
    start, end = local(receipt.started_s, receipt.zone), local(receipt.ended_s, receipt.zone)
    minutes = round((receipt.ended_s - receipt.started_s) / 60.0)
    last = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    length = f"{minutes // 60} {word('h', language)} {minutes % 60} {word('min', language)}"
    return f"{start:%Y-%m-%d %H:%M} - {last} ({length})"


def _items(receipt: Receipt, language: Language) -> Table:
    heads = tuple(word(key, language) for key in ("item", "quantity", "unit price", "amount"))
    rows = tuple(
        (
            line_label(line, language),
            f"{plain(line.quantity)} {word(line.unit, language)}".strip(),
            _rate(line, receipt.currency),
            f"{line.amount:f}",
        )
        for line in receipt.lines
    )
    return heads, rows


def _rate(line: Line, currency: str) -> str:
    """A unit price with at least the decimals of the currency; of tax its share in percent."""
    if line.kind is LineKind.TAX:
        return f"{plain(100 * line.unit_price)} %"
    return price_text(line.unit_price, currency)


def price_text(value: Decimal, currency: str) -> str:
    """A price with its own decimals, at least those of the currency."""
    unit = minor_unit(currency)
    return f"{value.quantize(unit):f}" if value == value.quantize(unit) else plain(value)


def _uses(receipt: Receipt, language: Language) -> Table:
    given = any(use.given_kwh for use in receipt.uses)
    keys = ["from", "to", "period", "kwh in", *(["kwh out"] if given else []), "price"]
    return tuple(word(key, language) for key in keys), tuple(_use(use, receipt, language, given) for use in receipt.uses)


def _use(use: PeriodUse, receipt: Receipt, language: Language, given: bool) -> tuple[str, ...]:
    energies = [f"{use.charged_kwh:.3f}", *([f"{use.given_kwh:.3f}"] if given else [])]
    start, end = local(use.start_s, receipt.zone), local(use.end_s, receipt.zone)
    return (
        f"{start:%m-%d %H:%M}",
        f"{end:%m-%d %H:%M}",
        category_word(use.category, language),
        *energies,
        price_text(use.price_per_kwh, receipt.currency),
    )


def _paragraphs(receipt: Receipt, language: Language) -> tuple[tuple[str, tuple[str, ...]], ...]:
    remarks = tuple(dict.fromkeys(text for f in receipt.warnings if (text := remark(f.code, language))))
    notes, chinese = receipt.notes, language == "zh"
    battery = (chinese and notes.battery_zh) or notes.battery
    found = (
        (word("why", language), (chinese and notes.why_zh) or notes.why),
        (word("battery", language), (battery,) if battery else ()),
        (word("warnings", language), remarks),
    )
    return tuple((title, texts) for title, texts in found if texts)
