"""A dispatch problem as files that `read` reads again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evloom.kernel.timegrid import Float
from evloom.plan.fleet.case import Case
from evloom.plan.fleet.columns import STORES
from evloom.plan.fleet.read import DOCUMENT

CSV_MAX = 20_000  # more vehicles than this go to parquet, which is a tenth of the size


def write_case(case: Case, path: Path) -> tuple[Path, ...]:
    """Write a problem as one document (`path` ends in .json) or into a folder; returns the files. Raises OSError."""
    document = _header(case)
    vehicles = _with_text_times(case.vehicles, case)
    if path.suffix == ".json":
        tables = {"vehicles": _rows(vehicles), "signals": _signals(case).to_dict(as_series=False), **_small_tables(case)}
        path.write_text(_document_text({**document, **tables}, case), encoding="utf-8")
        return (path,)
    path.mkdir(parents=True, exist_ok=True)
    files = [path / DOCUMENT, path / "signals.csv", path / ("vehicles.csv" if len(vehicles) <= CSV_MAX else "vehicles.parquet")]
    for other in ("vehicles.csv", "vehicles.parquet"):
        (path / other).unlink(missing_ok=True)
    files[0].write_text(_document_text({**document, **_small_tables(case)}, case), encoding="utf-8")
    _signals(case).write_csv(files[1])
    if files[2].suffix == ".csv":
        vehicles.write_csv(files[2])
    else:
        case.vehicles.write_parquet(files[2])
    return tuple(files)


def _header(case: Case) -> dict[str, Any]:
    signals, grid = case.problem.signals, case.grid
    interval = int((signals.demand_period == signals.demand_period[0]).sum()) if grid.n else 1
    return {
        "name": case.name,
        "start": grid.start.astimezone(case.zone).isoformat(),
        "steps": grid.n,
        "step_minutes": grid.step_s // 60,
        "zone": case.zone.key,
        "currency": case.currency,
        "demand_price_per_kw": signals.demand_price_per_kw,
        "peak_so_far_kw": signals.peak_so_far_kw,
        "demand_interval_steps": interval,
    }


def _with_text_times(table: pl.DataFrame, case: Case) -> pl.DataFrame:
    """Instants as ISO 8601 on the clock of the problem."""
    return table.with_columns(pl.col(pl.Datetime).dt.convert_time_zone(case.zone.key).dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))


def _signals(case: Case) -> pl.DataFrame:
    signals = case.problem.signals
    names = ("price_per_kwh", "export_price_per_kwh", "carbon_kg_per_kwh")
    return pl.DataFrame({"time": _step_times(case), **{name: getattr(signals, name) for name in names}})


def _step_times(case: Case) -> list[str]:
    return [case.grid.at(k).astimezone(case.zone).isoformat() for k in range(case.grid.n + 1)][: case.grid.n]


def _rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if value is not None} for row in table.iter_rows(named=True)]


def _nodes(case: Case) -> Iterator[dict[str, Any]]:
    nodes = case.problem.nodes
    for row, name in enumerate(case.node_id):
        entry: dict[str, Any] = {"node_id": name}
        if row:
            entry["parent_id"] = case.node_id[nodes.parent[row]]
        for key, table in (("import_max_kw", nodes.import_max_kw), ("export_max_kw", nodes.export_max_kw), ("base_kw", nodes.base_kw)):
            entry[key] = _steps(table[row])
        if nodes.price_per_kwh is not None:
            entry["price_per_kwh"] = _steps(nodes.price_per_kwh[row])
        if nodes.phase_room_kw is not None:
            entry["phase_room_kw"] = _steps(nodes.phase_room_kw[row, 0])
        yield {key: value for key, value in entry.items() if value is not None}


def _steps(values: Float) -> Any:
    """One number where all steps are alike; None for no limit."""
    if len(values) and (values == values[0]).all():
        return float(values[0]) if np.isfinite(values[0]) else None
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _small_tables(case: Case) -> dict[str, Any]:
    """Requests and stationary batteries as lists of rows, where there are any."""
    requests, stores, times = case.problem.requests, case.problem.stores, [*_step_times(case), case.grid.end.isoformat()]
    tables: dict[str, Any] = {}
    if requests.n:
        tables["requests"] = [
            {
                "node_id": case.node_id[requests.node[i]],
                "from": times[requests.first[i]],
                "until": times[requests.last[i]],
                "kind": "ceiling" if requests.is_ceiling[i] else "floor",
                "target_kw": float(requests.target_kw[i]),
                "penalty_per_kwh": float(requests.penalty_per_kwh[i]),
            }
            for i in range(requests.n)
        ]
    if len(stores.node):
        tables["stores"] = [
            {"store_id": case.store_id[i], "node_id": case.node_id[node]}
            | {column.name: float(getattr(stores, column.name)[i]) for column in STORES if column.kind == "number"}
            for i, node in enumerate(stores.node)
        ]
    return tables


def _document_text(document: dict[str, Any], case: Case) -> str:
    """JSON with a line for each setting, node and row, so that a person can read it and a version tool compare it."""
    parts = [f"{json.dumps(key)}: {_value_text(value)}" for key, value in document.items()]
    parts.append(f'"nodes": {_value_text(list(_nodes(case)))}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value_text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n " + ",\n ".join(json.dumps(row, ensure_ascii=False) for row in value) + "\n]"
    if isinstance(value, dict):
        return "{\n " + ",\n ".join(f"{json.dumps(key)}: {json.dumps(cells)}" for key, cells in value.items()) + "\n}"
    return json.dumps(value, ensure_ascii=False)
