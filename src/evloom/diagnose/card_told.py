"""A card in words, English or Chinese: sections of lines, the same for a terminal, a page and a report."""

from dataclasses import dataclass

from evloom.diagnose.card import Card, Fault, Life, Matter, Route, Value
from evloom.diagnose.card_texts import CAUSES, LEVEL_WORDS, text
from evloom.diagnose.grade import Reason
from evloom.diagnose.value_life import HORIZON_YEARS

_LABELS: dict[str, tuple[str, str]] = {
    "identity": ("Battery", "电池"),
    "vehicle": ("vehicle", "车辆"),
    "pack": ("pack", "电池包"),
    "cells": ("cells", "电芯"),
    "rated": ("rated", "额定"),
    "coverage": ("Data", "数据"),
    "health": ("Health", "健康"),
    "soh": ("capacity", "容量健康度"),
    "middle": ("of the middle cell: a weaker one is not seen", "按中位单体计：看不出更弱的单体"),
    "energy_soh": ("energy", "能量健康度"),
    "resistance_soh": ("resistance", "内阻健康度"),
    "weakest": ("weakest cell", "最弱单体"),
    "stiffest": ("highest resistance, of the median cell's", "内阻最高单体（相对中位）"),
    "faults": ("Open warnings", "未关闭警告"),
    "none": ("none", "无"),
    "lives": ("Remaining life", "剩余寿命"),
    "grade": ("Grade", "等级"),
    "not-better": ("no better because", "未达更高等级的原因"),
    "routes": ("Where it is worth most", "去向与现值"),
    "best": ("best", "最优去向"),
    "v2g": ("V2G adds while in the car", "在车期间V2G增值"),
    "wear": ("a kWh given back costs in battery life", "每放电1 kWh的电池寿命成本"),
    "matters": ("What matters most", "影响最大的因素"),
    "spread": (
        "{share} of the spread: {low} {unit} at {least}, {high} {unit} at {most}",
        "占不确定度 {share}：{least} 时 {low} {unit}，{most} 时 {high} {unit}",
    ),
    "measure": ("What to measure", "建议测量"),
    "missing": ("What the data cannot tell", "数据无法判断的内容"),
    "closed": ("closed", "不可行"),
    "unknown": ("not known", "未知"),
    "no-chemistry": ("chemistry not known", "化学体系未知"),
    "cause-unknown": ("cause unknown", "原因未知"),
    "see": ("not known, see below what is needed", "未知，所需数据见下"),
}

_UNITS = {"years": "年", "share": "比例", "share a year": "比例/年", "times": "倍", "full cycles a year": "次等效循环/年", "degC": "℃"}
_COVERAGE = {
    "days": ("days", "天数"),
    "seen_days": ("days with frames", "有数据天数"),
    "frames": ("frames", "帧数"),
    "skipped": ("frames left out", "弃用帧数"),
    "charge_windows": ("charges", "充电次数"),
    "rests": ("rests", "静置次数"),
    "km": ("km", "公里"),
    "full_cycles": ("full cycles", "等效循环"),
}
_PLACES = {"full_cycles": 1}
"""Digits after the point of what is covered."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card: its title and its lines, each a label and what is said."""

    title: str
    lines: tuple[tuple[str, str], ...]


def told(card: Card, language: str = "en") -> tuple[Section, ...]:
    """All sections of a card; `language` "en" or "zh". Empty ones are left out."""
    sections = (
        _section("identity", _identity(card, language), language),
        _section("coverage", _coverage(card, language), language),
        _section("health", _health(card, language), language),
        _section("faults", tuple(_fault(each, language) for each in card.faults) or (("", label("none", language)),), language),
        _section("lives", tuple(_life(each, card, language) for each in card.lives), language),
        _section("grade", _grade(card, language), language),
        _section("routes", _routes(card, language), language),
        _section("matters", tuple(_matter(each, card, language) for each in card.matters), language),
        _section("measure", tuple(("", text(key, language)) for key in card.measure), language),
        _section("missing", tuple(("", text(key, language)) for key in card.missing), language),
    )
    return tuple(section for section in sections if section.lines)


def label(key: str, language: str) -> str:
    """A label of the card in a language."""
    return _LABELS[key][1 if language == "zh" else 0]


def reason_words(reason: Reason, language: str) -> str:
    """Why something is not better, in words with its numbers."""
    subject, _, level = reason.subject.partition(":")
    level = LEVEL_WORDS.get(level, level) if language == "zh" else level
    return text(reason.key, language).format(asked=reason.asked or 0.0, have=reason.have or 0.0, subject=subject, level=level)


def source_words(source: str, language: str) -> str:
    """A source as it is told: those of others are cited as they are."""
    return "本项目规则" if language == "zh" and source.startswith("house rule") else source


def unit_words(unit: str, language: str) -> str:
    """A unit in a language."""
    return _UNITS.get(unit, unit) if language == "zh" else unit


def money(value: Value, currency: str) -> str:
    """An amount with its interval: "29,400 CNY (18,400 .. 43,700)"."""
    return f"{value.expected:,.0f} {currency} ({value.p10:,.0f} .. {value.p90:,.0f})"


def years_words(value: Value, language: str) -> str:
    """Years with their interval; the horizon is "25 or more"."""
    unit = unit_words("years", language)
    middle, low, high = (f"{HORIZON_YEARS:.0f}+" if each >= HORIZON_YEARS else f"{each:.1f}" for each in (value.p50, value.p10, value.p90))
    return f"{middle} {unit} ({low} .. {high})"


def _section(key: str, lines: tuple[tuple[str, str], ...], language: str) -> Section:
    return Section(label(key, language), lines)


