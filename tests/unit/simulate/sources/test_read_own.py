"""Evloom's own session format: every row error, every whole-file error, and the way out and back."""

import gzip
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import epoch_s
from evloom.simulate.sources.own import write_sessions
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import SessionTable, read_report

PACKAGED = Path(str(files("evloom.simulate") / "data" / "jpl-2019-06.csv.gz"))
HEADER = "session_id,evse_id,arrival,departure,energy_kwh"
GOOD = "a,e1,2024-05-01T08:00:00+02:00,2024-05-01T12:00:00+02:00,10"


def read(tmp_path: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> SessionTable:
    path = tmp_path / "sessions.csv"
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return read_sessions(path)


def kinds(table: SessionTable) -> list[tuple[str, str, int | None]]:
    return [(f.severity, f.code, f.row) for f in table.findings]


def refusal(path: Path, format_name: str | None = "evloom") -> str:
    with pytest.raises(InputError) as caught:
        read_sessions(path, format_name)
    assert len(caught.value.findings) == 1
    finding = caught.value.findings[0]
    assert finding.advice
    assert finding.allowed
    return finding.code


def test_a_good_row(tmp_path):
    table = read(tmp_path, GOOD)
    assert kinds(table) == []
    assert (table.session_id, table.evse_id, list(table.energy_kwh)) == (["a"], ["e1"], [10.0])
    assert table.departure_s[0] - table.arrival_s[0] == 4 * 3600
    assert np.isnan(table.requested_kwh[0])
    assert np.isnan(table.battery_kwh[0])


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("b,e2,2024-05-01T12:00:00Z,2024-05-01T08:00:00Z,10", "session.ends-before-start"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T08:00:00Z,10", "session.zero-stay"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z,-1", "session.negative-energy"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z,NaN", "session.no-energy"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z,inf", "session.unreadable-energy"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z,1_0", "session.unreadable-energy"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z,ten", "session.unreadable-energy"),
        ("b,e2,2024-05-01T08:00:00,2024-05-01T12:00:00Z,10", "session.unreadable-arrival"),
        ("b,e2,2024-05-01T08:00:00Z,,10", "session.no-departure"),
        ("b,e2,2024-02-30T08:00:00Z,2024-05-01T12:00:00Z,10", "session.unreadable-arrival"),
        ("b,e2,0014-05-01T08:00:00Z,0014-05-01T12:00:00Z,10", "session.year"),
        ("b,e2,2024-05-01T08:00:00Z,2024-05-01T12:00:00Z", "row.cells"),
        ("a,e1,2024-05-01T08:00:00+02:00,2024-05-01T12:00:00+02:00,10", "session.same-row"),
    ],
)
def test_rows_that_are_refused(tmp_path, row, code):
    table = read(tmp_path, GOOD, row)
    assert kinds(table) == [("refused", code, 3)]
    assert table.session_id == ["a"]
    report = read_report(table)
    assert (report.n_row, report.n_accepted, report.n_refused) == (2, 1, 1)
    assert code in report.text()


def test_all_errors_of_a_row_are_listed(tmp_path):
    table = read(tmp_path, "b,e2,soon,,-")
    assert [code for _, code, _ in kinds(table)] == ["session.unreadable-arrival", "session.no-departure", "session.no-energy"]
    assert read_report(table).n_refused == 1


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("requested_kwh", "-2", "session.requested-kwh-range"),
        ("requested_kwh", "much", "session.requested-kwh-range"),
        ("soc_arrival", "55", "session.soc-arrival-range"),
        ("battery_kwh", "0", "session.battery-kwh-range"),
        ("power_max_kw", "-7", "session.power-max-kw-range"),
        ("told_departure", "2024-05-01T06:00:00+02:00", "session.told-before-arrival"),
        ("told_departure", "noon", "session.unreadable-told-departure"),
        ("charging_end", "2024-05-02T06:00:00+02:00", "session.charging-end-outside"),
    ],
)
def test_optional_values_that_cannot_be_true_become_unknown(tmp_path, column, cell, code):
    table = read(tmp_path, f"{GOOD},{cell}", header=f"{HEADER},{column}")
    assert kinds(table) == [("repaired", code, 2)]
    name = column if hasattr(table, column) else f"{column}_s"
    assert np.isnan(getattr(table, name)[0])
    assert len(table) == 1


def test_more_energy_than_the_stay_can_take_is_kept_and_said(tmp_path):
    table = read(tmp_path, f"{GOOD},2.4", header=f"{HEADER},power_max_kw")
    assert kinds(table) == [("warning", "session.energy-exceeds-stay", 2)]
    assert table.energy_kwh[0] == 10
    assert kinds(read(tmp_path, f"{GOOD},2.5", header=f"{HEADER},power_max_kw")) == []


