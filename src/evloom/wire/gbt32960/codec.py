"""Messages from the data of a frame, and back."""

from datetime import datetime, timedelta, timezone

from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.cursor import Reader, count_bytes, text_bytes
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.parameters import read_settings, settings_bytes
from evloom.wire.gbt32960.unit_codec import READERS, unit_bytes
from evloom.wire.gbt32960.units import Custom, Unit, Unread
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result

BEIJING = timezone(timedelta(hours=8))
"""The time of every message (6.4)."""
TIME_BYTES = 6
_SIGNED = 0xFF
_SIGNATURES = (1, 2, 3)
_CUSTOM = 0x80
_CODE_2025 = 24
_EPOCH_2000_S = int(datetime(2000, 1, 1, tzinfo=BEIJING).timestamp())
_EPOCH_2100_S = int(datetime(2100, 1, 1, tzinfo=BEIJING).timestamp())


def decode(frame: Frame) -> m.Message:
    """What a frame says. Raises BadData, and nothing else, for data that cannot be read."""
    if frame.cipher != Cipher.PLAIN and frame.data:
        raise BadData("encrypted", f"the data are encrypted (cipher {frame.cipher:#04x}); only data in the clear are read")
    reader = Reader(frame.data)
    if frame.answer != Result.COMMAND:
        return _answer(reader)
    message = _command(reader, frame)
    if reader.left:
        raise BadData("left-over", f"{reader.left} bytes are left behind the data of command {frame.command:#04x}")
    return message


def encode(message: m.Message, edition: Edition) -> bytes:
    """The data of a message. Raises ValueError for what the edition cannot say."""
    match message:
        case m.Report():
            parts = b"".join(unit_bytes(unit, edition) for unit in message.units)
            return time_bytes(message.at_s) + parts + _signed_bytes(message.signature)
        case m.Login2016():
            return _login_2016_bytes(message)
        case m.Login2025():
            return _login_2025_bytes(message)
        case m.Logout() | m.PlatformLogout():
            return time_bytes(message.at_s) + _word(message.serial)
        case m.PlatformLogin():
            names = text_bytes(message.user, 12) + text_bytes(message.password, 20)
            return time_bytes(message.at_s) + _word(message.serial) + names + bytes((message.cipher,))
        case m.Activation():
            head = time_bytes(message.at_s) + text_bytes(message.chip, 16) + _word(len(message.public_key)) + message.public_key
            return head + text_bytes(message.vin, 17) + _signature_bytes(message.signature)
        case m.ActivationResult():
            return bytes((message.state, message.info))
        case m.KeyExchange():
            head = bytes((message.cipher,)) + _word(len(message.key)) + message.key
            return head + time_bytes(message.from_s) + time_bytes(message.until_s)
        case m.Settings():
            return time_bytes(message.at_s) + settings_bytes(message)
        case m.Answer():
            return (b"" if message.at_s is None else time_bytes(message.at_s)) + message.rest
        case m.Other():
            return message.data
    return b""


def _command(reader: Reader, frame: Frame) -> m.Message:
    new = frame.edition == Edition.V2025
    match frame.command:
        case Command.REPORT | Command.SUPPLEMENT:
            return _report(reader, frame.edition)
        case Command.LOGIN:
            return _login_2025(reader) if new else _login_2016(reader)
        case Command.LOGOUT:
            return m.Logout(_time(reader), reader.whole(2))
        case Command.PLATFORM_LOGIN:
            return m.PlatformLogin(_time(reader), reader.whole(2), reader.text(12), reader.text(20), reader.whole(1))
        case Command.PLATFORM_LOGOUT:
            return m.PlatformLogout(_time(reader), reader.whole(2))
        case Command.HEARTBEAT:
            return m.Heartbeat()
        case Command.TIME_SYNC:
            return m.TimeSync()
        case Command.ACTIVATION if new:
            head = _time(reader), reader.text(16), reader.taken(reader.whole(2)), reader.text(17)
            return m.Activation(*head, _signature(reader))
        case Command.ACTIVATION_RESULT if new:
            return m.ActivationResult(reader.whole(1), reader.whole(1))
        case Command.KEY_EXCHANGE if new:
            return m.KeyExchange(reader.whole(1), reader.taken(reader.whole(2)), _time(reader), _time(reader))
        case Command.SET:
            return read_settings(reader, _time(reader), frame.edition)
    return m.Other(reader.taken(reader.left))


def _answer(reader: Reader) -> m.Answer:
    if reader.left < TIME_BYTES:
        return m.Answer(None, reader.taken(reader.left))
    try:
        at_s = _time(reader)
    except BadData:
        return m.Answer(None, reader.data)
    return m.Answer(at_s, reader.taken(reader.left))


