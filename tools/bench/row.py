"""One line of the table, and the table."""

from collections.abc import Sequence
from dataclasses import dataclass

HEADS = ("what", "CPU or memory", "to reach", "", "quality of the answer", "baseline in the same run", "ratio")


@dataclass(frozen=True)
class Row:
    """figure and limit are in `unit`; with `more` the figure must be at least the limit, else at most.

    quality is what the answer is worth, and sound whether that is good enough; baseline names what the ratio compares with.
    """

    what: str
    figure: float
    limit: float
    unit: str
    quality: str
    sound: bool
    baseline: str = "–"
    ratio: float | None = None
    more: bool = False

    @property
    def reached(self) -> bool:
        """The figure is reached with a sound answer."""
        return self.sound and (self.figure >= self.limit if self.more else self.figure <= self.limit)

    def cells(self) -> tuple[str, ...]:
        """The texts of the line."""
        sign = "≥" if self.more else "≤"
        ratio = "–" if self.ratio is None else f"{_short(self.ratio)} ×"
        figure, limit = f"{_short(self.figure)} {self.unit}", f"{sign} {_short(self.limit)} {self.unit}"
        return self.what, figure, limit, "yes" if self.reached else "NO", self.quality, self.baseline, ratio


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(rows: Sequence[Row]) -> str:
    """The table in Markdown, its columns aligned, so that it reads well on a terminal too."""
    table = [HEADS, *(row.cells() for row in rows)]
    width = [max(len(line[column]) for line in table) for column in range(len(HEADS))]
    lines = ["| " + " | ".join(text.ljust(width[i]) for i, text in enumerate(line)) + " |" for line in table]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in width) + "|")
    return "\n".join(lines)
