"""Every key of a scenario file: its type, range, default and meaning.

`docs/scenario.md` and all checks of single values are made from these classes. What the parts mean together is
checked where they are built: `span`, `limits`, `piles`, `loads`, `fleet`, `stays`, `load`.
"""

from dataclasses import dataclass
from typing import Literal

from evloom.simulate.scenario.section import Moment, Section, key

ROOT = "transformer"
"""Id of the root of the limit tree."""

PACKAGED = "packaged:"
"""Start of a file name that means a data file that comes with Evloom."""

Policy = Literal["uncontrolled", "equal-share", "queue", "earliest-deadline", "least-laxity", "price-queue", "optimal", "foresight"]
Profile = Literal["apartment-block", "office-building"]


@dataclass(frozen=True, kw_only=True)
class TimeSection(Section):
    """The span of the run. A date without time is local midnight in `zone`; a local date-time is read in `zone`."""

    zone: str = key(text='IANA name of the local time, "Asia/Shanghai"')
    start: Moment | None = key(None, "start of the run", name="from", see="day of the first arrival in the session file")
    end: Moment | None = key(None, "end of the run, not included", name="to", see="day after the last departure in the session file")
    step_s: int = key(900, "length of a reporting step; divides 3600", low=60, high=3600, unit="s")


@dataclass(frozen=True, kw_only=True)
class SiteSection(Section):
    """The supply at the piles."""

    voltage_v: float = key(230.0, "phase to neutral, or across the two legs a single-phase pile uses", low=100, high=500, unit="V")


@dataclass(frozen=True, kw_only=True)
class TransformerSection(Section):
    """The root of the limit tree. It may import rating_kva x power_factor kW."""

    id: str = key(ROOT, "name of the node")
    rating_kva: float = key(text="rated apparent power", above=0, high=1e6, unit="kVA")
    power_factor: float = key(0.95, "of the whole site; active over apparent power", above=0, high=1)
    phase_max_a: float | None = key(None, "most current on any one phase", above=0, unit="A", see="no limit")
    export_max_kw: float = key(0.0, "most power steered discharge may push back into the grid", low=0, unit="kW")


@dataclass(frozen=True, kw_only=True)
class LimitSection(Section):
    """A further limit below the transformer: a feeder, a board, a circuit. Give max_kw, phase_max_a or both."""

    id: str = key(text="unique name of the node")
    parent: str = key(ROOT, "id of the node above")
    kind: Literal["feeder", "board", "circuit"] = key("feeder", "what the limit protects")
    max_kw: float | None = key(None, "most power the node may draw, base load included", low=0, unit="kW", see="no limit")
    phase_max_a: float | None = key(None, "most current on any one phase", above=0, unit="A", see="no limit")
    export_max_kw: float | None = key(None, "most power steered discharge may push up through it", low=0, unit="kW", see="no limit")
    source: str = key("", "who set the limit, named in every explanation", see='"<kind> <id>"')


@dataclass(frozen=True, kw_only=True)
class BaseLoadSection(Section):
    """Load that nobody steers. Give a `profile` with peak_kw or mean_kw, or a `file`."""

    node: str = key(ROOT, "id of the node it hangs on")
    profile: Profile | None = key(None, "named daily shape, see below", see="none")
    peak_kw: float | None = key(None, "highest value of the scaled profile", low=0, unit="kW", see="none")
    mean_kw: float | None = key(None, "mean over a week of the scaled profile", low=0, unit="kW", see="none")
    file: str | None = key(None, "series file, relative to the scenario", see="none")
    format: str = key("evloom", "format of the file")
    column: str | None = key(None, "column of the file", see="its only value column")
    scale: float = key(1.0, "factor on the values of the file, which are in kW", low=0)


@dataclass(frozen=True, kw_only=True)
class SolarSection(Section):
    """Photovoltaic generation. Give the profile with the place, or a file of kW per kWp."""

    node: str = key(ROOT, "id of the node it hangs on")
    kwp: float = key(text="rated power at standard test conditions", low=0, unit="kW")
    profile: Literal["solar-clear-sky"] | None = key(None, "computed from the height of the sun, see below", see="none")
    latitude_deg: float | None = key(None, "north positive; with the profile", low=-90, high=90, unit="deg", see="none")
    longitude_deg: float | None = key(None, "east positive; with the profile", low=-180, high=180, unit="deg", see="none")
    performance_ratio: float = key(0.8, "share of the clear-sky value that reaches the meter: clouds, heat, inverter", low=0, high=1)
    file: str | None = key(None, "series file, relative to the scenario", see="none")
    format: str = key("pv-netherlands", "format of the file")
    column: str | None = key(None, "column of the file", see="its only value column")


