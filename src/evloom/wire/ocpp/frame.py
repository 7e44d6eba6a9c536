"""The frames of OCPP-J, in and out: one JSON array each, read without trust and without an exception.

[2, id, action, payload]  CALL              [3, id, payload]  CALLRESULT     [4, id, code, description, details]  CALLERROR
[6, id, action, payload]  SEND, 2.1 only                                     [5, id, code, description, details]  CALLRESULTERROR, 2.1 only
"""

import re
from enum import StrEnum

import msgspec
from msgspec import Raw, Struct

from evloom.wire.ocpp.version import Version

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6
UNREADABLE_ID = "-1"
ID_MAX = 36
DESCRIPTION_MAX = 255
VALUE_MAX = 200


class Code(StrEnum):
    """Error codes, as 2.1 spells them; `word` gives the spelling of a version."""

    FORMAT = "FormatViolation"
    GENERIC = "GenericError"
    INTERNAL = "InternalError"
    MESSAGE_TYPE = "MessageTypeNotSupported"
    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    OCCURRENCE = "OccurrenceConstraintViolation"
    PROPERTY = "PropertyConstraintViolation"
    PROTOCOL = "ProtocolError"
    FRAMEWORK = "RpcFrameworkError"
    SECURITY = "SecurityError"
    TYPE = "TypeConstraintViolation"

    def word(self, version: Version) -> str:
        """What stands in a CALLERROR of that version."""
        return _WORDS.get((version, self), self.value)


_WORDS = {
    # Errata of 1.6-J, section 5: both spellings "will not be fixed"; 2.0.1 corrected the first alone (mobilityhouse/ocpp #381, #490).
    (Version.V16, Code.FORMAT): "FormationViolation",
    (Version.V16, Code.OCCURRENCE): "OccurenceConstraintViolation",
    (Version.V201, Code.OCCURRENCE): "OccurenceConstraintViolation",
    # 1.6 has neither of these two.
    (Version.V16, Code.MESSAGE_TYPE): "NotSupported",
    (Version.V16, Code.FRAMEWORK): "FormationViolation",
}


class Frame(Struct, frozen=True, gc=False):
    """A frame that was understood.

    kind      message type 2..6
    word      the action, or the error code of 4 and 5
    payload   JSON of the payload, or of the error details
    id_json   the id as it came, where it was no text: it is answered as it came
    oddity    how the frame broke the rules though it was understood, "" where it did not
    """

    kind: int
    call_id: str
    word: str
    payload: bytes
    description: str = ""
    id_json: bytes = b""
    oddity: str = ""


class BadFrame(Struct, frozen=True, gc=False):
    """A frame that was not.

    answer   it deserves a CALLERROR with this code; what is itself an answer, or of an unknown type, may not
    kind     its message type, 0 where that cannot be read
    """

    call_id: str
    code: Code
    text: str
    answer: bool = True
    id_json: bytes = b""
    kind: int = 0


class FrameLimits(Struct, frozen=True):
    """How much one frame may be."""

    message_max_bytes: int = 1 << 20
    nesting_max: int = 32


_read_call = msgspec.json.Decoder(tuple[int, str, str, Raw]).decode
_read_result = msgspec.json.Decoder(tuple[int, str, Raw]).decode
_read_parts = msgspec.json.Decoder(list[Raw]).decode
_read_any = msgspec.json.Decoder().decode
_write = msgspec.json.encode
_ID = re.compile(rb'^[\s\x00\xef\xbb\xbf]*\[\s*"?([0-9]{1,3})"?\s*,\s*("[^"\\]{1,36}"|-?[0-9]{1,36}(?=\s*[,\]]))')
_BRACKETS = re.compile(rb'"(?:\\.|[^"\\])*"?')
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"\\'))
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, or too deep."""


def parse(text: str | bytes, version: Version, limits: FrameLimits) -> Frame | BadFrame:
    """Understand one frame, whatever it is."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > limits.message_max_bytes:
        return _unreadable(data, f"message of {len(data)} bytes; at most {limits.message_max_bytes} are read")
    try:
        if data.startswith(b"[2,"):
            _, call_id, action, raw = _read_call(data)
            frame = Frame(CALL, call_id, action, bytes(raw))
        elif data.startswith(b"[3,"):
            _, call_id, raw = _read_result(data)
            frame = Frame(CALLRESULT, call_id, "", bytes(raw))
        else:
            return _checked(_careful(data, version), limits)
    except UNREADABLE:
        return _checked(_careful(data, version), limits)
    if frame.payload == b"{}" and 0 < len(call_id) <= ID_MAX:
        return frame
    return _checked(frame if frame.payload.startswith(b"{") else _careful(data, version), limits)


