"""The card of a pack: what it is, how sound, how long it lasts, its grade, where it is worth most, and what to measure to know better.

Nothing is said that the data cannot tell: a figure is None and its reason is among `missing`. A card depends on its arguments alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evloom.diagnose import value
from evloom.diagnose.card_inputs import Input, Struck, energy_kwh_of, inputs_of, scene_of, soh_cases, soh_of, struck_by
from evloom.diagnose.card_rules import ROUTES, Facts, RouteRule, Rules
from evloom.diagnose.card_texts import measure_of
from evloom.diagnose.grade import Condition, Grade, Reason, grade_of
from evloom.diagnose.health import Health
from evloom.diagnose.value_points import Spread, share_of
from evloom.diagnose.warning import Warning  # noqa: A004
from evloom.diagnose.window import Interval
from evloom.kernel.timegrid import Float
from evloom.vehicle.ageing import BY_CHEMISTRY as AGEING
from evloom.vehicle.telemetry import Pack

N_MATTERS = 3
SHARE_LEAST = 0.02
"""Below this share of the variance an input does not matter; 512 cases do not tell it from chance."""


@dataclass(frozen=True, slots=True)
class Value:
    """An uncertain figure: its mean and the quantiles between which it lies in 80 % of the cases."""

    expected: float
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Which battery it is; rated capacity and energy None where not known."""

    vehicle_id: str
    pack_id: str
    chemistry: str
    n_cell: int
    capacity_ah: float | None
    energy_kwh: float | None


@dataclass(frozen=True, slots=True)
class WeakCell:
    """The cell that limits the pack, number from 0; shares relative to the pack's median, None where not known."""

    cell: int
    capacity_share: float | None
    resistance_share: float | None


