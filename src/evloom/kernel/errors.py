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


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error. Where it falls into compiled code, Python may wrap it in a SystemError."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
