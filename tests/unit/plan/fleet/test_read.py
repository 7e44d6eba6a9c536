"""What a problem file says comes out right; what is wrong in it is named, all of it, with its place and what to do."""

import copy
import json
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from evloom.kernel.errors import InputError
from evloom.plan.fleet.read import read_case
from tests.unit.plan.fleet.files import DOCUMENT, START, changed, read_document


def refused(folder, document):
    with pytest.raises(InputError) as error:
        read_document(folder, document)
    return [finding for finding in error.value.findings if finding.severity == "refused"]


def test_a_document_becomes_the_problem_that_it_says(tmp_path):
    case = read_document(tmp_path, DOCUMENT)
    assert case.findings == ()
    assert (case.grid.start, case.grid.step_s, case.grid.n) == (datetime(2025, 6, 4, 4, tzinfo=UTC), 1800, 8)
    assert (case.name, case.zone.key, case.currency, case.node_id) == ("problem", "Asia/Shanghai", "CNY", ("site", "garage", "yard"))
    stays, nodes, signals = case.problem.stays, case.problem.nodes, case.problem.signals
    assert stays.node.tolist() == [1, 2]
    assert (stays.first.tolist(), stays.last.tolist()) == ([0, 0], [6, 8])
    assert stays.first_share == pytest.approx([2 / 3, 1.0])
    assert stays.phase is not None
    assert stays.phase.tolist() == [-1, 1]
    assert stays.room_kwh.tolist() == [math.inf, 25.0]
    assert stays.below_kwh == pytest.approx([0.0, 15.0])
    assert nodes.parent.tolist() == [-1, 0, 0]
    assert nodes.base_kw[0].tolist() == [5, 6, 7, 8, 9, 8, 7, 6]
    assert not nodes.base_kw[1:].any()
    assert nodes.import_max_kw[:, 0].tolist() == [40, 15, math.inf]
    assert nodes.export_max_kw[:, 7].tolist() == [20, math.inf, math.inf]
    assert signals.price_per_kwh.tolist() == [0.4, 0.4, 0.9, 0.9, 0.5, 0.5, 0.3, 0.3]
    assert signals.demand_period.tolist() == list(range(8))


def test_nodes_may_stand_in_any_order_and_a_base_load_is_summed_where_none_is_given(tmp_path):
    document = changed("nodes.0.base_kw", ...)
    document["nodes"] = [
        {"node_id": "pile", "parent_id": "garage", "base_kw": 1},
        {**document["nodes"][1], "base_kw": 4},
        {**document["nodes"][2], "base_kw": [0, 1, 2, 3, 4, 5, 6, 7], "price_per_kwh": 0.1, "phase_room_kw": 9},
        document["nodes"][0],
    ]
    case = read_document(tmp_path, document)
    assert case.node_id == ("site", "garage", "yard", "pile")
    assert case.problem.nodes.parent.tolist() == [-1, 0, 0, 1]
    assert case.problem.nodes.base_kw[0].tolist() == [4, 5, 6, 7, 8, 9, 10, 11]
    assert case.problem.nodes.price_per_kwh is not None
    assert case.problem.nodes.price_per_kwh[:, 3].tolist() == [0, 0, 0.1, 0]
    assert case.problem.nodes.phase_room_kw is not None
    assert case.problem.nodes.phase_room_kw[:, 2, 5].tolist() == [math.inf, math.inf, 9, math.inf]


def test_requests_stores_and_a_demand_charge(tmp_path):
    document = copy.deepcopy(DOCUMENT)
    document |= {"demand_price_per_kw": 30, "peak_so_far_kw": 12.5, "demand_interval_steps": 2}
    document["requests"] = [
        {
            "node_id": "garage",
            "from": "2025-06-04T13:00:00+08:00",
            "until": "2025-06-04T14:10:00+08:00",
            "kind": "ceiling",
            "target_kw": 5,
            "penalty_per_kwh": 2,
        }
    ]
    store = {"store_id": "box", "node_id": "yard", "capacity_kwh": 20, "stored_kwh": 4, "charge_max_kw": 5, "discharge_max_kw": 6}
    document["stores"] = [store]
    case = read_document(tmp_path, document)
    assert [finding.code for finding in case.findings] == ["dispatch.between-steps"]
    requests, stores, signals = case.problem.requests, case.problem.stores, case.problem.signals
    assert (requests.node.tolist(), requests.first.tolist(), requests.last.tolist()) == ([1], [2], [5])
    assert (requests.is_ceiling.tolist(), requests.target_kw.tolist()) == ([True], [5.0])
    assert (stores.node.tolist(), stores.capacity_kwh.tolist(), stores.charge_efficiency.tolist()) == ([2], [20.0], [1.0])
    assert case.store_id == ("box",)
    assert (signals.demand_price_per_kw, signals.peak_so_far_kw) == (30.0, 12.5)
    assert signals.demand_period.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


