"""A site as the device scheduler of FlexMeasures wants it; every need is a condition there, nobody may go short."""

from typing import Any

import numpy as np

from evloom.dispatch.problem import Problem
from evloom.kernel.timegrid import Float


def task_of(problem: Problem, step_min: float) -> dict[str, Any]:
    """The task of `flexmeasures_run.py` for a problem with one node and steps of equal length."""
    signals, nodes, stays, there = problem.signals, problem.nodes, problem.stays, _there(problem)
    return {
        "step_min": step_min,
        "price": signals.price_per_kwh.tolist(),
        "export_price": signals.export_price_per_kwh.tolist(),
        "base_mw": (nodes.base_kw[0] / 1e3).tolist(),
        "import_max_mw": (np.maximum(nodes.import_max_kw - nodes.base_kw, 0.0)[0] / 1e3).tolist(),
        "export_max_mw": (nodes.export_max_kw[0] / 1e3).tolist(),
        "devices": [
            {
                "charge_max_mw": (stays.charge_max_kw[i] * there[i] / 1e3).tolist(),
                "discharge_max_mw": (stays.discharge_max_kw[i] * there[i] / 1e3).tolist(),
                "floor_mwh": -float(stays.below_kwh[i]) / 1e3 if stays.discharge_max_kw[i] > 0 else 0.0,
                "ceiling_mwh": float(stays.room_kwh[i] * stays.charge_efficiency[i]) / 1e3,
                "target_mwh": float(stays.need_kwh[i] * stays.charge_efficiency[i]) / 1e3,
                "last": int(stays.last[i]),
                "charge_efficiency": float(stays.charge_efficiency[i]),
                "discharge_efficiency": float(stays.discharge_efficiency[i]),
            }
            for i in range(stays.n)
        ],
    }


def _there(problem: Problem) -> Float:
    """Share of each step in which each vehicle is there, (n_stay, n_step)."""
    stays, k, rows = problem.stays, np.arange(problem.n_step), np.arange(problem.stays.n)
    share = ((k >= stays.first[:, None]) & (k < stays.last[:, None])).astype(np.float64)
    share[rows, stays.last - 1] = stays.last_share
    share[rows, stays.first] = stays.first_share
    return share
