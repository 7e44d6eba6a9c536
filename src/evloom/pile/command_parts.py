"""What commands are made of: tokens, certificates, variables, entries of lists, monitors, messages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """What authorises: its id and its type by OCPP ("ISO14443", "ISO15693", "eMAID", "KeyCode", "Local", "Central", ...)."""

    token: str
    token_type: str = "ISO14443"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The hashes by which an installed certificate is named; algorithm "SHA256", "SHA384" or "SHA512"."""

    algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a component (2.x), or a configuration key (1.6: its name alone); attribute "Actual", "Target", "MinSet", "MaxSet"."""

    name: str
    component: str = ""
    instance: str = ""
    component_instance: str = ""
    evse: int | None = None
    connector: int | None = None
    attribute: str = "Actual"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value to write into a variable or configuration key."""

    variable: Variable
    value: str


@dataclass(frozen=True, slots=True)
class LocalToken:
    """An entry of the list by which a station authorises without us. status "" takes the entry off the list."""

    token: Token
    status: str = "Accepted"
    expires_at_s: float | None = None
    group: Token | None = None
    language: str = ""


@dataclass(frozen=True, slots=True)
class Monitor:
    """A watch over a variable: kind "UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned", ...; severity 0..9.

    interval_s, n_value   of a periodic event stream that is to carry it (2.1)
    """

    variable: Variable
    kind: str
    value: float
    severity: int
    monitor_id: int | None = None
    in_transaction: bool = False
    interval_s: int | None = None
    n_value: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A text for a station's display; state in which it is shown: "Charging", "Faulted", "Idle", "Unavailable", ... or "" for all.

    priority "AlwaysFront", "InFront" or "NormalCycle"; form "ASCII", "HTML", "URI", "UTF8", "QRCODE"
    """

    message_id: int
    text: str
    priority: str = "NormalCycle"
    state: str = ""
    starts_at_s: float | None = None
    ends_at_s: float | None = None
    transaction: str = ""
    language: str = ""
    form: str = "UTF8"
