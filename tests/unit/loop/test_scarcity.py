"""How `optimal` shares power that does not suffice for all promises: by the scenario's rule."""

from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest

from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.sources.table import SessionTable
from evloom.simulate.stage import stage


@pytest.fixture(scope="module")
def scarce() -> Scenario:
    """Two cars side by side for two hours at 7 kW piles; the transformer has 4 kW for both. They need 10 and 5 kWh."""
    with as_file(files("evloom.simulate") / "data" / "selftest.toml") as path:
        scenario = load_scenario(path)
    tree = replace(scenario.site.tree, import_max_kw=np.where(np.arange(scenario.site.tree.n) == 0, 4.0, np.inf))
    site = replace(scenario.site, tree=replace(tree, phase_max_a=np.full(tree.n, np.inf)), base_load=())
    start_s = scenario.grid.start_s + np.array([0.0, 0.0])
    blank = np.full(2, np.nan)
    energy_kwh = np.array([10.0, 5.0])
    sessions = SessionTable(
        session_id=["a", "b"],
        evse_id=list(scenario.evse.evse_id[:2]),
        driver_id=["", ""],
        vehicle_model=["", ""],
        arrival_s=start_s,
        departure_s=start_s + 7200.0,
        energy_kwh=energy_kwh,
        requested_kwh=blank,
        told_departure_s=blank,
        soc_arrival=blank,
        soc_departure=blank,
        battery_kwh=blank,
        power_max_kw=blank,
        charging_end_s=blank,
        fee=blank,
    )
    return replace(scenario, site=site, sessions=sessions, history=sessions.select(np.zeros(2, dtype=np.bool_)), model_row=(0, 0))


def delivered_kwh(scenario: Scenario) -> np.ndarray:
    return run_policy(stage(scenario), "optimal", "cost").track.in_kwh


def test_by_need_the_power_is_used_and_nobody_is_left_without(scarce: Scenario) -> None:
    """Every replan shares what is left in proportion to what each still needs; who charges first is ahead at the end."""
    got_kwh = delivered_kwh(scarce)
    assert got_kwh.sum() == pytest.approx(8.0, abs=0.5)  # 2 h of 4 kW, less what current steps leave
    assert (got_kwh > 0.2 * np.array([10.0, 5.0])).all()


def test_by_laxity_who_can_wait_least_is_served_first(scarce: Scenario) -> None:
    by_laxity = replace(scarce, control=replace(scarce.control, scarcity="laxity"))
    laxity_kwh, need_kwh = delivered_kwh(by_laxity), delivered_kwh(scarce)
    assert laxity_kwh[0] > need_kwh[0] + 0.1
    assert laxity_kwh[1] < need_kwh[1]


def test_by_priority_the_higher_class_is_served_first(scarce: Scenario) -> None:
    two = {
        name: np.concatenate([getattr(scarce.fleet, name)] * 2)
        for name in scarce.fleet.__dataclass_fields__
        if name not in ("model", "priority")
    }
    fleet = replace(scarce.fleet, model=("common", "first"), priority=np.array([1.0, 5.0]), **two)
    scenario = replace(scarce, fleet=fleet, model_row=(0, 1), control=replace(scarce.control, scarcity="priority"))
    assert delivered_kwh(scenario)[1] == pytest.approx(5.0, abs=0.3)
    assert delivered_kwh(replace(scenario, control=scarce.control))[1] < 4.5
