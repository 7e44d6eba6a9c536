"""How a command speaks: results and remarks, and files that are written and told of. Light to import."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.simulate.paths import not_written

MOST_NAMED = 5
"""Files that a remark names at most."""


class Voice(NamedTuple):
    """Where lines go: results to `say` (standard output), what else there is to know to `warn` (standard error)."""

    say: Callable[[str], None]
    warn: Callable[[str], None]


def write_one(what: str, path: Path | None, write: Callable[[Path], object], warn: Callable[[str], None]) -> bool:
    """Write one file, if it is wanted, and say so; whether that failed."""
    if path is None:
        return False
    try:
        write(path)
    except OSError as error:
        warn(not_written(path, error).text())
    except InputError as error:
        warn(f"{error}\nevloom: {path} is not written")
    else:
        warn(f"evloom: {what} in {path}")
        return False
    return True


def findings_text(findings: tuple[Finding, ...]) -> str:
    """One line for each kind of finding, its first case and how many more there are, in which other files; refused ones first."""
    kinds: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: ("refused", "repaired", "warning").index(finding.severity)):
        kinds.setdefault((finding.severity, finding.code), []).append(finding)
    return "\n".join(each[0].text() + _more(each) for each in kinds.values())


def _more(findings: list[Finding]) -> str:
    """How many findings of a kind stand behind the first, and the other files that they are of, as far as there is room."""
    if len(findings) == 1:
        return ""
    others = list(dict.fromkeys(each.source for each in findings[1:] if each.source != findings[0].source))
    names = ", ".join(others[:MOST_NAMED]) + (", ..." if len(others) > MOST_NAMED else "")
    return f" (and {len(findings) - 1} more of this kind{': ' + names if others else ''})"