# What is spoilt, where, the code of the finding, its field, its value.
SPOILT = [
    ("signals.price_per_kwh.2", math.nan, "dispatch.not-a-number", "signals[2].price_per_kwh", "nan"),
    ("signals.price_per_kwh.3", math.inf, "dispatch.not-a-number", "signals[3].price_per_kwh", "inf"),
    ("signals.price_per_kwh.3", None, "dispatch.empty-cell", "signals[3].price_per_kwh", "(empty)"),
    ("signals.price_per_kwh.3", "dear", "dispatch.wrong-type", "signals[3].price_per_kwh", "dear"),
    ("signals.time.1", "2025-06-04T12:31:00+08:00", "dispatch.signal-time", "signals[1].time", "2025-06-04 04:31:00+00:00"),
    ("vehicles.0.need_kwh", -1.0, "dispatch.out-of-range", "vehicles[0].need_kwh", "-1 kWh"),
    ("vehicles.1.need_kwh", math.nan, "dispatch.not-a-number", "vehicles[1].need_kwh", "nan"),
    ("vehicles.0.need_kwh", ..., "dispatch.empty-cell", "vehicles[0].need_kwh", "(empty)"),
    ("vehicles.0.need_kwh", "much", "dispatch.wrong-type", "vehicles[0].need_kwh", "much"),
    ("vehicles.0.need_kwh", True, "dispatch.wrong-type", "vehicles[0].need_kwh", "true"),
    ("vehicles.0.need_kwh", [1], "dispatch.wrong-type", "vehicles[0].need_kwh", "[1]"),
    ("vehicles.0.charge_max_kw", 1e9, "dispatch.out-of-range", "vehicles[0].charge_max_kw", "1e+09 kW"),
    ("vehicles.0.departure", "2025-06-04T12:00:00+08:00", "dispatch.ends-before-start", "vehicles[0].departure", None),
    ("vehicles.0.departure", "2025-06-04T12:10:00+08:00", "dispatch.ends-before-start", "vehicles[0].departure", None),
    ("vehicles.0.arrival", "2025-06-04 noon", "dispatch.wrong-type", "vehicles[0].arrival", "2025-06-04 noon"),
    ("vehicles.0.arrival", "2025-06-04T12:10:00", "dispatch.wrong-type", "vehicles[0].arrival", "2025-06-04T12:10:00"),
    ("vehicles.0.arrival", 1749009600, "dispatch.wrong-type", "vehicles[0].arrival", "1749009600"),
    ("vehicles.1.arrival", "2025-06-05T12:10:00+08:00", "dispatch.ends-before-start", "vehicles[1].departure", None),
    ("vehicles.1.departure", "2025-06-04T03:30:00Z", "dispatch.ends-before-start", "vehicles[1].departure", None),
    ("vehicles.1.vehicle_id", "a", "dispatch.doubled-id", "vehicles[1].vehicle_id", "a"),
    ("vehicles.1.vehicle_id", "", "dispatch.empty-cell", "vehicles[1].vehicle_id", "(empty)"),
    ("vehicles.0.node_id", "roof", "dispatch.unknown-node", "vehicles[0].node_id", "roof"),
    ("vehicles.1.soc_arrival", 50, "dispatch.out-of-range", "vehicles[1].soc_arrival", "50"),
    ("vehicles.1.soc_max", 0.4, "dispatch.out-of-range", "vehicles[1].soc_arrival", "0.5, soc_max 0.4"),
    ("vehicles.1.soc_arrival", ..., "dispatch.battery-unknown", "vehicles[1].discharge_max_kw", "7 kW"),
    ("vehicles.1.phase", 1.5, "dispatch.out-of-range", "vehicles[1].phase", "1.5"),
    ("vehicles.1.charge_efficiency", 0, "dispatch.out-of-range", "vehicles[1].charge_efficiency", "0"),
    ("vehicles.1.priority", 0, "dispatch.out-of-range", "vehicles[1].priority", "0"),
    ("vehicles", ..., "file.missing", None, "no vehicles"),
    ("vehicles", "a, b", "file.no-table", None, 'vehicles = "a, b"'),
    ("signals", {"time": [], "price_per_kwh": [1.0]}, "file.no-table", None, None),
    ("signals", [], "dispatch.steps", "signals.time", None),
    ("signals", [{"time": START}], "dispatch.missing-columns", "signals", "no column price_per_kwh"),
    ("nodes", [], "dispatch.nodes", "nodes", "[]"),
    ("nodes", ..., "dispatch.nodes", "nodes", "(not given)"),
    ("nodes.0.node_id", 7, "dispatch.wrong-type", "nodes[0].node_id", "7"),
    ("nodes.2.node_id", "garage", "dispatch.doubled-id", "nodes[2].node_id", "garage"),
    ("nodes.0.parent_id", "garage", "dispatch.cycle", "nodes.parent_id", None),
    ("nodes.1.parent_id", "garage", "dispatch.cycle", "nodes.parent_id", None),
    ("nodes.1.parent_id", "roof", "dispatch.orphan", "nodes[1].parent_id", "roof"),
    ("nodes.1.parent_id", ..., "dispatch.roots", "nodes.parent_id", "none at site, garage"),
    ("nodes.1.import_max_kw", -1, "dispatch.out-of-range", "nodes[1].import_max_kw", "-1 kW"),
    ("nodes.1.import_max_kw", 1e9, "dispatch.out-of-range", "nodes[1].import_max_kw", "1000000000.0 kW"),
    ("nodes.1.import_max_kw", "15", "dispatch.wrong-type", "nodes[1].import_max_kw", "'15' kW"),
    ("nodes.0.base_kw.3", math.nan, "dispatch.not-a-number", "nodes[0].base_kw[3]", "nan kW"),
    ("nodes.0.base_kw.3", ..., "dispatch.steps", "nodes[0].base_kw", "7 numbers"),
    ("steps", 0, "dispatch.setting", "steps", "0"),
    ("steps", ..., "dispatch.setting", "steps", "(not given)"),
    ("steps", 9, "dispatch.steps", "nodes[0].base_kw", "8 numbers"),
    ("start", "2025-06-04T12:00:00", "dispatch.setting", "start", None),
    ("start", 5, "dispatch.setting", "start", "5"),
    ("step_minutes", 0, "dispatch.setting", "step_minutes", "0"),
    ("zone", "Asia/Atlantis", "dispatch.setting", "zone", None),
    ("zone", 8, "dispatch.setting", "zone", "8"),
    ("currency", 8, "dispatch.setting", "currency", "8"),
    ("demand_price_per_kw", -1, "dispatch.setting", "demand_price_per_kw", "-1"),
]


