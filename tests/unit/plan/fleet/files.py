"""A small problem as files, to be spoilt in one place at a time."""

import copy
import json
from pathlib import Path
from typing import Any

from evloom.plan.fleet.case import Case
from evloom.plan.fleet.read import read_case

START = "2025-06-04T12:00:00+08:00"
DOCUMENT: dict[str, Any] = {
    "start": START,
    "steps": 8,
    "step_minutes": 30,
    "zone": "Asia/Shanghai",
    "currency": "CNY",
    "nodes": [
        {"node_id": "site", "import_max_kw": 40, "export_max_kw": 20, "base_kw": [5, 6, 7, 8, 9, 8, 7, 6]},
        {"node_id": "garage", "parent_id": "site", "import_max_kw": 15},
        {"node_id": "yard", "parent_id": "site"},
    ],
    "vehicles": [
        {
            "vehicle_id": "a",
            "node_id": "garage",
            "arrival": "2025-06-04T12:10+08:00",
            "departure": "2025-06-04T15:00:00+08:00",
            "need_kwh": 12.0,
            "charge_max_kw": 11,
        },
        {
            "vehicle_id": "b",
            "node_id": "yard",
            "arrival": "2025-06-04T04:00:00Z",
            "departure": "2025-06-04T08:00:00Z",
            "need_kwh": 8,
            "charge_max_kw": 7,
            "discharge_max_kw": 7,
            "battery_kwh": 50,
            "soc_arrival": 0.5,
            "soc_floor": 0.2,
            "phase": 2,
        },
    ],
    "signals": {
        "time": [f"2025-06-04T{12 + k // 2}:{k % 2 * 30:02}:00+08:00" for k in range(8)],
        "price_per_kwh": [0.4, 0.4, 0.9, 0.9, 0.5, 0.5, 0.3, 0.3],
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The document with the value at a path such as "vehicles.0.need_kwh" replaced; an Ellipsis takes it away."""
    document = copy.deepcopy(DOCUMENT)
    *way, last = path.split(".")
    entry: Any = document
    for step in way:
        entry = entry[int(step) if isinstance(entry, list) else step]
    key: Any = int(last) if isinstance(entry, list) else last
    if value is ...:
        del entry[key]
    else:
        entry[key] = value
    return document


def read_document(folder: Path, document: dict[str, Any]) -> Case:
    """The case that a document gives."""
    path = folder / "problem.json"
    path.write_text(json.dumps(document), encoding="utf-8")  # writes NaN and Infinity as Python does
    return read_case(path)
