"""Grades of bare cells in words: rows of a table, English or Chinese, and plain values for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evloom.diagnose.card_texts import text
from evloom.diagnose.pulse import CellGrade

HEAD = (
    ("cell", "kind", "grade", "SOH", "p10 .. p90", "mohm", "how"),
    ("电芯", "类型", "等级", "健康度", "p10 .. p90", "毫欧", "依据"),
)
_ALONE = ("; pulses alone {p50:.1%} ({p10:.1%} .. {p90:.1%})", "；仅凭脉冲{p50:.1%}（{p10:.1%} .. {p90:.1%}）")
_WAYS = {
    "measured": ("capacity measured", "容量实测"),
    "counted": (
        "pulses, {tests} charged by a known share, {reference} cells to learn from",
        "脉冲{tests}次，已知充入量，参考电芯{reference}只",
    ),
    "found": ("pulses, {tests} as found, {reference} cells to learn from", "脉冲{tests}次，荷电状态未知，参考电芯{reference}只"),
}


def told_grades(grades: Sequence[CellGrade], language: str = "en") -> tuple[tuple[str, ...], ...]:
    """The head and a row for each cell; what cannot be told says what is needed."""
    return (HEAD[1 if language == "zh" else 0], *(_row(grade, language) for grade in grades))


def plain_grades(grades: Sequence[CellGrade]) -> list[dict[str, Any]]:
    """The grades as plain values, for JSON."""
    return [asdict(grade) for grade in grades]


def way_words(grade: CellGrade, language: str) -> str:
    """What a grade rests on; of a cell that was measured, what its pulses alone would have said."""
    place = 1 if language == "zh" else 0
    if grade.soh is None:
        return "; ".join(text(key, language) for key in grade.missing)
    alone = grade.by_pulses
    more = "" if alone is None else _ALONE[place].format(p10=alone.p10, p50=alone.p50, p90=alone.p90)
    return _WAYS[grade.way][place].format(tests=grade.tests, reference=grade.reference) + more


def _row(grade: CellGrade, language: str) -> tuple[str, ...]:
    if grade.soh is None:
        return (grade.cell, grade.kind, "-", "-", "-", f"{grade.resistance_ohm * 1e3:.2f}", way_words(grade, language))
    soh = grade.soh
    way = way_words(grade, language)
    ohm = f"{grade.resistance_ohm * 1e3:.2f}"
    return (grade.cell, grade.kind, grade.grade.name, f"{soh.p50:.1%}", f"{soh.p10:.1%} .. {soh.p90:.1%}", ohm, way)
