"""The errors Evloom raises on purpose.

EvloomError
├── InputError      something a user gave us is wrong; carries every finding, not just the first
└── SolverError     a mathematical programme that must have a solution was not solved
"""

from collections.abc import Iterable

from evloom.kernel.finding import Finding


class EvloomError(Exception):
    """Base of all errors raised on purpose."""


class InputError(EvloomError):
    """Input that cannot be used. `findings` lists everything that is wrong with it."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        super().__init__("\n".join(finding.text() for finding in self.findings))


class SolverError(EvloomError):
    """The solver did not return an optimum for a problem that is feasible by construction."""
