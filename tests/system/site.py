"""A small site with its sessions, the command run on it, and what every line of its complaints must look like."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from evloom.cli import main

EVLOOM = Path(sys.executable).parent / "evloom"
EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = ("uncontrolled", "equal-share", "queue", "earliest-deadline", "least-laxity", "price-queue")
POLICIES = (*RULES, "optimal", "foresight")

SCENARIO = """\
name = "small"
policies = ["uncontrolled", "least-laxity"]

[time]
zone = "Asia/Shanghai"
from = 2025-06-02
to = 2025-06-04

[site]
voltage_v = 220

[transformer]
rating_kva = 100

[[base_load]]
profile = "apartment-block"
peak_kw = 50

[[pile]]
id = "A{n}"
count = 3
rating_kw = 7.04

[[pile]]
id = "B"
rating_kw = 22
phases = 3

[sessions]
file = "sessions.csv"

[tariff]
name = "zhejiang-jiaxing-2025"
"""

HEADER = "session_id,evse_id,driver_id,arrival,departure,energy_kwh\n"
SESSIONS = (
    HEADER
    + """\
s1,A1,d1,2025-06-02T18:00+08:00,2025-06-03T07:00+08:00,12
s2,A2,d2,2025-06-02T19:30+08:00,2025-06-03T08:00+08:00,20.5
s3,B,d3,2025-06-03T09:00+08:00,2025-06-03T11:00+08:00,15
s4,,d1,2025-06-03T18:10+08:00,2025-06-03T23:00+08:00,9
s5,A3,d4,2025-06-02T20:00+08:00,2025-06-03T07:00+08:00,11
"""
)

# place: severity: what [code]; allowed: ...; what to do
FINDING = re.compile(r"^.+?(:\d+)?: (refused|repaired|warning): .+ \[[a-z]+\.[a-z0-9-]+\]; allowed: .+; .+$")
NOTE = re.compile(r"^(evloom: |PARTIAL: |$)")


class Outcome(NamedTuple):
    """What a command gave back."""

    code: int
    out: str
    err: str

    def codes(self) -> list[str]:
        """The codes of all findings on standard error, in order."""
        return re.findall(r"\[([a-z]+\.[a-z0-9-]+)\]", self.err)

    def finding(self, code: str) -> str:
        """The one line with that code."""
        (line,) = [line for line in self.err.splitlines() if f"[{code}]" in line]
        return line


def checked(outcome: Outcome) -> Outcome:
    """Never a traceback, an exit code that is documented, and every complaint in full."""
    assert "Traceback" not in outcome.err + outcome.out
    assert outcome.code in (0, 1, 2, 130)
    for line in outcome.err.splitlines():
        assert FINDING.match(line) or NOTE.match(line), line
    assert (outcome.code == 0) or outcome.err
    return outcome


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """The command in this process."""
    capsys.readouterr()
    code = main([str(each) for each in arguments])
    return checked(Outcome(code, *capsys.readouterr()))


def spawn(*arguments: object, env: dict[str, str] | None = None, stdout: int = subprocess.PIPE) -> Outcome:
    """The installed command in a process of its own."""
    done = subprocess.run([EVLOOM, *map(str, arguments)], env=env, stdout=stdout, stderr=subprocess.PIPE, check=False)
    return checked(Outcome(done.returncode, (done.stdout or b"").decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")))


def written(folder: Path, *change: str, sessions: str = SESSIONS) -> Path:
    """The small site in a folder, with each text of `change` replaced by the next; the path of the scenario."""
    text = SCENARIO
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "sessions.csv").write_text(sessions, encoding="utf-8")
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path
