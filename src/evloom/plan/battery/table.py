"""The fleet in the terminal: a row for each pack, worst first."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from unicodedata import east_asian_width

from evloom.diagnose.warning import LEVELS
from evloom.plan.battery.output import Row, order_of
from evloom.plan.battery.report.lexicon import PAGE
from evloom.store.battery.account import Account

HEAD = (
    "vehicle",
    "pack",
    "level",
    "part",
    "likely cause",
    "first seen",
    "SOH",
    "capacity",
    "grade",
    "days",
    "frames",
    "cells",
    "doubted readings",
)
MOST_ROWS = 40
MOST_NAME = 40
"""Letters of a name that are shown; the JSON has all."""
HARMLESS = frozenset(("status-null", "insulation-placeholder", "odometer-doubt"))
"""Flags that say nothing against a frame's cells."""


def table_text(rows: Sequence[Row], most: int = MOST_ROWS) -> str:
    """The worst rows as text. A column that says nothing is left out."""
    ordered = sorted(rows, key=order_of)
    shown = [_cells(row) for row in ordered[:most]]
    table = [list(HEAD), *shown]
    kept = [k for k in range(len(HEAD)) if any(line[k] for line in shown) and not (HEAD[k] == "pack" and all(map(is_same, ordered)))]
    widths = {k: max(width_of(line[k]) for line in table) for k in kept}
    right = {HEAD.index(name) for name in ("days", "frames", "cells")}
    lines = ["  ".join(padded(line[k], widths[k], k in right) for k in kept).rstrip() for line in table]
    rest = Counter(row.level for row in ordered[most:])
    if rest:
        lines.append(f"and {sum(rest.values())} more: " + ", ".join(f"{n} {_level(name)}" for name, n in rest.items()))
    return "\n".join(lines)


def width_of(text: str) -> int:
    """Columns that a text takes in a terminal: letters of Chinese take two."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def padded(text: str, width: int, right: bool = False) -> str:
    """A text with room up to a width."""
    room = " " * (width - width_of(text))
    return room + text if right else text + room


def is_same(row: Row) -> bool:
    """Whether the pack is named as its vehicle, so that its name says nothing more."""
    return row.pack_id in (row.vehicle_id, f"{row.vehicle_id}-pack", f"pack-{row.vehicle_id}")


def _cells(row: Row) -> list[str]:
    doubted = ", ".join(f"{n:,} {name}" for name, n in row.doubted if name not in HARMLESS)
    cause = f"{row.cause} {100 * row.chance:.0f} %" if row.cause else ""
    more = f" +{row.n_open - 1}" if row.n_open > 1 else ""
    return [
        name_text(row.vehicle_id),
        name_text(row.pack_id),
        _level(row.level),
        row.part + more,
        cause,
        _day(row.first_seen_s),
        f"{100 * row.soh.p50:.1f} % ({100 * row.soh.p10:.1f}-{100 * row.soh.p90:.1f})" if row.soh is not None else "",
        capacity_text(row),
        row.grade,
        str(row.days),
        f"{row.frames:,}",
        str(row.n_cell),
        doubted,
    ]


def capacity_text(row: Row) -> str:
    """Capacity in Ah where no rated one makes a state of health of it."""
    told = row.capacity_ah
    return f"{told.p50:.1f} Ah ({told.p10:.1f}-{told.p90:.1f})" if told is not None and row.soh is None else ""


def name_text(text: str) -> str:
    """A name on one line, shortened in its middle."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= MOST_NAME else f"{plain[: MOST_NAME - 13]}…{plain[-12:]}"


def _level(name: str) -> str:
    return "-" if name == "none" else name


def _day(at_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return ""


def summary_text(rows: Sequence[Row], account: Account) -> str:
    """How many of what, in a sentence or two; and that silence proves nothing."""
    levels = Counter(row.level for row in rows)
    told = [f"{levels[name]} {name}" for name in reversed(LEVELS) if levels[name]] + (
        [f"{levels['closed']} closed"] if levels["closed"] else []
    )
    days = sum(row.days for row in rows)
    n = len(rows)
    counts = ", ".join(
        f"{count:,} {name}{'s' if count != 1 else ''}"
        for count, name in ((n, "battery pack"), (days, "vehicle-day"), (account.n_accepted, "frame"))
    )
    counts += f" ({account.n_refused:,} refused)" if account.n_refused else ""
    found = ", ".join(told) if told else "no warning"
    counts_of = Counter(code for row in rows for code in row.lacks)
    lacks = "".join(f"{PAGE[f'lacks.{code}'][0].format(n=n)}.\n" for code, n in sorted(counts_of.items()))
    return f"{counts}: {found}.\n{lacks}Some faults give no sign in voltages, currents and temperatures: no warning is no proof of safety."
