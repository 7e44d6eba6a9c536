"""Columns of a file that are not ours: cells and probes that others spell otherwise, and names that come close to one of ours."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache, lru_cache

from evloom.store.battery.account import Account, Note
from evloom.store.battery.names import ALIASES, plain

UNKNOWN = Note("frames.column-unknown", "warning", None, "the columns of docs/battery-frames.md", "not read; rename what is meant")
CLOSE, LEAST, MOST_MORE = 0.75, 3, 4
"""Names are close from this likeness on, or where one of ours of so many letters has at most so many more: soc_pct."""
MOST_NAMED, MOST_LETTERS, MOST_COMPARED = 12, 60, 200
_CELL = (
    r"v|u|cell|cellv|cellu|vcell|ucell|cellvolt|cellvoltage|voltcell|voltagecell|singlevolt|singlevoltage|cellvolts|bmscellvolt|"
    r"单体|单体电压|单体电池电压|电池单体电压|电芯|电芯电压|电池电压"
)
_PROBE = (
    r"t|temp|temperature|probe|probetemp|tprobe|celltemp|celltemperature|tcell|ntc|tempsensor|temperaturesensor|"
    r"温度|温度值|探针|探针温度|探头|探头温度|温度探针|温度探头|单体温度|电芯温度"
)
_SPELT = {
    "V": re.compile(rf"(?:{_CELL})(\d{{1,4}})(?:v|mv|volt|voltage|电压|号)?"),
    "T": re.compile(rf"(?:{_PROBE})(\d{{1,4}})(?:c|degc|温度|号)?"),
}
_OURS_SERIES = re.compile(r"[VTvt]_[1-9]\d{0,3}")
_NO_READING = re.compile(r"(?:unnamed\d*|indexlevel\d+|index|序号)?")
"""What spreadsheets and tables number their rows by."""
_OURS = {word: ours for ours, words in ALIASES.items() for word in (plain(ours), *words)}


def spelt_otherwise(header: Iterable[str], kind: str) -> dict[int, str]:
    """Columns of cells ("V") or probes ("T") by their number, where they are named as others do: cell_1, 单体电压1, Temp 1 (degC)."""
    found: dict[int, str] = {}
    for name in header:
        match = _SPELT[kind].fullmatch(plain(name))
        if match is not None and int(match[1]) > 0:
            found.setdefault(int(match[1]), name)
    return found


def tell_unknown(header: list[str], used: Iterable[str], ours: Iterable[str], source: str, account: Account) -> None:
    """One finding with all columns that are not read, those that come close to one of ours first, with that. ours: which there are."""
    have = set(used)
    left = [name for name in header if name not in have and not _NO_READING.fullmatch(plain(name))]
    if left:
        account.whole(UNKNOWN, source, with_nearest(left, ours))


def with_nearest(names: Iterable[str], ours: Iterable[str]) -> str:
    """Names with the nearest of ours behind them, where one is near: those first, and no more than there is room for."""
    known = tuple(ours)
    near: list[str] = []
    far: list[str] = []
    for place, name in enumerate(names):
        nearest = _nearest(name, known) if place < MOST_COMPARED else ""
        (near if nearest else far).append(f"{name[:MOST_LETTERS]} (nearest: {nearest})" if nearest else name[:MOST_LETTERS])
    told = [*near, *far]
    return ", ".join(told[:MOST_NAMED]) + (f" and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else "")


@cache
def _known(ours: tuple[str, ...]) -> dict[str, str]:
    """Spellings by which ours are known, each to ours."""
    return {plain(name): name for name in ours} | _OURS


@lru_cache(maxsize=4096)
def _nearest(name: str, ours: tuple[str, ...]) -> str:
    """The one of ours that a name comes closest to; kept, since the files of a folder have the same columns."""
    word, known = plain(name[:MOST_LETTERS]), _known(ours)
    if name.lower() in known.values() or _OURS_SERIES.fullmatch(name):
        return ""
    for kind, whole in (("V", "V_1..V_n"), ("T", "T_1..T_m")):
        if _SPELT[kind].fullmatch(word):
            return whole
    if word in ("cellv", "cellvoltages", "voltages", "cells", "单体电压列表"):
        return "V_1..V_n, a column for each cell"
    begun = [each for each in known if len(each) >= LEAST and word.startswith(each) and len(word) <= len(each) + MOST_MORE]
    found = [max(begun, key=len)] if begun else get_close_matches(word, known, 1, CLOSE)
    return known[found[0]] if found else ""
