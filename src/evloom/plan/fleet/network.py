"""The nodes of a document become the limit tree of a problem, parents before children."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from evloom.dispatch.problem import Nodes
from evloom.kernel.timegrid import Float, Int
from evloom.plan.fleet.columns import NODES, Column
from evloom.plan.fleet.log import SHOWN_MAX, Log, Note

_COLUMN = {column.name: column for column in NODES}
NODES_ALLOWED = "a list of nodes [{node_id: ..., parent_id: ..., import_max_kw: ..., base_kw: [...]}, ...]"
_PARENT = "the node_id of another node; one node, the root, has none"


@dataclass(frozen=True)
class Network:
    """The tree with the names of its nodes, (n_node,)."""

    node_id: tuple[str, ...]
    nodes: Nodes


def read_network(document: dict[str, Any], source: str, n_step: int, log: Log) -> Network:
    """The tree of a document. After a finding that refuses, what is returned is good for looking through the other tables only."""
    listed = document.get("nodes")
    if not isinstance(listed, list) or not listed or not all(isinstance(node, dict) for node in listed):
        shown = "(not given)" if listed is None else json.dumps(listed)[:60]
        note = Note("dispatch.nodes", "refused", "nodes", NODES_ALLOWED, "at least one node, the root, is needed")
        log.whole(source, note, shown)
        return Network((), Nodes(np.zeros(0, dtype=np.int64), *(np.zeros((0, n_step)) for _ in range(3))))
    names = _names(listed, source, log)
    order, parent = _ordered(listed, names, source, log)
    reader = _Steps(source, n_step, log)
    import_kw, export_kw, base_kw, price, phase_kw = (
        np.array([reader.read(listed[i], i, _COLUMN[name]) for i in order]).reshape(len(order), n_step)
        for name in ("import_max_kw", "export_max_kw", "base_kw", "price_per_kwh", "phase_room_kw")
    )
    base_kw = _summed(base_kw, parent)
    node_id = tuple(names[i] for i in order)
    _warn_of_base(import_kw, base_kw, node_id, source, log)
    unlimited = np.where(np.isnan(phase_kw), np.inf, phase_kw)
    nodes = Nodes(
        parent=parent,
        import_max_kw=np.where(np.isnan(import_kw), np.inf, import_kw),
        export_max_kw=np.where(np.isnan(export_kw), np.inf, export_kw),
        base_kw=base_kw,
        price_per_kwh=None if np.isnan(price).all() else np.nan_to_num(price),
        phase_room_kw=None if np.isnan(phase_kw).all() else np.repeat(unlimited[:, None], 3, axis=1),
    )
    return Network(node_id, nodes)


def _names(listed: list[dict[str, Any]], source: str, log: Log) -> list[str]:
    names, seen = [], dict[str, int]()
    for i, node in enumerate(listed):
        name = node.get("node_id")
        if not isinstance(name, str) or not name:
            note = Note("dispatch.wrong-type", "refused", f"nodes[{i}].node_id", "text that is not empty", "give the node a name")
            log.whole(source, note, repr(name))
            name = f"nodes[{i}]"
        elif name in seen:
            note = Note("dispatch.doubled-id", "refused", f"nodes[{i}].node_id", "each name once", f"nodes[{seen[name]}] bears it too")
            log.whole(source, note, name)
        seen.setdefault(name, i)
        names.append(name)
        for key in node:
            if key not in _COLUMN:
                allowed = ", ".join(_COLUMN)
                log.whole(source, Note("dispatch.unknown-key", "warning", f"nodes[{i}].{key}", allowed, "not read"), "nobody reads it")
    return names


def _ordered(listed: list[dict[str, Any]], names: list[str], source: str, log: Log) -> tuple[list[int], Int]:
    """Rows of the list with parents before children, and the parent of each by its new row."""
    row_of = {name: i for i, name in reversed(list(enumerate(names)))}
    children: list[list[int]] = [[] for _ in listed]
    roots, lost = [], set[int]()
    for i, node in enumerate(listed):
        above = node.get("parent_id")
        if above is None or above == "":
            roots.append(i)
        elif isinstance(above, str) and above in row_of:
            children[row_of[above]].append(i)
        else:
            lost.add(i)
            note = Note(
                "dispatch.orphan", "refused", f"nodes[{i}].parent_id", _PARENT, f"no node is called so: mend the name at {names[i]}"
            )
            log.whole(source, note, str(above))
    if len(roots) > 1:
        found = ", ".join(names[i] for i in roots[:SHOWN_MAX])
        log.whole(source, Note("dispatch.roots", "refused", "nodes.parent_id", _PARENT, "give all but one a parent"), f"none at {found}")
    order = roots[:1]
    for i in order:
        order += children[i]
    reached = set(order) | _below(children, lost | set(roots[1:]))
    circle = [i for i in range(len(listed)) if i not in reached]
    if circle:
        found = ", ".join(names[i] for i in circle[:SHOWN_MAX])
        note = Note("dispatch.cycle", "refused", "nodes.parent_id", _PARENT, "one of them must hang on a node nearer to the root")
        log.whole(source, note, f"a circle of parents at or above {found}")
    order = order or [0]
    new_row = {i: row for row, i in enumerate(order)}
    parent = [-1] + [new_row[row_of[listed[i]["parent_id"]]] for i in order[1:]]
    return order, np.array(parent, dtype=np.int64)


def _below(children: list[list[int]], tops: set[int]) -> set[int]:
    found, queue = set(tops), list(tops)
    for i in queue:
        fresh = [child for child in children[i] if child not in found]
        found.update(fresh)
        queue += fresh
    return found


@dataclass(frozen=True)
class _Steps:
    """Reads entries that are a number for all steps or a list with a number for each."""

    source: str
    n_step: int
    log: Log

    def read(self, node: dict[str, Any], i: int, column: Column) -> Float:
        """(n_step,), NaN where nothing is said."""
        entry, place = node.get(column.name), f"nodes[{i}].{column.name}"
        cells = entry if isinstance(entry, list) else [entry]
        if isinstance(entry, list) and len(entry) != self.n_step:
            note = Note("dispatch.steps", "refused", place, f"one number, or {self.n_step}: one for each step", "mend the list")
            self.log.whole(self.source, note, f"{len(entry)} numbers")
            return np.full(self.n_step, np.nan)
        try:
            values = np.array(cells, dtype=np.float64)  # None becomes NaN
        except (TypeError, ValueError):
            values = np.full(len(cells), np.nan)
        if values.ndim != 1 or any(isinstance(cell, str | bool) for cell in cells):
            values = np.full(len(cells), np.nan)
        self._check(values, cells, column, place)
        return np.broadcast_to(values, (self.n_step,))

    def _check(self, values: Float, cells: list[Any], column: Column, place: str) -> None:
        good = (values >= column.least) & (values <= column.most)
        if good.all():
            return
        wrong = [k for k in np.flatnonzero(~good) if cells[k] is not None]
        for k in wrong[:SHOWN_MAX]:
            at = f"{place}[{k}]" if len(cells) > 1 else place
            is_number = isinstance(cells[k], int | float) and not isinstance(cells[k], bool)
            code = "dispatch.wrong-type" if not is_number else "dispatch.out-of-range"
            code = "dispatch.not-a-number" if is_number and not math.isfinite(cells[k]) else code
            note = Note(code, "refused", at, column.allowed, "check the value, its sign and its unit; leave out what is unknown")
            self.log.whole(self.source, note, f"{cells[k]!r}{column.unit}"[:60])


def _summed(base_kw: Float, parent: Int) -> Float:
    """Base loads with the sum of the nodes below where a node says nothing."""
    known, total = ~np.isnan(base_kw), np.nan_to_num(base_kw)
    for row in range(len(parent) - 1, 0, -1):
        above = parent[row]
        total[above] += np.where(known[above], 0.0, total[row])
    return total


def _warn_of_base(import_kw: Float, base_kw: Float, node_id: tuple[str, ...], source: str, log: Log) -> None:
    over = base_kw > import_kw
    rows = np.flatnonzero(over.any(axis=1))
    for row in rows[:SHOWN_MAX]:
        k = int(np.argmax(np.where(over[row], base_kw[row] - import_kw[row], -np.inf)))
        note = Note(
            "dispatch.base-above-limit",
            "warning",
            f"node {node_id[row]}",
            f"at most import_max_kw = {import_kw[row, k]:g} kW",
            f"accepted: in {int(over[row].sum())} of {over.shape[1]} steps nothing steered draws power there",
        )
        log.whole(source, note, f"base_kw {base_kw[row, k]:g} kW in step {k}")
    if len(rows) > SHOWN_MAX:
        note = Note("dispatch.base-above-limit", "warning", "nodes", "base_kw at most import_max_kw", "accepted")
        log.whole(source, note, f"the same at {len(rows) - SHOWN_MAX} more nodes")
