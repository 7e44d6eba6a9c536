"""What is wrong with the options of `evloom diagnose`, all of it, before anything is read."""

import argparse
import os
from pathlib import Path

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.plan.battery.jobs import ENDINGS
from evloom.simulate.paths import check_outputs

STANDARD = "-"
"""Name that stands for standard input or output."""
MOST_DEMO, MOST_DAYS = 10_000, 1_000
DAYS, SEED = 60, 1
"""Of the demo, where nothing else is said."""
WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".ods", ".et")
PACKED = (".parquet", ".zip", ".gz", *WORKBOOKS)
"""Endings of files that cannot be followed line by line."""


def check_options(options: argparse.Namespace) -> None:
    """Raise InputError with everything that is wrong."""
    findings = [*_what(options), *_numbers(options), *_stream(options), *_report(options.report)]
    if findings:
        raise InputError(findings)
    wanted = (("--json", options.json),) if options.json is not None and str(options.json) != STANDARD else ()
    given = options.pulses if options.pulses is not None else options.path
    check_outputs(wanted, (given,) if given is not None and str(given) != STANDARD else ())
    if wanted and given is not None and given.is_dir() and _is_read(options.json, given):
        allowed, advice = "a file of its own", "choose another name"
        value = f"{options.json} is read by this run"
        raise InputError([Finding("output.not-writable", "refused", str(options.json), None, "--json", value, allowed, advice)])


def _is_read(path: Path, folder: Path) -> bool:
    """Whether a file that is there is one of the frames in a folder, which it would write over."""
    return path.exists() and path.name.lower().endswith(ENDINGS) and path.resolve().is_relative_to(folder.resolve())


def option(name: str, value: str, allowed: str, advice: str) -> Finding:
    """A finding about one option."""
    return Finding("diagnose.option", "refused", "command line", None, name, value, allowed, advice)


def _what(options: argparse.Namespace) -> list[Finding]:
    found = []
    given = [name for name, value in (("PATH", options.path), ("--demo", options.demo), ("--pulses", options.pulses)) if value is not None]
    if len(given) != 1:
        advice = "name a file or folder of frames, or try --demo" if not given else f"leave out {given[0]} or {given[1]}"
        found.append(option("PATH", " and ".join(given) or "nothing to look at", "one of PATH, --demo, --pulses", advice))
    elif options.pulses is not None and not options.pulses.exists():
        found.append(option("--pulses", f"{options.pulses} does not exist", "a file or folder that is there", "check the name"))
    elif options.path is not None and str(options.path) != STANDARD and not options.path.exists():
        found.append(option("PATH", f"{options.path} does not exist", "a file or folder that is there", "check the name"))
    elif options.path is not None and options.path.name.lower().endswith(WORKBOOKS) and options.path.is_file():
        advice = "save its sheet as CSV UTF-8, one row for each frame (of pulse tests: --pulses)"
        found.append(option("PATH", f"{options.path} is a workbook", "csv, csv.gz, zip of csv, or parquet", advice))
    if options.path is not None and str(options.path) == STANDARD and not options.stream:
        found.append(option("PATH", STANDARD, "a file or folder", "add --stream to read standard input"))
    if options.write is not None and options.demo is None:
        found.append(option("--write", str(options.write), "a folder beside --demo", "add --demo, or leave it out"))
    if options.demo is None:
        lonely = [name for name in ("days", "seed") if getattr(options, name) is not None]
        found += [option(f"--{name}", str(getattr(options, name)), "beside --demo", "add --demo, or leave it out") for name in lonely]
    return found


def _numbers(options: argparse.Namespace) -> list[Finding]:
    spans = (("workers", 1, 1024), ("demo", 1, MOST_DEMO), ("days", 1, MOST_DAYS), ("rows", 0, 1_000_000), ("seed", 0, 2**31))
    return [
        option(f"--{name}", str(value), f"{least:,} to {most:,}", "choose another number")
        for name, least, most in spans
        if (value := getattr(options, name)) is not None and not least <= value <= most
    ]


def _stream(options: argparse.Namespace) -> list[Finding]:
    if not options.stream:
        return (
            []
            if options.format is None
            else [option("--format", options.format, "beside --stream", "files tell their format by their name")]
        )
    found = [
        option(f"--{name}", "beside --stream", "files to look at", "leave out one of the two")
        for name in ("demo", "pulses", "report", "write")
        if getattr(options, name) is not None
    ]
    if options.path is not None and options.path.is_dir():
        found.append(
            option("PATH", f"{options.path} is a folder", "one file, or - for standard input", "name a file, or leave out --stream")
        )
    elif options.path is not None and options.path.name.lower().endswith(PACKED):
        found.append(option("PATH", f"{options.path} is not text", "a csv or NDJSON file, or -", "leave out --stream"))
    return found


def _report(folder: Path | None) -> list[Finding]:
    if folder is None:
        return []
    there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)
    if there.is_dir() and os.access(there, os.W_OK):
        return []
    why = f"{there} may not be written" if there.is_dir() else f"{there} is a file" if there.exists() else "nothing that is there"
    return [Finding("output.not-writable", "refused", str(folder), None, "--report", why, "a folder, or a new one", "choose another name")]