def _checked(frame: Frame | BadFrame, limits: FrameLimits) -> Frame | BadFrame:
    """The frame when its id and its payload are what they may be."""
    if isinstance(frame, BadFrame):
        return frame
    answer = frame.kind == CALL
    if not 0 < len(frame.call_id) <= ID_MAX:
        code = Code.FORMAT if frame.call_id else Code.FRAMEWORK
        return BadFrame(UNREADABLE_ID, code, f"message id of {len(frame.call_id)} characters; 1 to {ID_MAX} are allowed", answer)
    payload = frame.payload
    if not payload.startswith(b"{"):
        return BadFrame(frame.call_id, Code.FORMAT, f"payload is no object: {shown(payload)}", answer, frame.id_json, frame.kind)
    if too_deep(payload, limits.nesting_max):
        text = f"payload is nested deeper than {limits.nesting_max} levels"
        return BadFrame(frame.call_id, Code.FORMAT, text, answer, frame.id_json, frame.kind)
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError:
            return BadFrame(frame.call_id, Code.FORMAT, "payload is no UTF-8", answer, frame.id_json, frame.kind)
    return frame


def too_deep(payload: bytes, nesting_max: int) -> bool:
    """Whether arrays and objects are nested deeper than that; in linear time, without a stack."""
    if payload.count(b"{") + payload.count(b"[") <= nesting_max:
        return False
    left = _BRACKETS.sub(b"", payload.translate(None, _NOT_STRUCTURE))
    for _ in range(nesting_max):
        left = left.replace(b"[]", b" ").replace(b"{}", b" ").replace(b" ", b"")  # one level: what was inside keeps its holder open
        if not left:
            return False
    return True


def _careful(data: bytes, version: Version) -> Frame | BadFrame:
    """The long way: for the kinds that are rare, for spaces, and for frames that break the rules."""
    stripped = data.removeprefix(b"\xef\xbb\xbf").strip(b"\x00 \t\r\n")
    oddity = "bytes around the frame that are not JSON" if len(stripped) != len(data.strip(b" \t\r\n")) else ""
    try:
        parts = [bytes(raw) for raw in _read_parts(stripped)]
    except UNREADABLE as wrong:
        return _unreadable(data, f"no JSON array: {str(wrong)[:VALUE_MAX]}")
    kind, odd_kind = _kind(parts[0]) if parts else (-1, "")
    if len(parts) < 2 or kind < 0:
        return BadFrame(UNREADABLE_ID, Code.FRAMEWORK, f"a frame begins with a message type and an id, this one: {shown(stripped)}")
    known = kind in (CALL, CALLRESULT, CALLERROR) or (version is Version.V21 and kind in (CALLRESULTERROR, SEND))
    call_id, id_json = _id(parts[1])
    if not call_id:
        text = f"message id is neither text nor a number: {shown(parts[1])}"
        return BadFrame(UNREADABLE_ID, Code.FRAMEWORK, text, kind == CALL or not known)
    if not known:
        # 1.6-J, 4.1.3 has such a message ignored; 2.x has a code for it.
        return BadFrame(call_id, Code.MESSAGE_TYPE, f"message type {kind} is not known", version is not Version.V16, id_json)
    oddity = oddity or odd_kind or ("message id is a number" if id_json else "")
    return _built(kind, (call_id, id_json), parts[2:], oddity)


