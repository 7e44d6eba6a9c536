"""Whatever is wrong with the input, the command says what, where and what to do, and ends with the right exit code."""

import json

import pytest

from tests.system.site import HEADER, POLICIES, RULES, SESSIONS, run, written

NAMED = 'name = "zhejiang-jiaxing-2025"'
PERIODS = """currency = "CNY"
zone = "Asia/Shanghai"
periods = [
  {{ category = "day", start = "00:00", end = "15:00", price_per_kwh = {} }},
  {{ category = "night", start = "{}", end = "24:00", price_per_kwh = 0.9 }},
]"""
PILES = '[[pile]]\nid = "A{n}"\ncount = 3\nrating_kw = 7.04\n\n[[pile]]\nid = "B"\nrating_kw = 22\nphases = 3\n'
BERLIN = (
    'zone = "Asia/Shanghai"\nfrom = 2025-06-02\nto = 2025-06-04',
    'zone = "Europe/Berlin"\nfrom = {}\nto = {}',
    NAMED,
    PERIODS.format(0.5, "15:00").replace("Asia/Shanghai", "Europe/Berlin"),
)


def result(path):
    """The JSON that a run wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("s1,A1,d1,2025-06-02T18:00+08:00,2025-06-03", "s1,A1,d1,2025-06-02T18:00+08:00,2025-06-01"), "session.ends-before-start", ":2:"),
        (("20.5", "-20.5"), "session.negative-energy", "-20.5 kWh"),
        (("20.5", "nan"), "session.no-energy", "'nan'"),
        (("20.5", "viel"), "session.unreadable-energy", "'viel'"),
        (("s2,A2", "s2,Z9"), "session.unknown-evse", "Z9"),
        (("2025-06-02T19:30+08:00", "2025-06-02T19:30"), "session.unreadable-arrival", "2025-06-02T19:30"),
        (("2025-06-02T19:30+08:00", "02.06.2025 19:30"), "session.unreadable-arrival", "02.06.2025 19:30"),
    ],
)
def test_a_bad_row_is_left_out_and_the_others_run(tmp_path, capsys, change, code, said):
    assert SESSIONS.count(change[0]) == 1
    outcome = run(capsys, "simulate", written(tmp_path, sessions=SESSIONS.replace(*change)), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert said in outcome.finding(code)
    assert {policy["sessions"] for policy in result(tmp_path / "out.json")["policies"].values()} == {4}


def test_two_sessions_on_one_connector_are_told_and_the_later_one_goes_elsewhere(tmp_path, capsys):
    outcome = run(capsys, "simulate", written(tmp_path, sessions=SESSIONS.replace("s2,A2", "s2,A1")), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert "A1, taken at 2025-06-02" in outcome.finding("session.overlap")
    assert result(tmp_path / "out.json")["rows"]["repaired"] == 1
    assert result(tmp_path / "out.json")["policies"]["uncontrolled"]["energy_kwh"] == pytest.approx(67.5)


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        ((NAMED, PERIODS.format(0.5, "17:00")), "tariff.hole", "15:00-17:00"),
        ((NAMED, PERIODS.format("nan", "15:00")), "tariff.price-not-a-number", "nan"),
        ((NAMED, PERIODS.format(0.5, "13:00")), "tariff.overlap", "13:00-15:00"),
        ((PILES, ""), "scenario.no-piles", "no pile"),
        (("to = 2025-06-04", "to = 2025-06-01"), "scenario.span-empty", "after 2025-06-02"),
        (("to = 2025-06-04", "to = 2025-06-04\nstep_s = 7"), "scenario.out-of-range", "7 s"),
        (("rating_kva = 100", "rating_kva = -5"), "scenario.out-of-range", "-5"),
        (('["uncontrolled", "least-laxity"]', "[]"), "policy.unknown", "uncontrolled, equal-share"),
        (('["uncontrolled", "least-laxity"]', '["queue", "queue"]'), "policy.repeated", "queue"),
        (('["uncontrolled", "least-laxity"]', '["best"]'), "scenario.unknown-policy", "best"),
    ],
)
def test_a_scenario_that_cannot_be_run_is_refused(tmp_path, capsys, change, code, line):
    outcome = run(capsys, "simulate", written(tmp_path, *change))
    assert outcome.code == 2
    assert line in outcome.finding(code)
    assert outcome.out == ""
    assert "nothing was run" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--policy", ""], "policy.unknown", "''"),
        (["--policy", "queue,"], "policy.unknown", "''"),
        (["--policy", "best,queue"], "policy.unknown", "best"),
        (["--policy", "queue,least-laxity,queue"], "policy.repeated", "queue"),
        (["--objective", "happiness"], "objective.unknown", "happiness"),
        (["--objective", "cost++peak"], "objective.unknown", "(empty)"),
        (["--objective", ""], "objective.unknown", "cost"),
        (["--objective", "peak:0.5>cost"], "objective.unknown", "0.5"),
        (["--objective", "peak:inf>cost"], "objective.unknown", "inf"),
        (["--objective", "1.2.3*cost"], "objective.unknown", "1.2.3*cost"),
        (["--objective", "1e400*cost"], "objective.unknown", "1e400*cost"),
        (["--sessions", "x" * 5000], "file.unreadable", "File name too long"),
        (["--from", "2025-06-04", "--to", "2025-06-03"], "scenario.span-empty", "after 2025-06-04"),
        (["--from", "yesterday"], "scenario.not-a-date", "yesterday"),
        (["--from", ""], "scenario.not-a-date", '""'),
        (["--sessions", "{folder}/none.csv"], "file.missing", "none.csv"),
        (["--sessions", "{folder}"], "file.is-directory", "directory"),
        (["--sessions", "{folder}/sessions.csv", "--format", "excel"], "file.unknown-format", "'excel'"),
        (["--json", "{folder}/none/out.json"], "output.not-writable", "no folder"),
        (["--report", "{folder}"], "output.not-writable", "is a folder"),
        (["--json", "{folder}/scenario.toml"], "output.not-writable", "is read by this run"),
        (["--json", "{folder}/x", "--journal", "{folder}/../{name}/x"], "output.not-writable", "--json too"),
        (["--replay", "{folder}/none.jsonl"], "journal.unreadable", "No such file"),
        (["--replay", "{folder}/scenario.toml"], "journal.unreadable", "name ="),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_run(tmp_path, capsys, arguments, code, said):
    scenario = written(tmp_path)
    filled = [each.format(folder=tmp_path, name=tmp_path.name) for each in arguments]
    outcome = run(capsys, "simulate", scenario, *filled)
    assert outcome.code == 2
    assert said in outcome.finding(code)
    assert outcome.out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenario.toml", "sessions.csv"]
    assert scenario.read_text(encoding="utf-8").startswith('name = "small"')


@pytest.mark.parametrize(
    ("delimiter", "code", "said"),
    [
        (";", "file.wrong-delimiter", "divided by ';'"),
        ("\t", "file.wrong-delimiter", r"divided by '\t'"),
        ("|", "file.unknown-format", "one column"),
    ],
)
def test_another_delimiter_is_named(tmp_path, capsys, delimiter, code, said):
    outcome = run(capsys, "simulate", written(tmp_path, sessions=SESSIONS.replace(",", delimiter)))
    assert outcome.code == 2
    assert said in outcome.finding(code)


def test_scenario_that_is_not_there_a_folder_or_not_utf_8(tmp_path, capsys):
    path = written(tmp_path)
    assert "no such file" in run(capsys, "simulate", tmp_path / "none.toml").finding("scenario.not-found")
    assert "name the file" in run(capsys, "simulate", tmp_path).finding("scenario.is-directory")
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    assert "UTF-16" in run(capsys, "simulate", path).finding("scenario.not-utf-8")
    (tmp_path / "sessions.csv").write_text(SESSIONS, encoding="utf-16")
    outcome = run(capsys, "sessions", tmp_path / "sessions.csv")
    assert outcome.code == 2
    assert "UTF-8" in outcome.finding("file.utf-16")


def test_a_name_that_no_file_can_have(capsys):
    outcome = run(capsys, "simulate", "x" * 5000)
    assert outcome.code == 2
    assert "File name too long; check the name" in outcome.err


def test_all_mistakes_are_told_together(tmp_path, capsys):
    outcome = run(
        capsys, "simulate", written(tmp_path, "rating_kw = 22", "rating_kw = -22", "count = 3", 'count = "three"', "rating_kva = 100", "")
    )
    assert outcome.code == 2
    assert len([code for code in outcome.codes() if code.startswith("scenario.")]) >= 3
    assert "3 things to put right" in outcome.err


def test_many_findings_of_one_kind_are_one_line(tmp_path, capsys):
    bad = "".join(f"x{i},A1,,2025-06-02T18:00+08:00,2025-06-03T07:00+08:00,-1\n" for i in range(500))
    outcome = run(capsys, "simulate", written(tmp_path, sessions=SESSIONS + bad))
    assert outcome.code == 0
    assert "and 499 more of this kind" in outcome.finding("session.negative-energy")


def test_no_sessions(tmp_path, capsys):
    outcome = run(capsys, "simulate", written(tmp_path, sessions=HEADER), "--policy", ",".join(POLICIES), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert "scenario.no-sessions" in outcome.codes()
    for policy in result(tmp_path / "out.json")["policies"].values():
        assert (policy["sessions"], policy["energy_kwh"], policy["cost"]) == (0, 0.0, 0.0)
        assert policy["peak_site_kw"] == pytest.approx(49.8, abs=0.1)  # the base load alone


def test_one_session(tmp_path, capsys):
    one = "".join(SESSIONS.splitlines(keepends=True)[:2])
    outcome = run(capsys, "simulate", written(tmp_path, sessions=one), "--policy", ",".join(POLICIES), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    for policy in result(tmp_path / "out.json")["policies"].values():
        assert policy["energy_kwh"] == pytest.approx(12.0)


def test_a_limit_below_the_base_load_is_told_and_vehicles_get_nothing(tmp_path, capsys):
    """The base load never falls below 12.5 kW; 10 kVA x 0.95 leave no room at any hour."""
    scenario = written(tmp_path, "rating_kva = 100", "rating_kva = 10")
    outcome = run(capsys, "simulate", scenario, "--policy", ",".join(POLICIES), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert "transformer 10 kVA x 0.95" in outcome.finding("scenario.load-above-limit")
    policies = result(tmp_path / "out.json")["policies"]
    assert policies.pop("uncontrolled")["energy_kwh"] == pytest.approx(67.5)
    for name, policy in policies.items():
        assert (policy["energy_kwh"], policy["violation_kw"], policy["overload_h"], policy["rejected"]) == (0.0, 0.0, 0.0, 0), name
        assert policy["short_kwh"] == pytest.approx(67.5)


def test_a_limit_below_the_base_load_for_some_hours(tmp_path, capsys):
    scenario = written(tmp_path, "rating_kva = 100", "rating_kva = 20")
    outcome = run(capsys, "simulate", scenario, "--policy", ",".join(POLICIES), "--json", tmp_path / "out.json")
    assert "vehicles below transformer get nothing in those hours" in outcome.finding("scenario.load-above-limit")
    policies = result(tmp_path / "out.json")["policies"]
    assert policies.pop("uncontrolled")["overload_h"] > 5.0
    for name, policy in policies.items():
        assert 0.0 < policy["energy_kwh"] < 30.0, name
        assert (policy["violation_kw"], policy["overload_h"], policy["rejected"]) == (0.0, 0.0, 0), name


@pytest.mark.parametrize(
    ("days", "arrival", "departure", "hours"),
    [
        (("2025-10-25", "2025-10-27"), "2025-10-25T23:00+02:00", "2025-10-26T04:00+01:00", 6.0),  # the hour from 2 to 3 comes twice
        (("2025-03-29", "2025-03-31"), "2025-03-29T23:00+01:00", "2025-03-30T04:00+02:00", 4.0),  # it does not come at all
    ],
)
def test_a_clock_change_inside_a_session(tmp_path, capsys, days, arrival, departure, hours):
    """Five hours by the clock on the wall; energy and price of the hours that really passed, the first of them a dear one."""
    change = (BERLIN[0], BERLIN[1].format(*days), *BERLIN[2:])
    sessions = HEADER + f"s1,A1,d1,{arrival},{departure},99\n"
    scenario, out, bills = written(tmp_path, *change, sessions=sessions), tmp_path / "out.json", tmp_path / "bills.csv"
    outcome = run(capsys, "simulate", scenario, "--policy", "uncontrolled,least-laxity", "--json", out, "--bills", bills)
    assert outcome.code == 0
    policies = result(tmp_path / "out.json")["policies"]
    assert policies["uncontrolled"]["energy_kwh"] == pytest.approx(7.04 * hours, abs=1e-9)
    assert policies["uncontrolled"]["cost"] == pytest.approx(7.04 * (0.9 + 0.5 * (hours - 1)), abs=1e-9)
    assert f"{7.04 * hours:.2f}"[:4] in (tmp_path / "bills.csv").read_text(encoding="utf-8")


def test_sessions_longer_than_the_run(tmp_path, capsys):
    """Wholly inside by default: told that there is none. Arriving inside: the run lasts until the last departure."""
    sessions = HEADER + "s1,A1,d1,2025-06-02T12:00+08:00,2025-06-20T00:00+08:00,30\n"
    outcome = run(capsys, "simulate", written(tmp_path, sessions=sessions))
    assert outcome.code == 0
    assert "it holds 1 from 2025-06-02 to 2025-06-19" in outcome.finding("scenario.no-sessions")
    scenario = written(tmp_path, 'file = "sessions.csv"', 'file = "sessions.csv"\nselect = "arriving"', sessions=sessions)
    outcome = run(capsys, "simulate", scenario, "--policy", ",".join(POLICIES), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    for policy in result(tmp_path / "out.json")["policies"].values():
        assert (policy["sessions"], policy["energy_kwh"]) == (1, pytest.approx(30.0))


@pytest.mark.parametrize("step_s", [60, 3600])
def test_the_shortest_and_the_longest_step(tmp_path, capsys, step_s):
    scenario = written(tmp_path, "to = 2025-06-04", f"to = 2025-06-04\nstep_s = {step_s}")
    outcome = run(capsys, "simulate", scenario, "--policy", ",".join(RULES), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    for policy in result(tmp_path / "out.json")["policies"].values():
        assert policy["energy_kwh"] == pytest.approx(67.5)
        assert policy["steps"] >= 2 * 86400 / step_s


def test_times_without_a_zone_are_local_ones(tmp_path, capsys):
    scenario = written(tmp_path)
    run(capsys, "simulate", scenario, "--from", "2025-06-02T12:00", "--to", "2025-06-03T12:00", "--json", tmp_path / "a.json")
    run(capsys, "simulate", scenario, "--from", "2025-06-02T04:00Z", "--to", "2025-06-03T12:00+08:00", "--json", tmp_path / "b.json")
    local, instants = result(tmp_path / "a.json"), result(tmp_path / "b.json")
    assert local["from"] == instants["from"] == "2025-06-02T04:00:00+00:00"
    assert local["to"] == instants["to"] == "2025-06-03T04:00:00+00:00"


def test_two_hundred_thousand_sessions(tmp_path, capsys):
    """40 EVSE, 5,000 stays each, over thirteen months; the energy of all of them is found again."""
    hours = [f"2024-{1 + i // 420:02}-{1 + i % 420 // 15:02}T{i % 15 + 5:02}" for i in range(5000)]
    rows = [f"{evse}-{i},E{evse},,{hour}:00Z,{hour}:50Z,3\n" for evse in range(40) for i, hour in enumerate(hours)]
    assert len(rows) == 200_000
    text = written(tmp_path, sessions=HEADER + "".join(rows)).read_text(encoding="utf-8")
    text = text[: text.index("[[pile]]")] + "[[pile]]\nfrom_sessions = true\nrating_kw = 7\n\n" + text[text.index("[sessions]") :]
    text = text.replace("from = 2025-06-02\nto = 2025-06-04", "from = 2024-01-01\nto = 2025-01-02\nstep_s = 3600")
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(text + '\n[driver]\ndeparture = "true"\nenergy = "true"\n', encoding="utf-8")
    outcome = run(capsys, "simulate", scenario, "--policy", "uncontrolled,least-laxity", "--json", tmp_path / "out.json")
    assert outcome.code == 0
    policies = result(tmp_path / "out.json")["policies"]
    assert policies["uncontrolled"]["sessions"] == 200_000
    assert policies["uncontrolled"]["energy_kwh"] == pytest.approx(600_000)
    least = policies["least-laxity"]
    assert least["energy_kwh"] + least["short_kwh"] == pytest.approx(600_000)
    assert (least["violation_kw"], least["overload_h"]) == (0.0, 0.0)
