"""What a check reports, and the files it looks at."""

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATED = "# Generated"
"""How the first line of a file begins that a tool wrote: its size and its names are those of what it was made from."""


@dataclass(frozen=True, order=True)
class Fault:
    """One place that breaks a rule of the house: file (relative to the root), 1-based line, what is wrong and what to do."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def report(faults: Iterable[Fault]) -> int:
    """Print the faults in order of place; exit code 1 when there are any, else 0."""
    ordered = sorted(faults)
    for fault in ordered:
        print(fault)
    return 1 if ordered else 0


def python_files(*folders: str) -> list[str]:
    """All Python files under the folders, relative to the root, in order."""
    return sorted(path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py"))


def by_hand(texts: Mapping[str, str]) -> dict[str, str]:
    """The files (path to text) that somebody wrote: those that a tool wrote say so in their first line."""
    return {path: text for path, text in texts.items() if not text.startswith(GENERATED)}


def listed_files() -> list[str]:
    """All files that git tracks or would track, relative to the root; those just deleted are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(names) if name and (ROOT / name).is_file())
