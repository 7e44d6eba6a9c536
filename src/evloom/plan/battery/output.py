"""What is told of a fleet: a row of the table for each pack, and its figures as JSON."""

import json
from dataclasses import dataclass
from typing import Any

from evloom.diagnose import health_text
from evloom.diagnose.advice import text
from evloom.diagnose.card import Card
from evloom.diagnose.health import Health, Interval
from evloom.diagnose.warning import LEVELS, Warning, WarningChange  # noqa: A004
from evloom.plan.battery.examine import Examined
from evloom.plan.battery.plain import instant, number, plain

SOUND = "none"


@dataclass(frozen=True)
class Row:
    """A pack in the table. level: of its most urgent open warning, "closed" where all are closed, else "none"."""

    vehicle_id: str
    pack_id: str
    chemistry: str
    n_cell: int
    level: str
    part: str
    cause: str
    chance: float
    severity: float
    first_seen_s: float
    n_open: int
    first_s: float
    last_s: float
    days: int
    frames: int
    soh: Interval | None
    grade: str
    doubted: tuple[tuple[str, int], ...]
    lacks: tuple[str, ...]
    page: str
    capacity_ah: Interval | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether there was ever a warning of it."""
        return self.level != SOUND


def order_of(row: Row) -> tuple[int, float, str, str]:
    """Key that sorts rows: worst first, then by name."""
    worth = LEVELS.index(row.level) + 2 if row.level in LEVELS else int(row.is_suspect)
    return -worth, -row.severity, row.vehicle_id, row.pack_id


def row_of(examined: Examined, card: Card | None = None) -> Row:
    """The row of a pack. Without a card it has no grade."""
    warnings, tally, pack = examined.warnings, examined.tally, examined.pack
    first = warnings[0] if warnings else None
    cause, chance = first.causes[0] if first and first.causes else ("", 0.0)
    return Row(
        vehicle_id=pack.vehicle_id,
        pack_id=pack.pack_id,
        chemistry=pack.chemistry,
        n_cell=pack.n_cell,
        level=SOUND if first is None else first.level if first.closed_s is None else "closed",
        part=part_name(first) if first else "",
        cause=cause,
        chance=chance,
        severity=first.severity if first else 0.0,
        first_seen_s=first.first_seen_s if first else float("nan"),
        n_open=sum(warning.closed_s is None for warning in warnings),
        first_s=tally.first_s,
        last_s=tally.last_s,
        days=tally.days,
        frames=tally.frames,
        soh=examined.health.soh,
        grade=card.grade.name if card is not None else "",
        doubted=tuple(sorted(tally.flagged.items(), key=lambda one: (-one[1], one[0]))),
        lacks=tuple(finding.code for finding in examined.findings),
        page="",
        capacity_ah=examined.health.capacity_ah,
    )


def part_name(warning: Warning) -> str:
    """The suspected part as the file calls it: V_83 is cell 82, T_4 is probe 3, else the pack."""
    if warning.cell is not None:
        return f"V_{warning.cell + 1}"
    return f"T_{warning.probe + 1}" if warning.probe is not None else "pack"


def vehicle_json(examined: Examined, card: Card, page: str = "") -> str:
    """The figures of a pack: an element of `vehicles`. page: the file of its page in the report, "" none."""
    pack, tally = examined.pack, examined.tally
    row = row_of(examined, card)
    history: dict[str, list[dict[str, Any]]] = {}
    for change in examined.changes:
        told = {"at": instant(change.at_s), "kind": change.kind, "level": change.warning.level, "severity": number(change.warning.severity)}
        history.setdefault(change.warning.warning_id, []).append(told)
    content = {
        "vehicle_id": pack.vehicle_id,
        "vehicles": list(examined.vehicles),
        "pack_id": pack.pack_id,
        "chemistry": pack.chemistry,
        "n_cell": pack.n_cell,
        "n_probe": pack.n_probe,
        "capacity_ah": number(pack.capacity_ah),
        "level": row.level,
        "from": instant(tally.first_s),
        "to": instant(tally.last_s),
        "days": tally.days,
        "frames": tally.frames,
        "flagged": {"frames": tally.flagged, "cells": tally.cell_flagged, "probes": tally.probe_flagged},
        "warnings": [warning_json(warning, history.get(warning.warning_id, [])) for warning in examined.warnings],
        "health": health_json(examined.health),
        "card": plain(card),
        "report": page or None,
        "lacks": [plain(finding) for finding in examined.findings],
    }
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def warning_json(warning: Warning, history: list[dict[str, Any]]) -> dict[str, Any]:
    """A warning: what `Warning` holds, with names of the file's columns, texts in both languages and its history."""
    content = plain(warning)
    places = [LEVELS.index(each["level"]) for each in history if each["level"] in LEVELS]
    names = {
        "state": "open" if warning.closed_s is None else "closed",
        "cell_name": f"V_{warning.cell + 1}" if warning.cell is not None else None,
        "probe_name": f"T_{warning.probe + 1}" if warning.probe is not None else None,
        "level_highest": LEVELS[max([LEVELS.index(warning.level), *places])],
    }
    texts = {
        "causes": [{"cause": name, "probability": number(chance)} for name, chance in warning.causes],
        "expected": words(warning.expected) if warning.expected else None,
        **{name: [words(key) for key in getattr(warning, name)] for name in ("advice", "measure_next", "missing")},
    }
    return {**content, **names, **texts, "history": history}


def health_json(health: Health) -> dict[str, Any]:
    """Health: what `Health` holds, its trend by instants, what is missing in words."""
    content = plain(health)
    trend = [{"at": instant(at_s), **plain(interval)} for at_s, interval in health.trend]
    missing = [{"key": key, "en": health_text.text(key, "en"), "zh": health_text.text(key, "zh")} for key in health.missing]
    return {**content, "trend": trend, "missing": missing, "coverage": {**content["coverage"], "hours": dict(health.coverage.hours)}}


def change_json(change: WarningChange) -> str:
    """A line of the stream as JSON."""
    warning = change.warning
    told = {"at": instant(change.at_s), "kind": change.kind, "level": warning.level, "severity": number(warning.severity)}
    content = {"kind": change.kind, "at": instant(change.at_s), "warning": warning_json(warning, [told])}
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def change_text(change: WarningChange) -> str:
    """The same for people."""
    warning = change.warning
    cause = f"{warning.causes[0][0]} {100.0 * warning.causes[0][1]:.0f} %" if warning.causes else ""
    is_told = change.kind == "opened" or (change.kind == "updated" and warning.level == "stop")
    advice = text(warning.advice[0]) if warning.advice and is_told else ""
    pack = "" if warning.pack_id == warning.vehicle_id else f" ({warning.pack_id})"
    told = f"{instant(change.at_s)} {change.kind} {warning.level}: {warning.vehicle_id}{pack} {part_name(warning)} {cause}"
    return f"{told}; {advice}" if advice else told


def words(key: str) -> dict[str, str]:
    """A text of the advice with its key."""
    return {"key": key, "en": text(key, "en"), "zh": text(key, "zh")}
