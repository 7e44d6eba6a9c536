"""Plans one site with the device scheduler of FlexMeasures, unchanged. Runs in an environment of its own: task as JSON in, answer out.

Task: step_min; per step price, export_price, base_mw, import_max_mw and export_max_mw (what is left for steered units); and devices with
charge_max_mw and discharge_max_mw (per step), floor_mwh, ceiling_mwh, target_mwh (cells, against today), last (step after the stay),
charge_efficiency, discharge_efficiency. Answer: CPU seconds of the second run, and the cost of the site's energy (MWh x price).
"""

import json
import sys
import time
from datetime import timedelta
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # only that environment has it, as what follows
from flask import Flask  # type: ignore[import-not-found]
from flexmeasures.data.models.planning import FlowCommitment  # type: ignore[import-not-found]
from flexmeasures.data.models.planning.linear_optimization import device_scheduler  # type: ignore[import-not-found]
from flexmeasures.data.models.planning.utils import initialize_df  # type: ignore[import-not-found]

COLUMNS = ["equals", "max", "min", "efficiency", "derivative equals", "derivative max", "derivative min"]
COLUMNS += ["derivative down efficiency", "derivative up efficiency", "stock delta"]


def frame(task: dict[str, Any]) -> Any:
    """An empty table of conditions over the horizon."""
    start = pd.Timestamp("2025-06-04T12:00:00")
    resolution = timedelta(minutes=task["step_min"])
    return initialize_df(COLUMNS, start, start + len(task["price"]) * resolution, resolution)


def device(task: dict[str, Any], one: dict[str, Any]) -> Any:
    """The conditions of one vehicle."""
    per_mwh = 60.0 / task["step_min"]  # the scheduler counts stock in MW x steps
    table, n = frame(task), len(task["price"])
    target = [one["target_mwh"] if k >= one["last"] - 1 else one["floor_mwh"] for k in range(n)]
    table["min"] = [value * per_mwh for value in target]
    table["max"] = [one["ceiling_mwh"] * per_mwh] * n
    table["derivative max"] = one["charge_max_mw"]
    table["derivative min"] = [-power for power in one["discharge_max_mw"]]
    table["derivative up efficiency"] = one["charge_efficiency"]
    table["derivative down efficiency"] = one["discharge_efficiency"]
    return table


def run(task: dict[str, Any], solver: str) -> dict[str, Any]:
    """Plan with one of its solvers."""
    app = Flask("bench")
    app.config.update(FLEXMEASURES_LP_SOLVER=solver, LOGGING_LEVEL="WARNING", FLEXMEASURES_LP_SOLVER_OPTIONS={})
    ems, devices = frame(task), [device(task, one) for one in task["devices"]]
    ems["derivative max"] = task["import_max_mw"]
    ems["derivative min"] = [-power for power in task["export_max_mw"]]
    price = pd.Series(task["price"], index=ems.index)
    earns = pd.Series(task["export_price"], index=ems.index)
    # Without a device the commitment is for the whole site: what is above it is import, what is below it export.
    idle = pd.Series([-power for power in task["base_mw"]], index=ems.index)
    energy = FlowCommitment(name="energy", quantity=idle, upwards_deviation_price=price, downwards_deviation_price=earns, index=ems.index)
    with app.app_context():
        began = time.process_time()
        power, _, results, _ = device_scheduler(devices, ems, commitments=[energy], initial_stock=0)
        cpu_s = time.process_time() - began
    net = sum(one.to_numpy() for one in power) - idle.to_numpy()
    cost = float((net.clip(min=0.0) * price.to_numpy() + net.clip(max=0.0) * earns.to_numpy()).sum()) * task["step_min"] / 60.0
    return {"cpu_s": cpu_s, "cost": cost, "status": str(results.solver.termination_condition)}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    run(given, given["solver"])
    sys.stdout.write("\n" + json.dumps(run(given, given["solver"])))
