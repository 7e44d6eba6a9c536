"""Which token an answer refused, read from the two messages as they went over the wire, of any version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

ACTIONS = ("Authorize", "StartTransaction", "TransactionEvent")
"""Messages whose answers say whether a token is accepted."""
_TYPE_16 = "ISO14443"


@dataclass(frozen=True, slots=True)
class Refused:
    """A token with its type by OCPP 2.x, and the status that it was given."""

    token: str
    token_type: str
    status: str


def refused_token(question: str, answer: str) -> Refused | None:
    """The token that `answer` refused; None where it refused none, or one of the two cannot be read."""
    asked, given = _payload(question, 3), _payload(answer, 2)
    shown, info = asked.get("idTag", asked.get("idToken")), given.get("idTagInfo", given.get("idTokenInfo"))
    status = info.get("status") if isinstance(info, Mapping) else None
    if not isinstance(status, str) or status == "Accepted":
        return None
    if isinstance(shown, str):
        return Refused(shown, _TYPE_16, status)
    if isinstance(shown, Mapping) and isinstance(shown.get("idToken"), str):
        kind = shown.get("type")
        return Refused(shown["idToken"], kind if isinstance(kind, str) else "", status)
    return None


def _payload(text: str, place: int) -> Mapping[str, Any]:
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    found = message[place] if isinstance(message, list) and len(message) > place else None
    return found if isinstance(found, dict) else {}