@pytest.mark.parametrize(("path", "value", "code", "field", "shown"), SPOILT, ids=[f"{one[0]}={one[1]}" for one in SPOILT])
def test_every_wrong_value_is_named_with_its_place(tmp_path, path, value, code, field, shown):
    found = [one for one in refused(tmp_path, changed(path, value)) if one.code == code]
    assert [one.field for one in found][:1] == [field]
    assert shown is None or found[0].value == shown
    assert found[0].source == "problem.json"
    assert found[0].allowed
    assert found[0].advice


def test_a_stay_outside_the_horizon_is_refused(tmp_path):
    document = changed("vehicles.0.arrival", "2025-06-04T16:00:00+08:00")
    document["vehicles"][0]["departure"] = "2025-06-04T18:00:00+08:00"
    document["vehicles"][1] |= {"arrival": "2025-06-03T12:00:00+08:00", "departure": START}
    found = refused(tmp_path, document)
    assert [(one.code, one.field) for one in found] == [("dispatch.outside-horizon", f"vehicles[{i}].arrival") for i in (0, 1)]


def test_all_faults_are_told_at_once(tmp_path):
    document = changed("signals.price_per_kwh.0", math.nan)
    document["vehicles"][0] |= {"need_kwh": -3, "node_id": "roof", "departure": START}
    document["vehicles"][1] |= {"vehicle_id": "a", "charge_max_kw": 1e9}
    document["nodes"][1]["import_max_kw"] = -5
    document["zone"] = "nowhere"
    codes = sorted(one.code.removeprefix("dispatch.") for one in refused(tmp_path, document))
    ranges = ["out-of-range"] * 3
    assert codes == sorted(["not-a-number", "unknown-node", "ends-before-start", "doubled-id", "setting", *ranges])


