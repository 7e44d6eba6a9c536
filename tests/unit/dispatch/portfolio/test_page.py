"""The snippets of docs/portfolio.md print what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "portfolio.md").read_text(encoding="utf-8")
PAIRS = re.findall(r"^```python\n(.*?)^```\n\nprints\n```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def printed(snippets, environment):
    command = [sys.executable, "-c", "\n".join(snippets)]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout


def compare(said, found):
    """The same words, and numbers that differ by rounding only."""
    assert NUMBER.sub("#", found) == NUMBER.sub("#", said)
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in (found, said)]
    assert numbers[0] == pytest.approx(numbers[1], rel=5e-3, abs=0.051)


def test_the_page_has_three_snippets_that_say_what_they_print():
    assert len(PAIRS) == PAGE.count("```python") == 3


def test_flexibility_response_and_settlement(monkeypatch):
    monkeypatch.setenv("EVLOOM_DATA", "nowhere")
    compare(PAIRS[0][1] + PAIRS[1][1], printed([PAIRS[0][0], PAIRS[1][0]], None))


def test_regulation_and_the_number_at_the_end(data_dir, monkeypatch):
    monkeypatch.setenv("EVLOOM_DATA", str(data_dir("frequency_and_reserve_france").parent))
    compare(PAIRS[2][1], printed([PAIRS[2][0]], None))
    assert PAIRS[2][1].splitlines()[-1].removeprefix("availability ") in PAGE.splitlines()[-1]
