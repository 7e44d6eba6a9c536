"""`evloom diagnose` as a stranger uses it: files in, table, JSON and pages out; streams; killed workers; Ctrl-C; the two recorded cars."""

import importlib.util
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.system.site import EVLOOM, FINDING, NOTE, Outcome, checked, run, spawn
from tests.unit.plan.battery.fleets import as_csv, fleet, pack, write_csv, write_parquet


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five small packs, three of them with a fault."""
    return fleet(tmp_path_factory.mktemp("cars"))


def told(path: Path) -> dict[str, dict[str, Any]]:
    """The vehicles of a JSON file by name, in their order."""
    return {each["vehicle_id"]: each for each in json.loads(path.read_text(encoding="utf-8"))["vehicles"]}


def test_a_folder_to_table_json_and_pages(cars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, pages = tmp_path / "out.json", tmp_path / "pages"
    outcome = run(capsys, "diagnose", cars, "--json", figures, "--report", pages)
    assert outcome.code == 0
    assert outcome.codes() == []
    vehicles = told(figures)
    assert [each["level"] for each in vehicles.values()] == sorted((each["level"] for each in vehicles.values()), key=order)
    found = {name: each["warnings"][0] for name, each in vehicles.items() if each["warnings"]}
    assert set(found) == {"car-1", "car-2", "car-4"}
    assert (found["car-1"]["cell"], found["car-1"]["cell_name"]) == (7, "V_8")
    assert found["car-2"]["cell"] == 7
    assert (found["car-4"]["probe"], found["car-4"]["probe_name"]) == (2, "T_3")
    lines = outcome.out.splitlines()
    assert lines[0].split()[:3] == ["vehicle", "level", "part"]
    assert {line.split()[0] for line in lines[1:4]} == set(found)
    assert "5 battery packs, " in outcome.out
    assert "no warning is no proof of safety" in outcome.out
    assert sorted(path.name for path in pages.iterdir()) == sorted(["index.html", *(vehicles[name]["report"] for name in found)])


def order(level: str) -> int:
    """Worst first."""
    return ("stop", "inspect", "watch", "closed", "none").index(level)


@pytest.fixture(scope="module")
def alone(cars: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one process tells of these packs."""
    path = tmp_path_factory.mktemp("alone") / "out.json"
    assert spawn("diagnose", cars, "--json", path, "--workers", "1").code == 0
    return told(path)


