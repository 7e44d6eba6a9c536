"""The page on scenario files says what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from evloom.simulate.scenario.document import with_tables
from evloom.simulate.scenario.load import load_scenario

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "docs" / "scenario.md"


def test_key_tables_are_those_of_the_schema():
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_tables(text), "run: python -m evloom.simulate.scenario.document docs/scenario.md"


def test_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="keys: begin"):
        with_tables("# Scenario files")


def test_small_scenario_of_the_page_runs(tmp_path):
    [block] = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert tomllib.loads(block)["name"] == "ten piles"
    path = tmp_path / "scenario.toml"
    path.write_text(block, encoding="utf-8")
    scenario = load_scenario(path)
    assert scenario.evse.n == 10
    assert scenario.findings == ()
    assert len(scenario.sessions) > 10
