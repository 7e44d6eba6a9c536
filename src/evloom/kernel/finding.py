"""Findings: what is wrong with data, said so that the reader can mend it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["refused", "repaired", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one place in some data.

    code      stable and dotted, e.g. "session.ends-before-start"; tests and users rely on it
    severity  refused: the row or file is not used; repaired: it is used after the change that
              `advice` names; warning: it is used as it is
    source    file name, or the name of the message
    row       1-based line of the file, or None when the whole file is meant
    field     column, key or path of the value ("pile[3].rating_kw")
    value     the offending value as text, with its unit where it has one
    allowed   what would have been right, with its unit
    advice    what to do about it, or what was done
    """

    code: str
    severity: Severity
    source: str
    row: int | None
    field: str | None
    value: str
    allowed: str
    advice: str

    def text(self) -> str:
        """One line: where, what, what is allowed, what to do."""
        place = self.source if self.row is None else f"{self.source}:{self.row}"
        what = f"{self.field} = {self.value}" if self.field else self.value
        return f"{place}: {self.severity}: {what} [{self.code}]; allowed: {self.allowed}; {self.advice}"