def test_overlap_is_cut_when_the_energy_still_fits(tmp_path):
    later = "b,e1,2024-05-01T11:00:00+02:00,2024-05-01T13:00:00+02:00,5"
    table = read(tmp_path, f"{GOOD},7", f"{later},7", header=f"{HEADER},power_max_kw")
    assert kinds(table) == [("repaired", "session.overlap", 2)]
    assert table.departure_s[0] == table.arrival_s[1]
    assert table.evse_id == ["e1", "e1"]


def test_overlap_that_cannot_be_cut_leaves_the_later_connector_unknown(tmp_path):
    later = "b,e1,2024-05-01T08:30:00+02:00,2024-05-01T13:00:00+02:00,5"
    table = read(tmp_path, f"{GOOD},7", f"{later},7", header=f"{HEADER},power_max_kw")
    assert kinds(table) == [("repaired", "session.overlap", 3)]
    assert table.evse_id == ["e1", ""]
    assert table.departure_s[0] - table.arrival_s[0] == 4 * 3600


def test_overlap_within_the_clock_step_moves_the_later_arrival(tmp_path):
    first = "a,e1,2024-05-01T08:00:00Z,2024-05-01T08:00:30Z,0.1"
    second = "b,e1,2024-05-01T08:00:00Z,2024-05-01T09:00:00Z,5"
    table = read(tmp_path, first, second)
    assert kinds(table) == [("repaired", "session.overlap", 3)]
    assert table.arrival_s[1] == table.departure_s[0]


def test_sessions_that_touch_do_not_overlap(tmp_path):
    assert kinds(read(tmp_path, GOOD, "b,e1,2024-05-01T12:00:00+02:00,2024-05-01T13:00:00+02:00,5")) == []


def test_doubled_and_missing_ids(tmp_path):
    table = read(
        tmp_path, GOOD, "a,e2,2024-05-01T12:00:00+02:00,2024-05-01T13:00:00+02:00,5", ",e3,2024-05-02T12:00:00Z,2024-05-02T13:00:00Z,5"
    )
    assert kinds(table) == [("repaired", "session.doubled-id", 3), ("repaired", "session.no-id", 4)]
    assert table.session_id == ["a", "a#2", "line 4"]


def test_a_clock_change_inside_a_session_is_one_hour_of_stay(tmp_path):
    table = read(tmp_path, "a,e1,2024-03-31T01:30:00+01:00,2024-03-31T03:30:00+02:00,5")
    assert table.departure_s[0] - table.arrival_s[0] == 3600


def test_unknown_columns_are_said(tmp_path):
    table = read(tmp_path, f"{GOOD},3", header=f"{HEADER},power_w")
    assert [(f.code, f.field, f.row) for f in table.findings] == [("session.unknown-column", "power_w", None)]


def test_one_zone_and_one_currency(tmp_path):
    header = f"{HEADER},fee,currency,zone"
    table = read(tmp_path, f"{GOOD},1.5,EUR,Europe/Berlin", f"b{GOOD[1:].replace('e1', 'e2')},2,CHF,Europe/Berlin", header=header)
    assert kinds(table) == [("repaired", "session.other-currency", 3)]
    assert (table.currency, table.zone) == ("EUR", "Europe/Berlin")
    assert table.fee[0] == 1.5
    assert np.isnan(table.fee[1])
    (tmp_path / "z.csv").write_text(f"{header}\n{GOOD},1.5,EUR,Mars/Olympus\n")
    assert refusal(tmp_path / "z.csv") == "session.unknown-zone"


def test_line_numbers_count_quoted_line_breaks(tmp_path):
    table = read(tmp_path, '"a\nb",e1,2024-05-01T08:00:00Z,2024-05-01T09:00:00Z,1', "c,e1,2024-05-02T08:00:00Z,2024-05-01T09:00:00Z,1")
    assert kinds(table) == [("refused", "session.ends-before-start", 4)]


def test_no_rows_is_a_table_with_a_warning(tmp_path):
    table = read(tmp_path)
    assert len(table) == 0
    assert [f.code for f in table.findings] == ["file.no-rows"]