@dataclass(frozen=True, kw_only=True)
class StorageSection(Section):
    """A stationary battery."""

    id: str = key(text="unique name")
    node: str = key(ROOT, "id of the node it hangs on")
    capacity_kwh: float = key(text="usable energy", above=0, unit="kWh")
    charge_max_kw: float = key(text="most charging power at the meter", low=0, unit="kW")
    discharge_max_kw: float = key(text="most discharging power at the meter", low=0, unit="kW")
    charge_efficiency: float = key(0.95, "meter to cells", above=0, high=1)
    discharge_efficiency: float = key(0.95, "cells to meter", above=0, high=1)
    soc_initial: float = key(0.5, "state of charge at the start", low=0, high=1)
    wear_per_kwh: float = key(0.0, "battery life that one kWh discharged costs, in the tariff's currency", low=0)


@dataclass(frozen=True, kw_only=True)
class PileSection(Section):
    """A kind of pile, `count` times. With from_sessions one pile stands for every evse_id of the sessions not named elsewhere."""

    id: str = key("P{n:02}", "unique name; {n} is the number of the pile, from 1 ({n:02}: two digits)")
    count: int = key(1, "how many of them", low=1, high=100000)
    from_sessions: bool = key(False, "one pile for every evse_id in the sessions; id and count are not used")
    node: str = key(ROOT, "id of the node it hangs on")
    rating_kw: float = key(text="rating at the meter; the bays of one pile share it", above=0, high=5000, unit="kW")
    phases: Literal[1, 3] | None = key(None, "conductors on the AC side", see="1, or 3 when dc")
    phase: Literal["A", "B", "C", "rotate"] = key(
        "rotate", "phase a single-phase pile, or a single-phase car on it, loads; rotate: A, B, C, A ..."
    )
    current_min_a: float = key(6.0, "least current that charges (IEC 61851-1: 6 A); not used when dc", low=0, unit="A")
    current_step_a: float = key(1.0, "steps of the current, 0: continuous; not used when dc", low=0, unit="A")
    efficiency: float = key(1.0, "meter to vehicle inlet", above=0, high=1)
    dc: bool = key(False, "direct current: the charger is in the pile")
    discharge_max_kw: float = key(0.0, "rating for discharge, 0: not bidirectional", low=0, unit="kW")
    bays: Literal[1, 2] = key(1, "parking bays served; two bays get ids <id>-1 and <id>-2")
    bays_at_once: Literal[1, 2] = key(1, "how many bays may charge at the same time")


@dataclass(frozen=True, kw_only=True)
class VehicleSection(Section):
    """A vehicle model. Its power falls near full by `taper_soc`, or follows the points of curve_soc and curve_kw."""

    model: str = key(text="unique name, compared with the vehicle model of a session without regard to case")
    battery_kwh: float = key(text="usable energy of the battery", above=0, high=2000, unit="kWh")
    ac_max_kw: float = key(text="on-board charger, at the inlet", above=0, high=1000, unit="kW")
    phases: Literal[1, 3] = key(1, "phases of the on-board charger")
    current_min_a: float = key(6.0, "least current that does not send the car to sleep", low=0, unit="A")
    dc_max_kw: float | None = key(None, "highest DC power, with taper_soc", above=0, high=5000, unit="kW", see="ac_max_kw")
    taper_soc: float | None = key(None, "above it the power falls in a straight line to C/20", low=0, high=1, see="no taper")
    curve_soc: tuple[float, ...] = key((), "states of charge of the curve, rising, from 0 to 1", low=0, high=1)
    curve_kw: tuple[float, ...] = key(
        (), "power the battery takes at each, at the inlet; straight lines between", above=0, high=5000, unit="kW"
    )
    charge_efficiency: float = key(1.0, "inlet to cells", above=0, high=1)
    discharge_efficiency: float = key(1.0, "cells to inlet", above=0, high=1)
    v2g: bool = key(False, "the owner consents to discharge")
    soc_floor: float = key(0.3, "discharge goes down to here at most", low=0, high=1)
    wear_per_kwh: float = key(0.0, "battery life that one kWh discharged costs, in the tariff's currency", low=0)
    priority: float = key(
        1.0, 'who is served first where power does not suffice and control.scarcity = "priority": higher first', above=0, high=1000
    )
    share: float = key(1.0, "how often it occurs where a session names no model, relative to the others", low=0)


