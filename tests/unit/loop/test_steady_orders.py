"""A recorded week with steady orders: fewer are sent, piles switch less, no limit breaks, and hardly a kilowatt-hour more is missing."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pytest

from evloom.loop.record import Record
from evloom.pile.events import Event
from evloom.pile.orders import SetPower
from evloom.simulate.run import run_policy, strides
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.stage import Stage, stage
from tests.conftest import ROOT

ONE_A_KW = 0.209  # at 208 V


@dataclass
class Count:
    """Orders, switches, cycles that were refused, and the share of the energy that is missing."""

    orders: int = 0
    switches: int = 0
    refused: int = 0
    missing: float = 0.0


def week(known: Literal["told", "history", "true"]) -> Scenario:
    scenario = load_scenario(ROOT / "examples" / "workplace-month" / "scenario.toml", start=date(2019, 6, 3), end=date(2019, 6, 8))
    return replace(scenario, driver=replace(scenario.driver, departure=known, energy=known))


def count(laid_out: Stage, policy: str, **control: Any) -> Count:
    """Run the week and count."""
    scenario = replace(laid_out.scenario, control=replace(laid_out.scenario.control, **control))
    laid_out, found = replace(laid_out, scenario=scenario), Count()
    power_kw: dict[str, float] = defaultdict(float)

    def sink(events: list[Event], orders: tuple[SetPower, ...], record: Record) -> None:
        found.orders += len(orders)
        found.refused += len(record.violations)
        for order in orders:
            found.switches += (order.power_kw > 0.0) != (power_kw[order.unit_id] > 0.0)
            power_kw[order.unit_id] = order.power_kw

    run = run_policy(laid_out, policy, scenario.objective, sink)
    wanted_kwh = laid_out.cars.energy_kwh
    found.missing = float(np.maximum(wanted_kwh - run.track.in_kwh, 0.0).sum() / wanted_kwh.sum())
    assert run.rejected == 0
    return found


@pytest.fixture(scope="module")
def known() -> Stage:
    return stage(week("true"))


STEADY = {"min_on_s": 600.0, "min_off_s": 600.0, "deadband_kw": ONE_A_KW}


def test_the_optimum(known):
    """Both send the plan along, which saves a quarter of all orders (4,379 were sent for every change of power): it is carried out
    without another word."""
    free, steady = count(known, "optimal"), count(known, "optimal", **STEADY, orders_per_hour=2.0)
    assert free.orders < 3_500
    assert steady.orders < free.orders / 1.4
    assert steady.switches < free.switches / 1.35
    assert steady.refused == 0
    assert steady.missing < free.missing + 0.007


def test_an_equal_share_sends_a_third(known):
    free, steady = count(known, "equal-share"), count(known, "equal-share", **STEADY, orders_per_hour=4.0)
    assert steady.orders < free.orders / 2.5
    assert steady.refused == 0
    assert steady.missing < free.missing + 0.007


def test_half_an_hour_is_too_long(known):
    """The warning that 30 minutes cost much: far more than ten do."""
    ten, thirty = (count(known, "optimal", min_on_s=hold_s, min_off_s=hold_s) for hold_s in (600.0, 1800.0))
    assert thirty.missing > ten.missing + 0.005


def test_steady_orders_are_off_unless_asked_for(known):
    control = known.scenario.control
    assert control.steady.is_off
    assert strides(known, "equal-share")
    asked = replace(known, scenario=replace(known.scenario, control=replace(control, min_off_s=60.0)))
    assert not strides(asked, "equal-share")
