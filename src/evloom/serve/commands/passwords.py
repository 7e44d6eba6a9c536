"""The password of a station that was changed by a command: it is the one to expect from then on (2.0.1 A01; 1.6 AuthorizationKey)."""

from typing import Any

import msgspec

TAKEN = frozenset({"Accepted", "RebootRequired"})
"""What a station answers that has the new password; some use it only after they have restarted."""


def changed_password(action: str, payload: bytes, answer: bytes) -> str:
    """The password that a station has taken by this request and its answer; "" for none."""
    if action == "ChangeConfiguration":
        asked, said = _read(payload), _read(answer)
        return _text(asked.get("value")) if asked.get("key") == "AuthorizationKey" and said.get("status") in TAKEN else ""
    if action != "SetVariables":
        return ""
    results = [one for one in _rows(_read(answer), "setVariableResult") if one.get("attributeStatus") in TAKEN]
    if not any(_is_password(one) for one in results):
        return ""
    return next((_text(one.get("attributeValue")) for one in _rows(_read(payload), "setVariableData") if _is_password(one)), "")


def _is_password(row: dict[str, Any]) -> bool:
    variable = row.get("variable")
    return isinstance(variable, dict) and str(variable.get("name", "")).casefold() == "basicauthpassword"


def _rows(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = said.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _read(text: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
