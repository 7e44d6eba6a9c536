"""What a virtual station is: its bays, its manners, and the cars that will come."""

from dataclasses import dataclass, field

from evloom.simulate.twin import Cars
from evloom.wire.ocpp.version import Version


@dataclass(frozen=True, slots=True)
class BaySpec:
    """A bay with one connector. Powers at the meter; phase 0..2 is what a single-phase bay loads; discharge_max_kw unsigned."""

    rating_kw: float = 11.0
    n_phase: int = 3
    dc: bool = False
    phase: int = 0
    current_min_a: float = 6.0
    current_step_a: float = 1.0
    discharge_max_kw: float = 0.0
    efficiency: float = 1.0


@dataclass(frozen=True, slots=True)
class Manners:
    """How a station misbehaves; by default it does not.

    ignores_profiles     accepts charging profiles and does not follow them; rejects_profiles: refuses them
    offline_every_s      loses its link so often, for offline_for_s; 0 = never (virtual seconds, counted from its start)
    register_back_every  after so many meter values the energy register falls back by 1 kWh; 0 = never
    clock_off_s          its clock is wrong by that
    duplicate_every      sends each so manieth word of a transaction twice; 0 = never
    """

    ignores_profiles: bool = False
    rejects_profiles: bool = False
    offline_every_s: float = 0.0
    offline_for_s: float = 600.0
    register_back_every: int = 0
    clock_off_s: float = 0.0
    duplicate_every: int = 0


@dataclass(frozen=True, slots=True)
class Stay:
    """A car that comes to a bay: row of the table of cars, from when to when (virtual time), and the token that its driver presents.

    tells   the car says its departure and its energy (ISO 15118), which the station passes on in 2.x
    """

    bay: int
    car: int
    arrives_s: float
    leaves_s: float
    token: str
    told_departure_s: float | None = None
    told_kwh: float | None = None
    tells: bool = True


@dataclass(frozen=True, slots=True)
class StationSpec:
    """A virtual station.

    rating_kw        of the whole pile; one_at_a_time: only one of its bays charges
    password         for security profile 1; heartbeat_s and meter_s are what it starts with, and can be set over OCPP
    wait_min_s, wait_max_s   real seconds between attempts to connect: doubled each time
    call_timeout_s   real seconds that it waits for an answer
    """

    station_id: str
    version: Version
    bays: tuple[BaySpec, ...] = (BaySpec(),)
    rating_kw: float = 22.0
    one_at_a_time: bool = False
    voltage_v: float = 230.0
    vendor: str = "Evloom"
    model: str = "Virtual"
    firmware: str = "1.0.0"
    password: str = ""
    meter_s: float = 60.0
    tick_s: float = 10.0
    wait_min_s: float = 0.5
    wait_max_s: float = 30.0
    call_timeout_s: float = 30.0
    seed: int = 1
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True)
class Traffic:
    """The cars that come to a station: the truth about them, and their stays. shift_s: virtual time less the time in `cars`."""

    cars: Cars
    stays: tuple[Stay, ...]
    shift_s: float = 0.0