def test_several_workers_tell_the_same_as_one(cars: Path, alone: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    outcome = spawn("diagnose", cars, "--json", tmp_path / "out.json", "--workers", "3", "--report", tmp_path / "pages")
    assert outcome.code == 0
    vehicles = told(tmp_path / "out.json")
    for each in vehicles.values():
        each["report"] = None
    assert list(vehicles.items()) == list(alone.items())


def test_ray_tells_the_same_where_it_is_installed(cars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "diagnose", cars, "--runner", "ray", "--workers", "2", "--json", tmp_path / "ray.json")
    if outcome.code == 2:
        assert "pip install 'evloom[ray]'" in outcome.finding("dispatch.no-ray")
        pytest.skip("ray is not installed: pip install 'evloom[ray]'")
    assert run(capsys, "diagnose", cars, "--json", tmp_path / "here.json").code == 0
    assert told(tmp_path / "ray.json") == told(tmp_path / "here.json")


def test_a_task_of_ray_that_is_killed_is_done_again(cars: Path, alone: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed: pip install 'evloom[ray]'")
    path = tmp_path / "ray.json"
    before = tasks_of_ray()
    running = process(cars, "--runner", "ray", "--workers", "2", "--json", path)
    killed = None
    while killed is None and running.poll() is None:
        killed = next(iter(tasks_of_ray() - before), None)
        time.sleep(0.02)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    out, _ = running.communicate(timeout=600)  # Ray tells of the task on standard error, in words of its own
    assert running.returncode == 0
    assert out.splitlines()[0].split()[:1] == [b"vehicle"]
    assert told(path) == alone


def tasks_of_ray() -> set[int]:
    """Processes that do a job for Ray at this moment."""
    found = set()
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if line.read_bytes().startswith(b"ray::do"):
                found.add(int(line.parent.name))
    return found


def test_json_to_standard_output_is_nothing_but_json(cars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "diagnose", cars / "car-3.parquet", "--json", "-")
    assert json.loads(outcome.out)["vehicles"][0]["warnings"] == []
    assert json.loads(outcome.out)["partial"] is False


def test_a_file_of_parquet_and_the_same_as_csv_or_in_a_zip_tell_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = pack("car", leak_ah=2.5)
    write_parquet(tmp_path / "parquet" / "car.parquet", frames)
    write_csv(tmp_path / "csv" / "car.csv", frames)
    levels = []
    for name in ("parquet", "csv"):
        assert run(capsys, "diagnose", tmp_path / name, "--json", tmp_path / "out.json").code == 0
        (vehicle,) = told(tmp_path / "out.json").values()
        levels.append([(each["cell"], each["level"], each["first_seen"]) for each in vehicle["warnings"]])
    assert levels[0] == levels[1] != []


def excel(folder: Path) -> None:
    """As a spreadsheet of Germany exports it: a byte order mark, semicolons, decimal commas, no zone."""
    text = as_csv(pack("car", leak_ah=2.5)).with_columns(pl.col("at").str.slice(0, 19).str.replace("T", " ")).write_csv(separator=";")
    (folder / "Auto 1 (März).csv").write_text(text.replace(".", ",").replace("\n", "\r\n"), encoding="utf-8-sig", newline="")


def chinese(folder: Path) -> None:
    """As one of China exports it: names of GB/T 32960, GB 18030, state of charge in percent, cells in millivolts."""
    table = (
        as_csv(pack("粤B12345", leak_ah=2.5))
        .drop("charging", "pack_id")
        .with_columns(pl.col("at").str.slice(0, 19).str.replace("T", " "), pl.col("soc") * 100.0, pl.col("^V_.*$") * 1000.0)
    )
    names = {
        "at": "数据采集时间",
        "current_a": "总电流",
        "pack_v": "总电压",
        "soc": "SOC",
        "vehicle_id": "车牌号",
        "speed_km_per_h": "车速",
    }
    series = {name: name.replace("V_", "单体电压").replace("T_", "温度") for name in table.columns if name[:2] in ("V_", "T_")}
    (folder / "车辆 数据.csv").write_bytes(table.rename({**names, **series}).write_csv().encode("gb18030"))


def by_day(folder: Path) -> None:
    """A file for each day, in which nothing says whose it is."""
    table = as_csv(pack("car", leak_ah=2.5)).drop("vehicle_id", "pack_id")
    for (day,), part in table.group_by(pl.col("at").str.slice(0, 10), maintain_order=True):
        part.write_csv(folder / f"粤B 12345_{day}.csv")


@pytest.mark.parametrize("write", [excel, chinese, by_day])
def test_files_as_strangers_have_them_tell_what_ours_tell(
    write: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "车队 一").mkdir()
    write(tmp_path / "车队 一")
    outcome = run(capsys, "diagnose", tmp_path / "车队 一", "--json", tmp_path / "out.json", "--report", tmp_path / "pages")
    assert outcome.code == 0
    (vehicle,) = told(tmp_path / "out.json").values()
    assert (vehicle["n_cell"], vehicle["days"], vehicle["warnings"][0]["cell_name"]) == (24, 18, "V_8")
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {"index.html", vehicle["report"]}


def process(*arguments: object, **how: Any) -> subprocess.Popen[bytes]:
    """The command in a process of its own that is not waited for."""
    return subprocess.Popen([EVLOOM, "diagnose", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)


def ended(running: "subprocess.Popen[bytes]") -> Outcome:
    """What it said when it had ended."""
    out, err = running.communicate(timeout=600)
    return checked(Outcome(running.returncode, out.decode(), err.decode()))


def children(pid: int) -> Iterator[int]:
    """Workers of a process."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_text()
        except OSError:
            continue
        if fields[1] == str(pid) and "resource_tracker" not in command:
            yield int(stat.parent.name)


def test_a_worker_that_is_killed_is_replaced_and_the_result_is_the_same(
    cars: Path, alone: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    running = process(cars, "--json", tmp_path / "killed.json", "--workers", "2")
    killed: set[int] = set()
    while running.poll() is None and len(killed) < 2:
        for pid in set(children(running.pid)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
            break
        time.sleep(0.05)
    outcome = ended(running)
    assert (outcome.code, len(killed)) == (0, 2)
    assert told(tmp_path / "killed.json") == alone


def test_ctrl_c_ends_it_with_what_is_done_and_leaves_nobody_behind(tmp_path: Path) -> None:
    running = process("--demo", 40, "--days", 300, "--workers", 2, "--json", tmp_path / "out.json", start_new_session=True)
    while len(list(children(running.pid))) < 2:
        time.sleep(0.05)
    workers = list(children(running.pid))
    time.sleep(1.0)
    os.killpg(running.pid, signal.SIGINT)
    outcome = ended(running)
    assert outcome.code == 130
    assert "PARTIAL: interrupted" in outcome.err
    assert json.loads((tmp_path / "out.json").read_text())["partial"] is True
    time.sleep(0.2)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def test_a_stream_tells_what_a_file_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_csv(tmp_path / "two.csv", pack("leaks", leak_ah=2.5), pack("sound"))
    assert run(capsys, "diagnose", path, "--json", tmp_path / "out.json").code == 0
    vehicles = told(tmp_path / "out.json")
    with path.open("rb") as stream:
        done = subprocess.run([EVLOOM, "diagnose", "-", "--stream", "--json", "-"], stdin=stream, capture_output=True, check=False)
    outcome = checked(Outcome(done.returncode, done.stdout.decode(), done.stderr.decode()))
    assert outcome.code == 0
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert [(line["at"], line["kind"], line["warning"]["level"]) for line in lines] == [
        (each["at"], each["kind"], each["level"]) for warning in vehicles["leaks"]["warnings"] for each in warning["history"]
    ]
    last = {line["warning"]["warning_id"]: line["warning"] for line in lines}
    assert [warning["evidence"] for warning in vehicles["leaks"]["warnings"]] == [warning["evidence"] for warning in last.values()]
    assert "2 battery packs" in outcome.err


def test_a_file_that_grows_is_followed_until_ctrl_c(tmp_path: Path) -> None:
    whole = write_csv(tmp_path / "whole.csv", pack("leaks", leak_ah=6.0)).read_bytes().splitlines(keepends=True)
    path = tmp_path / "grows.csv"
    path.write_bytes(b"".join(whole[:400]))
    running = process(path, "--stream", "--json", tmp_path / "changes.ndjson")
    time.sleep(1.0)
    with path.open("ab") as stream:
        stream.write(b"".join(whole[400:]))
    for _ in range(600):
        if (tmp_path / "changes.ndjson").exists() and (tmp_path / "changes.ndjson").stat().st_size:
            break
        time.sleep(0.1)
    os.kill(running.pid, signal.SIGINT)
    outcome = ended(running)
    assert outcome.code == 130
    assert " opened " in outcome.out.splitlines()[0]
    assert " leaks V_8 " in outcome.out
    first = json.loads((tmp_path / "changes.ndjson").read_text().splitlines()[0])
    assert (first["kind"], first["warning"]["cell"]) == ("opened", 7)


def test_the_demo_needs_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run(capsys, "diagnose", "--demo", "2", "--days", "30", "--json", tmp_path / "demo.json")
    assert outcome.code == 0
    vehicles = told(tmp_path / "demo.json")
    assert set(vehicles) == {"demo-1-000", "demo-1-001"}
    assert run(capsys, "diagnose", "--demo", "2", "--days", "30", "--write", tmp_path / "cars").code == 0
    assert run(capsys, "diagnose", tmp_path / "cars", "--json", tmp_path / "files.json").code == 0
    assert told(tmp_path / "files.json") == vehicles


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended_by:
        run(capsys, "diagnose", "--help")
    assert ended_by.value.code == 0
    text = capsys.readouterr().out
    for word in ("--demo", "--stream", "watch", "inspect", "stop", "cell_name", "exit codes", "docs/battery-frames.md"):
        assert word in text


def test_the_two_recorded_cars_as_they_lie_there(
    data_dir: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The 1 Hz car has 64 corrupt frames and no fault; the 30 s car has one cell that drifts."""
    folder = data_dir("battery_field_frames")
    outcome = run(capsys, "diagnose", folder, "--json", tmp_path / "out.json", "--report", tmp_path / "pages")
    assert outcome.code == 0
    vehicles = told(tmp_path / "out.json")
    assert list(vehicles) == ["car2_processed", "car1_processed"]
    quick, slow = vehicles["car1_processed"], vehicles["car2_processed"]
    assert (quick["warnings"], quick["flagged"]["frames"]["corrupt"], quick["frames"]) == ([], 64, 66666)
    assert "64 corrupt" in outcome.out
    assert (slow["warnings"][0]["cell"], slow["warnings"][0]["cell_name"]) == (81, "V_82")
    assert slow["warnings"][0]["state"] == "open"
    assert len({each["cell"] for each in slow["warnings"]} - {81, None}) <= 2
    assert slow["warnings"][0]["opened"] < "2019-05-10"  # the first level 3 of its own management
    for line in outcome.err.splitlines():
        assert FINDING.match(line) or NOTE.match(line), line