def _built(kind: int, ids: tuple[str, bytes], parts: list[bytes], oddity: str) -> Frame | BadFrame:
    call_id, id_json = ids
    if kind == CALLRESULT:
        payload, left = (parts[0] if parts else b"null"), parts[1:]
        return _frame((kind, call_id, "", payload), id_json, left, oddity)
    word = _text(parts[0]) if parts else ""
    if not word:
        text = "no action in the frame" if kind in (CALL, SEND) else "no error code"
        return BadFrame(call_id, Code.FRAMEWORK, text, kind == CALL, id_json, kind)
    if kind in (CALL, SEND):
        return _frame((kind, call_id, word, parts[1] if len(parts) > 1 else b"null"), id_json, parts[2:], oddity)
    description = _text(parts[1]) if len(parts) > 1 else ""
    details = parts[2] if len(parts) > 2 and parts[2].startswith(b"{") else b"{}"
    odd = oddity or ("error without description or details" if len(parts) < 3 else "")
    return Frame(kind, call_id, word, details, description, id_json, odd)


def _frame(what: tuple[int, str, str, bytes], id_json: bytes, left: list[bytes], oddity: str) -> Frame:
    kind, call_id, word, payload = what
    if payload == b"null":
        payload, oddity = b"{}", oddity or "no payload"
    return Frame(kind, call_id, word, payload, "", id_json, oddity or (f"{len(left)} elements too many" if left else ""))


def _kind(part: bytes) -> tuple[int, str]:
    """Message type, and what is odd about it; -1 where there is none."""
    digits = part.strip(b'"')
    if not digits.isdigit() or len(digits) > 3:
        return -1, ""
    return int(digits), "" if digits == part else "message type is a text"


def _id(part: bytes) -> tuple[str, bytes]:
    """Id as text, and as it came where that is something else; "" where it cannot be read."""
    if part.startswith(b'"'):
        return _text(part), b""
    return (part.decode(), part) if part[:1] in b"-0123456789" else ("", b"")


def _text(part: bytes) -> str:
    try:
        value = _read_any(part)
    except UNREADABLE:
        return ""
    return value if isinstance(value, str) else ""


def _unreadable(data: bytes, text: str) -> BadFrame:
    """A frame of which at most the head can be read."""
    found = _ID.match(data[:200])
    if found is None:
        return BadFrame(UNREADABLE_ID, Code.FRAMEWORK, text)
    kind, id_json = int(found[1]), found[2]
    answer = kind == CALL
    try:
        call_id = id_json.strip(b'"').decode()
    except UnicodeDecodeError:
        return BadFrame(UNREADABLE_ID, Code.FRAMEWORK, text, answer)
    return BadFrame(call_id, Code.FORMAT, text, answer, b"" if id_json.startswith(b'"') else id_json, kind)


def shown(data: bytes) -> str:
    """Bytes of a stranger, short and printable."""
    return data[:VALUE_MAX].decode("utf-8", "replace")


def quoted(text: str) -> bytes:
    """A text as JSON."""
    return _write(text)


def call_frame(call_id: str, action: str, payload: bytes) -> bytes:
    """A CALL. The payload is JSON already."""
    return b"[2,%b,%b,%b]" % (_write(call_id), _write(action), payload)


def result_frame(call_id: str, payload: bytes, id_json: bytes = b"") -> bytes:
    """A CALLRESULT."""
    return b"[3,%b,%b]" % (id_json or _write(call_id), payload)


def error_frame(kind: int, call_id: str, code: str, description: str, details: bytes) -> bytes:
    """A CALLERROR (4) or CALLRESULTERROR (5); the description is cut to what the standard allows."""
    return b"[%d,%b,%b,%b,%b]" % (kind, _write(call_id), _write(code), _write(description[:DESCRIPTION_MAX]), details or b"{}")


def send_frame(call_id: str, action: str, payload: bytes) -> bytes:
    """A SEND of 2.1, which nothing answers."""
    return b"[6,%b,%b,%b]" % (_write(call_id), _write(action), payload)
