"""The files a study is to write: checked before the work, not after it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding


@dataclass(frozen=True)
class Wanted:
    """The files asked for, None for those not asked for, and the language of the report.

    inputs are files that must not be written over.
    """

    json: Path | None
    report: Path | None
    lang: Literal["en", "zh"]
    bills: Path | None
    journal: Path | None
    inputs: tuple[Path, ...] = ()

    def outputs(self) -> tuple[tuple[str, Path], ...]:
        """Option and file of everything that is to be written."""
        named = (("--json", self.json), ("--report", self.report), ("--bills", self.bills), ("--journal", self.journal))
        return tuple((option, path) for option, path in named if path is not None)


def check_paths(wanted: Wanted) -> None:
    """See `check_outputs`."""
    check_outputs(wanted.outputs(), wanted.inputs)


def check_outputs(outputs: tuple[tuple[str, Path], ...], inputs: tuple[Path, ...]) -> None:
    """Raise InputError where a file (option, path) cannot be written, would be written twice, or is one of those that are read."""
    findings = []
    taken = {path.resolve(): "is read by this run" for path in inputs}
    for option, path in outputs:
        why = _why_not(path) or taken.get(path.resolve(), "")
        if why:
            allowed = "a file of its own in a folder that exists and can be written"
            advice = "make the folder or choose another name"
            findings.append(Finding("output.not-writable", "refused", str(path), None, option, f"{path} {why}", allowed, advice))
        if not path.is_char_device() and not path.is_fifo():
            taken.setdefault(path.resolve(), f"is written by {option} too")
    if findings:
        raise InputError(findings)


def not_written(path: Path | None, error: OSError) -> Finding:
    """What to say when writing failed after all, e.g. on a full disk."""
    why = error.strerror or str(error)
    return Finding(
        "output.not-written", "refused", str(path), None, None, why, "a disk with room that can be written", "the file is not whole"
    )


def _why_not(path: Path) -> str:
    """Why a file cannot be written; "" where nothing speaks against it. Opening it would disturb a pipe, so that is not tried."""
    if path.is_dir():
        return "is a folder"
    if not path.parent.is_dir():
        return f"lies in {path.parent}, which is no folder"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else "may not be written"