@dataclass(frozen=True, kw_only=True)
class GenerateSection(Section):
    """Made-up sessions, the same for the same seed (docs/sessions.md)."""

    kind: Literal["home", "workplace", "public", "taxi", "bus-depot"] = key(text="habits and distributions")
    seed: int = key(1, "seed of the random numbers", low=0)
    vehicles: int | None = key(None, "number of vehicles", low=1, high=1000000, see="number of bays")
    power_kw: float | None = key(None, "power that bounds the energy of a stay", above=0, unit="kW", see="highest pile rating")


@dataclass(frozen=True, kw_only=True)
class SessionsSection(Section):
    """Where the sessions come from. Give a `file`, or `generate`, or neither where a journal of a live site is replayed."""

    file: str | None = key(None, 'session file, relative to the scenario, or "packaged:jpl-2019-06"', see="none")
    format: str | None = key(None, "format of the file (docs/sessions.md)", see="found out from its first line")
    select: Literal["wholly-inside", "arriving"] = key("wholly-inside", "which sessions belong to the span of the run")
    keep_evse_id: bool = key(True, "false: forget where each car stood and give it a free bay at arrival")
    in_journal: bool = key(False, "there are none: they are in the journal that is replayed on this scenario (docs/serve-loop.md)")
    generate: GenerateSection | None = key(None, "made-up sessions, see [sessions.generate]", see="none")


@dataclass(frozen=True, kw_only=True)
class TimeFeeSection(Section):
    """A fee by time in a contract: parking, connection, overstay. Several may be given."""

    label: str = key(text="what the bill calls it")
    price_per_h: float = key(text="per hour that counts", low=0)
    counts: Literal["connected", "charging", "after charging"] = key("connected", "which part of the visit counts")
    free_h: float = key(0.0, "this long costs nothing", low=0, high=720, unit="h")
    step_s: int = key(0, "counted in whole steps of this length, 0: to the second", low=0, high=86400, unit="s")
    fee_min: float | None = key(None, "least fee once any time counts", low=0, see="none")
    fee_max: float | None = key(None, "highest fee", low=0, see="none")
    window_from: str | None = key(None, 'start of the hours in which it runs, local, "07:00"', see="all day")
    window_to: str | None = key(None, "end of them; earlier than the start: passes midnight", see="all day")


@dataclass(frozen=True, kw_only=True)
class ContractSection(Section):
    """What a driver pays, in the currency of the tariff (docs/bill.md)."""

    name: str = key("orderly", "name of the contract")
    energy_tariff_share: float = key(1.0, "energy costs so many times the price of the tariff", low=0)
    energy_price_per_kwh: float | None = key(None, "one price for energy, in place of the tariff", see="the tariff")
    service_price_per_kwh: float = key(0.0, "service fee for energy charged", low=0)
    session_fee: float = key(0.0, "once for each session", low=0)
    v2g_tariff_share: float | None = key(None, "energy discharged earns so many times the price of the tariff", low=0, see="nothing")
    v2g_price_per_kwh: float | None = key(None, "one price for energy discharged", low=0, see="nothing")
    tax_share: float = key(0.0, "tax on everything the driver buys", low=0, high=1)
    tax_included: bool = key(False, "true: prices include the tax; false: the bill adds it")
    waived_if_no_energy: bool = key(False, "a session without energy costs nothing")
    time_fee: tuple[TimeFeeSection, ...] = key((), "fees by time, see [[contract.time_fee]]")


@dataclass(frozen=True, kw_only=True)
class CarbonSection(Section):
    """Carbon intensity of the electricity drawn. Give a constant with its source, or one or more files."""

    constant_kg_per_kwh: float | None = key(None, "the same at all times", low=0, high=3, unit="kg/kWh", see="none")
    source: str = key("", "where the constant comes from, with its year")
    files: tuple[str, ...] = key((), "series files, relative to the scenario; they are joined in time")
    format: str = key("evloom", "format of the files")
    column: str | None = key(None, "column of the files", see="the only value column")


@dataclass(frozen=True, kw_only=True)
class DriverSection(Section):
    """What the system is told of a stay, or believes of it."""

    departure: Literal["told", "history", "true"] = key("history", "told by the driver; learnt from earlier stays; or known (studies only)")
    energy: Literal["told", "history", "true"] = key("history", "the same for the energy wanted")
    taper: Literal["model", "learnt", "unknown"] = key(
        "model", "loss of power near full and in the cold: by data sheet and state of charge; learnt from the car's stays; or not known"
    )
    error: float = key(1.0, "how wrong drivers of generated sessions are: 0 never, 1 as measured (docs/sessions.md)", low=0, high=5)


