"""Traps that the recorded files hold seldom or not at all: made-up rows in the recorded formats."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.kernel.timegrid import from_epoch_s
from evloom.simulate.sources.read import read_sessions
from evloom.simulate.sources.table import SessionTable, read_report

TRONDHEIM = "session_ID;User_ID;Shared_ID;Start_plugin;End_plugout;El_kWh;Duration_hours"
TICINO = "ChargeLogId,UserId,BeginDate,BeginHour,EndDate,EndHour,Duration,PowerConsumption,Debit,Currency,ChargingStationId,Plug,PlugType"
ACN = "arrival,departure,requested_energy (kWh),delivered_energy (kWh),station_id,session_id,estimated_departure,claimed"


def read(tmp_path: Path, header: str, *rows: str) -> SessionTable:
    path = tmp_path / "trap.csv"
    path.write_text("\r\n".join([header, *rows]) + "\r\n", encoding="utf-8")
    return read_sessions(path)


def kinds(table: SessionTable) -> list[tuple[str, str]]:
    return [(f.severity, f.code) for f in table.findings]


@pytest.mark.parametrize(
    ("start", "end", "stated", "arrival_utc", "stay_h"),
    [
        # The clock went back at 03:00 on 27.10.2019: 02:30 came twice. The stated duration says which was meant.
        ("27.10.2019 01:30", "27.10.2019 02:30", "1", "2019-10-26T23:30", 1),
        ("27.10.2019 01:30", "27.10.2019 02:30", "2", "2019-10-26T23:30", 2),
        ("27.10.2019 02:30", "27.10.2019 04:30", "2", "2019-10-27T01:30", 2),
        ("27.10.2019 02:30", "27.10.2019 04:30", "3", "2019-10-27T00:30", 3),
        ("27.10.2019 02:50", "27.10.2019 02:10", "0,3333", "2019-10-27T00:50", 1 / 3),
        ("27.10.2019 02:30", "27.10.2019 04:30", "NA", "2019-10-27T00:30", 3),
    ],
)
def test_a_doubled_hour_is_told_apart_by_the_duration(tmp_path, start, end, stated, arrival_utc, stay_h):
    table = read(tmp_path, TRONDHEIM, f"1;A-1;NA;{start};{end};3;{stated}")
    assert kinds(table) == [("warning", "session.clock-doubled")]
    assert from_epoch_s(table.arrival_s[0]) == datetime.fromisoformat(arrival_utc).replace(tzinfo=UTC)
    assert (table.departure_s[0] - table.arrival_s[0]) / 3600 == pytest.approx(stay_h)


def test_a_skipped_hour_is_read_an_hour_later(tmp_path):
    table = read(tmp_path, TRONDHEIM, "1;A-1;NA;31.03.2019 02:30;31.03.2019 04:30;3;1")
    assert kinds(table) == [("repaired", "session.clock-skipped")]
    assert from_epoch_s(table.arrival_s[0]) == datetime(2019, 3, 31, 1, 30, tzinfo=UTC)
    assert table.departure_s[0] - table.arrival_s[0] == 3600


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("1;A-1;NA;21.12.2018 10:20;21.12.2018 12:20;1.5;2", "session.unreadable-energy"),  # 1.5 may be 15 hundred in a comma file
        ("1;A-1;NA;2018-12-21 10:20;21.12.2018 12:20;1,5;2", "session.unreadable-arrival"),
        ("1;A-1;NA;31.02.2019 10:20;31.03.2019 12:20;1,5;2", "session.unreadable-arrival"),
        ("1;A-1;NA;21.12.2018 10:20;NA;1,5;NA", "session.no-departure"),
        ("1;A-1;NA;21.12.2018 10:20;21.12.2018 10:20;1,5;NA", "session.zero-stay"),
    ],
)
def test_refused_in_a_decimal_comma_file(tmp_path, row, code):
    assert kinds(read(tmp_path, TRONDHEIM, row)) == [("refused", code)]


def test_ticino_currency_and_dates(tmp_path):
    row = "1,7,07.05.17,10:00,07.05.17,11:00,3600,5000,{},{},99,Destra,T2"
    table = read(
        tmp_path,
        TICINO,
        row.format("1.50", "CHF"),
        row.format("2", "EUR").replace("1,7,07.05.17", "2,7,07/06/2017").replace(",07.05.17", ",07/06/2017"),
    )
    assert kinds(table) == [("repaired", "session.other-currency")]
    assert [from_epoch_s(x).date().isoformat() for x in table.arrival_s] == ["2017-07-05", "2017-07-06"]
    assert np.array_equal(table.fee, [1.5, np.nan], equal_nan=True)


def test_a_day_that_is_no_month_is_not_guessed(tmp_path):
    row = "1,7,25.05.17,10:00,25.05.17,11:00,3600,5000,1,CHF,99,Destra,T2"
    assert kinds(read(tmp_path, TICINO, row)) == [("refused", "session.unreadable-arrival"), ("refused", "session.unreadable-departure")]


def test_an_acn_driver_who_told_nothing_is_not_faulted_for_fillers(tmp_path):
    table = read(tmp_path, ACN, "2019-05-01 08:00:00-07:00,2019-05-01 09:00:00-07:00,x,5,S1,1,y,False")
    assert kinds(table) == [("warning", "session.unclaimed")]


MOMENTS = st.integers(0, 24 * 12).map(lambda k: datetime(2024, 10, 26, 12, tzinfo=UTC) + timedelta(minutes=5 * k))
ROWS = st.tuples(
    st.sampled_from(["a", "b", ""]),
    st.sampled_from(["e1", "e2", ""]),
    MOMENTS,
    MOMENTS,
    st.one_of(st.floats(-1, 60), st.just(float("nan"))),
    st.sampled_from(["", "7", "-1", "x"]),
)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(ROWS, max_size=12))
def test_whatever_the_rows_the_account_is_right(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    lines = [f"{i},{e},{a.isoformat()},{d.isoformat()},{kwh},{kw}" for i, e, a, d, kwh, kw in rows]
    path.write_text("\n".join(["session_id,evse_id,arrival,departure,energy_kwh,power_max_kw", *lines]) + "\n")
    table = read_sessions(path)
    report = read_report(table)
    assert report.n_row == len(rows)
    assert report.n_accepted + report.n_refused == len(rows)
    assert len(table) == report.n_accepted
    good = [r for r in rows if r[3] > r[2] and r[4] >= 0]
    assert len(table) <= len(good)
    assert len(good) - len(table) == sum(f.code == "session.same-row" for f in table.findings)
    assert np.all(table.departure_s > table.arrival_s)
    assert len(set(table.session_id)) == len(table)
    until: dict[str, float] = {}
    for evse, arrival_s, departure_s in zip(table.evse_id, table.arrival_s, table.departure_s, strict=True):
        assert not evse or until.get(evse, -np.inf) <= arrival_s
        until[evse] = departure_s


@pytest.mark.slow
def test_two_hundred_thousand_sessions(tmp_path):
    first = datetime(2024, 1, 1, tzinfo=UTC)
    stamp = [(first + timedelta(minutes=150 * k)).isoformat() for k in range(4003)]
    lines = [f"s{k}-{e},e{e},{stamp[k]},{stamp[k + 1]},{5 + e / 10},7.4" for k in range(4000) for e in range(50)]
    lines[1234] = "bad,e1,soon,later,5,7.4"
    path = tmp_path / "many.csv"
    path.write_text("session_id,evse_id,arrival,departure,energy_kwh,power_max_kw\n" + "\n".join(lines) + "\n")
    begun_s = time.process_time()
    table = read_sessions(path)
    assert time.process_time() - begun_s < 15  # about 2 s on a machine of 2024
    assert (len(table), table.n_row) == (199_999, 200_000)
    assert [f.row for f in table.findings] == [1236, 1236]
