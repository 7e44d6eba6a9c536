"""Messages of GB/T 32960.3: everything but the data units (`units.py`). Instants are whole epoch seconds; the wire speaks GMT+8."""

import msgspec

from evloom.wire.gbt32960.units import Unit


class Message(msgspec.Struct, frozen=True, gc=False):
    """Base of all messages."""


class Signature(msgspec.Struct, frozen=True, gc=False):
    """Signature of 2025 (table 8): 1 SM2, 2 RSA, 3 ECC. It is kept, and not verified."""

    kind: int
    r_value: bytes
    s_value: bytes


class Login2016(Message, frozen=True):
    """0x01 (table 6): one code for each rechargeable storage system."""

    at_s: int
    serial: int
    iccid: str
    codes: tuple[str, ...]
    code_length: int


class Login2025(Message, frozen=True):
    """0x01 (table 6): for each battery management system the 24-character codes of its packs."""

    at_s: int
    serial: int
    iccid: str
    packs: tuple[tuple[str, ...], ...]


class Report(Message, frozen=True):
    """0x02 (real-time) and 0x03 (supplementary): units in the order in which they were sent."""

    at_s: int
    units: tuple[Unit, ...]
    signature: Signature | None = None


class Logout(Message, frozen=True):
    """0x04 (table 20, 28)."""

    at_s: int
    serial: int


class PlatformLogin(Message, frozen=True):
    """0x05 (table 21, 29): `cipher` is the rule by which the platform encrypts."""

    at_s: int
    serial: int
    user: str
    password: str
    cipher: int


class PlatformLogout(Message, frozen=True):
    """0x06 (table 22, 30)."""

    at_s: int
    serial: int


class Heartbeat(Message, frozen=True):
    """0x07: no data."""


class TimeSync(Message, frozen=True):
    """0x08: no data."""


class Activation(Message, frozen=True):
    """0x09 of 2025 (table B.3): the terminal shows its security chip and public key."""

    at_s: int
    chip: str
    public_key: bytes
    vin: str
    signature: Signature


class ActivationResult(Message, frozen=True):
    """0x0A of 2025 (table B.4): state 1 done, 2 failed."""

    state: int
    info: int


class KeyExchange(Message, frozen=True):
    """0x0B of 2025 (table 31): key for the data of later frames."""

    cipher: int
    key: bytes
    from_s: int
    until_s: int


class Settings(Message, frozen=True):
    """0x81: numbers of the terminal's parameters (table B.12 of 2016, B.8 of 2025), and their bytes."""

    at_s: int
    parameters: tuple[tuple[int, bytes], ...]


class Answer(Message, frozen=True):
    """Any command's answer: the time of what is answered (None where it had none), and what else was sent along."""

    at_s: int | None
    rest: bytes = b""


class Other(Message, frozen=True):
    """A command whose data we do not read: queries and control (0x80, 0x82) and what is reserved."""

    data: bytes
