"""A live site as a scenario file, so that the journal of its loop can be replayed by `evloom simulate --replay`."""

import math
from collections.abc import Mapping
from datetime import datetime

from evloom.dispatch.fallback import Fallback
from evloom.kernel.timegrid import TimeGrid
from evloom.serve.site.build import Built, aim_of, ordered_limits, phase_of, tariff_table
from evloom.serve.site.plan import ROOT, EvsePlan


def scenario_text(made: Built, grid: TimeGrid, fallback: Fallback) -> str:
    """The TOML of the scenario on which the journal of a run on `grid` is replayed."""
    plan, tree = made.plan, made.site.tree
    tables: list[tuple[str, Mapping[str, object]]] = [
        ("", {"name": made.site.name, "policies": [plan.policy], "objective": aim_of(plan)}),
        ("[time]", {"zone": plan.zone, "from": grid.start, "to": grid.end, "step_s": int(grid.step_s)}),
        ("[site]", {"voltage_v": plan.voltage_v}),
        ("[transformer]", {"id": ROOT, "rating_kva": float(tree.import_max_kw[0]), "power_factor": 1.0, **_limits(made, 0)}),
    ]
    for row, item in enumerate(ordered_limits(plan), 1):
        most = {"max_kw": float(tree.import_max_kw[row])} if math.isfinite(tree.import_max_kw[row]) else {}
        tables.append(("[[limit]]", {"id": item.id, "parent": item.parent, "source": item.source, **most, **_limits(made, row)}))
    tables += [("[[pile]]", _pile(item, number)) for number, item in enumerate(plan.evse)]
    tables.append(("[sessions]", {"in_journal": True}))
    tables.append(("[tariff]", tariff_table(plan)))
    tables.append(("[control]", {"replan": "event", "horizon_h": plan.horizon_h}))
    held = {} if math.isinf(fallback.hold_s) else {"hold_min": fallback.hold_s / 60.0}
    tables.append(("[link]", held))
    if plan.guard is not None:
        rules = {name: getattr(plan.guard, name) for name in plan.guard.__struct_fields__}
        tables.append(("[guard]", {name: value for name, value in rules.items() if value is not None}))
    head = "# Written by evloom serve beside the journal of the same name: evloom simulate THIS --replay JOURNAL\n"
    return head + "\n".join(_table(name, content) for name, content in tables)


def _limits(made: Built, row: int) -> dict[str, object]:
    """The limits of current and export of a node, where there are any."""
    tree = made.site.tree
    found: dict[str, object] = {}
    if math.isfinite(tree.phase_max_a[row]):
        found["phase_max_a"] = float(tree.phase_max_a[row])
    if math.isfinite(tree.export_max_kw[row]):
        found["export_max_kw"] = float(tree.export_max_kw[row])
    return found


def _pile(item: EvsePlan, number: int) -> dict[str, object]:
    return {
        "id": item.evse_id.replace("{", "{{").replace("}", "}}"),
        "node": item.node or ROOT,
        "rating_kw": float(item.rating_kw),
        "phases": item.n_phase,
        "phase": "ABC"[phase_of(item, number)],
        "current_min_a": float(item.current_min_a),
        "current_step_a": float(item.current_step_a),
        "dc": item.dc,
        "discharge_max_kw": float(item.discharge_max_kw),
    }


def _table(name: str, content: Mapping[str, object]) -> str:
    lines = [name] if name else []
    return "\n".join([*lines, *(f"{_key(key)} = {toml_value(value)}" for key, value in content.items()), ""])


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else toml_value(key)


def toml_value(value: object) -> str:
    """A value as TOML writes it; numbers so that they come back bit for bit."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(key))} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    plain = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in plain) + '"'
