"""What we say to stations of OCPP 2.1: tariffs, V2X, grid rules (DER), battery swap, event streams; dynamic schedules."""

from dataclasses import dataclass

from evloom.pile.command_parts import Token
from evloom.pile.der import DerControl
from evloom.pile.tariff_offer import TariffOffer


@dataclass(frozen=True, slots=True)
class SetTariff:
    """Set the default tariff of an EVSE, 0 for all."""

    evse: int
    tariff: TariffOffer


@dataclass(frozen=True, slots=True)
class ChangeTariff:
    """Change the tariff of a running transaction."""

    transaction: str
    tariff: TariffOffer


@dataclass(frozen=True, slots=True)
class ClearTariff:
    """Take tariffs off a station: by ids (none: all), at an EVSE (None: all)."""

    tariff_ids: tuple[str, ...] = ()
    evse: int | None = None


@dataclass(frozen=True, slots=True)
class AskTariffs:
    """Ask which tariffs an EVSE (0: all) has."""

    evse: int = 0


@dataclass(frozen=True, slots=True)
class AllowTransfer:
    """Say how energy may flow in a transaction: "AC_single_phase", "AC_three_phase", "DC", "AC_BPT", "DC_BPT", "AC_BPT_DER", ..."""

    transaction: str
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpdateDynamic:
    """New values for a dynamic charging profile, as in `pile.profile.Period`; unit is that of its schedule, "A" or "kW"."""

    profile_id: int
    unit: str
    ceiling: float | None = None
    floor: float | None = None
    setpoint: float | None = None
    reactive: float | None = None


@dataclass(frozen=True, slots=True)
class UsePriority:
    """Activate, or no longer, the priority charging profile for a transaction."""

    transaction: str
    active: bool


@dataclass(frozen=True, slots=True)
class SignalFrequency:
    """A value of the grid's aFRR signal, for profiles with a curve of it."""

    at_s: float
    signal: int


@dataclass(frozen=True, slots=True)
class SetDer:
    """Set a grid rule."""

    control: DerControl


@dataclass(frozen=True, slots=True)
class AskDer:
    """Have a station report grid rules: by id, or by kind, default or scheduled."""

    request: int
    kind: str = ""
    control_id: str = ""
    default: bool | None = None


@dataclass(frozen=True, slots=True)
class ClearDer:
    """Take grid rules off a station: default or scheduled ones, by kind or id, else all of them."""

    default: bool
    kind: str = ""
    control_id: str = ""


@dataclass(frozen=True, slots=True)
class SwapBattery:
    """Let a token swap batteries: the station opens for it."""

    request: int
    token: Token


@dataclass(frozen=True, slots=True)
class AdjustStream:
    """Change how often a periodic event stream sends, or after how many values."""

    stream: int
    interval_s: int | None = None
    n_value: int | None = None


@dataclass(frozen=True, slots=True)
class AskStreams:
    """Ask which periodic event streams are open."""


@dataclass(frozen=True, slots=True)
class TellWebPayment:
    """Tell a station that somebody is paying for an EVSE on the web: it keeps it so long."""

    evse: int
    timeout_s: int
