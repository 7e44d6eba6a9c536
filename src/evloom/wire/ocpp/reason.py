"""Why a payload is no message: the schema decides, as jsonschema-rs reads it.

The schema is derived from our own structs, so that no second description is shipped; a test compares it with the schemas of the standard.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from evloom.wire.ocpp.base import Message, custom_data_schema
from evloom.wire.ocpp.frame import VALUE_MAX, Code
from evloom.wire.ocpp.version import Version

Schema = dict[str, Any]
Path = tuple[str | int, ...]


class Fault(Struct, frozen=True):
    """One place where a payload breaks its schema.

    path      keys and indices from the payload down to the value
    keyword   of JSON schema: "type", "enum", "required", "additionalProperties", "maxLength", "minItems", "format", ...
    names     the missing property of "required", the strange ones of "additionalProperties"
    """

    path: Path
    keyword: str
    text: str
    names: tuple[str, ...] = ()


class Shape:
    """The schema of one kind of message."""

    def __init__(self, kind: type[Message]) -> None:
        import jsonschema_rs  # only where a station breaks a schema: the twins of stations do without it

        self.schema: Schema = msgspec.json.schema(kind, schema_hook=custom_data_schema)
        self._broken = jsonschema_rs.ValidationError
        self._validator = jsonschema_rs.Draft202012Validator(self.schema, validate_formats=True)

    def faults(self, value: object) -> list[Fault]:
        """Every place where `value` (decoded JSON) breaks the schema: about 20 microseconds each."""
        return [_fault(error) for error in self._validator.iter_errors(value)]

    def first_fault(self, value: object) -> Fault | None:
        """One place where `value` breaks the schema, None where it holds: quick, however many there are."""
        try:
            self._validator.validate(value)
        except self._broken as error:
            return _fault(error)
        return None

    def at(self, path: Path) -> Schema:
        """The schema that holds for the value at `path`; empty where there is none."""
        found = self._resolved(self.schema)
        for step in path:
            inner = found.get("items", {}) if isinstance(step, int) else found.get("properties", {}).get(step, {})
            found = self._resolved(inner if isinstance(inner, dict) else {})
        return found

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: Schema = self.schema["$defs"][reference.removeprefix("#/$defs/")]
        return found


@cache
def shape_of(kind: type[Message]) -> Shape:
    """The shape of a kind of message, made when it is first needed."""
    return Shape(kind)


def _fault(error: Any) -> Fault:
    keyword = str(error.schema_path[-1]) if error.schema_path else ""
    names: tuple[str, ...] = ()
    if keyword == "required":
        names = (str(error.kind.property),)
    elif keyword == "additionalProperties":
        names = tuple(error.kind.unexpected)
    return Fault(tuple(error.instance_path), keyword, error.message[:VALUE_MAX], names)


def code_of(version: Version, keyword: str) -> Code:
    """The error code for a fault: 1.6-J section 4.2.3 calls an incomplete payload a ProtocolError, 2.x a broken occurrence."""
    if keyword == "required":
        return Code.PROTOCOL if version is Version.V16 else Code.OCCURRENCE
    return _CODES.get(keyword, Code.FORMAT)


_CODES = {
    "type": Code.TYPE,
    "maxLength": Code.TYPE,
    "enum": Code.PROPERTY,
    "format": Code.PROPERTY,
    "minimum": Code.PROPERTY,
    "maximum": Code.PROPERTY,
    "minItems": Code.OCCURRENCE,
    "maxItems": Code.OCCURRENCE,
}


def path_text(path: Path) -> str:
    """A path as people write it: meterValue[0].timestamp."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
