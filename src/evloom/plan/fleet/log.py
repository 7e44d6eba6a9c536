"""What is wrong with the tables of a problem, collected: every kind of fault with its first rows and the number of all."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding, Severity
from evloom.kernel.timegrid import Bool, Int

SHOWN_MAX = 20


@dataclass(frozen=True)
class Place:
    """Where the rows of a table stand: in a file with `line` numbers (n_row,), or in the list `inside` of a JSON document."""

    source: str
    line: Int
    inside: str = ""

    def at(self, row: int, name: str) -> tuple[int | None, str]:
        """Row and field of a finding: a line of the file, or the path in the document."""
        if self.inside:
            return None, f"{self.inside}[{int(self.line[row])}].{name}"
        return int(self.line[row]), name


@dataclass(frozen=True)
class Note:
    """The unchanging part of a finding: see `Finding` for the fields."""

    code: str
    severity: Severity
    field: str
    allowed: str
    advice: str


@dataclass
class Log:
    """Findings of all tables together."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Note one finding."""
        self.findings.append(finding)

    def rows(self, place: Place, bad: Bool, note: Note, value: Callable[[int], str]) -> None:
        """One finding for each of the first rows where `bad` (n_row,) is true, and one for all the others."""
        at = np.flatnonzero(bad)
        for row in at[:SHOWN_MAX]:
            line, name = place.at(int(row), note.field)
            self.add(Finding(note.code, note.severity, place.source, line, name, value(int(row)), note.allowed, note.advice))
        more = len(at) - SHOWN_MAX
        if more > 0:
            self.add(
                Finding(
                    note.code, note.severity, place.source, None, note.field, f"the same in {more} more rows", note.allowed, note.advice
                )
            )

    def whole(self, source: str, note: Note, value: str) -> None:
        """One finding about a file, a column or an entry as a whole."""
        self.add(Finding(note.code, note.severity, source, None, note.field or None, value, note.allowed, note.advice))

    @property
    def is_refused(self) -> bool:
        """Whether anything was found with which nothing can be run."""
        return any(finding.severity == "refused" for finding in self.findings)

    def raise_if_refused(self) -> None:
        """Raise InputError with all findings where any refuses."""
        if self.is_refused:
            raise InputError(self.findings)
