"""What a frame means, in words of ours: nobody outside `wire` sees the messages of the standard."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A vehicle logs in. `packs` are the codes of its batteries in the order of their numbers, "" where none was said."""

    at_s: float
    serial: int
    iccid: str
    packs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """A vehicle logs out."""

    at_s: float
    serial: int


@dataclass(frozen=True, slots=True)
class PlatformIn:
    """Another platform logs in; it then speaks for many vehicles."""

    at_s: float
    serial: int
    user: str
    password: str
    encrypts: bool


@dataclass(frozen=True, slots=True)
class PlatformOut:
    """Another platform logs out."""

    at_s: float
    serial: int


@dataclass(frozen=True, slots=True)
class Alive:
    """A heartbeat."""


@dataclass(frozen=True, slots=True)
class ClockAsked:
    """A terminal asks what time it is."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to something that we would have asked."""

    result: int


@dataclass(frozen=True, slots=True)
class NotSpoken:
    """Something we do not do: activation of a chip, exchange of keys, and what is reserved."""

    what: str


@dataclass(frozen=True, slots=True)
class Battery:
    """What one report says of one battery; columns of one row of `vehicle.telemetry.Frames`, units and signs of the house.

    number    of the battery in its vehicle, from 1; 0 where the report speaks of the vehicle alone
    cells     WORDs of 1 mV from `first` (0..) on, of `n_cell` in all; None where nothing was said of cells
    probes    bytes of degC + 40; None where nothing was said of probes
    """

    number: int
    current_a: float
    pack_v: float
    n_cell: int = 0
    first: int = 0
    cells: bytes | None = None
    probes: bytes | None = None


@dataclass(frozen=True, slots=True)
class Car:
    """What one report says of the vehicle; NaN or -1 where absent."""

    current_a: float
    pack_v: float
    soc: float
    speed_km_per_h: float
    odometer_km: float
    charging: int
    insulation_ohm: float
    status_null: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """A report, real-time or `late` (supplementary). `car` and `bms_level` are None where it does not speak of them."""

    at_s: float
    late: bool
    car: Car | None
    bms_level: int | None
    batteries: tuple[Battery, ...]
    signed: bool = False


Meaning = LoggedIn | LoggedOut | PlatformIn | PlatformOut | Alive | ClockAsked | Answered | NotSpoken | Reported
