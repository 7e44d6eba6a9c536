"""Everything that goes into a card, as quantiles with their source: what the pack's data tell before what is assumed, then as cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evloom.diagnose.card_rules import Facts, FaultRule, Rules
from evloom.diagnose.grade import level_place
from evloom.diagnose.health import Health
from evloom.diagnose.value import Scene
from evloom.diagnose.value_life import YEAR_DAYS, Course, Drawn, course_of, pace_told
from evloom.diagnose.value_points import Spread, cases, spread_over
from evloom.diagnose.warning import Warning  # noqa: A004
from evloom.kernel.timegrid import Float
from evloom.vehicle.ageing import BY_CHEMISTRY as AGEING
from evloom.vehicle.chemistry import BY_NAME
from evloom.vehicle.telemetry import Pack

ASSUMED = (
    "pace", "pack_mean_c", "knee_at", "knee_factor", "straight", "cycles_per_year", "v2g_cycles_per_year", "swap_cycles_per_year",
    "storage_cycles_per_year", "car_years", "pack_price_per_kwh", "service_life_years", "discount_rate", "v2g_margin_per_kwh",
    "swap_premium", "swap_transfer_cost", "storage_price_per_kwh", "used_share", "storage_life_years", "repurpose_cost_per_kwh",
    "parts_price_share", "parts_sold_share", "dismantle_cost", "module_cost", "service_cost", "hazard_cost", "pack_kg_per_kwh",
    "lithium_kg_per_kwh", "nickel_kg_per_kwh", "cobalt_kg_per_kwh", "copper_kg_per_kwh", "aluminium_kg_per_kwh", "lithium_price_per_kg",
    "nickel_price_per_kg", "cobalt_price_per_kg", "copper_price_per_kg", "aluminium_price_per_kg", "payable_share", "recycle_cost_per_kg",
)  # fmt: skip
"""Inputs beside the state of health, each in a row of its own among the cases."""
DAYS_LEAST = 14.0
"""Days of data from which the use is read off them."""
MODULE_CELLS = 12
"""Cells that leave the pack with a bad one; usual modules have 8 to 16 in series."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input with where it comes from: "data", "owner" or "assumption"."""

    key: str
    spread: Spread
    unit: str
    origin: str
    source: str
    date: str = ""


@dataclass(frozen=True)
class Struck:
    """An open warning and the rules of faults that it falls under."""

    warning: Warning
    rules: tuple[FaultRule, ...]


def energy_kwh_of(pack: Pack, facts: Facts) -> float | None:
    """Rated energy: as the owner says, else rated capacity times the voltage at rest at half charge; None where that is not known."""
    if facts.energy_kwh is not None:
        return facts.energy_kwh
    capacity_ah = facts.capacity_ah if facts.capacity_ah is not None else pack.capacity_ah
    if pack.chemistry not in BY_NAME or not np.isfinite(capacity_ah) or pack.in_series < 1:
        return None
    return float(BY_NAME[pack.chemistry].ocv(0.5)) * capacity_ah * pack.in_series / 1000.0


def soh_of(health: Health, facts: Facts) -> Spread | None:
    """State of health as the data tell it; of the capacity alone where only the owner knows the rated one."""
    if health.soh is not None:
        return Spread(health.soh.p10, health.soh.p50, health.soh.p90)
    if health.capacity_ah is None or facts.capacity_ah is None:
        return None
    seen = health.capacity_ah
    return Spread(seen.p10 / facts.capacity_ah, seen.p50 / facts.capacity_ah, seen.p90 / facts.capacity_ah)


def struck_by(warnings: Sequence[Warning], rules: Rules) -> tuple[Struck, ...]:
    """Open warnings, the most urgent first, with the rules of faults that hold for each."""
    still = [warning for warning in warnings if warning.closed_s is None]
    still.sort(key=lambda warning: (-level_place(warning.level), -warning.severity, warning.warning_id))
    return tuple(Struck(warning, tuple(rule for rule in rules.faults if _falls_under(warning, rule))) for warning in still)


def inputs_of(pack: Pack, health: Health, facts: Facts, rules: Rules) -> tuple[Input, ...]:
    """All inputs but the state of health, in the order of ASSUMED."""
    age_years, soh = _age_years(health, facts), soh_of(health, facts)
    own = {
        "pace": _pace(pack, health, soh, age_years, rules),
        "cycles_per_year": _use(_plain("cycles_per_year", pack, rules), health),
        "car_years": _car_years(pack, age_years, rules),
    }
    return tuple(own[key] if key in own else _plain(key, pack, rules) for key in ASSUMED)


