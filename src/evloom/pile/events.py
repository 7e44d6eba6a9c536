"""What happened at a site. The loop knows the world by these events only; a journal of them can be replayed.

Instants are seconds since the epoch. Lists are columns; None stands for what is not known.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PluggedIn:
    """A car took an EVSE: what it and its driver say, and what is believed of the stay.

    departure_s, wanted_kwh   believed departure and net energy at the meter
    slow_h                    by how many hours the taper near full is expected to lengthen its charging
    like_departure_s, like_kwh   how like stays went: possible departures and energies, each sorted; empty where the
                              belief is meant to be taken as it is
    car_max_kw, n_phase, current_min_a   what the car can take
    give_max_kw               most it may discharge (unsigned): its rating where the owner consents, else 0
    charge_efficiency, discharge_efficiency   meter to cells, cells to meter; wear_per_kwh money per kWh discharged
    vehicle_id                what tells the same car again at its next stay; "" where nothing does
    """

    at_s: float
    evse_id: str
    session_id: str
    departure_s: float
    wanted_kwh: float
    car_max_kw: float
    n_phase: int
    current_min_a: float
    give_max_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    wear_per_kwh: float
    priority: float
    slow_h: float
    like_departure_s: list[float]
    like_kwh: list[float]
    vehicle_id: str = ""


@dataclass(frozen=True, slots=True)
class Unplugged:
    """The car left."""

    at_s: float
    evse_id: str
    session_id: str


@dataclass(frozen=True, slots=True)
class Readings:
    """Meters of the site and of every EVSE with a car, columns of equal length.

    site_kwh      net import of the whole site since the start of the run
    net_kwh       energy charged since the car came, less what discharging took from the cells (measured as what it takes at
                  the meter to put it back, so that losses are never the driver's); draw_kw power now, positive = charging
    done          it was offered power and drew none
    spare_kwh     energy it can give before its floor (0 = none or unknown); room_kwh energy until full (None = unknown)
    storage_kwh   energy in each stationary battery
    """

    at_s: float
    site_kwh: float
    evse_id: list[str]
    net_kwh: list[float]
    draw_kw: list[float]
    done: list[bool]
    spare_kwh: list[float]
    room_kwh: list[float | None]
    storage_kwh: list[float]


@dataclass(frozen=True, slots=True)
class Known:
    """New knowledge of a signal: its values from step `first` of the run's grid on.

    name is "price", "export-price", "carbon" or "base-load NODE" (kW at the node itself, solar taken off).
    """

    at_s: float
    name: str
    first: int
    values: list[float | None]


@dataclass(frozen=True, slots=True)
class LinkLost:
    """An EVSE can no longer be reached. What happens there until `LinkBack` is told after it."""

    at_s: float
    evse_id: str


@dataclass(frozen=True, slots=True)
class LinkBack:
    """An EVSE can be reached again. What it is set to is not known: it must be told anew."""

    at_s: float
    evse_id: str


@dataclass(frozen=True, slots=True)
class PackSeen:
    """What was learnt of the battery of the car at an EVSE; None where it is not known.

    temperature_c            of the pack; soc state of charge 0..1; battery_kwh its usable energy
    diagnosis                what `diagnose` says of it: 0 sound, 1 watch, 2 suspect, 3 unsafe
    given_today_kwh,         discharged for the grid today and this year by local time, at the meter, before this stay; None is
    given_year_kwh           taken as not yet told, and leaves what was told before
    """

    at_s: float
    evse_id: str
    temperature_c: float | None = None
    soc: float | None = None
    battery_kwh: float | None = None
    diagnosis: int | None = None
    given_today_kwh: float | None = None
    given_year_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something else is believed of the stay of the car at an EVSE, or of what the car can take: as in `PluggedIn`."""

    at_s: float
    evse_id: str
    departure_s: float
    wanted_kwh: float
    car_max_kw: float
    n_phase: int
    give_max_kw: float
    priority: float
    like_departure_s: list[float]
    like_kwh: list[float]


@dataclass(frozen=True, slots=True)
class Untold:
    """An order did not arrive, or what an EVSE is set to is not known for another reason: it must be told anew.

    is_set   it is known what it is set to; only the plan that went along is outdated
    """

    at_s: float
    evse_id: str
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Strayed:
    """An EVSE does not do what it is ordered, or has not shown yet that it does: until `Followed` it is load that nobody steers.

    power_kw   what it is counted with while a car stands there, whatever is ordered (unsigned)
    asked_kw   what it is ordered all the same: it may begin to follow
    why        "ignores" (it draws more than ordered), "untried" (its first car), "refused" (it takes no profile), "held" (it has no link,
               and may go on with a plan that this run knows nothing of: power_kw is the most of it)
    """

    at_s: float
    evse_id: str
    power_kw: float
    asked_kw: float
    why: str = "ignores"


@dataclass(frozen=True, slots=True)
class Followed:
    """An EVSE does what it is ordered: it is steered again."""

    at_s: float
    evse_id: str


@dataclass(frozen=True, slots=True)
class Supplied:
    """The voltage at an EVSE of alternating current, phase to neutral: a current that it is set to is another power from now on."""

    at_s: float
    evse_id: str
    voltage_v: float


@dataclass(frozen=True, slots=True)
class FallsBack:
    """The fallback profile of an EVSE: current_a on each phase without a link, once its plan has ended and for a car that comes.

    is_kept   room for it is kept free although there is a link: it should give less, as plans need the room, and was not told so yet
    """

    at_s: float
    evse_id: str
    current_a: float
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Limited:
    """From now on a node may draw no more than import_max_kw; None: what the site itself says. source names who set it."""

    at_s: float
    node_id: str
    import_max_kw: float | None
    source: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The loop is to run now; it runs again at the latest after `step_h` hours."""

    at_s: float
    step_h: float


AtEvse = LinkLost | LinkBack | PackSeen | Wanted | Untold | Strayed | Followed | Supplied | FallsBack
Event = PluggedIn | Unplugged | Readings | Known | AtEvse | Limited | Tick