def test_byte_order_mark_and_gzip_do_not_matter(tmp_path):
    assert len(read(tmp_path, GOOD, encoding="utf-8-sig")) == 1
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{GOOD}\n".encode()))
    assert len(read_sessions(path)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file.empty"),
        (b" \n\n", "file.empty"),
        (b"\xef\xbb\xbf\n", "file.empty"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "file.utf-16"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16-le"), "file.utf-16"),
        (f"{HEADER}\n{GOOD}".replace(",", ";").encode(), "file.wrong-delimiter"),
        (f"{HEADER}\n{GOOD}".replace(",", "\t").encode(), "file.wrong-delimiter"),
        (b"session_id,arrival\na,b\n", "file.missing-columns"),
        (f"{HEADER},arrival\n{GOOD},1\n".encode(), "file.doubled-column"),
        (f'{HEADER}\n"{GOOD}\n'.encode(), "file.broken-csv"),
        (f"{HEADER}\n{GOOD}é\n".encode("latin-1"), "file.not-utf-8"),
        (b"PK\x03\x04 a spreadsheet", "file.binary"),
        (b"session_id\x00\x01,", "file.binary"),
        (gzip.compress(GOOD.encode())[:20], "file.broken-gzip"),
        (b"PAR1 cut short", "file.broken-parquet"),
    ],
)
def test_files_that_cannot_be_used_say_why(tmp_path, content, code):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    assert refusal(path) == code


def test_missing_file_directory_and_unknown_format(tmp_path):
    assert refusal(tmp_path / "none.csv") == "file.missing"
    assert refusal(tmp_path) == "file.is-directory"
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert refusal(tmp_path / "x.csv", None) == "file.unknown-format"
    assert refusal(tmp_path / "x.csv", "excel") == "file.unknown-format"


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.parquet"])
def test_written_and_read_again_is_the_same(tmp_path, name):
    header = f"{HEADER},told_departure,requested_kwh,soc_arrival,power_max_kw,fee,currency,zone"
    first = read(
        tmp_path,
        f"{GOOD},2024-05-01T11:59:00.5+02:00,12.25,0.1,7.4,3.5,EUR,Europe/Berlin",
        f"b{GOOD[1:].replace('e1', 'e2')},,,,,,,",
        header=header,
    )
    write_sessions(first, tmp_path / name)
    again = read_sessions(tmp_path / name)
    assert again.findings == ()
    assert (again.session_id, again.evse_id, again.zone, again.currency) == (first.session_id, first.evse_id, first.zone, first.currency)
    for column in ("arrival_s", "told_departure_s", "requested_kwh", "soc_arrival", "power_max_kw", "fee", "energy_kwh"):
        assert np.array_equal(getattr(again, column), getattr(first, column), equal_nan=True)


def test_parquet_with_real_datetimes(tmp_path):
    table = read(tmp_path, GOOD)
    frame = pl.DataFrame({"session_id": ["a"], "energy_kwh": [10.0]}).with_columns(
        pl.from_epoch(pl.Series("arrival", table.arrival_s.astype(np.int64)))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Europe/Berlin"),
        pl.from_epoch(pl.Series("departure", table.departure_s.astype(np.int64))).dt.replace_time_zone("UTC"),
    )
    frame.write_parquet(tmp_path / "t.parquet")
    again = read_sessions(tmp_path / "t.parquet")
    assert again.findings == ()
    assert (again.arrival_s[0], again.departure_s[0]) == (table.arrival_s[0], table.departure_s[0])


def test_the_packaged_month_is_whole():
    table = read_sessions(PACKAGED)
    assert table.findings == ()
    assert (len(table), round(table.energy_kwh.sum()), table.zone) == (1384, 20034, "America/Los_Angeles")
    assert len(set(table.evse_id)) == 52


def test_the_packaged_month_is_what_the_tool_makes(data_dir, tmp_path):
    upstream = read_sessions(data_dir("sessions_acn") / "acn_jpl_2019-05-01_2019-08-31.csv.gz", "acn")
    zone = ZoneInfo("America/Los_Angeles")
    month = upstream.wholly_inside(datetime(2019, 6, 1, tzinfo=zone), datetime(2019, 7, 1, tzinfo=zone))
    write_sessions(month, tmp_path / "m.csv.gz")
    assert gzip.decompress(PACKAGED.read_bytes()) == gzip.decompress((tmp_path / "m.csv.gz").read_bytes())


def test_select_and_arriving(tmp_path):
    table = read(tmp_path, GOOD, "b,e1,2024-05-03T12:00:00Z,2024-05-03T13:00:00Z,5")
    day = datetime(2024, 5, 3, tzinfo=UTC)
    assert table.arriving(day, datetime(2024, 5, 4, tzinfo=UTC)).session_id == ["b"]
    assert table.arriving(day, datetime(2024, 5, 3, 12, tzinfo=UTC)).session_id == []
    assert table.wholly_inside(datetime(2024, 5, 3, 12, tzinfo=UTC), datetime(2024, 5, 3, 13, tzinfo=UTC)).session_id == ["b"]
    assert table.select(table.energy_kwh > 7).session_id == ["a"]
    assert epoch_s(day) < table.arrival_s[1]
