"""A payload that breaks its schema, understood as far as it can be: mended by a rule, or without the field that is beyond it.

Every fault that the schema finds goes to the first rule that has an answer. A field that no rule mends is quarantined: taken out of the
message and kept as a deviation. Where it must be there, what holds it is taken out instead: the sample, the meter value, the list. Only
when that leads to the whole message is it refused.
"""

from typing import Any

import msgspec
from msgspec import Struct

from evloom.wire.ocpp.base import Message, custom_data
from evloom.wire.ocpp.frame import VALUE_MAX
from evloom.wire.ocpp.reason import Fault, Path, Shape, code_of, path_text, shape_of
from evloom.wire.ocpp.rules import DROP, MISSING, NO, QUARANTINED, RULES, Case, Renamed
from evloom.wire.ocpp.version import Version

ROUNDS_MAX = 8
DEVIATIONS_MAX = 50
FAULTS_MAX = 2000
MENDED_MAX_BYTES, MENDED_MAX_ITEMS = 1 << 18, 5000
"""A broken message that is larger is refused at once: to find all of its faults would take longer than to answer a hundred others."""
_WITH_ITS_ITEM = frozenset({"measurand", "unit", "unitOfMeasure", "multiplier", "phase", "format"})
"""Fields of a sample whose absence has a meaning: a power without its unit would be read as watts, without its measurand as energy."""


class Deviation(Struct, frozen=True):
    """How a message broke its schema and what was done: name of the rule, path of the field, its value cut to 200 characters, advice."""

    rule: str
    field: str
    value: str
    advice: str = ""


class Mended(Struct, frozen=True):
    """A message and how it was mended; or None and the fault that could not be."""

    message: Message | None
    deviations: tuple[Deviation, ...]
    fault: Fault | None = None


class _Out:
    """Stands in a list for an item that was taken out, until the round is over."""


_OUT = _Out()


class _Repair:
    """One payload at work."""

    def __init__(self, version: Version, action: str, kind: type[Message], value: dict[str, Any]) -> None:
        self.version = version
        self.action = action
        self.kind = kind
        self.value = value
        self.shape: Shape = shape_of(kind)
        self.deviations: dict[tuple[str, str], Deviation] = {}
        self.emptied: set[str] = set()

    def run(self) -> Mended:
        """Round by round until the schema has nothing to say."""
        first: Fault | None = None
        for _ in range(ROUNDS_MAX):
            faults = [fault for fault in self.shape.faults(self.value) if not self._may_be_empty(fault)]
            if len(faults) > FAULTS_MAX:
                return Mended(None, (), faults[0])
            if not faults:
                message, fault = self._message()
                if fault is None:
                    return Mended(message, tuple(self.deviations.values()))
                faults = [fault]
            first = first or faults[0]
            for fault in sorted(faults, key=lambda fault: fault.keyword != "additionalProperties"):
                if not self._mend(fault):
                    return Mended(None, tuple(self.deviations.values()), fault)
            _purge(self.value)
        return Mended(None, tuple(self.deviations.values()), first)

    def _may_be_empty(self, fault: Fault) -> bool:
        """A list of the message itself that must have items and has none is let through: there is nothing to act on, but it is answered."""
        if fault.keyword != "minItems" or len(fault.path) != 1 or not isinstance(fault.path[0], str):
            return False
        name = fault.path[0]
        if name not in self.shape.at(()).get("required", ()):
            return False
        if name not in self.emptied:
            self.emptied.add(name)
            self._note("empty-list", fault.path, [], "nothing in it could be used")
        return True

    def _message(self) -> tuple[Message | None, Fault | None]:
        try:
            if not self.emptied:
                return msgspec.convert(self.value, self.kind, strict=False, dec_hook=custom_data), None
            given = {name: value for name, value in self.value.items() if name not in self.emptied}
            fields = [item for item in msgspec.structs.fields(self.kind) if item.encode_name in given]
            known = {item.name: msgspec.convert(given[item.encode_name], item.type, strict=False, dec_hook=custom_data) for item in fields}
            empty: dict[str, Any] = {item.name: [] for item in msgspec.structs.fields(self.kind) if item.encode_name in self.emptied}
            return self.kind(**known, **empty), None
        except msgspec.ValidationError as wrong:
            return None, _converting(str(wrong))

    def _mend(self, fault: Fault) -> bool:
        """Apply a rule to a fault, or quarantine it; False when the message cannot do without it."""
        if fault.keyword == "additionalProperties":
            return all(self._strange(fault, name) for name in fault.names)
        if fault.keyword == "required":
            holder = _get(self.value, fault.path)
            if not isinstance(holder, dict) or fault.names[0] in holder:
                return True
            path: Path = (*fault.path, fault.names[0])
            return self._apply(fault, path, MISSING) or self._quarantine(fault.path)
        value = _get(self.value, fault.path)
        if value is NO:
            return True
        return self._apply(fault, fault.path, value) or self._quarantine(fault.path) or self._as_missing(fault)

    def _as_missing(self, fault: Fault) -> bool:
        """An instant that cannot be read and must be there is one that was not sent: for a word of a clock no transaction is lost."""
        path = fault.path
        if fault.keyword != "format" or not path:
            return False
        case = Case(self.version, self.action, _name(path), MISSING, self.shape.at(path), self._required(path))
        for rule in RULES:
            if "required" in rule.keywords and (mended := rule.mend(case)) not in (NO, DROP):
                self._note(rule.name, path, _get(self.value, path), rule.advice)
                _put(self.value, path, mended)
                return True
        return False

    def _apply(self, fault: Fault, path: Path, value: Any) -> bool:
        case = Case(self.version, self.action, _name(path), value, self.shape.at(path), self._required(path))
        for rule in RULES:
            if fault.keyword in rule.keywords and (mended := rule.mend(case)) is not NO:
                if mended is DROP and path and path[-1] in _WITH_ITS_ITEM and value is not None and value != "":
                    continue
                self._note(rule.name, path, value, rule.advice)
                _put(self.value, path, mended)
                return True
        return False

    def _strange(self, fault: Fault, name: str) -> bool:
        holder = _get(self.value, fault.path)
        if not isinstance(holder, dict) or name not in holder:
            return True
        case = Case(self.version, self.action, name, holder[name], self.shape.at(fault.path), False, holder)
        for rule in RULES:
            if "additionalProperties" in rule.keywords and (mended := rule.mend(case)) is not NO:
                self._note(rule.name, (*fault.path, name), holder[name], rule.advice)
                value = holder.pop(name)
                if isinstance(mended, Renamed):
                    holder[mended.name] = value
                return True
        return False

    def _required(self, path: Path) -> bool:
        return not path or isinstance(path[-1], int) or path[-1] in self.shape.at(path[:-1]).get("required", ())

    def _quarantine(self, path: Path) -> bool:
        """Take out the smallest thing around `path` that the message can do without."""
        while path:
            step = path[-1]
            if isinstance(step, int) or (step not in _WITH_ITS_ITEM and not self._required(path)):
                self._note(QUARANTINED, path, _get(self.value, path), "the value was not used; the full message is in the message log")
                _put(self.value, path, DROP)
                return True
            path = path[:-1]
        return False

    def _note(self, rule: str, path: Path, value: Any, advice: str) -> None:
        """Keep a deviation; the same in every item of a list is one."""
        kind = (rule, path_text(tuple(step for step in path if isinstance(step, str))))
        if kind in self.deviations or len(self.deviations) > DEVIATIONS_MAX:
            return
        if len(self.deviations) == DEVIATIONS_MAX:
            self.deviations["more", ""] = Deviation("more", "", "", f"more than {DEVIATIONS_MAX} kinds of deviations in one message")
            return
        text = "" if value is MISSING else msgspec.json.encode(value).decode()[:VALUE_MAX]
        self.deviations[kind] = Deviation(rule, path_text(path), text, advice)


