"""The OpenAPI 3.1 document, made from the endpoint table."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from evloom.pile.command import KINDS
from evloom.serve.api.endpoint import Blob, Endpoint, Stream
from evloom.serve.api.problem import MEDIA, Document
from evloom.serve.api.shape import NO_NUL

_REFERENCE = "#/components/schemas/{name}"
_COMMAND = "#/components/schemas/Command.{name}"
_PLACES = {"path": "path", "query": "query", "headers": "header"}
_SECURITY: list[dict[str, list[str]]] = [{"key": []}, {"session": []}]
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key: `Authorization: Bearer evk_...`"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "evloom_session",
        "description": "The cookie that `POST /api/v1/login` sets. A request that writes then needs the header `X-CSRF-Token` too.",
    },
}


def document(endpoints: Sequence[Endpoint], version: str, url: str = "/") -> dict[str, Any]:
    """The whole document as JSON-ready objects."""
    kinds = [Document, *_kinds(endpoints)]
    inputs = [kind for row in endpoints for kind in row.arguments.values()]
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_any, ref_template=_REFERENCE)
    components |= _commands(components)
    for kind, schema in zip(kinds, schemas, strict=True):
        if kind in inputs:
            _without_nul(schema, components, set())
    schema_of = dict(zip((_key(kind) for kind in kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for row in endpoints:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Evloom",
            "version": version,
            "description": "Electric-vehicle charging run as one closed loop. Powers in kW, energies in kWh, charging is positive.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(row.tag for row in endpoints)],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SCHEMES},
    }


def _without_nul(schema: Any, components: dict[str, Any], seen: set[str]) -> None:
    """Say of every text that is sent and has no pattern of its own that it holds no NUL, as `reading` demands."""
    if isinstance(schema, list):
        for item in schema:
            _without_nul(item, components, seen)
    if not isinstance(schema, dict):
        return
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in components and name not in seen:
        seen.add(name)
        _without_nul(components[name], components, seen)
    if schema.get("type") == "string" and not schema.keys() & {"pattern", "enum", "const", "format"}:
        schema["pattern"] = NO_NUL
    for value in schema.values():
        _without_nul(value, components, seen)


def _any(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "any JSON"}
    raise NotImplementedError


def _commands(components: dict[str, Any]) -> dict[str, Any]:
    """Every command that a station can be given, told apart by its field `command`."""
    _, found = msgspec.json.schema_components(list(KINDS.values()), schema_hook=_any, ref_template=_COMMAND)
    named = {f"Command.{name}": shape for name, shape in found.items()}
    for name in KINDS:
        shape = named[f"Command.{name}"]
        properties = {"command": {"const": name}, **shape.get("properties", {})}
        required = ["command", *shape.get("required", [])]
        named[f"Command.{name}"] = {**shape, "properties": properties, "required": required, "additionalProperties": False}
    if named.keys() & components.keys():
        raise ValueError("two schemas of one name")
    mapping = {name: f"#/components/schemas/Command.{name}" for name in KINDS}
    choice = {"oneOf": [{"$ref": reference} for reference in mapping.values()]}
    return {**named, "Command": {**choice, "discriminator": {"propertyName": "command", "mapping": mapping}}}


def _kinds(endpoints: Iterable[Endpoint]) -> list[Any]:
    found: dict[str, Any] = {}
    for row in endpoints:
        for kind in (*row.arguments.values(), row.response):
            if kind is not None and kind not in (Blob, Stream):
                found[_key(kind)] = kind
    return list(found.values())


def _key(kind: Any) -> str:
    return f"{getattr(kind, '__module__', '')}.{kind}"


def _operation(row: Endpoint, schema_of: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": row.name, "summary": row.summary, "tags": [row.tag]}
    if row.description:
        found["description"] = row.description
    parameters = [
        parameter
        for place in _PLACES
        if place in row.arguments
        for parameter in _parameters(row, place, _resolved(schema_of[_key(row.arguments[place])], components))
    ]
    if parameters:
        found["parameters"] = parameters
    if "body" in row.arguments:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema_of[_key(row.arguments["body"])]}}}
    found["responses"] = _responses(row, schema_of)
    found["security"] = [] if row.roles is None else [{}, *_SECURITY] if row.loopback else _SECURITY
    if row.roles is not None:
        found["x-roles"] = sorted(row.roles)
    return found


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = components.get(name, schema)
    return found


def _parameters(row: Endpoint, place: str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    found = []
    for name, shape in schema.get("properties", {}).items():
        if place == "path" and f"{{{name}}}" not in row.path:
            raise ValueError(f"{row.name}: {name} is not in {row.path}")
        parameter = {"name": name, "in": _PLACES[place], "required": place == "path" or name in required, "schema": shape}
        if "description" in shape:
            parameter["description"] = shape["description"]
        found.append(parameter)
    return found


def _responses(row: Endpoint, schema_of: dict[str, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done"}
    if row.response is not None:
        shape: dict[str, Any] = {"type": "string"} if row.response in (Blob, Stream) else schema_of[_key(row.response)]
        success["content"] = {media: {} if media in _BINARY else {"schema": _EVENT if media == _EVENTS else shape} for media in row.media}
    problem = {MEDIA: {"schema": schema_of[_key(Document)]}}
    found = {str(row.status): success}
    for status, why in sorted(row.statuses().items()):
        found[str(status)] = {"description": why} if status == 304 else {"description": why, "content": problem}
    return found


_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "description": "One event; `data` is JSON: topic, subject, kind, at_s, known_s, number, event.",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}, "retry": {"type": "integer"}},
}
_BINARY = frozenset({"application/pdf", "application/vnd.apache.parquet", "application/gzip"})
