"""The document of a site: its limits, its EVSE, its tariff. What an editor writes and the loop is built from."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

ROOT = "site"
"""Id of the node at the top of every site."""

Positive = Annotated[float, Meta(gt=0)]
Unsigned = Annotated[float, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1, max_length=100)]


class LimitPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A node of the tree of limits. None: no such limit. export_max_kw: most that discharge may push up through it, unsigned."""

    id: Name
    parent: str = ROOT
    max_kw: Unsigned | None = None
    phase_max_a: Positive | None = None
    export_max_kw: Unsigned | None = None
    source: str = ""


class EvsePlan(Struct, frozen=True, forbid_unknown_fields=True):
    """An EVSE of a station; phase "" for one that is turned with the others (L1, L2, L3, L1 ...)."""

    station: Name
    evse: Annotated[int, Meta(ge=1)]
    node: str = ""
    rating_kw: Positive = 7.0
    n_phase: Literal[1, 3] = 1
    phase: Literal["", "L1", "L2", "L3"] = ""
    current_min_a: Unsigned = 6.0
    current_step_a: Unsigned = 1.0
    dc: bool = False
    discharge_max_kw: Unsigned = 0.0

    @property
    def evse_id(self) -> str:
        """Its name in the loop."""
        return evse_id_of(self.station, self.evse)


class GuardPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """What batteries that discharge must keep; as [guard] of a scenario."""

    soc_min: Annotated[float, Meta(ge=0, le=1)] | None = None
    soc_max: Annotated[float, Meta(ge=0, le=1)] | None = None
    daily_kwh: Unsigned | None = None
    yearly_kwh: Unsigned | None = None
    yearly_cycles: Unsigned | None = None
    source: str = "site"


class SitePlan(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole site.

    max_kw, source       the limit at the top, and who set it ("transformer 250 kVA")
    margin               share of every limit that plans leave free
    tariff               as the table [tariff] of a scenario (docs/scenario.md); none: energy has no price, and is served early
    carbon_kg_per_kwh    of the electricity drawn; None: not known
    """

    site_id: Name
    max_kw: Positive
    name: str = ""
    zone: str = "UTC"
    voltage_v: Annotated[float, Meta(ge=50, le=1000)] = 230.0
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "CNY"
    source: str = ""
    phase_max_a: Positive | None = None
    export_max_kw: Unsigned = 0.0
    margin: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    limits: tuple[LimitPlan, ...] = ()
    evse: tuple[EvsePlan, ...] = ()
    tariff: dict[str, object] | None = None
    carbon_kg_per_kwh: Unsigned | None = None
    guard: GuardPlan | None = None
    policy: str = "optimal"
    objective: str = "cost"
    step_s: Annotated[int, Meta(ge=60, le=3600)] = 900
    horizon_h: Annotated[float, Meta(gt=0, le=168)] = 24.0


def evse_id_of(station_id: str, evse: int) -> str:
    """The name of an EVSE in the loop and in its journal."""
    return f"{station_id}/{evse}"


def station_of(evse_id: str) -> tuple[str, int]:
    """Station and number of an EVSE by its name in the loop."""
    station_id, _, evse = evse_id.rpartition("/")
    return station_id, int(evse)
