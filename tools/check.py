"""All checks of `make check`, side by side: format, lint, types, imports, units, sizes, tidiness."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.fault import ROOT

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Check:
    """One check: its name, its command, and what to do when it fails."""

    name: str
    command: Sequence[str]
    advice: str


@dataclass(frozen=True)
class Outcome:
    """How a check went: exit code 0 is good."""

    check: Check
    code: int
    output: str
    took_s: float


def _own(module: str) -> list[str]:
    return [sys.executable, "-m", f"tools.{module}"]


# The slowest first, so that the others run beside it.
CHECKS = (
    Check("types", [str(BIN / "mypy"), "--no-error-summary"], "give the types that the code means; no cast without a reason beside it"),
    Check(
        "layers",
        [str(BIN / "lint-imports"), "--no-logo"],
        "import downwards only (docs/map.md); move the code to the lower package that owns it",
    ),
    Check(
        "lint",
        [str(BIN / "ruff"), "check", "--quiet", "--output-format", "concise", "."],
        "many of these go with: .venv/bin/ruff check --fix",
    ),
    Check("format", [str(BIN / "ruff"), "format", "--check", "--quiet", "--output-format", "concise", "."], "run: .venv/bin/ruff format"),
    Check("imports", _own("check_imports"), "the table is in tools/check_imports.py"),
    Check("units", _own("check_units"), "the rule is in docs/conventions.md"),
    Check("sizes", _own("check_sizes"), "the limits are in tools/check_sizes.py"),
    Check("tidy", _own("check_tidy"), "the rules are in tools/check_tidy.py"),
)


def run(check: Check, environment: Mapping[str, str]) -> Outcome:
    """Run one check in the root of the repository."""
    begun_s = time.monotonic()
    done = subprocess.run(
        check.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return Outcome(check, done.returncode, done.stdout.strip(), time.monotonic() - begun_s)


def main(only: Sequence[str]) -> int:
    """Run all checks, or those named in `only`, and print what they found; exit code 1 when one failed."""
    chosen = [check for check in CHECKS if not only or check.name in only]
    unknown = set(only) - {check.name for check in CHECKS}
    if unknown:
        print(f"no check named {', '.join(sorted(unknown))}; there are {', '.join(check.name for check in CHECKS)}")
        return 2
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        outcomes = list(pool.map(lambda check: run(check, environment), chosen))
    for outcome in outcomes:
        print(f"{outcome.check.name:8} {'ok' if outcome.code == 0 else 'FAILED':6} {outcome.took_s:5.1f} s")
    failed = [outcome for outcome in outcomes if outcome.code]
    for outcome in failed:
        print(f"\n{outcome.check.name}: {outcome.check.advice}\n{outcome.output}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