def _converting(text: str) -> Fault:
    """What msgspec refuses though the schema does not, like a leap second, as a fault."""
    reason, _, where = text.partition(" - at `$")
    steps = [part for part in where.rstrip("`").replace("[", ".[").split(".") if part]
    path = tuple(int(part[1:-1]) if part.startswith("[") and part[1:-1].isdigit() else part for part in steps)
    return Fault(path, "format", reason)


def _name(path: Path) -> str:
    """The last name in a path: that of the list for an item."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _get(value: Any, path: Path) -> Any:
    """The value at a path, NO where it is gone."""
    for step in path:
        inside = isinstance(value, dict) and step in value
        if not inside and not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
            return NO
        value = value[step]
    return NO if value is _OUT else value


def _put(value: Any, path: Path, mended: Any) -> None:
    holder, last = _get(value, path[:-1]), path[-1]
    if holder is NO:
        return
    if mended is not DROP:
        holder[last] = mended
    elif isinstance(last, int):
        holder[last] = _OUT
    else:
        holder.pop(last, None)


def _purge(value: Any) -> None:
    """Take the items out of the lists that are to go."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, list):
        value[:] = [item for item in value if item is not _OUT]
    for item in inner:
        _purge(item)


def repaired(version: Version, action: str, kind: type[Message], payload: bytes, strict: bool = False) -> Mended:
    """The message in a payload that the struct refused, mended where it must be. ValueError or RecursionError when it is no JSON.

    The schema decides: with `strict` a payload that breaks it is not mended.
    """
    value = msgspec.json.decode(payload)
    if not isinstance(value, dict):
        return Mended(None, (), Fault((), "type", "the payload is no object"))
    if strict or len(payload) > MENDED_MAX_BYTES or payload.count(b",") > MENDED_MAX_ITEMS:
        fault = shape_of(kind).first_fault(value)
        if fault is not None:
            return Mended(None, (), fault)
    return _Repair(version, action, kind, value).run()


def refusal(version: Version, fault: Fault) -> tuple[str, str]:
    """Error code and description for a fault that nothing mended."""
    where = path_text(fault.path)
    return code_of(version, fault.keyword).word(version), f"{where}: {fault.text}" if where else fault.text
