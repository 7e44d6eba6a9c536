"""The rules by which a message that breaks its schema is understood all the same. Each has a name that is counted and shown."""

import difflib
import json
import re
from collections.abc import Callable, Collection
from enum import Enum
from typing import Any, Final, NamedTuple

from msgspec import Struct

from evloom.wire.ocpp import loose_time
from evloom.wire.ocpp.version import Version
from evloom.wire.ocpp.words import FIELD_NAMES, SIGNS, SYNONYMS, bare


class Mark(Enum):
    """What a rule may say instead of a value: it has nothing to say, the field goes, the field is not there."""

    NO = "no"
    DROP = "drop"
    MISSING = "missing"


NO: Final = Mark.NO
DROP: Final = Mark.DROP
MISSING: Final = Mark.MISSING


class Renamed(NamedTuple):
    """The field is one of the schema under another name."""

    name: str


class Case(Struct, frozen=True):
    """A fault as a rule sees it: the field, its value, the schema that holds for it, whether it must be there."""

    version: Version
    action: str
    name: str
    value: Any
    schema: dict[str, Any]
    required: bool
    present: Collection[str] = ()

    @property
    def kind(self) -> str:
        """What the schema wants: "integer", "number", "string", "boolean", "array", "object", "enum", "time"."""
        if "enum" in self.schema:
            return "enum"
        return "time" if self.schema.get("format") == "date-time" else str(self.schema.get("type", ""))


class Rule(NamedTuple):
    """A rule: its name, the keywords of JSON schema it is tried for, what it does, what the operator should do, how it does it."""

    name: str
    keywords: frozenset[str]
    what: str
    advice: str
    mend: Callable[[Case], Any]


_NEVER_CUT = frozenset(
    "idTag parentIdTag idToken transactionId certificate certificateChain csr exiRequest exiResponse ocspResult signedMeterData data "
    "responderURL location retrieveLocation serialNumber issuerNameHash issuerKeyHash hashAlgorithm additionalIdToken".split()
)
"""Texts that are something else when they are cut: who pays, which certificate, where to."""
_PERCENT = re.compile("soc|percent|stateofcharge", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d{1,2})?\s*")
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
_SPELLING = 0.85
"""Likeness (difflib's ratio) from which a word is a misspelling: Unavailble for Unavailable has 0.95, Charging for Available 0.35."""


def _null(case: Case) -> Any:
    return DROP if case.value is None and not case.required else NO


def _empty(case: Case) -> Any:
    return DROP if case.value in ("", [], {}) and not case.required else NO


def _enum_case(case: Case) -> Any:
    options = {bare(option): option for option in case.schema.get("enum", ())}
    return options.get(bare(case.value), NO) if isinstance(case.value, str) and case.value else NO


def _enum_synonym(case: Case) -> Any:
    if not isinstance(case.value, str):
        return NO
    options = case.schema.get("enum", ())
    meant = (SIGNS.get(case.value.strip(), ""), *SYNONYMS.get(bare(case.value), ()))
    return next((word for word in meant if word in options), NO)


def _enum_spelling(case: Case) -> Any:
    if not isinstance(case.value, str) or len(case.value) > 64:
        return NO
    options = {bare(option): option for option in case.schema.get("enum", ())}
    close = difflib.get_close_matches(bare(case.value), options, n=2, cutoff=_SPELLING)
    return options[close[0]] if close and len(bare(case.value)) > 4 else NO


def _enum_other(case: Case) -> Any:
    options = case.schema.get("enum", ())
    if not isinstance(case.value, str) or case.name not in ("errorCode", "reason", "context", "stoppedReason", "triggerReason"):
        return NO
    words = ("ChargingStateChanged",) if case.name == "triggerReason" else ("OtherError", "Other", "Unknown")
    return next((word for word in words if word in options), NO)


def _number_from_text(case: Case) -> Any:
    if not isinstance(case.value, str) or not _NUMBER.fullmatch(case.value[:40]) or case.kind not in ("integer", "number"):
        return NO
    value = float(case.value.replace(",", "."))
    return _whole(value) if case.kind == "integer" else value


def _number_rounded(case: Case) -> Any:
    if case.kind != "integer" or not isinstance(case.value, float):
        return NO
    return _whole(case.value)


def _whole(value: float) -> Any:
    return round(value) if abs(value) < 2**53 else NO


def _text_from_number(case: Case) -> Any:
    if isinstance(case.value, bool) and case.kind == "string":
        return "true" if case.value else "false"
    return str(case.value) if isinstance(case.value, int | float) and case.kind == "string" else NO


def _text_from_json(case: Case) -> Any:
    return json.dumps(case.value, separators=(",", ":")) if isinstance(case.value, dict | list) and case.kind == "string" else NO