def _report(reader: Reader, edition: Edition) -> m.Report:
    at_s = _time(reader)
    readers, data, n = READERS[edition], reader.data, len(reader.data)
    new = edition == Edition.V2025
    found: list[Unit] = []
    while reader.at < n:
        kind = data[reader.at]
        reader.at += 1
        if kind == _SIGNED and new:
            return m.Report(at_s, tuple(found), _report_signature(reader))
        known = readers.get(kind)
        found.append(known(reader) if known is not None else _undefined(reader, kind, new))
    if new:
        raise BadData("signature", "a report of the edition 2025 ends with its signature, and this one has none")
    return m.Report(at_s, tuple(found))


def _report_signature(reader: Reader) -> m.Signature:
    try:
        signature = _signature(reader)
    except BadData as error:
        raise BadData("signature", f"the signature is cut short: {error}") from None
    if reader.left:
        raise BadData("signature", f"{reader.left} bytes are left behind the signature")
    return signature


def _undefined(reader: Reader, kind: int, new: bool) -> Unit:
    """A unit that no table defines: one of somebody's own has its length before it, and one with a reserved id is tried the same way.

    A length that would reach into the signature of a report of 2025 lies; what lies before the signature is then kept unread.
    """
    at = reader.at
    end = _signature_at(reader.data, at) if new else len(reader.data)
    n = int.from_bytes(reader.data[at : at + 2], "big")
    if at + 2 + n <= end:
        reader.at = at + 2
        return Custom(kind, reader.taken(n))
    if kind >= _CUSTOM and not new:
        raise BadData("short", f"unit {kind:#04x} announces {n} bytes at {at}, {end - at - 2} are left")
    return Unread(kind, reader.taken(end - at))


def _signature_at(data: bytes, at: int) -> int:
    """Where the mark stands whose signature fills the rest exactly; the end of the data where there is none."""
    n = len(data)
    while 0 <= (at := data.find(_SIGNED, at)) < n:
        if n - at >= 6 and data[at + 1] in _SIGNATURES:
            r_length = int.from_bytes(data[at + 2 : at + 4], "big")
            s_at = at + 4 + r_length
            if s_at + 2 <= n and s_at + 2 + int.from_bytes(data[s_at : s_at + 2], "big") == n:
                return at
        at += 1
    return n


def _login_2016(reader: Reader) -> m.Login2016:
    at_s, serial, iccid = _time(reader), reader.whole(2), reader.text(20)
    n, length = reader.whole(1), reader.whole(1)
    return m.Login2016(at_s, serial, iccid, tuple([reader.text(length) for _ in range(n)]), length)


def _login_2016_bytes(message: m.Login2016) -> bytes:
    head = time_bytes(message.at_s) + _word(message.serial) + text_bytes(message.iccid, 20)
    codes = b"".join(text_bytes(code, message.code_length) for code in message.codes)
    return head + bytes((len(message.codes), message.code_length)) + codes


def _login_2025(reader: Reader) -> m.Login2025:
    at_s, serial, iccid = _time(reader), reader.whole(2), reader.text(20)
    counts = reader.taken(reader.whole(1))
    return m.Login2025(at_s, serial, iccid, tuple([tuple([reader.text(_CODE_2025) for _ in range(n)]) for n in counts]))


def _login_2025_bytes(message: m.Login2025) -> bytes:
    head = time_bytes(message.at_s) + _word(message.serial) + text_bytes(message.iccid, 20)
    counts = count_bytes(len(message.packs), 1) + bytes(len(packs) for packs in message.packs)
    return head + counts + b"".join(text_bytes(code, _CODE_2025) for packs in message.packs for code in packs)


def _signature(reader: Reader) -> m.Signature:
    return m.Signature(reader.whole(1), reader.taken(reader.whole(2)), reader.taken(reader.whole(2)))


def _signature_bytes(signature: m.Signature) -> bytes:
    r_value, s_value = signature.r_value, signature.s_value
    return bytes((signature.kind,)) + _word(len(r_value)) + r_value + _word(len(s_value)) + s_value


def _signed_bytes(signature: m.Signature | None) -> bytes:
    return b"" if signature is None else bytes((_SIGNED,)) + _signature_bytes(signature)


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _time(reader: Reader) -> int:
    year, month, day, hour, minute, second = reader.taken(TIME_BYTES)
    try:
        return int(datetime(2000 + year, month, day, hour, minute, second, tzinfo=BEIJING).timestamp()) if year < 100 else _no_time(year)
    except ValueError as error:
        raise BadData("time", f"there is no time {year}-{month}-{day} {hour}:{minute}:{second}: {error}") from None


def _no_time(year: int) -> int:
    raise ValueError(f"year {year}")


def time_bytes(at_s: float) -> bytes:
    """An instant (epoch seconds) as the six bytes of table 5, in GMT+8. Raises ValueError outside the years 2000 to 2099."""
    if not _EPOCH_2000_S <= at_s < _EPOCH_2100_S:
        raise ValueError(f"{at_s}: only the years 2000 to 2099 can be said")
    local = datetime.fromtimestamp(at_s, BEIJING)
    return bytes((local.year - 2000, local.month, local.day, local.hour, local.minute, local.second))
