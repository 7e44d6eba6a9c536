"""Frames as they come: the same as from a file, whatever comes at a time."""

import json
from pathlib import Path

import msgspec
import polars as pl
import pytest

from evloom.diagnose.warning import WarningChange
from evloom.kernel.errors import InputError
from evloom.plan.battery.incoming import Growing, Tables
from evloom.plan.battery.jobs import list_jobs
from evloom.plan.battery.output import change_json, change_text
from evloom.plan.battery.stream import LinesFile, Stream
from evloom.plan.battery.work import Order, work
from evloom.store.battery.account import Account
from evloom.store.battery.rules import load_rules
from tests.unit.plan.battery.fleets import as_csv, pack, write_csv


class Pieces:
    """Bytes that come in pieces."""

    def __init__(self, content: bytes, size: int) -> None:
        self._left = [content[at : at + size] for at in range(0, len(content), size)]

    def read(self) -> bytes | None:
        """The next piece."""
        return self._left.pop(0) if self._left else None


def streamed(content: bytes, size: int, form: str | None = None) -> tuple[list[WarningChange], Stream, Account]:
    """What comes out of a stream."""
    changes: list[WarningChange] = []
    account = Account()
    live = Stream("pipe", Tables("pipe", "stream", form, account), account, changes.append)
    live.run(Pieces(content, size), lambda: False, lambda: None)
    return changes, live, account


def ndjson(table: pl.DataFrame) -> bytes:
    """A csv table as lines of JSON, cells and probes as lists."""
    lines = []
    for row in table.iter_rows(named=True):
        told = {name: value for name, value in row.items() if name[:2] not in ("V_", "T_") and value is not None}
        told["cell_v"] = [value for name, value in row.items() if name.startswith("V_")]
        told["probe_c"] = [value for name, value in row.items() if name.startswith("T_")]
        lines.append(msgspec.json.encode(told))
    return b"\n".join(lines) + b"\n"


def test_a_stream_tells_what_a_file_tells(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "two.csv", pack("leaks", days=14, leak_ah=4.0), pack("sound", days=14))
    job = list_jobs(path, Account())[0]
    done = work(job, Order(load_rules(), json=True), lambda _: None)
    told = {result.row.vehicle_id: json.loads(result.json) for result in done.results}
    history = [each for warning in told["leaks"]["warnings"] for each in warning["history"]]
    assert history != []
    for size in (10_000_000, 50_001):
        changes, live, account = streamed(path.read_bytes(), size)
        assert account.n_accepted == done.account.n_accepted
        assert [json.loads(change_json(change))["at"] for change in changes] == sorted(each["at"] for each in history)
        assert {change.warning.vehicle_id for change in changes} == {"leaks"}
        for examiner in live.ward.examiners.values():
            examined = examiner.examined()
            ended = [(each["cell"], each["level"], each["severity"]) for each in told[examined.pack.vehicle_id]["warnings"]]
            assert [(each.cell, each.level) for each in examined.warnings] == [each[:2] for each in ended]
    lines, _, _ = streamed(ndjson(as_csv(pack("leaks", days=14, leak_ah=4.0))), 70_000)
    assert lines == [change for change in changes if change.warning.vehicle_id == "leaks"]
    assert change_text(lines[0]).split(" ")[1:3] == ["opened", f"{lines[0].warning.level}:"]


def test_what_is_wrong_with_a_line_is_told_by_its_number() -> None:
    table = as_csv(pack("car", days=2)).write_csv().encode().splitlines(keepends=True)
    wrong = b"yesterday," + table[50].split(b",", 1)[1]
    content = b"".join([*table[:40], b"half a li\n", *table[40:60], wrong, *table[60:]])
    _, live, account = streamed(content, 3000)
    assert [(one.code, one.row) for one in account.listed] == [("frames.ragged-row", 41), ("frames.no-time", 62)]
    assert account.n_refused == 2
    assert len(live.ward.examiners) == 1


def test_lines_of_json_that_are_none_are_left_out() -> None:
    good = ndjson(as_csv(pack("car", days=1)))
    lines = good.splitlines(keepends=True)
    content = b"".join([*lines[:5], b'{"at": \n', b"\n", b'{"at": "2024-01-01T00:00:00Z", "cell_v": "many"}\n', *lines[5:]])
    _, live, account = streamed(content, 999)
    assert [(one.code, one.row) for one in account.listed] == [("frames.no-json", 6), ("frames.no-json", 8)]
    assert (account.n_accepted, account.n_refused) == (len(lines), 2)
    assert live.ward.examiners["car"].examined().pack.n_cell == 24


@pytest.mark.parametrize(("header", "code"), [(b"a,b,c\n", "file.unknown-format"), (b"tboxTime,V_1,V_2\n", "stream.layout")])
def test_a_stream_that_is_none_of_ours_is_refused(header: bytes, code: str) -> None:
    with pytest.raises(InputError) as raised:
        streamed(header + b"1,2,3\n", 100)
    assert [finding.code for finding in raised.value.findings] == [code]


def test_a_file_that_grows_is_followed_and_one_that_was_cut_is_said(tmp_path: Path) -> None:
    path, account = tmp_path / "grows.csv", Account()
    path.write_bytes(b"one\n")
    growing = Growing(path, account)
    assert (growing.read(), growing.read()) == (b"one\n", b"")
    with path.open("ab") as stream:
        stream.write(b"two\n")
    assert growing.read() == b"two\n"
    path.write_bytes(b"new\n")
    assert growing.read() == b"new\n"
    assert [finding.code for finding in account.findings] == ["file.cut"]


def test_bytes_that_are_no_text_are_refused_in_words() -> None:
    with pytest.raises(InputError, match=r"stream\.no-text"):
        streamed(b"PAR1\x8e\xff\x00\n\x01\n", 100, "csv")


def test_a_file_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    path, account = tmp_path / "car.csv", Account()
    path.write_bytes(b"at,soc\n")
    growing = Growing(path, account)
    assert growing.read() == b"at,soc\n"
    path.unlink()
    assert growing.read() == b""
    path.write_bytes(b"at,so")
    assert growing.read() == b"at,so"
    assert [one.code for one in account.findings] == ["file.gone", "file.cut"]


def test_a_full_disk_is_told_once_and_the_stream_goes_on() -> None:
    told: list[str] = []
    with LinesFile(Path("/dev/full"), told.append) as file:
        file.put("one")
        file.put("two")
    assert file.is_broken
    assert len(told) == 1
    assert "[output.not-written]" in told[0]


def test_what_is_of_the_whole_stream_is_told_once() -> None:
    rows = "".join(f"2026-05-05T{k // 60:02d}:{k % 60:02d}:00Z;粤B12345;1,5;3,7\n" for k in range(600))
    _, live, account = streamed(f"at;vehicle_id;current_a;V_1\n{rows}".encode("gb18030"), 4000, "csv")
    assert list(live.ward.examiners) == ["粤B12345"]
    assert sorted(one.code for one in account.findings) == ["frames.column-missing", "frames.decimal-comma", "frames.text-encoding"]
