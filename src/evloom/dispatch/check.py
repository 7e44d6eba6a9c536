"""Refuse a planning problem that holds impossible numbers, with every finding at once."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from evloom.dispatch.problem import Problem
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding

# At most this many rows of one column are listed; the first few tell what is wrong.
_SHOWN_MAX = 20

# name, what is allowed, least, most, may be infinite
_Rule = tuple[str, str, float, float, bool]
_EFFICIENCY = "above 0, at most 1"
_TINY = np.nextafter(0.0, 1.0)
_STAYS: tuple[_Rule, ...] = (
    ("first_share", "0..1", 0.0, 1.0, False),
    ("last_share", "0..1", 0.0, 1.0, False),
    ("charge_max_kw", "finite, at least 0", 0.0, np.inf, False),
    ("discharge_max_kw", "finite, at least 0", 0.0, np.inf, False),
    ("need_kwh", "finite, at least 0", 0.0, np.inf, False),
    ("room_kwh", "at least 0, infinity for no end", 0.0, np.inf, True),
    ("below_kwh", "at least 0, infinity for no floor", 0.0, np.inf, True),
    ("charge_efficiency", _EFFICIENCY, _TINY, 1.0, False),
    ("discharge_efficiency", _EFFICIENCY, _TINY, 1.0, False),
    ("wear_per_kwh", "finite, at least 0", 0.0, np.inf, False),
    ("priority", "finite, above 0", _TINY, np.inf, False),
)
_STORES: tuple[_Rule, ...] = (
    ("capacity_kwh", "finite, at least 0", 0.0, np.inf, False),
    ("stored_kwh", "finite, at least 0", 0.0, np.inf, False),
    ("charge_max_kw", "finite, at least 0", 0.0, np.inf, False),
    ("discharge_max_kw", "finite, at least 0", 0.0, np.inf, False),
    ("charge_efficiency", _EFFICIENCY, _TINY, 1.0, False),
    ("discharge_efficiency", _EFFICIENCY, _TINY, 1.0, False),
    ("wear_per_kwh", "finite, at least 0", 0.0, np.inf, False),
)
_NODES: tuple[_Rule, ...] = (
    ("import_max_kw", "a number, infinity for no limit", -np.inf, np.inf, True),
    ("export_max_kw", "at least 0, infinity for no limit", 0.0, np.inf, True),
    ("base_kw", "finite", -np.inf, np.inf, False),
)
_SIGNALS: tuple[_Rule, ...] = (
    ("price_per_kwh", "finite", -np.inf, np.inf, False),
    ("export_price_per_kwh", "finite", -np.inf, np.inf, False),
    ("carbon_kg_per_kwh", "finite", -np.inf, np.inf, False),
    ("demand_price_per_kw", "finite, at least 0", 0.0, np.inf, False),
    ("peak_so_far_kw", "finite, at least 0", 0.0, np.inf, False),
    ("period_done_kwh", "finite", -np.inf, np.inf, False),
    ("period_done_h", "finite, at least 0", 0.0, np.inf, False),
)


def check_problem(problem: Problem) -> None:
    """Raise InputError that names every column with a wrong value, if there is one."""
    findings = [*_numbers(problem), *_references(problem)]
    if findings:
        raise InputError(findings)


def _wrong(name: str, values: ArrayLike, allowed: str, good: ArrayLike) -> Iterator[Finding]:
    column = np.asarray(values)
    for place in np.argwhere(~np.asarray(good, dtype=bool))[:_SHOWN_MAX]:
        row = int(place[0]) if len(place) else None
        field = f"{name.rpartition('.')[2]}[{', '.join(str(int(i)) for i in place)}]"
        source, advice = f"planning problem, {name.partition('.')[0]}", "correct it where the problem is made"
        yield Finding("problem.value", "refused", source, row, field, str(column[tuple(place)]), allowed, advice)


def _numbers(problem: Problem) -> Iterator[Finding]:
    yield from _wrong("problem.step_h", problem.step_h, "finite, above 0", (problem.step_h > 0) & np.isfinite(problem.step_h))
    tables = (
        ("stays", problem.stays, _STAYS),
        ("stores", problem.stores, _STORES),
        ("nodes", problem.nodes, _NODES),
        ("signals", problem.signals, _SIGNALS),
    )
    for table_name, table, rules in tables:
        for name, allowed, least, most, may_be_infinite in rules:
            values = np.asarray(getattr(table, name), dtype=np.float64)
            good = (values >= least) & (values <= most) & (np.isfinite(values) | may_be_infinite)
            yield from _wrong(f"{table_name}.{name}", values, allowed, good)


def _references(problem: Problem) -> Iterator[Finding]:
    """Rows and steps that do not exist, and columns that contradict each other."""
    stays, stores, n_node, n_step = problem.stays, problem.stores, len(problem.nodes.parent), problem.n_step
    yield from _wrong("stays.node", stays.node, f"0..{n_node - 1}", (stays.node >= 0) & (stays.node < n_node))
    yield from _wrong("stores.node", stores.node, f"0..{n_node - 1}", (stores.node >= 0) & (stores.node < n_node))
    yield from _wrong("stays.first", stays.first, f"0..{n_step}", (stays.first >= 0) & (stays.first <= n_step))
    yield from _wrong("stays.last", stays.last, f"0..{n_step}", (stays.last >= 0) & (stays.last <= n_step))
    yield from _wrong("stays.room_kwh", stays.room_kwh, "at least need_kwh", stays.room_kwh >= stays.need_kwh * (1 - 1e-12))
    yield from _wrong("stores.stored_kwh", stores.stored_kwh, "at most capacity_kwh", stores.stored_kwh <= stores.capacity_kwh)
    parent, row = problem.nodes.parent, np.arange(n_node)
    yield from _wrong("nodes.parent", parent, "-1 for row 0, else an earlier row", (parent < row) & (parent >= np.minimum(row, 1) - 1))