def _identity(card: Card, language: str) -> tuple[tuple[str, str], ...]:
    who = card.identity
    unknown = label("unknown", language)
    rated = [f"{who.capacity_ah:g} Ah"] if who.capacity_ah is not None else []
    rated += [f"{who.energy_kwh:.1f} kWh"] if who.energy_kwh is not None else []
    return (
        (label("vehicle", language), who.vehicle_id),
        (label("pack", language), who.pack_id),
        (
            label("cells", language),
            f"{who.n_cell} {who.chemistry}" if who.chemistry else f"{who.n_cell}, {label('no-chemistry', language)}",
        ),
        (label("rated", language), ", ".join(rated) or unknown),
    )


def _coverage(card: Card, language: str) -> tuple[tuple[str, str], ...]:
    place = 1 if language == "zh" else 0
    return tuple((_COVERAGE.get(name, (name, name))[place], f"{figure:,.{_PLACES.get(name, 0)}f}") for name, figure in card.coverage)


def _health(card: Card, language: str) -> tuple[tuple[str, str], ...]:
    lines = []
    for name in ("soh", "energy_soh", "resistance_soh"):
        value = getattr(card, name)
        words = label("unknown", language) if value is None else f"{value.p50:.1%} ({value.p10:.1%} .. {value.p90:.1%})"
        lines.append((label(name, language), f"{words}; {label('middle', language)}" if name == "soh" and is_of_middle(card) else words))
    if card.weakest_cell is not None:
        cell = card.weakest_cell
        if cell.capacity_share is not None:
            lines.append((label("weakest", language), f"V_{cell.cell + 1}: {cell.capacity_share:.1%}"))
        elif cell.resistance_share is not None:
            lines.append((label("stiffest", language), f"V_{cell.cell + 1}: {cell.resistance_share:.0%}"))
    return tuple(lines)


def is_of_middle(card: Card) -> bool:
    """Whether a capacity is told that knows nothing of single cells: one that has lost capacity makes the pack smaller than that."""
    return card.soh is not None and "health.cell-capacity" in card.missing


def _fault(fault: Fault, language: str) -> tuple[str, str]:
    where = f"V_{fault.cell + 1}: " if fault.cell is not None else f"T_{fault.probe + 1}: " if fault.probe is not None else ""
    names = CAUSES.get(fault.cause, (fault.cause, fault.cause))
    cause = label("cause-unknown", language) if fault.cause == "unknown" else names[1 if language == "zh" else 0]
    rules = "; ".join(text(key, language) for key in fault.rules)
    level = LEVEL_WORDS.get(fault.level, fault.level) if language == "zh" else fault.level
    return level, f"{where}{cause} {fault.chance:.0%}" + (f" ({rules})" if rules else "")


def _lacking(missing: tuple[str, ...], card: Card, language: str) -> str:
    """What is needed to tell a figure; where the card lists all of it at its end, that it does."""
    if missing and set(missing) <= set(card.missing):
        return label("see", language)
    return "; ".join(text(key, language) for key in missing)


def _life(life: Life, card: Card, language: str) -> tuple[str, str]:
    if life.years is None:
        words = _lacking(life.missing, card, language)
    else:
        until = f"SOH {life.soh_end:.0%}"
        per_year = f"{life.cycles_per_year.p50:.0f} {unit_words('full cycles a year', language)}"
        words = f"{years_words(life.years, language)}, {until}, {per_year}"
    return text(f"use.{life.use}", language), words


def _grade(card: Card, language: str) -> tuple[tuple[str, str], ...]:
    grade = card.grade
    if not grade.name:
        return tuple(("", text(key, language)) for key in grade.missing)
    chances = ", ".join(f"{name} {chance:.0%}" for name, chance in grade.chances)
    lines = [(grade.name, chances)]
    lines += [
        (label("not-better", language), f"{reason_words(each, language)} [{source_words(each.source, language)}]") for each in grade.reasons
    ]
    return (*lines, *(("", text(key, language)) for key in grade.missing))


def _routes(card: Card, language: str) -> tuple[tuple[str, str], ...]:
    lines = [(text(f"route.{route.name}", language), _route(route, card, language)) for route in card.routes]
    if card.best:
        lines.append((label("best", language), text(f"route.{card.best}", language)))
    if card.v2g_gain is not None:
        lines.append((label("v2g", language), money(card.v2g_gain, card.currency)))
    if card.wear_price_per_kwh is not None:
        wear = card.wear_price_per_kwh
        lines.append((label("wear", language), f"{wear.p50:.2f} {card.currency} ({wear.p10:.2f} .. {wear.p90:.2f})"))
    return tuple(lines)


def _route(route: Route, card: Card, language: str) -> str:
    if not route.open:
        reasons = "; ".join(dict.fromkeys(reason_words(each, language) for each in route.reasons))
        return f"{label('closed', language)}: {reasons}"
    if route.worth is None:
        return _lacking(route.missing, card, language)
    words = money(route.worth, card.currency)
    return f"{words} - {text(f'needs.{route.needs}', language)}" if route.needs else words


def _matter(matter: Matter, card: Card, language: str) -> tuple[str, str]:
    """What part of the spread an input makes, and what comes out at its low and at its high end."""
    is_money = card.matters_of.startswith("route:")
    unit = card.currency if is_money else unit_words("years", language)
    low, high = (f"{each:,.0f}" if is_money else f"{each:.1f}" for each in (matter.low, matter.high))
    least, most = (_given(each, matter.unit, language) for each in (matter.p10, matter.p90))
    said = label("spread", language).format(share=f"{matter.share:.0%}", least=least, most=most, low=low, high=high, unit=unit)
    return text(f"input.{matter.key}", language), said


def _given(value: float, unit: str, language: str) -> str:
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f} {unit_words(unit, language)}" if abs(value) >= 1000.0 else f"{value:.4g} {unit_words(unit, language)}"
