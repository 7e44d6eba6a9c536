"""What became of the rows of frame files: counts, and every fault with its place."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from evloom.kernel.finding import Finding, Severity

MOST = 100
"""Findings of one code about one file that are listed; the rest is counted, in one more for each field."""


@dataclass(frozen=True, slots=True)
class Note:
    """The unchanging part of a finding about rows: see `Finding` for the fields."""

    code: str
    severity: Severity
    field: str | None
    allowed: str
    advice: str


@dataclass
class Account:
    """Rows accepted (the repaired ones among them), repaired and refused, and the findings. Filled while files are read."""

    n_accepted: int = 0
    n_repaired: int = 0
    n_refused: int = 0
    _findings: list[Finding] = field(default_factory=list)
    _listed: dict[tuple[str, str], int] = field(default_factory=dict)
    _rest: dict[tuple[Note, str], int] = field(default_factory=dict)

    @property
    def n_read(self) -> int:
        """Rows read."""
        return self.n_accepted + self.n_refused

    @property
    def listed(self) -> tuple[Finding, ...]:
        """The findings that are listed so far, without the lines that count the rest: what is new stands at the end."""
        return tuple(self._findings)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding so far; those of one kind and file beyond MOST are one line with their number."""
        more = [(note, source, n) for (note, source), n in self._rest.items() if n]
        rest = [Finding(m.code, m.severity, source, None, m.field, f"{n} rows more", m.allowed, m.advice) for m, source, n in more]
        return (*self._findings, *rest)

    def whole(self, note: Note, source: str, value: str, row: int | None = None) -> None:
        """A finding about a file or one place in it; the same one is kept once."""
        finding = Finding(note.code, note.severity, source, row, note.field, value, note.allowed, note.advice)
        if finding not in self._findings:
            self._findings.append(finding)

    def rows(self, note: Note, source: str, lines: Sequence[int], values: Sequence[str]) -> None:
        """A finding for each row: its line in the file and the offending text."""
        before = self._listed.get((note.code, source), 0)
        listed = min(MOST - before, len(lines))
        self._listed[note.code, source] = before + listed
        self._rest[note, source] = self._rest.get((note, source), 0) + len(lines) - listed
        for line, value in zip(lines[:listed], values[:listed], strict=True):
            self._findings.append(Finding(note.code, note.severity, source, line, note.field, value, note.allowed, note.advice))

    def add(self, other: "Account") -> None:
        """Take over what another account holds."""
        self.n_accepted += other.n_accepted
        self.n_repaired += other.n_repaired
        self.n_refused += other.n_refused
        self._findings.extend(other._findings)
        for kind, n in other._listed.items():
            self._listed[kind] = self._listed.get(kind, 0) + n
        for key, n in other._rest.items():
            self._rest[key] = self._rest.get(key, 0) + n
