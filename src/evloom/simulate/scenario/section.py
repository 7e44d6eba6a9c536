"""Sections of a scenario file as typed records: one declaration gives the check, the default and the documentation."""

import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from evloom.kernel.finding import Finding
from evloom.simulate.scenario.lines import LineIndex

UNIONS = (types.UnionType, typing.Union)

Moment = date | datetime
"""A local date, a local date and time, or an instant with offset; TOML has all three."""

FIRST_YEAR, LAST_YEAR = 1971, 2100


@dataclass(frozen=True)
class Rule:
    """What one key may hold. Bounds are inclusive unless `above`; `unit` is for messages, the key's name bears it too.

    name differs from the field's only where the key is a Python keyword; see says what None means as a default.
    """

    text: str
    unit: str = ""
    low: float | None = None
    above: float | None = None
    high: float | None = None
    name: str = ""
    see: str = ""

    def allowed(self) -> str:
        """The range in words."""
        low = f"> {self.above:g}" if self.above is not None else f">= {self.low:g}" if self.low is not None else ""
        high = f"<= {self.high:g}" if self.high is not None else ""
        span = " and ".join(part for part in (low, high) if part)
        return f"{span} {self.unit}".strip() if span else ""

    def holds(self, value: float) -> bool:
        """True where a number is finite and inside the range."""
        inside = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        return math.isfinite(value) and inside and (self.above is None or value > self.above)


