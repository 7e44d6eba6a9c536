"""Refuse a planning problem that holds impossible numbers, with every finding at once."""

from collections.abc import Container, Iterator
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike

from evloom.dispatch.problem import Problem
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Int

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
    ("end_min_kwh", "finite, at least 0", 0.0, np.inf, False),
)
_NODES: tuple[_Rule, ...] = (
    ("price_per_kwh", "finite", -np.inf, np.inf, False),
    ("phase_room_kw", "at least 0, infinity for no limit", 0.0, np.inf, True),
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


_REQUESTS: tuple[_Rule, ...] = (
    ("target_kw", "finite", -np.inf, np.inf, False),
    ("penalty_per_kwh", "finite, above 0", _TINY, np.inf, False),
)
_PROBLEM: tuple[_Rule, ...] = (("step_h", "finite, above 0", _TINY, np.inf, False),)
_RULES = {"problem": _PROBLEM, "stays": _STAYS, "stores": _STORES, "nodes": _NODES, "signals": _SIGNALS, "requests": _REQUESTS}
_FIRST = {"stays": "first", "stores": "node", "requests": "node"}
# Columns that hold numbers of rows, steps and the like, and truths.
_WHOLE = {"first", "last", "node", "phase", "parent", "demand_period"}
_SCALARS = {"demand_price_per_kw", "peak_so_far_kw", "period_done_kwh", "period_done_h"}


def check_problem(problem: Problem) -> None:
    """Raise InputError that names every column with a wrong value, kind or shape, if there is one.

    A limit below the base load is no mistake: nothing is steered to draw there then.
    """
    crooked = list(_shapes(problem))
    findings = [*crooked, *_numbers(problem, {(finding.source, finding.field) for finding in crooked})]
    if not crooked:
        findings += [*_references(problem), *_optional_references(problem)]
    if findings:
        raise InputError(findings)


def _columns(problem: Problem) -> Iterator[tuple[str, str, object]]:
    """Table, name and value of every column that the problem has."""
    yield "problem", "step_h", problem.step_h
    for table in ("stays", "stores", "nodes", "signals", "requests"):
        for field in fields(getattr(problem, table)):
            value = getattr(getattr(problem, table), field.name)
            if value is not None:
                yield table, field.name, value


def _shapes(problem: Problem) -> Iterator[Finding]:
    """Columns of the wrong kind or shape. The first column of a table says how many rows it has."""
    n_step, n_node = np.shape(problem.step_h)[:1], np.shape(problem.nodes.parent)[:1]
    rows = {name: np.shape(getattr(getattr(problem, name), first))[:1] for name, first in _FIRST.items()}
    want = {"problem": n_step, "signals": n_step, "nodes": n_node + n_step, **rows}
    special = {"parent": n_node, "phase_room_kw": (*n_node, 3, *n_step)}
    for table, name, value in _columns(problem):
        shape = () if name in _SCALARS else special.get(name, want[table])
        kinds = "iu" if name in _WHOLE else "b" if name == "is_ceiling" else "fiu"
        found = np.asarray(value)
        if found.dtype.kind not in kinds or (shape and not isinstance(value, np.ndarray)):
            kind = {"iu": "an array of whole numbers", "b": "an array of truths", "fiu": "numbers"}[kinds]
            yield _finding("problem.kind", table, None, name, f"{type(value).__name__} of {found.dtype}", kind)
        elif found.shape != shape or (shape == () and name not in _SCALARS):
            yield _finding("problem.shape", table, None, name, f"shape {found.shape}", f"shape {shape}")
    if n_node == (0,):
        yield _finding("problem.shape", "nodes", None, "parent", "no node", "at least the root")


def _finding(code: str, table: str, row: int | None, field: str, value: str, allowed: str) -> Finding:
    return Finding(code, "refused", f"planning problem, {table}", row, field, value, allowed, "correct it where the problem is made")


def _wrong(name: str, values: ArrayLike, allowed: str, good: ArrayLike) -> Iterator[Finding]:
    column = np.asarray(values)
    table, _, field = name.partition(".")
    for place in np.argwhere(~np.asarray(good, dtype=bool))[:_SHOWN_MAX]:
        row = int(place[0]) if len(place) else None
        where = f"{field}[{', '.join(str(int(i)) for i in place)}]"
        yield _finding("problem.value", table, row, where, str(column[tuple(place)]), allowed)


def _numbers(problem: Problem, skipped: Container[tuple[str, str | None]]) -> Iterator[Finding]:
    rules = {(table, rule[0]): rule for table, of_table in _RULES.items() for rule in of_table}
    for table, name, value in _columns(problem):
        if (f"planning problem, {table}", name) in skipped or (table, name) not in rules:
            continue
        _, allowed, least, most, may_be_infinite = rules[table, name]
        values = np.asarray(value, dtype=np.float64)
        good = (values >= least) & (values <= most) & (np.isfinite(values) | may_be_infinite)
        yield from _wrong(f"{table}.{name}", values, allowed, good)


def _within(name: str, values: Int, least: int, most: int) -> Iterator[Finding]:
    yield from _wrong(name, values, f"{least}..{most}", (values >= least) & (values <= most))


def _references(problem: Problem) -> Iterator[Finding]:
    """Rows and steps that do not exist, and columns that contradict each other."""
    stays, stores, n_node, n_step = problem.stays, problem.stores, len(problem.nodes.parent), problem.n_step
    yield from _within("stays.node", stays.node, 0, n_node - 1)
    yield from _within("stores.node", stores.node, 0, n_node - 1)
    yield from _within("stays.first", stays.first, 0, n_step)
    yield from _within("stays.last", stays.last, 0, n_step)
    yield from _wrong("stays.last", stays.last, "at least first: nobody leaves before arriving", stays.last >= stays.first)
    yield from _wrong("stays.room_kwh", stays.room_kwh, "at least need_kwh", stays.room_kwh >= stays.need_kwh * (1 - 1e-12))
    yield from _wrong("stores.stored_kwh", stores.stored_kwh, "at most capacity_kwh", stores.stored_kwh <= stores.capacity_kwh)
    parent, row = problem.nodes.parent, np.arange(n_node)
    yield from _wrong("nodes.parent", parent, "-1 for row 0, else an earlier row", (parent < row) & (parent >= np.minimum(row, 1) - 1))
    period = problem.signals.demand_period
    yield from _wrong("signals.demand_period", period, "never falling", np.diff(period, prepend=period[:1]) >= 0)


def _optional_references(problem: Problem) -> Iterator[Finding]:
    """The same for what a problem may leave out."""
    requests, n_step = problem.requests, problem.n_step
    if problem.stays.phase is not None:
        yield from _within("stays.phase", problem.stays.phase, -1, 2)
    yield from _within("requests.node", requests.node, 0, len(problem.nodes.parent) - 1)
    yield from _within("requests.first", requests.first, 0, n_step)
    yield from _within("requests.last", requests.last, 0, n_step)
    yield from _wrong("requests.last", requests.last, "at least first", requests.last >= requests.first)
