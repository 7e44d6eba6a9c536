"""The table of rooms, the import layers and the map for readers name the same packages."""

import re
import tomllib

from tools.check_imports import ROOMS
from tools.fault import ROOT

PACKAGES = set(ROOMS) - {"__init__", "__main__"}


def test_layers_of_the_import_contract_are_the_rooms():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0]
    assert contract["exhaustive"] is True
    assert set(re.findall(r"\w+", " ".join(contract["layers"]))) == PACKAGES | {"__main__"}


def test_both_tables_of_the_map_name_every_package():
    text = (ROOT / "docs/map.md").read_text(encoding="utf-8")
    drawing = text.split("```")[1]
    assert set(re.findall(r"\w+", drawing)) == PACKAGES
    for section in ("## What is where", "## What each part may use"):
        rows = re.findall(r"^\| (.+?) \|", text.split(section)[1].split("\n## ")[0], re.MULTILINE)
        named = {name.removesuffix(".py") for row in rows for name in re.findall(r"`([\w.]+)`", row)}
        assert named == PACKAGES


def test_glossary_gives_one_meaning_to_each_english_term():
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| (?!English|---)", line) and "---" not in line]
    assert {len(row) for row in rows} == {4}
    terms = [row[0] for row in rows]
    assert len(terms) >= 60
    assert len(terms) == len(set(terms))
    assert all(re.search(r"[\u4e00-\u9fff]", row[1]) for row in rows)