@dataclass(frozen=True, slots=True)
class Fault:
    """An open warning: its most likely cause with its chance, and the keys of the fault rules that hold for it."""

    warning_id: str
    level: str
    cell: int | None
    probe: int | None
    cause: str
    chance: float
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """Years until the state of health is `soh_end`: use "present" or "v2g". At 25 years: that many or more. None: see `missing`."""

    use: str
    soh_end: float
    cycles_per_year: Value
    years: Value | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where the battery can go. `open` False: `reasons` say why. worth: present value in the card's currency, None where not known.

    needs  what the owner must say first ("swappable"), "" nothing; such a route is valued and never the best
    """

    name: str
    open: bool
    worth: Value | None
    reasons: tuple[Reason, ...]
    needs: str
    source: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """An input that the worth on the best route (or, without one, the life) depends on: share of its variance, and what it does.

    low, high  mean result where the input is in its lowest and highest fifth; measure: key of `card_texts`
    """

    key: str
    share: float
    p10: float
    p50: float
    p90: float
    unit: str
    origin: str
    low: float
    high: float
    measure: str


@dataclass(frozen=True)
class Card:
    """All that is said of a pack. Plain values only; see `plain`.

    coverage  name and figure of what the data cover; matters_of  "route:NAME" or "life:present", "" none
    v2g_gain  worth of V2G while in the car, on top of `keep`; wear_price_per_kwh  what a kWh given back costs in battery life
    inputs    all that was put in, with origin and source; missing: keys of `card_texts`
    """

    identity: Identity
    coverage: tuple[tuple[str, float], ...]
    soh: Value | None
    energy_soh: Value | None
    resistance_soh: Value | None
    weakest_cell: WeakCell | None
    faults: tuple[Fault, ...]
    lives: tuple[Life, ...]
    grade: Grade
    routes: tuple[Route, ...]
    best: str
    v2g_gain: Value | None
    wear_price_per_kwh: Value | None
    matters_of: str
    matters: tuple[Matter, ...]
    measure: tuple[str, ...]
    missing: tuple[str, ...]
    currency: str
    inputs: tuple[Input, ...]


def card_of(pack: Pack, health: Health, warnings: Sequence[Warning], rules: Rules) -> Card:
    """The card of a pack by its health, its warnings (closed ones are left out) and the rules. Pure and deterministic."""
    known = _known(pack, health, warnings, rules)
    routes, worths = _routes(known, rules)
    best = _best(routes)
    lives, life_cases = _lives(known.scene, rules.route("keep").soh_end, pack)
    weakest = _weakest(health)
    target, result = (f"route:{best}", worths[best]) if best else ("life:present", life_cases)
    matters = () if result is None else _matters(known.inputs, known.soh, known.scene, result)
    v2g_gain, wear = _v2g(known, worths, rules.route("keep").soh_end)
    missing = _missing(known)
    return Card(
        identity=_identity(known),
        coverage=_coverage(health),
        soh=None if known.soh is None else Value(known.soh.p50, *known.soh),
        energy_soh=_seen(health.energy_soh),
        resistance_soh=_seen(health.resistance_soh),
        weakest_cell=weakest,
        faults=tuple(_fault(each) for each in known.struck),
        lives=lives,
        grade=_grade(known, weakest, rules),
        routes=routes,
        best=best,
        v2g_gain=v2g_gain,
        wear_price_per_kwh=wear,
        matters_of=target if matters else "",
        matters=matters,
        measure=tuple(dict.fromkeys([*(key.replace("missing", "measure") for key in missing), *(matter.measure for matter in matters)])),
        missing=(*missing, *(f"health.{key}" for key in health.missing)),
        currency=rules.currency,
        inputs=known.inputs,
    )


@dataclass(frozen=True)
class _Known:
    """What is known of a pack, beside what is assumed of it; `level` of its highest open warning."""

    pack: Pack
    facts: Facts
    soh: Spread | None
    energy_kwh: float | None
    struck: tuple[Struck, ...]
    level: str
    inputs: tuple[Input, ...]
    scene: value.Scene


def _known(pack: Pack, health: Health, warnings: Sequence[Warning], rules: Rules) -> _Known:
    facts = rules.facts.get(pack.pack_id, Facts())
    struck = struck_by(warnings, rules)
    energy_kwh = energy_kwh_of(pack, facts)
    soh = soh_of(health, facts)
    inputs = inputs_of(pack, health, facts, rules)
    scene = scene_of(pack, energy_kwh if energy_kwh is not None else 1.0, soh, inputs, struck, rules.points)
    return _Known(pack, facts, soh, energy_kwh, struck, struck[0].warning.level if struck else "", inputs, scene)


def _v2g(known: _Known, worths: Mapping[str, Float], soh_end: float) -> tuple[Value | None, Value | None]:
    """Gain by V2G while in the car (None where a level forbids it) and what a kWh given back costs."""
    if "keep" not in worths:
        return None, None
    gain = None if level_bars(known.level) else _value(value.keep(known.scene, soh_end, v2g=True) - worths["keep"])
    return gain, _value(value.wear_price_per_kwh(known.scene, soh_end))


def _grade(known: _Known, weakest: WeakCell | None, rules: Rules) -> Grade:
    soh = known.soh
    condition = Condition(
        None if soh is None else soh.p50,
        None if weakest is None else weakest.capacity_share,
        None if weakest is None else weakest.resistance_share,
        known.level,
    )
    return grade_of(condition, None if soh is None else soh_cases(soh, rules.points), rules.grades)


def level_bars(level: str) -> bool:
    """Whether a level forbids V2G (`limits.LIMITS`)."""
    return level in ("inspect", "stop")


def plain(card: Card) -> dict[str, Any]:
    """A card as plain values, for JSON."""
    return asdict(card)


def _routes(known: _Known, rules: Rules) -> tuple[tuple[Route, ...], dict[str, Float]]:
    routes, worths = [], {}
    for name in ROUTES:
        rule = rules.route(name)
        reasons, needs = _closed_by(rule, known), "" if not rule.needs else _asked(rule.needs, known.facts)
        if needs == "no":
            reasons, needs = (*reasons, Reason(f"route.not-{rule.needs}", source=rule.source)), ""
        missing = tuple(key for key in _missing(known) if key != "missing.soh" or name != "recycle")
        worth = None if missing or reasons else _worth(known.scene, rule)
        if worth is not None:
            worths[name] = worth
        routes.append(Route(name, not reasons, None if worth is None else _value(worth), reasons, needs, rule.source, missing))
    return tuple(routes), worths


def _worth(scene: value.Scene, rule: RouteRule) -> Float:
    if rule.name == "keep":
        return value.keep(scene, rule.soh_end)
    if rule.name == "swap":
        return value.swap(scene, rule.soh_end)
    if rule.name == "second-life":
        return value.second_life(scene, rule.soh_end)
    return value.parts(scene) if rule.name == "parts" else value.recycle(scene)


def _closed_by(rule: RouteRule, known: _Known) -> tuple[Reason, ...]:
    reasons = [
        Reason(fault.key, subject=each.warning.warning_id, source=fault.source)
        for each in known.struck
        for fault in each.rules
        if rule.name in fault.rules_out
    ]
    if known.pack.chemistry in AGEING and known.pack.chemistry not in rule.chemistries:
        reasons.append(Reason("route.chemistry", subject=known.pack.chemistry, source=rule.source))
    least = max(rule.soh_from, rule.soh_end)
    if known.soh is not None and known.soh.p50 < least:
        reasons.append(Reason("route.soh", least, known.soh.p50, rule.name, rule.source))
    return tuple(reasons)


def _asked(fact: str, facts: Facts) -> str:
    """ "" where the owner says yes, "no" where no, the fact's name where nothing is said."""
    said = getattr(facts, fact, None)
    return fact if said is None else "" if said else "no"


