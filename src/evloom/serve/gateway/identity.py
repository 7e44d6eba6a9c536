"""Which station a path names: /ocpp/{id} and /{id}, percent-decoded.

OCPP-J puts the station's identity percent-encoded at the end of the URL. OCPP 2.0.1 (part 2, identifierString) allows 48 characters and
forbids the colon, because the identity is the user name of HTTP Basic. Real 1.6 stations also use spaces and other signs, so only what
would be mistaken for something else is refused.
"""

import re
from urllib.parse import unquote_to_bytes

from evloom.serve.gateway.refusal import Refused

ID_MAX = 48
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f:/\\?#\ufffe\uffff]")
_SLASHES = re.compile("//+")
"""Many stations put a slash and their identity behind an address that ends in a slash already."""
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def station_of(target: str) -> str | Refused:
    """The station's identity, or why the target of the request (path and query) names none."""
    path = _SLASHES.sub("/", target.partition("?")[0]).removesuffix("/")
    name = path.removeprefix("/ocpp/") if path.startswith("/ocpp/") else path.removeprefix("/")
    if not path.startswith("/") or not name or "/" in name or path == "/ocpp":
        return Refused(404, "path", "no station here: the address is /ocpp/ followed by the station's identity")
    if _PERCENT.search(name):
        return Refused(400, "identity", "the station's identity is not percent-encoded as it should be: a % without two hexadecimal digits")
    try:
        station_id = unquote_to_bytes(name).decode("utf-8")
    except UnicodeDecodeError:
        return Refused(400, "identity", "the station's identity is not UTF-8")
    wrong = trouble_with(station_id)
    return Refused(400, "identity", wrong) if wrong else station_id


def trouble_with(station_id: str) -> str:
    """What is wrong with an identity; empty when nothing is."""
    if not station_id or station_id != station_id.strip() or station_id in (".", ".."):
        return "the station's identity is empty, a dot, or begins or ends with a space"
    if len(station_id) > ID_MAX:
        return f"the station's identity has {len(station_id)} characters: at most {ID_MAX} are allowed"
    found = _FORBIDDEN.search(station_id)
    return f"the station's identity holds the character {found.group()!r}, which is not allowed there" if found else ""