def scene_of(pack: Pack, energy_kwh: float, soh: Spread | None, inputs: Sequence[Input], struck: Sequence[Struck], n: int) -> Scene:
    """The battery in n cases."""
    z = cases(n, len(ASSUMED) + 1)
    x = {each.key: spread_over(each.spread, z[1 + place]) for place, each in enumerate(inputs)}
    kind = AGEING.get(pack.chemistry)
    course: Course | None = None
    if soh is not None and kind is not None:
        now = np.clip(spread_over(soh, z[0]), 0.02, 1.1)
        knee_at = np.maximum(x["knee_at"], now) if any(rule.knee for each in struck for rule in each.rules) else x["knee_at"]
        course = course_of(kind, _drawn(now, knee_at, x))
    return Scene(
        energy_kwh=energy_kwh,
        course=course,
        x=x,
        repair=_repairs(struck, x, n),
        hazard=x["hazard_cost"] if any(each.warning.level == "stop" for each in struck) else np.zeros(n),
        good_share=_good_share(pack, struck),
        car_years=x["car_years"],
    )


def soh_cases(soh: Spread, n: int) -> Float:
    """The state of health in n cases, (n,), the same as in `scene_of`."""
    return np.clip(spread_over(soh, cases(n, len(ASSUMED) + 1)[0]), 0.02, 1.1)


def _drawn(soh: Float, knee_at: Float, x: Mapping[str, Float]) -> Drawn:
    straight = np.minimum(x["straight"], 1.0)
    return Drawn(soh, x["pace"], x["pack_mean_c"], knee_at, x["knee_factor"], straight, x["cycles_per_year"])


def _falls_under(warning: Warning, rule: FaultRule) -> bool:
    if level_place(warning.level) < level_place(rule.level_from):
        return False
    return rule.cause == "*" or any(name == rule.cause and chance >= rule.chance_from for name, chance in warning.causes)


def _pace(pack: Pack, health: Health, soh: Spread | None, age_years: float | None, rules: Rules) -> Input:
    """How fast it ages: as others do, and where its age is known, as it has aged itself."""
    assumed = _plain("pace", pack, rules)
    if age_years is None or soh is None or pack.chemistry not in AGEING:
        return assumed
    use = (_use(_plain("cycles_per_year", pack, rules), health).spread.p50, rules.assumed("pack_mean_c", pack.chemistry).p50)
    told = pace_told(AGEING[pack.chemistry], assumed.spread, soh, age_years, use)
    return Input("pace", told, assumed.unit, "data", "age and state of health of this pack, and " + assumed.source, assumed.date)


def _plain(key: str, pack: Pack, rules: Rules) -> Input:
    assumed = rules.assumed(key, pack.chemistry)
    return Input(key, Spread(assumed.p10, assumed.p50, assumed.p90), assumed.unit, "assumption", assumed.source, assumed.date)


def _use(assumed: Input, health: Health) -> Input:
    """Full cycles a year, read off the data where these are long enough: the doubt falls with the root of the weeks."""
    days, cycles = health.coverage.days, health.coverage.full_cycles
    if days < DAYS_LEAST or not cycles > 0.0:
        return assumed
    yearly = cycles / days * YEAR_DAYS
    doubt = max(0.6 / (days / 7.0) ** 0.5, 0.1)
    return Input(
        assumed.key, Spread(yearly / (1.0 + doubt), yearly, yearly * (1.0 + doubt)), assumed.unit, "data", "full cycles in the data"
    )


def _car_years(pack: Pack, age_years: float | None, rules: Rules) -> Input:
    if age_years is None:
        return replace(_plain("car_years_left", pack, rules), key="car_years")
    life = _plain("car_life_years", pack, rules)
    left = Spread(*(max(value - age_years, 0.25) for value in life.spread))
    return Input("car_years", left, "years", "owner", "age of the pack and " + life.source, life.date)


def _age_years(health: Health, facts: Facts) -> float | None:
    if facts.age_days is not None:
        return max(facts.age_days, 1.0) / YEAR_DAYS
    if facts.made_s is None or not health.trend:
        return None
    last_s = health.trend[-1][0]
    return (last_s - facts.made_s) / (YEAR_DAYS * 86400.0) if last_s > facts.made_s else None


def _repairs(struck: Sequence[Struck], x: Mapping[str, Float], n: int) -> Float:
    """Each fault is mended once; a dangerous pack is not mended at all."""
    cost = np.zeros(n)
    for each in struck:
        keys = {rule.repair for rule in each.rules if rule.repair and rule.repair != "hazard_cost"}
        if keys and each.warning.level != "stop":
            cost = cost + max((x[key] for key in sorted(keys)), key=lambda values: float(values.mean()))
    return cost


def _good_share(pack: Pack, struck: Sequence[Struck]) -> float:
    """Share of the modules without a cell that is bad itself; what is mended by a service leaves the module good."""
    modules = max(-(-pack.in_series // MODULE_CELLS), 1)
    bad = {each.warning.cell // MODULE_CELLS for each in struck if each.warning.cell is not None and _is_bad(each)}
    return max(modules - len(bad), 0) / modules


def _is_bad(struck: Struck) -> bool:
    return any(rule.repair in ("module_cost", "hazard_cost") for rule in struck.rules)
