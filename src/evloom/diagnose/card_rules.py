"""What a card is made by: assumptions with source, rules of grades, faults and routes. Data, read in `store.battery.rules`."""

from dataclasses import dataclass, field, replace

ROUTES = ("keep", "swap", "second-life", "parts", "recycle")
"""Where a battery can go: stay in its car, into a pool of swapped batteries, into a stationary store, be sold in parts, be recycled."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number that the battery's data do not tell, as it is believed: one time in ten it is below p10, one in ten above p90.

    chemistry  "" where it holds for all; source, date where it comes from and of when
    """

    key: str
    p10: float
    p50: float
    p90: float
    unit: str
    source: str
    date: str
    chemistry: str = ""


@dataclass(frozen=True, slots=True)
class GradeRule:
    """What a grade asks for. A quantity that is not known is not asked for, but told.

    soh_from, capacity_share_from  of the pack, of its weakest cell relative to the pack's median
    resistance_share_to            of the cell with most, relative to the pack's median
    level_to                       "" no open warning at all, or the highest level that may be open
    """

    name: str
    soh_from: float
    capacity_share_from: float
    resistance_share_to: float
    level_to: str
    source: str


@dataclass(frozen=True, slots=True)
class FaultRule:
    """What an open warning does to the routes: from a level and a chance of the cause on ("*" any cause).

    rules_out  routes that are closed; repair key of the assumption that says what mending costs, "" none; knee: it ages after the knee
    """

    key: str
    cause: str
    level_from: str
    chance_from: float
    rules_out: tuple[str, ...]
    repair: str
    knee: bool
    source: str


@dataclass(frozen=True, slots=True)
class RouteRule:
    """When a route is open at all.

    soh_from      below it the route is closed; soh_end: where life on this route ends (0: it has none)
    chemistries   only these ("" among them: also an unknown one); needs: a fact that the owner must give, "" none
    """

    name: str
    soh_from: float
    soh_end: float
    chemistries: tuple[str, ...]
    needs: str
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the owner knows of a pack, None where not: age in days at the end of the data, rated energy and capacity, of a swap type."""

    age_days: float | None = None
    made_s: float | None = None
    energy_kwh: float | None = None
    capacity_ah: float | None = None
    swappable: bool | None = None


@dataclass(frozen=True)
class Rules:
    """All of them. `currency` holds for every price; `points` is how many cases an interval is made of."""

    currency: str
    assumptions: tuple[Assumption, ...]
    grades: tuple[GradeRule, ...]
    faults: tuple[FaultRule, ...]
    routes: tuple[RouteRule, ...]
    facts: dict[str, Facts] = field(default_factory=dict)
    points: int = 512

    def assumed(self, key: str, chemistry: str = "") -> Assumption:
        """The assumption of a key: that of the chemistry, else the general one, else what holds for any of the chemistries.

        Raises KeyError where there is none at all.
        """
        every = {each.chemistry: each for each in self.assumptions if each.key == key}
        if not every:
            raise KeyError(f"no assumption {key}")
        if chemistry in every or "" in every:
            return every[chemistry] if chemistry in every else every[""]
        middle = sorted(every.values(), key=lambda each: each.p50)[len(every) // 2]
        low, high = min(each.p10 for each in every.values()), max(each.p90 for each in every.values())
        return replace(middle, p10=low, p90=high, chemistry="")

    def route(self, name: str) -> RouteRule:
        """The rule of a route. Raises KeyError."""
        return next((each for each in self.routes if each.name == name), None) or _missing(name)


def _missing(name: str) -> RouteRule:
    raise KeyError(f"no rule of route {name}")
