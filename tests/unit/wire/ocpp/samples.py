"""Payloads made from the schemas of the standard, as the package `ocpp` bears them: small, full, at the bounds, and broken in one place."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from tools.ocpp_schemas import schemas

FOLDERS = ("v16", "v201", "v21")
INSTANT = "2026-03-01T12:00:00Z"
Schema = dict[str, Any]


@cache
def originals(folder: str) -> dict[str, Schema]:
    """Name of the message ("HeartbeatRequest") to its schema."""
    return schemas(folder)


@cache
def judge(folder: str, name: str) -> Any:
    """The original schema as a validator, formats apart: the drafts that it is written in leave them to whoever reads."""
    return jsonschema_rs.validator_for(originals(folder)[name], validate_formats=False)


def resolved(schema: Schema, root: Schema) -> Schema:
    """What a reference stands for."""
    while "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def payload(schema: Schema, root: Schema, how: str) -> Any:
    """A valid value: "least" has what is required, "most" everything, "edge" everything at the longest and largest."""
    schema = resolved(schema, root)
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][-1 if how == "edge" else 0]
    if kind == "object":
        required = schema.get("required", [])
        wanted = {name: inner for name, inner in schema.get("properties", {}).items() if how != "least" or name in required}
        made = {name: payload(inner, root, how) for name, inner in wanted.items()}
        return {**made, "x": [1, {"y": None}]} if schema.get("additionalProperties") is not False and how != "least" else made
    if kind == "array":
        n_item = schema.get("maxItems", 3) if how == "edge" else max(schema.get("minItems", 0), how == "most")
        return [payload(schema["items"], root, how) for _ in range(min(n_item, 4))]
    if kind == "string":
        return _text(schema, how)
    if kind in ("integer", "number"):
        return int(_number(schema, how)) if kind == "integer" else float(_number(schema, how))
    return {"boolean": how == "most", None: {"any": ["thing", 1, None]}}[kind]


def _text(schema: Schema, how: str) -> str:
    if schema.get("format") == "date-time":
        return INSTANT
    return "é" * min(schema.get("maxLength", 30), 20_000) if how == "edge" else "" if how == "least" else "a"


def _number(schema: Schema, how: str) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if how == "edge":
        return high if high is not None else 2**31 if low is not None else -(2**31)
    if how == "least":
        return low if low is not None else 0
    return low if low is not None else high if high is not None else 1


def broken(value: Any, schema: Schema, root: Schema) -> Iterator[tuple[str, Any]]:
    """A valid payload, each time wrong (or at least odd) in one other place: what was done, and `value` itself, changed until the next."""
    for path, inner in list(_places(schema, root, value)):
        here = _at(value, path)
        for what, wrong in _wrongs(inner, here):
            if path:
                holder = _at(value, path[:-1])
                holder[path[-1]] = wrong
                yield f"{what} at {path}", value
                holder[path[-1]] = here
            else:
                yield what, wrong
        if isinstance(here, dict):
            for name in tuple(here):
                gone = here.pop(name)
                yield f"without {name} at {path}", value
                here[name] = gone
            here["zzStrange"] = 1
            yield f"something strange at {path}", value
            del here["zzStrange"]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _places(schema: Schema, root: Schema, value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Schema]]:
    """Every value inside a payload with the schema that holds for it; of a list the first item."""
    schema = resolved(schema, root)
    yield path, schema
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from _places(inner, root, value[name], (*path, name))
    elif isinstance(value, list) and value and "items" in schema:
        yield from _places(schema["items"], root, value[0], (*path, 0))


def _wrongs(schema: Schema, value: Any) -> Iterator[tuple[str, Any]]:
    others: tuple[Any, ...] = (None, "text", 7, 7.25, True, [], {})
    for other in others:
        if other == "text" and schema.get("format") == "date-time":
            continue  # the drafts that the schemas are written in do not look at formats; we do
        yield f"{other!r} for {schema.get('type')}", other
    if "enum" in schema:
        yield "a strange word", "NoSuchWord"
    if "maxLength" in schema and isinstance(value, str):
        yield "a text too long", "a" * (schema["maxLength"] + 1)
        yield "the longest text", "a" * schema["maxLength"]
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            yield f"beyond {bound}", int(schema[bound]) + step
            yield f"at {bound}", int(schema[bound])
    if isinstance(value, list) and value:
        yield "an empty list", []
        for n_item in {schema.get("maxItems", 0), schema.get("maxItems", 0) + 1, schema.get("minItems", 0)}:
            if n_item <= 1100:
                yield f"{n_item} items", [value[0]] * n_item
