"""A warning on a car of the community: `[[diagnosis]]` holds it back in every policy, and is lifted when it closes."""

from pathlib import Path

import numpy as np
import pytest

from evloom.dispatch.reason import DIAGNOSED
from evloom.simulate.bills import write_bills
from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import Stage, stage

SCENARIO = Path(__file__).parents[3] / "examples" / "community" / "scenario.toml"
SAID = """
[[diagnosis]]
vehicle = "home-driver-0027"
from = 2025-06-02
to = 2025-06-06
level = "stop"

[[diagnosis]]
vehicle = "home-driver-0027"
from = 2025-06-06
level = "inspect"
"""


def laid_out(folder: Path, said: str) -> Stage:
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.read_text().replace("to = 2025-06-16", "to = 2025-06-12") + said)
    return stage(load_scenario(path))


@pytest.mark.parametrize("policy", ["uncontrolled", "optimal"])
def test_a_suspect_battery_is_charged_gently_or_not_at_all(tmp_path: Path, policy: str) -> None:
    free, held = laid_out(tmp_path, ""), laid_out(tmp_path, SAID)
    mine = np.array([held.scenario.sessions.driver_id[session] == "home-driver-0027" for session in held.session])
    gone = held.cars.departure_s < held.grid.start_s + 4 * 86400.0
    before, after = run_policy(free, policy, "cost").track, run_policy(held, policy, "cost").track
    assert before.in_kwh[mine & gone].sum() > 5.0
    assert after.in_kwh[mine & gone].sum() == 0.0
    later = mine & (held.cars.arrival_s > held.grid.start_s + 4 * 86400.0)
    assert after.in_kwh[later].sum() > 0.0
    assert np.all(after.soc_end[later] < 0.8 + 0.01 + np.maximum(held.cars.soc[later] - 0.8, 0.0))
    cell = np.repeat(np.arange(len(mine)), np.diff(after.offset))
    assert (
        set(cell[after.reason == DIAGNOSED])
        == set(np.flatnonzero(mine & (after.served >= 0))) & set(cell[after.reason == DIAGNOSED])
        != set()
    )


def test_a_bill_says_that_the_diagnosis_held_it_back(tmp_path: Path) -> None:
    held = laid_out(tmp_path, SAID)
    write_bills(tmp_path / "bills.csv", held, run_policy(held, "least-laxity", "cost"))
    rows = [line.split(",") for line in (tmp_path / "bills.csv").read_text(encoding="utf-8").splitlines() if "battery diagnosis" in line]
    assert {row[3] for row in rows} == {"total"}
    sessions = held.scenario.sessions
    who = dict(zip(sessions.session_id, sessions.driver_id, strict=True))
    assert {who[row[0]] for row in rows} == {"home-driver-0027"}


def test_a_vehicle_that_never_comes_is_said(tmp_path: Path) -> None:
    found = laid_out(tmp_path, '\n[[diagnosis]]\nvehicle = "nobody"\nfrom = 2025-06-03\n').scenario.findings
    assert [finding.code for finding in found if "vehicle" in finding.code] == ["scenario.unknown-vehicle"]