@dataclass(frozen=True, kw_only=True)
class ControlSection(Section):
    """When the loop runs and how steady its orders are."""

    replan: Literal["event", "step"] = key("event", "at every step and every plug-in and plug-out, or at every step only")
    deadband_kw: float = key(0.0, "an order is sent again only when it changes by more, or when a limit demands it", low=0, unit="kW")
    min_on_s: float = key(0.0, "an AC pile that was switched on charges for at least so long, but for limits", low=0, high=3600, unit="s")
    min_off_s: float = key(0.0, "one that was switched off rests for at least so long", low=0, high=3600, unit="s")
    orders_per_hour: float = key(
        0.0, "what each pile is sent on average at most, in bursts of up to three, but for limits; 0: no limit", low=0, high=3600
    )
    horizon_h: float = key(24.0, "how far ahead optimising policies look", above=0, high=168, unit="h")
    scarcity: Literal["need", "laxity", "priority"] = key(
        "need",
        "whom optimal serves when power is short: all by what each still needs, who can wait least, or vehicle.priority",
    )
    departure_risk: float | None = key(
        None, "chance that a car leaves before the departure plans believe in, where it is learnt", above=0, high=0.9, see="docs/beliefs.md"
    )
    starts: Literal["together", "spread"] = key(
        "together", "how price-queue starts cars in cheap hours: as early as each can, or spread over them (docs/real-chargers.md)"
    )


@dataclass(frozen=True, kw_only=True)
class LinkSection(Section):
    """Piles that lose their link to the platform, and what they then do (docs/real-chargers.md)."""

    drops_per_day: float = key(0.0, "how often each pile loses its link, at random", low=0, high=1000)
    outage_min: float = key(30.0, "how long it then lasts on average", above=0, high=10080)
    default_a: float = key(
        6.0, "current once the profile sent ahead has ended, and for a car that comes meanwhile", low=0, high=1000, unit="A"
    )
    hold_min: float | None = key(None, "minutes for which the profile last sent is kept", low=0, see="until the link is back")
    reserve: bool = key(True, "keep the room free that such piles may take; false only to see what that does")
    seed: int = key(1, "seed of the random numbers", low=0)


@dataclass(frozen=True, kw_only=True)
class GuardSection(Section):
    """What the battery of a car that discharges must keep, beside its own floor (docs/real-chargers.md)."""

    soc_min: float | None = key(None, "it discharges down to this state of charge", low=0, high=1, see="vehicle.soc_floor")
    soc_max: float | None = key(None, "above this it is charged only for its driver's need", low=0, high=1, see="none")
    daily_kwh: float | None = key(None, "most it discharges on a local day", low=0, unit="kWh", see="none")
    yearly_kwh: float | None = key(None, "most it discharges in a local year", low=0, unit="kWh", see="none")
    yearly_cycles: float | None = key(None, "the same in its own usable energy", low=0, see="none")
    source: str = key("scenario", "who set these limits, named in every refusal")


@dataclass(frozen=True, kw_only=True)
class DiagnosisSection(Section):
    """A warning of the battery of a car that comes to the site, while it is open (docs/diagnose-method.md)."""

    vehicle: str = key(text="driver of the sessions whose car it is, or the id of a single session")
    start: Moment = key(text="opened", name="from")
    end: Moment | None = key(None, "closed, not included", name="to", see="end of the run")
    level: Literal["watch", "inspect", "stop"] = key("inspect", "inspect: no V2G, at most 0.3 C and 80 %; stop: no charging")


@dataclass(frozen=True, kw_only=True)
class RootSection(Section):
    """Keys at the top of the file, before the first table."""

    name: str = key("", "name of the scenario in tables and reports", see="name of the file's folder")
    policies: tuple[str, ...] = key(("uncontrolled", "optimal"), "policies to run")
    objective: str = key("cost", 'what optimising policies aim at: "cost", "peak>cost", "cost+0.05*carbon" (docs/optimum.md)')


TABLES: tuple[tuple[str, type[Section]], ...] = (
    ("", RootSection),
    ("[time]", TimeSection),
    ("[site]", SiteSection),
    ("[transformer]", TransformerSection),
    ("[[limit]]", LimitSection),
    ("[[base_load]]", BaseLoadSection),
    ("[[solar]]", SolarSection),
    ("[[storage]]", StorageSection),
    ("[[pile]]", PileSection),
    ("[[vehicle]]", VehicleSection),
    ("[sessions]", SessionsSection),
    ("[sessions.generate]", GenerateSection),
    ("[contract]", ContractSection),
    ("[[contract.time_fee]]", TimeFeeSection),
    ("[carbon]", CarbonSection),
    ("[driver]", DriverSection),
    ("[control]", ControlSection),
    ("[link]", LinkSection),
    ("[guard]", GuardSection),
    ("[[diagnosis]]", DiagnosisSection),
)
"""Every table with its heading as written in the file. [tariff] is read by `evloom.market`."""
