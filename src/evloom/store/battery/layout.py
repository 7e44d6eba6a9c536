"""The columns of a file of frames: which format it has, and which column means what."""

import re
from dataclasses import dataclass

from evloom.store.battery.account import Account, Note
from evloom.store.battery.columns import spelt_otherwise, tell_unknown, with_nearest
from evloom.store.battery.names import EXTREMES, ours_of

NUMBERS = ("current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "charging", "insulation_ohm", "bms_level", "balancing")
TEXTS = ("vehicle_id", "pack_id", "chemistry")
AGGREGATES = ("cell_max_v", "cell_min_v", "probe_max_c", "probe_min_c", "n_series")
"""What stands for cells and probes where these are not sent one by one."""

FIELD_NAMES = {
    "tboxTime": "at",
    "BMSBatteryCurrent": "current_a",
    "BMSBatteryVoltage": "pack_v",
    "vehBMSPackSOC": "soc",
    "vehSpeed": "speed_km_per_h",
    "vehOdo": "odometer_km",
    "BMSChargeStatus": "charging",
    "insulationResistance": "insulation_ohm",
    "BMSWarningInformation": "bms_level",
    "BMSProbeTempMax": "probe_max_c",
    "BMSProbeTempMin": "probe_min_c",
    "BMSCellVoltageMax": "cell_max_v",
    "BMSCellVoltageMin": "cell_min_v",
}
"""Columns of a telematics box as in battery_field_frames (github BatICM/unsupervised-battery-faults, 57bb1c0), to ours."""

_OWN = ("at", "known_at", "capacity_ah", "charge_id")
_NAMES = (*_OWN, "at_s", *NUMBERS, *TEXTS, *AGGREGATES)
_SERIES = re.compile(r"^([VT])_(\d{1,4})$", re.IGNORECASE)
_KNOWN = (
    "at (or at_s), current_a, pack_v, soc, V_1..V_n or cell_max_v and cell_min_v, T_1..T_m (docs/battery-frames.md), "
    "or tboxTime, BMSBatteryCurrent, V_1..V_n"
)
UNKNOWN = Note("file.unknown-format", "refused", None, _KNOWN, "name the columns so")
TWICE = Note("file.column-twice", "refused", None, "every column once", "rename one of them")
GAP = Note("frames.column-gap", "warning", None, "V_1..V_n and T_1..T_m without a gap", "the missing ones are taken as absent readings")
MISSING = Note(
    "frames.column-missing", "warning", None, "current_a, pack_v, soc and V_1..V_n", "what needs it cannot be said for these frames"
)
NAMED = Note("frames.columns-named", "warning", None, "the names of docs/battery-frames.md", "read as these; check that they mean the same")


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a file is which of ours.

    name      "own", "field" (telematics box) or "table" (names of other people, see `names`)
    columns   our name to the file's: "at", "known_at", NUMBERS, TEXTS, AGGREGATES, "capacity_ah", "charge_id", as far as they are there
    cells     the file's names of V_1..V_n in their order, "" where one is missing; probes the same of T_1..T_m
    """

    name: str
    columns: dict[str, str]
    cells: tuple[str, ...]
    probes: tuple[str, ...]

    def used(self) -> dict[str, str]:
        """The file's columns that are read, each to our name (V_k and T_k for cells and probes)."""
        series = {
            name: f"{kind}_{k + 1}" for kind, names in (("V", self.cells), ("T", self.probes)) for k, name in enumerate(names) if name
        }
        return {**{theirs: ours for ours, theirs in self.columns.items()}, **series}


def detect(header: list[str], source: str, account: Account) -> Layout | None:
    """The layout of a file with these columns, or None with a finding where it is no file of frames."""
    small = [name.lower() for name in header]
    twice = sorted({name for name in header if name and small.count(name.lower()) > 1})
    if twice:
        account.whole(TWICE, source, ", ".join(twice))
        return None
    cells, probes = _series(header, "V"), _series(header, "T")
    if "tboxTime" in header:
        columns = {ours: theirs for theirs, ours in FIELD_NAMES.items() if theirs in header}
        columns |= {name: name for name in (*TEXTS, "capacity_ah") if name in header}
        layout = Layout("field", _with_aliases(columns, header, EXTREMES), cells, probes)
    else:
        theirs = dict(zip(small, header, strict=True))
        columns = {name: theirs[name] for name in (*_OWN, *NUMBERS, *TEXTS, *AGGREGATES) if name in theirs}
        columns |= {ours: theirs[f"{ours}_s"] for ours in ("at", "known_at") if f"{ours}_s" in theirs and ours not in theirs}
        own = "at" in columns
        layout = Layout("own" if own else "table", _with_aliases(columns, header, EXTREMES if own else None), cells, probes)
    if "at" not in layout.columns or not (layout.cells or {"current_a", "pack_v", "soc", "cell_max_v"} & layout.columns.keys()):
        account.whole(UNKNOWN, source, "columns " + with_nearest(header, _NAMES))
        return None
    _look(layout, source, account)
    if layout.name != "field":  # a telematics box sends much that nobody asks for
        tell_unknown(header, layout.used(), _NAMES, source, account)
    return layout


def _with_aliases(columns: dict[str, str], header: list[str], only: tuple[str, ...] | None) -> dict[str, str]:
    """The columns, and those that others spell otherwise; `only` these of ours, None: any. What is there under our name counts first."""
    found = dict(columns)
    for name in header:
        ours = ours_of(name)
        if ours and (only is None or ours in only):
            found.setdefault(ours, name)
    return found


def _series(header: list[str], kind: str) -> tuple[str, ...]:
    found = {int(match[2]): name for name in header if (match := _SERIES.match(name)) and match[1].upper() == kind and int(match[2]) > 0}
    found = found or spelt_otherwise(header, kind)
    return tuple(found.get(k, "") for k in range(1, max(found, default=0) + 1))


def _look(layout: Layout, source: str, account: Account) -> None:
    gaps = [f"{kind}_{k + 1}" for kind, names in (("V", layout.cells), ("T", layout.probes)) for k, name in enumerate(names) if not name]
    if gaps:
        account.whole(GAP, source, "no column " + ", ".join(gaps)[:200])
    named = [f"{theirs} = {ours}" for ours, theirs in layout.columns.items() if ours != theirs.lower()] if layout.name == "table" else []
    for kind, names in (("V", layout.cells), ("T", layout.probes)):
        there = [(k + 1, name) for k, name in enumerate(names) if name and not _SERIES.match(name)]
        named += [f"{there[0][1]} = {kind}_{there[0][0]} .. {there[-1][1]} = {kind}_{there[-1][0]}"] if there else []
    if named:
        account.whole(NAMED, source, ", ".join(named)[:400])
    told = layout.cells or {"cell_max_v", "cell_min_v"} <= layout.columns.keys() or "n_series" in layout.columns
    missing = [name for name in ("current_a", "pack_v", "soc") if name not in layout.columns] + ([] if told else ["V_1..V_n"])
    if missing:
        account.whole(MISSING, source, "no column " + ", ".join(missing))
