"""What a page tells the reader to type is understood, and what it lists is what there is."""

import json
import re
import shlex
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from evloom.cli import _parser, main
from evloom.dispatch.objective import TERMS
from evloom.simulate.run import POLICIES
from evloom.simulate.scores import Score
from tests.docs.pages import PAGES, ROOT, blocks, commands, first_cells, name

SIMULATE = ROOT / "docs" / "simulate.md"
README = ROOT / "README.md"
SHORT = {"community": "2025-06-02 2025-06-03", "building-v2g": "2025-06-02 2025-06-03", "bus-depot": "2025-06-02 2025-06-04"}
SHORT |= {"workplace-month": "2019-06-03 2019-06-04"}


def evloom_commands():
    """Every complete `evloom` command on a page, once; those with a placeholder (FILE, SCENARIO) or in short form are not commands."""
    for page in PAGES:
        for command in sorted(set(commands(page, "evloom"))):
            if not re.search(r"[A-Z]{4,}|\.\.\.|\||^evloom [^-]\w*$", command.replace("README", "")):
                yield pytest.param(shlex.split(command)[1:], id=f"{name(page)}: {command}")


@pytest.mark.parametrize("arguments", list(evloom_commands()))
def test_a_command_on_a_page_is_understood(arguments):
    options = _parser().parse_args(arguments)
    scenario = getattr(options, "scenario", None) or getattr(options, "file", None)
    if scenario is not None and scenario.parts[0] in {"examples", "src"}:
        assert (ROOT / scenario).is_file()


def test_there_are_commands_to_try():
    assert len(list(evloom_commands())) >= 8


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_and_tools_exist(page):
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {command.split()[1] for command in commands(page, "make")} <= targets
    tools = {command.split()[2] for command in commands(page, "python -m")}
    assert all(find_spec(tool) for tool in tools), tools


@pytest.mark.parametrize("example", SHORT)
def test_the_command_of_an_example_runs_a_day_of_it(example, tmp_path, capsys, monkeypatch):
    page = ROOT / "examples" / example / "README.md"
    [command] = blocks(page, "")[0].splitlines()
    monkeypatch.chdir(ROOT)
    arguments = [str(tmp_path / Path(word).name) if word.startswith("out/") else word for word in shlex.split(command)[1:]]
    start, end = SHORT[example].split()
    out = tmp_path / "short.json"
    assert main([*arguments, "--from", start, "--to", end, "--policy", "uncontrolled,least-laxity,optimal", "--json", str(out)]) == 0
    scores = json.loads(out.read_text(encoding="utf-8"))["policies"]
    assert scores["optimal"]["violation_kw"] == scores["least-laxity"]["violation_kw"] == 0.0
    assert scores["optimal"]["energy_kwh"] > 0.0
    assert all((tmp_path / Path(word).name).stat().st_size for word in shlex.split(command) if word.startswith("out/"))
    assert "total cost of charging" in capsys.readouterr().out


def test_the_files_of_the_readme_give_what_it_says(tmp_path, capsys, monkeypatch):
    [sessions], [site] = blocks(README, "csv"), blocks(README, "toml")
    (tmp_path / "my-sessions.csv").write_text(sessions, encoding="utf-8")
    (tmp_path / "my-site.toml").write_text(site, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lines = [shlex.split(line)[1:] for block in blocks(README, "") for line in block.splitlines() if line.startswith(".venv/bin/evloom")]
    assert [main(line) for line in lines] == [0, 0, 0]
    assert "4 rows read, 4 accepted (0 of them repaired), 0 refused" in capsys.readouterr().out
    scores = json.loads(Path("out.json").read_text(encoding="utf-8"))["policies"]
    said = re.search(r"falls from ([\d.]+) to ([\d.]+) kW.*?from ([\d.]+) to ([\d.]+) EUR", README.read_text(encoding="utf-8"), re.DOTALL)
    assert said is not None
    figures = [scores[policy][key] for key in ("peak_site_kw", "cost") for policy in ("uncontrolled", "optimal")]
    assert [float(number) for number in said.groups()] == pytest.approx(figures, abs=0.05)
    assert Path("out.html").stat().st_size > 10_000
    assert Path("bills.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")[-2] == said[4]


def test_the_page_lists_the_options_policies_terms_and_keys_that_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    options = set(re.findall(r"^  (--\w+)", capsys.readouterr().out, re.MULTILINE))
    listed = re.findall(
        r"--\w+", " ".join(first_cells(SIMULATE, "# simulate: a site, its sessions, and what control changes", "| option |"))
    )
    assert set(listed) == options
    assert first_cells(SIMULATE, "## Policies", "| name |") == list(POLICIES)
    assert set(first_cells(SIMULATE, "## Objectives of `optimal` and `foresight`", "| term |")) == set(TERMS)
    assert first_cells(SIMULATE, "## The JSON", "| key |") != []
    assert set(first_cells(SIMULATE, "## The JSON", "| key |")) == {field.name for field in fields(Score)} | {"bound"}


def test_the_page_lists_the_keys_of_the_json(tmp_path):
    out = tmp_path / "out.json"
    scenario = ROOT / "examples/workplace-month/scenario.toml"
    span = ["--from", "2019-06-03", "--to", "2019-06-04", "--policy", "uncontrolled"]
    assert main(["simulate", str(scenario), *span, "--json", str(out)]) == 0
    said = SIMULATE.read_text(encoding="utf-8").split("## The JSON")[1].split("\n| key |")[0]
    keys = set(json.loads(out.read_text(encoding="utf-8"))) - {"policies"}
    assert keys == set(re.findall(r"`(\w+)`", said))