def test_a_horizon_that_is_not_known_makes_no_time_wrong(tmp_path):
    assert {one.code for one in refused(tmp_path, changed("start", "noon"))} == {"dispatch.setting"}
    document = changed("start", ...)
    document["vehicles"][0]["departure"] = document["vehicles"][0]["arrival"]
    assert {one.code for one in refused(tmp_path, document)} == {"dispatch.setting", "dispatch.ends-before-start"}


def test_of_many_equal_faults_the_first_are_listed_and_all_are_counted(tmp_path):
    document = copy.deepcopy(DOCUMENT)
    document["vehicles"] = [{**DOCUMENT["vehicles"][0], "vehicle_id": f"v{i}", "need_kwh": -1} for i in range(150)]
    found = refused(tmp_path, document)
    assert len(found) == 21
    assert found[-1].value == "the same in 130 more rows"


# What is odd but can be used: what is changed, the code, how bad, what the value says.
ODD = [
    ("nodes.0.import_max_kw", 7.5, "dispatch.base-above-limit", "warning", "base_kw 9 kW in step 4"),
    ("vehicles.0.need_kwh", 99.0, "dispatch.need-beyond-stay", "warning", "99 kWh, at most 31.1667 kWh"),
    ("vehicles.1.need_kwh", 26.0, "dispatch.need-above-battery", "repaired", "26 kWh, room 25 kWh"),
    ("vehicles.0.departure", ..., "dispatch.never-leaves", "warning", "(empty) in 1 of 2 rows"),
    ("vehicles.0.departure", "2026-01-01T00:00:00Z", "dispatch.leaves-after-end", "warning", "after the horizon in 1 of 2 rows"),
    ("vehicles", [], "dispatch.no-vehicles", "warning", "0 vehicles"),
    ("signals.price_per_kwh", [0.0] * 8, "dispatch.prices-zero", "warning", "0 in every step"),
    ("signals.price_per_kwh", [-0.1] * 8, "dispatch.prices-negative", "warning", "-0.1 to -0.1, negative in every step"),
    ("vehicles.0.chage_max_kw", 3.0, "dispatch.unknown-column", "warning", "a column that nobody reads"),
    ("nodes.0.colour", "red", "dispatch.unknown-key", "warning", "nobody reads it"),
    ("colour", "red", "dispatch.unknown-key", "warning", "a setting that nobody reads"),
]


@pytest.mark.parametrize(("path", "value", "code", "severity", "shown"), ODD, ids=[one[2] for one in ODD])
def test_what_is_odd_is_accepted_and_said(tmp_path, path, value, code, severity, shown):
    case = read_document(tmp_path, changed(path, value))
    assert [(one.code, one.severity, one.value) for one in case.findings if one.code == code] == [(code, severity, shown)]


def test_a_vehicle_that_never_leaves_stays_to_the_end(tmp_path):
    case = read_document(tmp_path, changed("vehicles.0.departure", ...))
    assert (case.problem.stays.last[0], case.problem.stays.last_share[0]) == (8, 1.0)


def test_a_need_above_the_battery_becomes_what_the_battery_can_take(tmp_path):
    assert read_document(tmp_path, changed("vehicles.1.need_kwh", 26.0)).problem.stays.need_kwh[1] == 25.0


def folder_of(path, vehicles="vehicle_id,node_id,arrival,departure,need_kwh,charge_max_kw\na,garage,2025-06-04T12:10+08:00,,12,11\n"):
    document = {key: value for key, value in DOCUMENT.items() if key not in ("vehicles", "signals")}
    (path / "network.json").write_text(json.dumps(document), encoding="utf-8")
    (path / "vehicles.csv").write_text(vehicles, encoding="utf-8")
    (path / "signals.json").write_text(json.dumps(DOCUMENT["signals"]), encoding="utf-8")
    return path


