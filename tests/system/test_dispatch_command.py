"""`evloom dispatch` as a stranger uses it: files in, files out, every complaint in full, Ctrl-C."""

import json
import signal
import subprocess
import time

import polars as pl
import pytest

from tests.system.site import EVLOOM, EXAMPLES, Outcome, checked, run, spawn

CITY = EXAMPLES / "city-dispatch"
TREE = ("--tree", "3/20")


def copied(folder, **files):
    """The example in a folder, some files as given; None takes a file away."""
    for path in CITY.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for name, text in files.items():
        path = next(one for one in folder.iterdir() if one.stem == name)
        if text is None:
            path.unlink()
        else:
            path.write_text(text(path.read_text(encoding="utf-8")), encoding="utf-8")
    return folder


def test_the_example_as_its_readme_says(tmp_path, capsys):
    figures, schedule, page = tmp_path / "city.json", tmp_path / "city.csv", tmp_path / "city.html"
    outcome = run(capsys, "dispatch", CITY, "--json", figures, "--schedule", schedule, "--report", page)
    assert outcome.code == 0
    assert outcome.codes() == []
    assert "served 60 of 60 vehicles" in outcome.out
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert (content["vehicles"]["served"], content["at_once"]["over_node"], content["planned"]["over_node"]) == (60, 9, 0)
    assert content["planned"]["bill"] < 0.65 * content["at_once"]["bill"]
    assert content["terms"]["request"] == pytest.approx(0.0, abs=1e-6)
    assert (content["largest_violation"], content["gap"] <= 1e-3, content["partial"]) == (0.0, True, False)
    table = pl.read_csv(schedule).with_columns(pl.col("time").str.to_datetime(time_zone="UTC"))
    asked = (
        table.filter(pl.col("time").dt.convert_time_zone("Asia/Shanghai").dt.hour() == 22).group_by("time").agg(pl.col("power_kw").sum())
    )
    assert len(asked) == 4
    assert table["power_kw"].sum() / 4 == pytest.approx(content["planned"]["energy_kwh"])
    assert page.stat().st_size > 20_000


def test_a_generated_fleet_written_and_read_again_is_planned_alike(tmp_path, capsys):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    recipe = ("--generate", "150", "--seed", "9", *TREE, "--v2g", "0.3", "--headroom", "0.7")
    assert run(capsys, "dispatch", *recipe, "--write", tmp_path / "city").code == 0
    assert run(capsys, "dispatch", *recipe, "--json", first).code == 0
    assert run(capsys, "dispatch", tmp_path / "city", "--json", second).code == 0
    once, again = (json.loads(path.read_text(encoding="utf-8")) for path in (first, second))
    assert (once["value"], once["planned"]) == (again["value"], again["planned"])


def test_the_process_itself_says_what_it_does(tmp_path):
    outcome = spawn("dispatch", "--generate", "40", "--tree", "one", "--objective", "peak>cost", "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert "40 vehicles, one node, 96 steps of 15 min" in outcome.out
    assert "peak memory" in outcome.out
    assert json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))["objective"] == "peak>cost"


def test_figures_may_lie_beside_the_files_and_be_written_again(tmp_path, capsys):
    folder = copied(tmp_path)
    for _ in range(2):
        assert run(capsys, "dispatch", folder, "--json", folder / "out.json").code == 0
    assert run(capsys, "dispatch", folder, "--schedule", folder / "vehicles.csv").finding("output.not-writable")