def key(default: Any = MISSING, text: str = "", **rule: Any) -> Any:
    """Declare a key of a section: its default (none: required), what it means, and its `Rule`."""
    metadata = {"rule": Rule(text, **rule)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Base of all sections. `path` is where it stands in the file ("pile[2]")."""

    path: str


@dataclass
class Notes:
    """Collects findings about one scenario file and knows the line of every key.

    findings    about the scenario; one that is "refused" keeps it from running
    of_rows     about single rows of the files it names: told to the user, the rest of the file is used
    """

    source: str
    lines: LineIndex
    findings: list[Finding]
    of_rows: list[Finding] = field(default_factory=list)

    def refuse(self, code: str, path: str, value: str, allowed: str, advice: str) -> None:
        """Something that keeps the scenario from running."""
        self._add(code, "refused", path, value, allowed, advice)

    def warn(self, code: str, path: str, value: str, allowed: str, advice: str) -> None:
        """Something that runs as it is, but that the user should know."""
        self._add(code, "warning", path, value, allowed, advice)

    def _add(self, code: str, severity: Literal["refused", "warning"], path: str, value: str, allowed: str, advice: str) -> None:
        row = self.lines.line_of(path)
        self.findings.append(Finding(f"scenario.{code}", severity, self.source, row, path or None, value, allowed, advice))

    @property
    def refused(self) -> bool:
        """True when something was found that keeps the scenario from running."""
        return any(finding.severity == "refused" for finding in self.findings)


def keys_of(section: type[Section]) -> dict[str, tuple[Field[Any], Any, Rule]]:
    """The keys of a section by their name in the file: field, type and rule."""
    hints = typing.get_type_hints(section)
    found = {}
    for item in fields(section):
        rule = item.metadata.get("rule")
        if rule is not None:
            found[rule.name or item.name] = (item, hints[item.name], rule)
    return found


S = TypeVar("S", bound=Section)


def read_section(kind: type[S], raw: object, path: str, notes: Notes) -> S:
    """The record of one table. Wrong and missing keys become findings and are filled so that later checks can go on."""
    known = keys_of(kind)
    values: dict[str, Any] = {}
    if not isinstance(raw, Mapping):
        notes.refuse("wrong-type", path, _show(raw), "a table", f"write [{path}] with its keys below")
        raw = {}
    for name in raw:
        if name not in known:
            advice = f"did you mean {_nearest(name, list(known))}?" if _nearest(name, list(known)) else "remove it"
            notes.refuse("unknown-key", _join(path, name), _show(raw[name]), "keys: " + ", ".join(known), advice)
    for name, (item, hint, rule) in known.items():
        where = _join(path, name)
        if name in raw:
            before = len(notes.findings)
            values[item.name] = _read_value(hint, rule, raw[name], where, notes)
            if len(notes.findings) > before and item.default is not MISSING and item.default is not None:
                values[item.name] = item.default
        elif item.default is MISSING:
            kind_text = type_text(hint)
            notes.refuse("missing-key", where, "(not given)", f"{kind_text} {rule.allowed()}".strip(), f"add {name}: {rule.text}")
            values[item.name] = _filler(hint)
    return kind(path=path, **values)


def read_sections(kind: type[S], raw: object, path: str, notes: Notes) -> tuple[S, ...]:
    """The records of an array of tables ([[pile]]); () when there is none."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        notes.refuse("wrong-type", path, _show(raw), "an array of tables", f"write [[{path}]] with double brackets")
        return ()
    return tuple(read_section(kind, item, f"{path}[{number}]", notes) for number, item in enumerate(raw))


def type_text(hint: Any) -> str:
    """The type of a key in words."""
    args = typing.get_args(hint)
    if typing.get_origin(hint) is Literal:
        return " or ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in args)
    if typing.get_origin(hint) is tuple:
        return "list of " + {float: "numbers", str: "texts"}.get(args[0], "tables")
    if hint == Moment or hint == Moment | None:
        return "date or date-time"
    if typing.get_origin(hint) in UNIONS:
        return type_text(args[0])
    if isinstance(hint, type) and issubclass(hint, Section):
        return "table"
    return {float: "number", int: "whole number", str: "text", bool: "true or false"}[hint]


def _read_value(hint: Any, rule: Rule, value: object, path: str, notes: Notes) -> Any:
    if typing.get_origin(hint) in UNIONS and type(None) in typing.get_args(hint):
        rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        hint = rest[0] if len(rest) == 1 else Moment
    if isinstance(hint, type) and issubclass(hint, Section):
        return read_section(hint, value, path, notes)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        return read_sections(item, value, path, notes) if issubclass(item, Section) else _read_list(item, rule, value, path, notes)
    if typing.get_origin(hint) is Literal:
        if isinstance(value, bool) or value not in typing.get_args(hint):
            names = [str(choice) for choice in typing.get_args(hint)]
            guess = _nearest(str(value), names)
            advice = f"did you mean {guess}?" if guess else "choose one of those allowed"
            notes.refuse("not-allowed", path, _show(value), type_text(hint), advice)
            return typing.get_args(hint)[0]
        return value
    return _read_plain(hint, rule, value, path, notes)


def _read_list(kind: type, rule: Rule, value: object, path: str, notes: Notes) -> tuple[Any, ...]:
    if not isinstance(value, list):
        notes.refuse("wrong-type", path, _show(value), "a list", "write it in square brackets: [ ... ]")
        return ()
    return tuple(_read_plain(kind, rule, item, f"{path}[{number}]", notes) for number, item in enumerate(value))


def _read_plain(hint: Any, rule: Rule, value: object, path: str, notes: Notes) -> Any:
    unit = f" {rule.unit}" if rule.unit else ""
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        notes.refuse("out-of-range", path, str(value), f"years {FIRST_YEAR} to {LAST_YEAR}", "correct the date")
        return _filler(hint)
    if not _is(hint, value):
        advice = (
            "write the number without quotes, in the unit of the key's name" if hint in (float, int) else "change the type of the value"
        )
        notes.refuse("wrong-type", path, _show(value), f"{type_text(hint)} {rule.allowed()}".strip(), advice)
        return _filler(hint)
    if isinstance(value, int | float) and not isinstance(value, bool) and not rule.holds(value):
        notes.refuse("out-of-range", path, _show(value) + unit, rule.allowed() or "finite", _advice(rule, value))
        return _filler(hint)
    return float(value) if hint is float and isinstance(value, int | float) else value


def _advice(rule: Rule, value: float) -> str:
    if not math.isfinite(value):
        return "give a finite number"
    if rule.high == 1 and 1 < value <= 100:
        return f"write a share: {value / 100:g} for {value:g} %"
    return "give a value in the allowed range; mind the unit in the key's name"


def _is(hint: Any, value: object) -> bool:
    if hint == Moment:
        return isinstance(value, date)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _filler(hint: Any) -> Any:
    """A value of the right type for a key that was refused, so that the other checks still run; it is never used."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)[0]
    if hint == Moment:
        return date(2000, 1, 1)
    return {float: math.nan, int: 1, str: "", bool: False}.get(hint, ())


def _nearest(name: str, names: list[str]) -> str | None:
    """The known name that was probably meant: nearly the same letters, or the same quantity in another unit."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    stem = name.rsplit("_", 1)[0]
    return close[0] if close else next((known for known in names if stem in (known, known.rsplit("_", 1)[0])), None)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _show(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
