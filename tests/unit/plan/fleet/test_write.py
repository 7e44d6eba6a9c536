"""What is written reads back as the same problem."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.read import read_case
from evloom.plan.fleet.write import write_case
from tests.unit.plan.fleet.files import DOCUMENT, read_document


def assert_same(one, other, where="problem"):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if is_dataclass(a):
            assert_same(a, b, f"{where}.{field.name}")
        else:
            assert (a is None) == (b is None)
            assert a is None or np.array_equal(a, b), f"{where}.{field.name}"


@pytest.mark.parametrize("target", ["problem.json", "folder"])
@pytest.mark.parametrize("n", [0, 1, 40])
def test_a_generated_fleet_comes_back_the_same(tmp_path, target, n):
    case = generate(Recipe(n, seed=5, tree="2/10", v2g_share=0.4))
    files = write_case(case, tmp_path / target)
    again = read_case(tmp_path / target)
    assert all(path.is_file() for path in files)
    assert_same(case.problem, again.problem)
    assert again.vehicles.equals(case.vehicles)
    assert (again.name, again.grid, again.zone, again.currency, again.node_id) == (
        case.name,
        case.grid,
        case.zone,
        case.currency,
        case.node_id,
    )
    assert [finding.code for finding in again.findings] == ([] if n else ["dispatch.no-vehicles"])


def test_a_large_fleet_goes_to_parquet_and_comes_back_the_same(tmp_path):
    case = generate(Recipe(25_000, seed=5))
    write_case(generate(Recipe(5)), tmp_path / "city")
    assert [path.name for path in write_case(case, tmp_path / "city")] == ["network.json", "signals.csv", "vehicles.parquet"]
    assert_same(case.problem, read_case(tmp_path / "city").problem)


def test_requests_stores_zones_and_phases_come_back_the_same(tmp_path):
    document = DOCUMENT | {
        "requests": [
            {"node_id": "yard", "from": DOCUMENT["start"], "until": "2025-06-04T16:00:00+08:00", "kind": "floor"}
            | {"target_kw": 3.0, "penalty_per_kwh": 1.0}
        ],
        "stores": [
            {"store_id": "box", "node_id": "yard", "capacity_kwh": 20, "stored_kwh": 4, "charge_max_kw": 5, "discharge_max_kw": 6}
            | {"charge_efficiency": 0.9, "wear_per_kwh": 0.01}
        ],
        "nodes": [*DOCUMENT["nodes"][:2], DOCUMENT["nodes"][2] | {"price_per_kwh": [0.1] * 7 + [0.2], "phase_room_kw": 5}],
        "demand_interval_steps": 2,
        "demand_price_per_kw": 7.0,
    }
    case = read_document(tmp_path, document)
    for target in ("again.json", "again"):
        write_case(case, tmp_path / target)
        again = read_case(tmp_path / target)
        assert_same(case.problem, again.problem)
        assert again.store_id == ("box",)