def _boolean(case: Case) -> Any:
    if case.kind != "boolean" or isinstance(case.value, dict | list):
        return NO
    word = str(case.value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else NO


def _time_zone(case: Case) -> Any:
    found = loose_time.from_text(case.value) if case.kind == "time" and isinstance(case.value, str) else None
    return found[0] if found and not found[1] else NO


def _time_spelling(case: Case) -> Any:
    found = loose_time.from_text(case.value) if case.kind == "time" and isinstance(case.value, str) else None
    return found[0] if found else NO


def _time_number(case: Case) -> Any:
    if case.kind != "time" or isinstance(case.value, bool):
        return NO
    if isinstance(case.value, str):
        return loose_time.from_number(float(case.value)) or NO if case.value.isdigit() and len(case.value) < 20 else NO
    return loose_time.from_number(case.value) or NO if isinstance(case.value, int | float) else NO


def _list_wrapped(case: Case) -> Any:
    return [case.value] if case.kind == "array" and isinstance(case.value, dict) else NO


def _list_unwrapped(case: Case) -> Any:
    return case.value[0] if isinstance(case.value, list) and len(case.value) == 1 and case.kind != "array" else NO


def _too_long(case: Case) -> Any:
    limit = case.schema.get("maxLength")
    return case.value[:limit] if isinstance(case.value, str) and limit and case.name not in _NEVER_CUT else NO


def _clamped(case: Case) -> Any:
    if not _PERCENT.search(case.name) or not isinstance(case.value, int | float):
        return NO
    return min(max(case.value, case.schema.get("minimum", case.value)), case.schema.get("maximum", case.value))


def _field_name(case: Case) -> Any:
    names = case.schema.get("properties", {})
    absent = {bare(name): name for name in names if name not in case.present}
    meant = absent.get(bare(case.name)) or FIELD_NAMES.get(case.name, "")
    return Renamed(meant) if meant in absent.values() else NO


# Registers: some stations send -1 for one that they do not know (lorenzodonini/ocpp-go #114), and whoever reads it has to know that anyway.
_DEFAULTS: dict[str, Any] = {
    "errorCode": "NoError",
    "meterStart": -1,
    "meterStop": -1,
    "seqNo": 0,
    "requestId": 0,
    "chargePointVendor": "unknown",
    "chargePointModel": "unknown",
    "vendorName": "unknown",
    "model": "unknown",
    "idTag": "",
    "readonly": False,
    "evseId": 1,
}


def _missing(case: Case) -> Any:
    below = case.name == "seqNo" and isinstance(case.value, int) and case.value < 0
    if not case.required or not (below or case.value in (MISSING, None, "")):
        return NO
    if case.kind == "time":
        return loose_time.UNKNOWN
    if case.name == "connectorId":
        return 0 if case.version is Version.V16 and case.action != "StartTransaction" else 1
    if case.name == "transactionId" and case.kind == "integer":
        return -1
    if case.name == "triggerReason":
        return "ChargingStateChanged"
    if case.name == "reason" and "Unknown" in case.schema.get("enum", ()):
        return "Unknown"
    return _DEFAULTS.get(case.name, NO)


def _identity(case: Case) -> Any:
    return "" if case.name in ("idTag", "idToken") and case.required and isinstance(case.value, str) else NO


MADE_UP = frozenset({"missing-default", "identity-too-long"})
"""The rules whose value nobody sent."""
QUARANTINED = "quarantined"
_FIRMWARE = "ask the vendor for firmware that follows the schema"


def _rule(name: str, keywords: str, mend: Callable[[Case], Any], what: str, advice: str = _FIRMWARE) -> Rule:
    return Rule(name, frozenset(keywords.split()), what, advice, mend)


RULES: tuple[Rule, ...] = (
    _rule("field-name", "additionalProperties", _field_name, "a field under a misspelt or an old name is taken for the one it means"),
    _rule("unknown-field", "additionalProperties", lambda _: DROP, "a field that the message does not have is dropped"),
    _rule("null", "type enum format", _null, "null for an optional field counts as not sent"),
    _rule("empty", "type enum format minItems", _empty, "an empty text or list for an optional field counts as not sent"),
    _rule(
        "missing-default",
        "required type enum format minimum",
        _missing,
        "a missing field, or an instant beyond reading, gets a harmless stand-in, marked as invented: it is never used as a measurement",
        "the value is not known: check the session before it is billed",
    ),
    _rule("enum-case", "enum", _enum_case, "a word in other case or punctuation is taken for the one of the schema"),
    _rule("enum-synonym", "enum", _enum_synonym, "a known other word for the same (a unit, a status of another version) is translated"),
    _rule("enum-spelling", "enum", _enum_spelling, "a misspelt word is taken for the one it resembles"),
    _rule(
        "enum-other",
        "enum",
        _enum_other,
        "an unknown error, reason or context becomes Other or Unknown, an unknown trigger ChargingStateChanged",
        "the word is kept here alone",
    ),
    _rule("time-number", "type format", _time_number, "an instant in epoch seconds or milliseconds is read as that"),
    _rule(
        "time-zone",
        "format",
        _time_zone,
        "an instant without a zone is taken for UTC",
        "check the station's clock: it may send local time",
    ),
    _rule("time-spelling", "format", _time_spelling, "an instant in another notation is read"),
    _rule("boolean", "type", _boolean, "1, 0, yes, no and the like for true and false"),
    _rule("number-from-text", "type", _number_from_text, "a number in quotes is read as the number"),
    _rule("number-rounded", "type", _number_rounded, "a fraction where a whole number belongs is rounded"),
    _rule("text-from-number", "type", _text_from_number, "a number or a truth value without quotes is read as text"),
    _rule("text-from-json", "type", _text_from_json, "an object or a list where a text belongs is kept as its JSON"),
    _rule("list-wrapped", "type", _list_wrapped, "one object where a list belongs is read as a list of one"),
    _rule("list-unwrapped", "type enum", _list_unwrapped, "a list of one where a single value belongs is read as the value"),
    _rule(
        "identity-too-long",
        "maxLength",
        _identity,
        "an identity that is too long is never cut, as it would be somebody else's: it counts as unknown",
        "the token cannot be used at this station",
    ),
    _rule(
        "too-long",
        "maxLength",
        _too_long,
        "a text that is too long is cut, unless it is an identity",
        "the full text is in the message log",
    ),
    _rule("clamped", "minimum maximum", _clamped, "a percentage just out of bounds is put to the bound"),
)
"""In the order in which they are tried: the first that has something to say is applied."""