def _best(routes: Sequence[Route]) -> str:
    """The open route worth most among those that ask nothing of the owner; "" where only material has a figure but others lack theirs."""
    valued = {route.name: route.worth.expected for route in routes if route.worth is not None and not route.needs}
    if any(route.open and route.worth is None and not route.needs for route in routes):
        return ""
    return max(valued, key=lambda name: valued[name]) if valued else ""


def _lives(scene: value.Scene, soh_end: float, pack: Pack) -> tuple[tuple[Life, ...], Float | None]:
    present = scene.x["cycles_per_year"]
    uses = (("present", present), ("v2g", present + scene.x["v2g_cycles_per_year"]))
    if scene.course is None:
        missing = ("missing.soh",) if pack.chemistry in AGEING else ("missing.chemistry",)
        return tuple(Life(use, soh_end, _value(cycles), None, missing) for use, cycles in uses), None
    years = [scene.course.years_to(soh_end, cycles) for _, cycles in uses]
    return tuple(Life(use, soh_end, _value(cycles), _value(each)) for (use, cycles), each in zip(uses, years, strict=True)), years[0]


def _matters(inputs: Sequence[Input], soh: Spread | None, scene: value.Scene, result: Float) -> tuple[Matter, ...]:
    given = [(each.key, each.spread, each.unit, each.origin, scene.x[each.key]) for each in inputs]
    if soh is not None and scene.course is not None:
        given.insert(0, ("soh", soh, "share", "data", scene.course.soh))
    found = []
    for key, spread, unit, origin, values in given:
        if spread.p90 > spread.p10:
            share = share_of(values, result)
            found.append(Matter(key, round(share.share, 3), *spread, unit, origin, share.low, share.high, measure_of(key)))
    found.sort(key=lambda matter: -matter.share)
    return tuple(matter for matter in found[:N_MATTERS] if matter.share > SHARE_LEAST)


def _missing(known: _Known) -> tuple[str, ...]:
    lacks = (("chemistry", known.pack.chemistry not in AGEING), ("energy", known.energy_kwh is None), ("soh", known.soh is None))
    return tuple(f"missing.{key}" for key, lacking in lacks if lacking)


def _weakest(health: Health) -> WeakCell | None:
    shares, ohm = np.asarray(health.cell_capacity_share, dtype=float), np.asarray(health.cell_resistance_ohm, dtype=float)
    seen, felt = bool(np.isfinite(shares).any()), bool(np.isfinite(ohm).any())
    if health.weakest_cell is None and not seen and not felt:
        return None
    relative = ohm / np.nanmedian(ohm) if felt else ohm
    cell = health.weakest_cell
    if cell is None:
        cell = int(np.nanargmin(shares) if seen else np.nanargmax(relative))
    share = float(shares[cell]) if seen and np.isfinite(shares[cell]) else None
    return WeakCell(int(cell), share, float(np.nanmax(relative)) if felt else None)


def _fault(struck: Struck) -> Fault:
    warning = struck.warning
    cause, chance = warning.causes[0] if warning.causes else ("unknown", 1.0)
    keys = tuple(rule.key for rule in struck.rules)
    return Fault(warning.warning_id, warning.level, warning.cell, warning.probe, cause, float(chance), keys)


def _identity(known: _Known) -> Identity:
    pack = known.pack
    capacity_ah = known.facts.capacity_ah if known.facts.capacity_ah is not None else pack.capacity_ah
    finite = float(capacity_ah) if np.isfinite(capacity_ah) else None
    return Identity(pack.vehicle_id, pack.pack_id, pack.chemistry, pack.in_series, finite, known.energy_kwh)


def _coverage(health: Health) -> tuple[tuple[str, float], ...]:
    return tuple((name, float(figure)) for name, figure in asdict(health.coverage).items() if isinstance(figure, int | float))


def _seen(interval: Interval | None) -> Value | None:
    return None if interval is None else Value(interval.p50, interval.p10, interval.p50, interval.p90)


def _value(values: Float) -> Value:
    p10, p50, p90 = np.quantile(values, (0.1, 0.5, 0.9))
    return Value(float(values.mean()), float(p10), float(p50), float(p90))
