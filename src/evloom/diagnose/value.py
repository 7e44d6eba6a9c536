"""What a battery is worth on each route, as money of today, in many cases at once.

Kept in a car or a pool of swapped packs it gives service, paid like a new pack that pays back over its life; a stationary store is paid
for what is left of its life there; parts and material have prices. All of these are assumptions (`card_rules.Assumption`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evloom.diagnose.value_life import Course
from evloom.kernel.timegrid import Float

METALS = ("lithium", "nickel", "cobalt", "copper", "aluminium")
_MOMENTS = 12
"""Moments at which service is looked at over a life."""


@dataclass(frozen=True)
class Scene:
    """A battery to be valued, in n cases.

    energy_kwh rated; course None where the state of health is not known; x inputs by the key of their assumption, (n,) each
    repair     (n,) money that mending its faults costs; hazard (n,) extra cost of a dangerous pack; good_share of its modules
    car_years  (n,) years that its car will still be driven
    """

    energy_kwh: float
    course: Course | None
    x: Mapping[str, Float]
    repair: Float
    hazard: Float
    good_share: float
    car_years: Float


def keep(scene: Scene, soh_end: float, v2g: bool = False) -> Float:
    """Worth (n,) of staying in the car until `soh_end` or until the car is given up; then its material. With V2G its margin on top."""
    x, course = scene.x, _course(scene)
    cycles = x["cycles_per_year"] + (x["v2g_cycles_per_year"] if v2g else 0.0)
    years = np.minimum(course.years_to(soh_end, cycles), scene.car_years)
    yearly = _yearly_per_kwh(x) * scene.energy_kwh
    if v2g:
        yearly = yearly + x["v2g_margin_per_kwh"] * x["v2g_cycles_per_year"] * scene.energy_kwh
    after = np.exp(-x["discount_rate"] * years) * np.maximum(recycle(scene), 0.0)
    return np.asarray(yearly * _served(course, years, cycles, x["discount_rate"]) + after - scene.repair)


def swap(scene: Scene, soh_end: float) -> Float:
    """Worth (n,) in a pool of swapped packs until `soh_end`, then its material."""
    x, course = scene.x, _course(scene)
    cycles = x["swap_cycles_per_year"]
    years = course.years_to(soh_end, cycles)
    yearly = _yearly_per_kwh(x) * x["swap_premium"] * scene.energy_kwh
    after = np.exp(-x["discount_rate"] * years) * np.maximum(recycle(scene), 0.0)
    return np.asarray(yearly * _served(course, years, cycles, x["discount_rate"]) + after - x["swap_transfer_cost"] - scene.repair)


def second_life(scene: Scene, soh_end: float) -> Float:
    """Worth (n,) to who makes a stationary store of it: price of a new one by what is left of its life, less the work."""
    x, course = scene.x, _course(scene)
    years = course.years_to(soh_end, x["storage_cycles_per_year"])
    left = np.minimum(years / x["storage_life_years"], 1.0)
    usable_kwh = scene.energy_kwh * course.soh
    return x["storage_price_per_kwh"] * x["used_share"] * left * usable_kwh - x["repurpose_cost_per_kwh"] * scene.energy_kwh - scene.repair


def parts(scene: Scene) -> Float:
    """Worth (n,) of its good modules as spare parts, those unsold and the bad ones as material; a damaged module is not mended first."""
    x, course = scene.x, _course(scene)
    sold = scene.good_share * x["parts_sold_share"]
    gained = sold * scene.energy_kwh * course.soh * x["pack_price_per_kwh"] * x["parts_price_share"] * np.exp(-0.5 * x["discount_rate"])
    return gained - x["dismantle_cost"] + (1.0 - sold) * recycle(scene)


def recycle(scene: Scene) -> Float:
    """Worth (n,) of its metals, less transport and treatment; may be below zero."""
    x = scene.x
    metals = sum((x[f"{metal}_kg_per_kwh"] * x[f"{metal}_price_per_kg"] for metal in METALS), np.zeros_like(x["payable_share"]))
    return scene.energy_kwh * (metals * x["payable_share"] - x["pack_kg_per_kwh"] * x["recycle_cost_per_kg"]) - scene.hazard


def wear_price_per_kwh(scene: Scene, soh_end: float) -> Float:
    """What a kWh given back costs in battery life, (n,): worth of service lost by V2G for each kWh, without its margin."""
    x, course = scene.x, _course(scene)
    yearly = _yearly_per_kwh(x) * scene.energy_kwh
    lost, given_kwh = np.zeros_like(yearly), np.zeros_like(yearly)
    for sign, cycles in ((1.0, x["cycles_per_year"]), (-1.0, x["cycles_per_year"] + x["v2g_cycles_per_year"])):
        years = np.minimum(course.years_to(soh_end, cycles), scene.car_years)
        lost = lost + sign * yearly * _served(course, years, cycles, x["discount_rate"])
        given_kwh = x["v2g_cycles_per_year"] * scene.energy_kwh * _served(course, years, cycles, np.zeros_like(yearly))
    return np.maximum(lost, 0.0) / np.maximum(given_kwh, 1e-9)


def _course(scene: Scene) -> Course:
    if scene.course is None:
        raise ValueError("a route that depends on the state of health was asked for, which is not known")
    return scene.course


def _yearly_per_kwh(x: Mapping[str, Float]) -> Float:
    """Money a year and kWh at which a new pack pays back over its life, (n,)."""
    rate = x["discount_rate"]
    return x["pack_price_per_kwh"] * rate / (1.0 - np.exp(-rate * x["service_life_years"]))


def _served(course: Course, years: Float, cycles_per_year: Float, interest: Float) -> Float:
    """Years of a whole pack's service until `years`, each weighed by the state of health and discounted, (n,)."""
    share = (np.arange(_MOMENTS)[:, None] + 0.5) / _MOMENTS
    at_years = share * years[None, :]
    return np.asarray((course.soh_at(at_years, cycles_per_year) * np.exp(-interest * at_years)).mean(axis=0) * years)