def faults(path):
    with pytest.raises(InputError) as error:
        read_case(path)
    return [(one.code, one.source, one.row, one.field, one.value) for one in error.value.findings if one.severity == "refused"]


HEAD = "vehicle_id,node_id,arrival,departure,need_kwh,charge_max_kw\n"
ROW = "a,garage,2025-06-04T12:10+08:00,2025-06-04T14:00+08:00,12,11\n"


def test_a_folder_with_a_table_in_csv_names_the_line(tmp_path):
    folder = folder_of(tmp_path, HEAD + ROW + "\n" + "b,garage,2025-06-04T12:10+08:00,2025-06-04T14:00+08:00,NaN,\n")
    assert faults(folder) == [
        ("dispatch.not-a-number", "vehicles.csv", 4, "need_kwh", "nan"),
        ("dispatch.empty-cell", "vehicles.csv", 4, "charge_max_kw", "(empty)"),
    ]


def test_missing_columns_are_named_together_with_what_was_found(tmp_path):
    folder = folder_of(tmp_path, "vehicle,node_id,arrival\na,garage,2025-06-04T12:10+08:00\n")
    with pytest.raises(InputError) as error:
        read_case(folder)
    (missing,) = [one for one in error.value.findings if one.severity == "refused"]
    assert (missing.code, missing.value) == ("dispatch.missing-columns", "no column vehicle_id, need_kwh, charge_max_kw")
    assert "found: vehicle, node_id, arrival" in missing.advice


def test_files_that_cannot_be_read(tmp_path):
    folder = folder_of(tmp_path)
    assert faults(tmp_path / "nothing.json")[0][0] == "file.missing"
    vehicles = folder / "vehicles.csv"
    for content, code in (
        (b"", "file.empty"),
        (b"PK\x03\x04rest", "file.binary"),
        (b"PAR1 cut off", "file.broken-parquet"),
        ((HEAD + "\xff").encode("latin-1"), "file.not-utf-8"),
        ((HEAD + ROW.strip() + ",5\n").encode(), "file.broken-csv"),
    ):
        vehicles.write_bytes(content)
        assert [fault[:2] for fault in faults(folder)] == [(code, "vehicles.csv")]
    vehicles.unlink()
    assert [fault[0] for fault in faults(folder)] == ["file.missing"]
    folder_of(folder)
    (folder / "vehicles.json").write_text("[]", encoding="utf-8")
    assert [fault[0] for fault in faults(folder)] == ["file.doubled"]
    (folder / "vehicles.json").unlink()
    (folder / "network.json").write_text('{"start": ', encoding="utf-8")
    assert [fault[0] for fault in faults(folder)] == ["file.broken-json"]
    (folder / "network.json").write_text("[]", encoding="utf-8")
    assert [fault[0] for fault in faults(folder)] == ["dispatch.document"]
    (folder / "network.json").unlink()
    assert [fault[0] for fault in faults(folder)] == ["file.missing"]


def test_parquet_of_any_fitting_types_reads_as_text_does(tmp_path):
    folder = folder_of(tmp_path, HEAD + ROW)
    as_text = read_case(folder)
    (folder / "vehicles.csv").unlink()
    frame = as_text.vehicles.select("vehicle_id", "node_id", "arrival", "departure", "need_kwh", "charge_max_kw")
    types: dict[str, Any] = {
        "vehicle_id": pl.Categorical,
        "arrival": pl.Datetime("ms", "Europe/Oslo"),
        "need_kwh": pl.Float32,
        "charge_max_kw": pl.Int16,
    }
    frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items()).write_parquet(folder / "vehicles.parquet")
    assert read_case(folder).vehicles.equals(as_text.vehicles)
    frame.with_columns(arrival=pl.col("arrival").dt.replace_time_zone(None)).write_parquet(folder / "vehicles.parquet")
    assert [fault[0] for fault in faults(folder)] == ["dispatch.wrong-type"]


def test_a_negative_zero_or_an_integer_is_a_number_like_any_other(tmp_path):
    document = changed("vehicles.0.need_kwh", -0.0)
    document["vehicles"][0]["charge_max_kw"] = 11
    assert np.isfinite(read_document(tmp_path, document).problem.stays.need_kwh).all()
