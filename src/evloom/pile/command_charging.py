"""What we say to stations about charging: transactions, availability, reservations, profiles, lists of tokens, displays."""

from dataclasses import dataclass

from evloom.pile.command_parts import LocalToken, Message, Token
from evloom.pile.profile import ChargingProfile


@dataclass(frozen=True, slots=True)
class StartCharging:
    """Start a transaction for a token. remote_start is named in the first word of the transaction (2.x)."""

    token: Token
    evse: int | None = None
    remote_start: int = 0
    group: Token | None = None
    profile: ChargingProfile | None = None


@dataclass(frozen=True, slots=True)
class StopCharging:
    """End a transaction."""

    transaction: str


@dataclass(frozen=True, slots=True)
class Unlock:
    """Unlock the cable of a connector."""

    evse: int
    connector: int = 1


@dataclass(frozen=True, slots=True)
class Reset:
    """Restart the station or an EVSE. when "OnIdle" (1.6: Soft), "Immediate" (1.6: Hard), "ImmediateAndResume" (2.1)."""

    when: str = "OnIdle"
    evse: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeAvailability:
    """Take a station, EVSE or connector out of service, or back into it."""

    operative: bool
    evse: int = 0
    connector: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Have a station send a message now: "BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "TransactionEvent",
    "SignChargingStationCertificate", ... extended: by ExtendedTriggerMessage in 1.6. custom: name of a vendor's trigger (2.1)."""

    what: str
    evse: int = 0
    connector: int = 0
    extended: bool = False
    custom: str = ""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Keep an EVSE (None: any of the station) for a token."""

    reservation: int
    token: Token
    expires_at_s: float
    evse: int | None = None
    group: Token | None = None
    connector_type: str = ""


@dataclass(frozen=True, slots=True)
class CancelReservation:
    """Give up a reservation."""

    reservation: int


@dataclass(frozen=True, slots=True)
class SetProfile:
    """Install a charging profile at an EVSE."""

    evse: int
    profile: ChargingProfile


@dataclass(frozen=True, slots=True)
class ClearProfile:
    """Take charging profiles off a station: one by its id, or all that fit the rest."""

    profile_id: int | None = None
    evse: int | None = None
    purpose: str = ""
    stack_level: int | None = None


@dataclass(frozen=True, slots=True)
class AskProfiles:
    """Have a station report its charging profiles (2.x). sources of a limit: "EMS", "CSO", "SO", "Other"."""

    request: int
    evse: int | None = None
    profile_ids: tuple[int, ...] = ()
    purpose: str = ""
    stack_level: int | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskComposite:
    """Ask what all profiles together allow an EVSE for so long. unit "A", "kW", or "" as the station likes."""

    evse: int
    length_s: int
    unit: str = ""


@dataclass(frozen=True, slots=True)
class SendLocalList:
    """Send the list of tokens: the whole of it (full), or what changes."""

    version: int
    full: bool
    tokens: tuple[LocalToken, ...] = ()


@dataclass(frozen=True, slots=True)
class AskLocalListVersion:
    """Ask which version of the list a station has."""


@dataclass(frozen=True, slots=True)
class ClearCache:
    """Have a station forget the tokens that it remembers."""


@dataclass(frozen=True, slots=True)
class SetMessage:
    """Show a message (2.x)."""

    message: Message


@dataclass(frozen=True, slots=True)
class ClearMessage:
    """No longer show a message (2.x)."""

    message_id: int


@dataclass(frozen=True, slots=True)
class AskMessages:
    """Have a station report the messages it shows (2.x)."""

    request: int
    message_ids: tuple[int, ...] = ()
    priority: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class ShowCost:
    """Show what a transaction costs so far, in the currency of the station (2.x)."""

    transaction: str
    total: float


@dataclass(frozen=True, slots=True)
class AskTransaction:
    """Ask whether a transaction runs, or ("") any, and whether messages wait to be sent (2.x)."""

    transaction: str = ""


@dataclass(frozen=True, slots=True)
class CustomData:
    """Something between us and a vendor (DataTransfer): text, in 2.x any JSON as text with json set."""

    vendor: str
    message: str = ""
    data: str | None = None
    json: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """Any message of the version that the station speaks, as JSON text; refused where it breaks the schema."""

    action: str
    payload: str = "{}"
