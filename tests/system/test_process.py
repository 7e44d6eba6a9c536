"""The installed command as a process: interrupted, its output cut off, its disk full, its folders read-only, its names odd."""

import gzip
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from evloom.store.journal import read_journal
from tests.system.site import EVLOOM, EXAMPLES, SESSIONS, Outcome, checked, run, spawn, written

MONTH = EXAMPLES / "workplace-month" / "scenario.toml"
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def interrupted(until, *arguments, again_s=None) -> Outcome:
    """The command, with Ctrl-C as soon as `until(process id)` is true, and once more after `again_s` seconds."""
    with subprocess.Popen([EVLOOM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(1200):
            if until(process.pid) or process.poll() is not None:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        if again_s is not None:
            time.sleep(again_s)
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    return checked(Outcome(process.returncode, out, err))


def test_ctrl_c_leaves_what_is_finished_and_says_that_it_is_partial(tmp_path, capsys):
    journal, figures = tmp_path / "journal.jsonl", tmp_path / "out.json"

    def second_run_is_under_way(_):
        return journal.exists() and b'"policy":"least-laxity"' in journal.read_bytes()

    span = ("--from", "2019-06-01", "--to", "2019-06-06")
    files = ("--json", figures, "--journal", journal, "--report", tmp_path / "out.html")
    policies = "uncontrolled,least-laxity,queue"
    outcome = interrupted(second_run_is_under_way, "simulate", MONTH, "--policy", policies, *span, *files)
    assert outcome.code == 130
    assert "PARTIAL: interrupted during least-laxity; the figures are of uncontrolled only" in outcome.out
    assert "PARTIAL" in outcome.err
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert (content["partial"], content["interrupted"], list(content["policies"])) == (True, "least-laxity", ["uncontrolled"])
    assert (tmp_path / "out.html").stat().st_size > 10_000
    whole, half = read_journal(journal)
    assert (whole.findings, [finding.code for finding in half.findings]) == ((), ["journal.unfinished"])
    assert len(half.cycles) < len(whole.cycles)
    replayed = run(capsys, "simulate", MONTH, *span, "--replay", journal)
    assert replayed.code == 0
    assert f"uncontrolled: {len(whole.cycles)} ticks, same orders, same digest" in replayed.out
    assert replayed.codes() == ["journal.unfinished"]


def test_ctrl_c_before_anything_is_finished(tmp_path):
    journal, figures = tmp_path / "journal.jsonl", tmp_path / "out.json"

    def first_run_is_under_way(_):
        return journal.exists() and journal.stat().st_size > 100

    outcome = interrupted(first_run_is_under_way, "simulate", MONTH, "--json", figures, "--journal", journal)
    assert outcome.code == 130
    assert outcome.out == ""
    assert "no policy was finished" in outcome.err
    assert json.loads(figures.read_text(encoding="utf-8"))["partial"] is True


def test_a_second_ctrl_c_does_not_wait_for_a_long_plan(tmp_path):
    """Foresight plans the whole month before its first cycle; the journal has its header by then."""
    journal = tmp_path / "journal.jsonl"

    def is_planning(_):
        return journal.exists() and journal.stat().st_size > 100

    outcome = interrupted(is_planning, "simulate", MONTH, "--policy", "foresight", "--journal", journal, again_s=0.2)
    assert outcome.code == 130
    assert "stopping after this cycle" in outcome.err
    assert "PARTIAL" not in outcome.err
    assert read_journal(journal)[0].cycles == []


def test_a_pipe_that_is_closed_costs_no_file(tmp_path):
    """`evloom ... | head -0`: the table goes nowhere, the figures are written all the same."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        outcome = spawn("simulate", written(tmp_path), "--json", tmp_path / "out.json", stdout=writer)
    finally:
        os.close(writer)
    assert outcome.code == 1
    assert outcome.err.strip() == f"evloom: figures in {tmp_path / 'out.json'}"
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["policies"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_costs_only_what_lies_on_it(tmp_path, capsys):
    scenario = written(tmp_path)
    for option in ("--json", "--report", "--bills", "--journal"):
        outcome = run(capsys, "simulate", scenario, option, "/dev/full", *(("--json", tmp_path / "out.json") if option != "--json" else ()))
        assert outcome.code == 1
        assert "No space left on device" in outcome.finding("output.not-written")
        assert "energy delivered, kWh" in outcome.out
        assert option == "--json" or json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["policies"]
    with Path("/dev/full").open("wb") as full:
        outcome = spawn("simulate", scenario, stdout=full.fileno())
    assert outcome.code == 1
    assert "cannot print: No space left on device" in outcome.err


def test_nowhere_to_keep_machine_code(tmp_path):
    """An installation that cannot be written, by a user without a home: kernels are compiled for the run and kept nowhere."""
    code = (
        "import tempfile, sys\n"
        "def refuse(*_, **__): raise PermissionError(13, 'read-only')\n"
        "tempfile.TemporaryFile = refuse\n"
        "from evloom.kernel.compiled import compiled, has_machine_code\n"
        "half = compiled(lambda x: x / 2)\n"
        "assert half(3.0) == 1.5 and not has_machine_code()\n"
    )
    env = {**os.environ, "HOME": "/nonexistent", "NUMBA_CACHE_DIR": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}
    done = subprocess.run([EVLOOM.parent / "python", "-c", code], env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_chinese_names_in_a_terminal_that_knows_none(tmp_path):
    folder = tmp_path / "西坝里 试点"
    folder.mkdir()
    scenario = written(folder, 'name = "small"', 'name = "充电站"', sessions=SESSIONS.replace("s2,A2", "二号,A2").replace("20.5", "-1"))
    scenario = scenario.rename(folder / "场景.toml")
    files = {name: folder / f"结果.{name}" for name in ("json", "html", "csv", "jsonl.gz")}
    arguments = [
        "--json",
        files["json"],
        "--report",
        files["html"],
        "--lang",
        "zh",
        "--bills",
        files["csv"],
        "--journal",
        files["jsonl.gz"],
    ]
    for env in ({**os.environ, "LC_ALL": "C.UTF-8"}, {**os.environ, **ASCII}):
        outcome = spawn("simulate", scenario, *arguments, env=env)
        assert outcome.code == 0
        assert outcome.codes() == ["session.negative-energy"]
        assert json.loads(files["json"].read_text(encoding="utf-8"))["scenario"] == "充电站"
        assert "充电站" in files["html"].read_text(encoding="utf-8")
        assert len(gzip.decompress(files["jsonl.gz"].read_bytes()).splitlines()) > 100
    assert spawn("simulate", scenario, "--replay", files["jsonl.gz"], env={**os.environ, **ASCII}).code == 0


def test_html_in_a_session_id_stays_text(tmp_path, capsys):
    page, bills = tmp_path / "out.html", tmp_path / "bills.csv"
    sessions = SESSIONS.replace("s1,", "<script>alert(1)</script>,").replace("s2,", "</script><img src=x onerror=alert(2)>,")
    scenario = written(tmp_path, 'name = "small"', 'name = "<b>small</b>"', sessions=sessions)
    assert run(capsys, "simulate", scenario, "--report", page, "--bills", bills).code == 0
    html = page.read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "<b>small</b>" not in html
    assert html.count("<script") == html.count("</script>")
    assert "<script>alert(1)</script>" in bills.read_text(encoding="utf-8")


def test_imports_of_the_core_are_light():
    """`import evloom` and `evloom --version` load neither arrays nor compilers."""
    for code in ("import evloom", "import evloom.cli", "import evloom.cli\ntry: evloom.cli.main(['--version'])\nexcept SystemExit: pass"):
        loaded = subprocess.run(
            [EVLOOM.parent / "python", "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
        ).stdout.split()
        heavy = {"numpy", "numba", "polars", "highspy", "msgspec", "jinja2", "tqdm"}
        assert heavy.isdisjoint(loaded)
        assert "evloom" in loaded


def test_help_and_version_teach():
    top, simulate = spawn("--help").out, spawn("simulate", "--help").out
    for word in ("simulate", "sessions", "selftest", "examples:", "exit codes"):
        assert word in top
    for word in ("foresight", "--replay", "peak:1.25>cost", "--lang"):
        assert word in simulate
    assert spawn("--version").out.startswith("evloom 0.")
    assert spawn().out == top


def test_selftest_passes():
    outcome = spawn("selftest")
    assert outcome.code == 0
    assert outcome.out.endswith("all good\n")
    assert outcome.out.count("ok   ") == len(outcome.out.splitlines()) - 1 > 20
