"""Forms: from what was typed to the body of a handler, and back to the same form with every finding at its field."""

import math
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UnsetType
from starlette.datastructures import FormData

from evloom.serve.api.problem import Fault, Problem
from evloom.serve.console.shown import local, plain

FLAG = "flag"
"""Name of the hidden field that names a checkbox which the form shows: an empty checkbox sends nothing by itself."""


@dataclass(slots=True)
class Form:
    """A form as it stands: what is in its fields, and what is wrong. `said` is a problem of the whole, in words."""

    values: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    said: str = ""
    code: str = ""
    prefix: str = "f"

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def at(self, name: str) -> list[Fault]:
        """What is wrong with a field."""
        return [fault for fault in self.faults if fault.field == name]

    def named(self, prefix: str) -> "Form":
        """The same form, its fields under other ids."""
        self.prefix = prefix
        return self

    @property
    def is_wrong(self) -> bool:
        """Whether anything is to be mended."""
        return bool(self.faults or self.said)


def typed(form: FormData) -> dict[str, str]:
    """What was typed, by field; of one that comes several times all, a line each. Checkboxes that are empty are there as ""."""
    values = {name: "" for name in form.getlist(FLAG) if isinstance(name, str)}
    for name in dict.fromkeys(form.keys()):
        if name not in ("csrf", FLAG):
            values[name] = "\n".join(str(value) for value in form.getlist(name))
    return values


def refused(form: FormData, problem: Problem, *hidden: str) -> Form:
    """The form as it was typed, with what is wrong with it; what is `hidden` is not shown again (passwords)."""
    values = {name: value for name, value in typed(form).items() if name not in hidden}
    return Form(values, list(problem.findings), problem.detail, problem.code)


def of_struct(content: msgspec.Struct, zone: str = "UTC", percent: Iterable[str] = ()) -> Form:
    """A form with the values of a struct."""
    shares = set(percent)
    values = {}
    for name in content.__struct_fields__:
        value = getattr(content, name)
        if isinstance(value, datetime):
            values[name] = f"{local(value, zone):%Y-%m-%dT%H:%M}"
        elif isinstance(value, list | tuple):
            values[name] = "\n".join(str(item) for item in value)
        elif isinstance(value, float) and name in shares:
            values[name] = plain(round(100.0 * value, 9))
        elif not isinstance(value, dict | msgspec.Struct):
            values[name] = plain(value)
    return Form(values)


def body_of(kind: type[msgspec.Struct], form: FormData, zone: str = "UTC", percent: Iterable[str] = ()) -> dict[str, Any]:
    """What the fields of a form say for a struct. Fields left empty are left out where they may be, else sent as they are.

    Instants are typed on the clock of `zone`; fields in `percent` as percent of what the struct wants.
    """
    content: dict[str, Any] = {}
    shown, shares = set(form.getlist(FLAG)), set(percent)
    for one in msgspec.structs.fields(kind):
        name, bases = one.encode_name, _bases(one.type)
        if bool in bases:
            if name in shown or name in form:
                content[name] = form.get(name) in ("on", "true", "1")
        elif list in bases:
            if name in form or name in shown:
                content[name] = [part.strip() for value in form.getlist(name) for part in str(value).split("\n") if part.strip()]
        elif name in form:
            _take(content, one, bases, str(form[name]).strip(), zone)
            if name in shares and name in content:
                content[name] = _fraction(content[name])
    return content


def in_percent(problem: Problem, form: FormData, percent: Iterable[str]) -> Problem:
    """A problem whose fields in `percent` are told of as they were typed."""
    shares = set(percent)

    def told(fault: Fault) -> Fault:
        if fault.field not in shares:
            return fault
        return Fault(fault.code, fault.field, str(form.get(fault.field, "")), "0 to 100 %", "correct it")

    return Problem(problem.status, problem.code, problem.detail, [told(fault) for fault in problem.findings], problem.headers)


def _take(content: dict[str, Any], one: Any, bases: frozenset[Any], text: str, zone: str) -> None:
    name = one.encode_name
    if not text:
        if types.NoneType in bases and str not in bases:
            content[name] = None
        elif str in bases and _fits("", one.type):
            content[name] = ""
        return
    if datetime in bases:
        content[name] = instant_text(text, zone)
    elif float in bases and not _is_finite(text):
        content[name] = f"{text} (not a number)"
    else:
        content[name] = text


def instant_text(text: str, zone: str) -> str:
    """What a field of date and time holds, as an instant with its offset; as it is where it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).isoformat()


def _fraction(text: object) -> object:
    try:
        return float(str(text)) / 100.0
    except ValueError:
        return text


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True


def _fits(value: object, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _bases(kind: Any) -> frozenset[Any]:
    """The plain types that a field's type is made of."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _bases(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return frozenset(base for part in typing.get_args(kind) for base in _bases(part))
    if origin is Literal:
        return frozenset(type(value) for value in typing.get_args(kind))
    if origin in (list, tuple, Sequence):
        return frozenset({list})
    return frozenset() if kind is UnsetType else frozenset({kind})
