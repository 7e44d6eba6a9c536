"""What a scenario file says, checked and ready to run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evloom.dispatch.guard import GuardRules
from evloom.dispatch.real.dwell import Steady
from evloom.kernel.finding import Finding
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.market.contract import Contract
from evloom.market.tariff import Tariff
from evloom.network.site import Site
from evloom.pile.evse import EvseTable
from evloom.simulate.sources.table import SessionTable
from evloom.vehicle.fleet import FleetTable


@dataclass(frozen=True)
class DriverInput:
    """What the system is told or believes of a stay.

    departure   "told" by the driver where the data has it, else as "history"; "history": estimated from stays
                known so far; "true": perfectly known (only for studies, never the default)
    energy      the same for the energy wanted
    taper       what is known of how a car's power falls near full and rises in the cold: "model", by its data sheet and its state of
                charge; "learnt", from its own earlier stays; "unknown", nothing
    """

    departure: Literal["told", "history", "true"] = "history"
    energy: Literal["told", "history", "true"] = "history"
    taper: Literal["model", "learnt", "unknown"] = "model"


@dataclass(frozen=True)
class Control:
    """When the loop runs and how steady its orders are.

    replan           "event": at every step and at every arrival and departure; "step": at every step only
    deadband_kw      an order is sent again only when it changes by more than this, or when a limit demands it
    min_on_s, min_off_s, orders_per_hour   as in `dispatch.real.dwell.Steady`
    horizon_h        how far ahead optimising policies look
    scarcity         how `optimal` shares power that does not suffice for all promises: in proportion to need (within a class of
                     priority), to those who can wait least first, or by the priority of the vehicles
    departure_risk   chance that a car leaves before the departure that plans believe in, where that is learnt from earlier stays; None:
                     as docs/beliefs.md found best for JPL
    starts           how the rule price-queue starts cars in cheap hours: all at once, or spread over them
    """

    replan: Literal["event", "step"] = "event"
    deadband_kw: float = 0.0
    horizon_h: float = 24.0
    scarcity: Literal["need", "laxity", "priority"] = "need"
    departure_risk: float | None = None
    starts: Literal["together", "spread"] = "together"
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    orders_per_hour: float = 0.0

    @property
    def steady(self) -> Steady:
        """How steady orders have to be."""
        return Steady(self.min_on_s, self.min_off_s, self.deadband_kw, self.orders_per_hour)


@dataclass(frozen=True)
class Link:
    """How often piles lose their link, and what they then do. docs/real-chargers.md has what each choice costs.

    drops_per_day   of each pile, at random; outage_min minutes each lasts on average (exponential)
    default_a       current of a pile without a link once the profile it was sent has ended, and for a car that comes meanwhile
    hold_min        minutes for which the profile last sent is kept; infinity: until the link is back
    reserve         keep the room free that piles without a link may take
    """

    drops_per_day: float = 0.0
    outage_min: float = 30.0
    default_a: float = 6.0
    hold_min: float = float("inf")
    reserve: bool = True
    seed: int = 1


@dataclass(frozen=True)
class Diagnosis:
    """A warning of a battery while it is open: `vehicle` is a driver of the sessions or the id of one; level as in `PackSeen`."""

    vehicle: str
    from_s: float
    until_s: float
    level: int


@dataclass(frozen=True)
class Scenario:
    """A site, its vehicles, its prices and a span of time.

    grid        the reporting steps; sessions outside it are not part of the run
    sessions    each with an evse_id of `evse` ("" = not yet assigned: takes a free EVSE at arrival, or is
                turned away and counted), already selected for the grid's span
    history     recorded sessions of the same source that had ended before the run began: what is known of drivers by then
    model_row   row of `fleet` of each session's vehicle, (n_session,)
    carbon      kgCO2/kWh, or None where none is given
    policies, objective   the defaults of the scenario, overridden by the command line
    findings    warnings about the scenario that do not keep it from running, e.g. a base load above a limit;
                what was wrong with single sessions is in `sessions.findings`
    """

    name: str
    path: Path | None
    grid: TimeGrid
    site: Site
    evse: EvseTable
    fleet: FleetTable
    tariff: Tariff
    contract: Contract | None
    carbon: Signal | None
    sessions: SessionTable
    history: SessionTable
    model_row: tuple[int, ...]
    driver: DriverInput
    control: Control
    policies: tuple[str, ...]
    objective: str
    findings: tuple[Finding, ...] = ()
    link: Link = Link()
    guard: GuardRules | None = None
    diagnoses: tuple[Diagnosis, ...] = ()