def test_check_reads_and_plans_nothing(tmp_path, capsys):
    outcome = run(capsys, "dispatch", CITY, "--check", "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert "9 nodes on 3 levels" in outcome.out
    assert "served" not in outcome.out
    assert not (tmp_path / "out.json").exists()


def test_every_fault_of_every_file_is_listed_and_nothing_is_run(tmp_path, capsys):
    folder = copied(
        tmp_path,
        vehicles=lambda text: text.replace("v01,transformer-1,", "v02,attic,", 1),
        signals=lambda text: text.replace("0.3784", "NaN", 1),
        network=lambda text: text.replace('"zone": "Asia/Shanghai"', '"zone": "Atlantis"'),
    )
    outcome = run(capsys, "dispatch", folder)
    assert outcome.code == 2
    assert set(outcome.codes()) == {"dispatch.setting", "dispatch.not-a-number", "dispatch.unknown-node", "dispatch.doubled-id"}
    assert outcome.finding("dispatch.not-a-number").startswith("signals.csv:2: refused: price_per_kwh = nan")
    assert outcome.finding("dispatch.unknown-node").startswith("vehicles.csv:2: refused: node_id = attic")
    assert "things to put right; nothing was run" in outcome.err
    assert outcome.out == ""


@pytest.mark.parametrize("v2g", ["0", "0.4"])
def test_a_plan_that_chargers_can_be_set_to(tmp_path, capsys, v2g):
    """The schedule that is written holds what the figures say: hardly a kWh below 6 A on the phases that a car has."""
    fleet, plain, ready, schedule = (tmp_path / name for name in ("fleet", "plain.json", "ready.json", "ready.parquet"))
    assert run(capsys, "dispatch", "--generate", "600", "--tree", "10/60", "--v2g", v2g, "--write", fleet).code == 0
    assert run(capsys, "dispatch", fleet, "--json", plain).code == 0
    outcome = run(capsys, "dispatch", fleet, "--method", "sweeps", "--settable", "--json", ready, "--schedule", schedule)
    assert outcome.code == 0
    before, after = (json.loads(path.read_text(encoding="utf-8")) for path in (plain, ready))
    found = after["settable"]
    assert before["settable"] is None
    assert found["weak_share_before"] > 0.1 > 0.02 > found["weak_share_after"]
    assert "energy charged below 6 A: " in outcome.out
    assert (after["violations"], after["gap"] <= 1e-3) == (0, True)
    # Whole amperes cost little: 7.36 kW are left of 7.4 kW.
    assert after["planned"]["energy_kwh"] + after["planned"]["short_kwh"] == pytest.approx(
        before["planned"]["energy_kwh"] + before["planned"]["short_kwh"], rel=1e-2
    )
    cars = pl.read_csv(next(fleet.glob("vehicles.csv"))).select("vehicle_id", "phase", "arrival", "departure")
    rows = pl.read_parquet(schedule).filter(pl.col("power_kw") > 0.0).join(cars, on="vehicle_id")
    least_kw = pl.when(pl.col("phase").is_null()).then(4.14).otherwise(1.38)
    # The mean over a step in which a car comes or goes says nothing of its current: those are left out.
    begins, ends = (pl.col(name).str.to_datetime(time_zone="UTC") for name in ("arrival", "departure"))
    whole = rows.filter((pl.col("time") >= begins) & (pl.col("time") + pl.duration(minutes=15) <= ends))
    weak_kw = whole.filter(pl.col("power_kw") < least_kw * (1.0 - 1e-6))["power_kw"].to_numpy()
    assert weak_kw.sum() < 0.02 * rows["power_kw"].to_numpy().sum()
    assert len(whole) > 1000


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "dispatch.option"),
        ((CITY, "--generate", "5"), "dispatch.option"),
        (("--generate", "-5"), "dispatch.option"),
        (("--generate", "5", "--steps", "0"), "dispatch.option"),
        (("--generate", "5", "--tree", "oak"), "dispatch.tree"),
        (("--generate", "5", "--gap", "2"), "dispatch.option"),
        (("--generate", "5", "--sweeps", "0"), "dispatch.option"),
        (("--generate", "5", "--settable", "0"), "dispatch.option"),
        (("--generate", "5", "--settable", "nan"), "dispatch.option"),
        (("--generate", "5", "--settable", "64"), "dispatch.option"),
        (("--generate", "5", "--objective", "beauty"), "objective.unknown"),
        (("--generate", "5", "--method", "sweeps", "--objective", "peak>cost"), "dispatch.option"),
        (("--generate", "5", "--json", "no/such/folder/out.json"), "output.not-writable"),
        (("nowhere",), "file.missing"),
        (("nowhere.json",), "file.missing"),
        ((CITY / "vehicles.csv",), "file.broken-json"),
        ((CITY, "--json", CITY / "network.json"), "output.not-writable"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(arguments, code, capsys):
    outcome = run(capsys, "dispatch", *arguments)
    assert outcome.code == 2
    assert code in outcome.codes()


def test_nobody_to_charge_is_an_empty_plan(tmp_path, capsys):
    folder = copied(tmp_path, vehicles=lambda text: text.splitlines()[0] + "\n", requests=None)
    outcome = run(
        capsys,
        "dispatch",
        folder,
        "--json",
        tmp_path / "out.json",
        "--schedule",
        tmp_path / "out.parquet",
        "--report",
        tmp_path / "out.html",
    )
    assert outcome.code == 0
    assert outcome.codes() == ["dispatch.no-vehicles"]
    assert "served 0 of 0 vehicles" in outcome.out
    assert pl.read_parquet(tmp_path / "out.parquet").is_empty()


@pytest.mark.parametrize("price", ["0", "-0.2"])
def test_prices_of_nothing_or_less_are_planned_and_said(tmp_path, capsys, price):
    def flat(text):
        return (
            "\n".join(line if line.startswith("time") else ",".join([line.split(",")[0], price, price, "0"]) for line in text.splitlines())
            + "\n"
        )

    outcome = run(capsys, "dispatch", copied(tmp_path, signals=flat), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    assert outcome.codes() == ["dispatch.prices-zero" if price == "0" else "dispatch.prices-negative"]
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert content["vehicles"]["served"] == 60
    assert content["largest_violation"] == 0.0


def test_a_base_load_above_a_limit_stops_those_below_it_and_is_said(tmp_path, capsys):
    def low(text):
        return "\n".join(line.replace('"import_max_kw": 39.0', '"import_max_kw": 12') for line in text.splitlines())

    outcome = run(capsys, "dispatch", copied(tmp_path, network=low), "--json", tmp_path / "out.json")
    assert outcome.code == 0
    line = outcome.finding("dispatch.base-above-limit")
    assert "node transformer-1 = base_kw 17.576 kW" in line
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert content["vehicles"]["served"] < 60
    assert content["largest_violation"] == 0.0
    assert "dispatch.node-binds" in outcome.codes()


def test_ctrl_c_keeps_the_best_so_far_with_its_gap(tmp_path):
    """The gap asked for cannot be reached, so that there is always a sweep to stop after."""
    figures, schedule = tmp_path / "out.json", tmp_path / "out.parquet"
    wanted = (
        "--gap",
        "0",
        "--sweeps",
        "100000",
        "--method",
        "sweeps",
        "--json",
        figures,
        "--schedule",
        schedule,
        "--report",
        tmp_path / "out.html",
    )
    command = [str(EVLOOM), "dispatch", "--generate", "3000", "--v2g", "0.5", *map(str, wanted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        heard = ""
        while "sweep " not in heard and process.poll() is None:
            heard += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    outcome = checked(Outcome(process.returncode, out, heard + err))
    assert outcome.code == 130
    assert "stopping after this sweep" in outcome.err
    assert "PARTIAL: interrupted" in outcome.out
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert content["partial"] is True
    assert 0.0 < content["gap"] < 1.0
    assert content["largest_violation"] == 0.0
    assert not pl.read_parquet(schedule).is_empty()
    assert (tmp_path / "out.html").stat().st_size > 20_000


def test_a_file_that_cannot_be_written_after_all_is_said(tmp_path, capsys):
    assert run(capsys, "dispatch", "--generate", "5", "--write", "/proc/nothing").code == 1
    outcome = run(capsys, "dispatch", "--generate", "20", "--json", "/dev/full", "--schedule", tmp_path / "out.csv")
    assert outcome.code == 1
    assert "output.not-written" in outcome.codes()
    assert (tmp_path / "out.csv").stat().st_size > 100


def test_a_hundred_thousand_vehicles_from_the_command_to_the_files(tmp_path):
    began_s = time.monotonic()
    outcome = spawn("dispatch", "--generate", "100000", "--json", tmp_path / "out.json", "--schedule", tmp_path / "out.parquet")
    assert outcome.code == 0
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert content["gap"] <= 1e-3
    assert content["largest_violation"] <= 1e-6
    total_kwh = pl.scan_parquet(tmp_path / "out.parquet").select(pl.col("power_kw").sum() / 4).collect().item()
    assert total_kwh == pytest.approx(content["planned"]["energy_kwh"])
    assert content["memory_peak_bytes"] < 2e9
    assert time.monotonic() - began_s < 300
