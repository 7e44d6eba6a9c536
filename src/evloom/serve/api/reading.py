"""From what a caller sent to a struct, or to everything that is wrong with it."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from evloom.serve.api.problem import Fault, Problem, wrong

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_PLACE = re.compile(r"^(.*?)(?: - at `(?:key in )?\$(.*)`)?$", re.DOTALL)
_SHOWN = 200
DEPTH_MAX = 64


def read_json(body: bytes) -> Any:
    """The body's JSON. Raises Problem 400 for what is none, 422 where text in it holds a NUL."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Problem(400, "not-json", f"the body is no JSON: {error}") from None
    except RecursionError:
        raise Problem(400, "not-json", "the body is nested too deep") from None
    faults = list(_nul(found, "", 0))
    if faults:
        raise wrong(*faults)
    return _whole(found)


def _whole(content: Any) -> Any:
    """2.0 is a whole number in JSON, as JSON Schema sees it."""
    if isinstance(content, float):
        return int(content) if content.is_integer() and abs(content) < 2**53 else content
    if isinstance(content, dict):
        return {name: _whole(value) for name, value in content.items()}
    return [_whole(value) for value in content] if isinstance(content, list) else content


def read_struct(kind: type[T], content: object, where: str = "", *, strict: bool = True) -> T:
    """`content` as `kind`. Raises Problem 422 with a fault for every field that is wrong."""
    try:
        return msgspec.convert(content, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise wrong(*_faults(kind, content, where, strict, error)) from None


def read_query(kind: type[S], pairs: Sequence[tuple[str, str]]) -> S:
    """Parameters of the query; each name at most once, `true` and `false` for what is one of both."""
    content: dict[str, Any] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    faults = []
    for name, text in pairs:
        if name in content:
            faults.append(Fault("input.twice", name, text[:_SHOWN], "each name once", "send the parameter once"))
        value, allowed = _typed(fields[name].type, text) if name in fields else (text, "")
        if allowed:
            faults.append(Fault("input.wrong", name, text[:_SHOWN], allowed, f"write {allowed}"))
        content[name] = value
    faults.extend(_nul(content, "", 0))
    if faults:
        raise wrong(*faults)
    return read_struct(kind, content, strict=False)


def _typed(kind: Any, text: str) -> tuple[object, str]:
    """The text of a parameter as a value, and "" or what would have been right, where msgspec would take too much for one."""
    alternatives = _alternatives(kind)
    if bool in alternatives:
        return text == "true", "" if text in ("true", "false") else "true or false"
    if "datetime" in str(kind):
        try:
            return msgspec.convert(text, datetime), ""
        except msgspec.ValidationError:
            return text, "an instant as 2026-07-01T12:00:00Z"
    return text, ""


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return tuple(getattr(kind, "__args__", ())) or (kind,)


def _faults(kind: type, content: object, where: str, strict: bool, error: msgspec.ValidationError) -> list[Fault]:
    """One fault a field where the struct is flat enough to look at each of its own; else the first that was met."""
    if not (issubclass(kind, msgspec.Struct) and isinstance(content, Mapping)):
        return [_fault(str(error), content, where)]
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = [
        Fault("input.unknown", _joined(where, str(name)), _shown(value), f"one of {', '.join(fields)}", "leave it out, or mend its name")
        for name, value in content.items()
        if name not in fields
    ]
    for name, field in fields.items():
        if name not in content:
            if field.required:
                found.append(Fault("input.missing", _joined(where, name), "", "a value", "send it"))
            continue
        try:
            msgspec.convert(content[name], field.type, strict=strict)
        except msgspec.ValidationError as inner:
            found.append(_fault(str(inner), content[name], _joined(where, name)))
    return found or [_fault(str(error), content, where)]


def _fault(message: str, content: object, where: str) -> Fault:
    matched = _PLACE.match(message)
    what, path = (matched[1], matched[2] or "") if matched else (message, "")
    value = content
    for part in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]  # type: ignore[index]
        except (KeyError, ValueError, TypeError, IndexError):
            break
    advice = "send what is allowed" if what.startswith("Expected") else what
    allowed = what.removeprefix("Expected ").replace("`", "") if what.startswith("Expected") else "see the OpenAPI document"
    return Fault("input.wrong", f"{where}{path}".lstrip("."), _shown(value), allowed, advice)


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text[:_SHOWN]


def _joined(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name[:_SHOWN]


def _nul(content: object, where: str, depth: int) -> list[Fault]:
    """Faults for every text that holds a NUL, names too, and for what is nested deeper than anything of ours."""
    if depth > DEPTH_MAX:
        return [Fault("input.deep", where[:_SHOWN], "", f"at most {DEPTH_MAX} levels", "nest it less deep")]
    if isinstance(content, str):
        return [Fault("input.nul", where, _shown(content), "text without NUL", "take the NUL out")] if "\0" in content else []
    if isinstance(content, dict):
        return [
            fault
            for name, value in content.items()
            for fault in (*_nul(name, _joined(where, name), depth), *_nul(value, _joined(where, name), depth + 1))
        ]
    if isinstance(content, list):
        return [fault for index, value in enumerate(content) for fault in _nul(value, f"{where}[{index}]", depth + 1)]
    return []
