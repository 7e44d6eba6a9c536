"""Where a value was read, so that a finding can point at it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from evloom.kernel.finding import Finding

LineOf = Callable[[str], int | None]


@dataclass(frozen=True)
class Place:
    """A part of some input, and the findings collected about it.

    source    file name, or the name of the message
    prefix    what stands before a field name in a key path ("tariff.periods[2]."; "" for a table)
    line_of   the 1-based line of a key path, or None where it is not known
    findings  shared by all places of one reading: every mistake is reported, not only the first
    """

    source: str
    prefix: str
    line_of: LineOf
    findings: list[Finding] = field(default_factory=list)

    def refuse(self, code: str, name: str, value: object, allowed: str, advice: str) -> None:
        """Note that field `name` holds a `value` that cannot be used."""
        path = f"{self.prefix}{name}"
        shown = value if isinstance(value, str) else repr(value)
        self.findings.append(Finding(code, "refused", self.source, self.line_of(path), path, shown or "(empty)", allowed, advice))

    def inside(self, prefix: str) -> "Place":
        """The place of a part, with the same list of findings."""
        return Place(self.source, f"{self.prefix}{prefix}", self.line_of, self.findings)
