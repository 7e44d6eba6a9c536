"""Small moments written by hand: cars on one transformer, all alike unless said otherwise."""

from typing import Any

import numpy as np

from evloom.dispatch.moment import Bays, Wires, wires
from evloom.network.tree import LimitTree

NOW_S = 1.75e9


def row_of_cars(n: int, **changed) -> Bays:
    """`n` cars of 7.36 kW (32 A) on one phase each, in steps of 1 A; arrived minute by minute, 10 kWh wanted, 4 h left."""
    columns: dict[str, Any] = {
        "connected": np.ones(n, dtype=np.bool_),
        "arrival_s": NOW_S - 3600.0 + 60.0 * np.arange(n),
        "departure_s": np.full(n, NOW_S + 4 * 3600.0),
        "need_kwh": np.full(n, 10.0),
        "charge_max_kw": np.full(n, 7.36),
        "discharge_max_kw": np.zeros(n),
        "kw_per_a": np.full(n, 0.23),
        "current_min_a": np.full(n, 6.0),
        "current_step_a": np.ones(n),
        "phase": np.arange(n) % 3,
        "node": np.zeros(n, dtype=np.int64),
        "pile": np.arange(n),
        "one_at_a_time": np.zeros(n, dtype=np.bool_),
        "priority": np.ones(n),
        "debt_kwh": np.zeros(n),
    }
    return Bays(**(columns | changed))


def direct_current(n: int, **changed) -> Bays:
    """`n` cars at piles of 50 kW direct current."""
    return row_of_cars(
        n,
        **{
            "charge_max_kw": np.full(n, 50.0),
            "kw_per_a": np.full(n, 0.69),
            "current_min_a": np.zeros(n),
            "current_step_a": np.zeros(n),
            "phase": np.full(n, -1),
            "need_kwh": np.full(n, 40.0),
        }
        | changed,
    )


def supply(
    import_max_kw: float | list[float] = np.inf,
    *,
    parent: list[int] | None = None,
    base_kw: float = 0.0,
    export_max_kw: float = np.inf,
    phase_max_a: float = np.inf,
) -> Wires:
    """A transformer, or a tree given by `parent`; base load, export and phase limits are those of the root."""
    parent = parent or [-1]
    n = len(parent)
    limits_kw = np.array(import_max_kw if isinstance(import_max_kw, list) else [import_max_kw] + [np.inf] * (n - 1))

    def root(value: float, rest: float) -> np.ndarray:
        return np.array([value] + [rest] * (n - 1))

    tree = LimitTree(
        tuple(f"n{row}" for row in range(n)), np.array(parent), limits_kw,
        root(export_max_kw, np.inf), root(phase_max_a, np.inf), ("by hand",) * n,
    )  # fmt: skip
    return wires(tree, root(base_kw, 0.0), 230.0)
