"""Reports put together to rows of a battery."""

import numpy as np
import pytest

from evloom.vehicle import telemetry as t
from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.assembly import Assembly
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.words import Command, Edition
from tests.unit.wire.gbt32960 import samples

AT_S = 1750000000
CAR = u.Vehicle2016(1, 1, 1, 0, 100, 3800, 9300, 80, 1, 15, 5000, 0, 0)


def cells(*volts: float) -> bytes:
    return b"".join(round(volt * 1000).to_bytes(2, "big") for volt in volts)


def pack(first: int, n_cell: int, data: bytes, number: int = 1, current_raw: int = 9300) -> u.CellPack2016:
    return u.CellPack2016(number, 3800, current_raw, n_cell, first, data)


def said(*units: u.Unit, at_s: int = AT_S, command: int = Command.REPORT):
    return samples.meant(samples.framed(m.Report(at_s, units), command))


def rows(*reports, packs=()):
    assembly = Assembly(samples.VIN)
    assembly.log_in(packs)
    for number, report in enumerate(reports):
        assembly.add(report, AT_S + number)
    return assembly.take(everything=True)


def test_a_golden_report_becomes_a_row_of_each_battery():
    (raw, _) = samples.golden()["report-2016"]
    one, two = rows(samples.meant(Stream().feed(raw)[0]), packs=("PK-A", "PK-B"))
    assert (one.pack.pack_id, one.pack.vehicle_id, one.pack.n_cell, one.pack.n_probe) == ("PK-A", samples.VIN, 3, 2)
    assert one.at_s[0] == 1749947400.0  # 2025-06-15T00:30:00Z
    assert (one.current_a[0], one.pack_v[0], one.soc[0], one.charging[0], one.bms_level[0]) == (70.0, 380.0, 0.8, 1, 2)
    np.testing.assert_array_equal(one.cell_v[0], np.array([4.048, 4.050, 65.534], dtype=np.float32))
    assert one.cell_flags[0].tolist() == [0, 0, t.CELL_SENTINEL]
    assert two.probe_c[0].tolist() == [23.0, 215.0]
    assert two.probe_flags[0].tolist() == [0, t.PROBE_SENTINEL]
    assert two.current_a[0] == 0.0
    assert one.flags[0] == 0


def test_sub_packets_of_one_instant_are_one_row():
    volts = np.round(3.3 + np.arange(402) / 1000, 3)
    parts = [said(CAR, u.Cells2016((pack(1, 402, cells(*volts[:200])),)))]
    parts += [said(u.Cells2016((pack(first, 402, cells(*volts[first - 1 : first + 199])),))) for first in (201, 401)]
    (frames,) = rows(*parts)
    assert frames.n == 1
    np.testing.assert_array_equal(frames.cell_v[0], volts.astype(np.float32))
    assert frames.known_at_s[0] == AT_S


def test_a_missing_sub_packet_leaves_its_cells_absent():
    whole = u.Cells2016((pack(1, 4, cells(3.3, 3.3, 3.3, 3.3)),))
    half = u.Cells2016((pack(3, 4, cells(3.4, 3.5)),))
    (frames,) = rows(said(CAR, whole), said(CAR, half, at_s=AT_S + 10), said(CAR, whole, at_s=AT_S + 20))
    assert frames.n == 3
    assert np.isnan(frames.cell_v[1, :2]).all()
    assert frames.cell_flags[1].tolist() == [t.CELL_ABSENT, t.CELL_ABSENT, 0, 0]


def test_supplementary_rows_are_late_and_do_not_mix_with_real_time():
    whole = u.Cells2016((pack(1, 2, cells(3.3, 3.4)),))
    old = said(CAR, whole, at_s=AT_S - 600, command=Command.SUPPLEMENT)
    (frames,) = rows(said(CAR, whole), old, said(CAR, whole, at_s=AT_S + 10))
    assert frames.at_s.tolist() == [AT_S, AT_S - 600, AT_S + 10]
    assert [bool(flag & t.LATE) for flag in frames.flags] == [False, True, False]


def test_the_number_of_cells_may_change():
    two, three = u.Cells2016((pack(1, 2, cells(3.3, 3.4)),)), u.Cells2016((pack(1, 3, cells(3.3, 3.4, 3.5)),))
    before, after = rows(said(CAR, two), said(CAR, three, at_s=AT_S + 1))
    assert (before.pack.n_cell, after.pack.n_cell) == (2, 3)


def test_a_car_with_another_battery_takes_its_name():
    whole = u.Cells2016((pack(1, 2, cells(3.3, 3.4)),))
    assembly = Assembly(samples.VIN)
    assembly.log_in(("OLD",))
    assembly.add(said(CAR, whole), AT_S)
    assembly.log_in(("NEW",))
    assembly.add(said(CAR, whole, at_s=AT_S + 10), AT_S)
    assert [frames.pack.pack_id for frames in assembly.take()] == ["OLD", "NEW"]


@pytest.mark.parametrize("n_cell", [0, 1, 400])
def test_any_number_of_cells(n_cell):
    car = u.Vehicle2025(1, 1, 1, 0, 100, 3800, 29300, 80, 1, 15, 5000)
    told = m.Report(AT_S, (car, u.Cells2025((u.CellPack2025(1, 3800, 29300, cells(*[3.3] * n_cell)),))), m.Signature(1, b"r", b"s"))
    (frames,) = rows(samples.meant(samples.framed(told, Command.REPORT, Edition.V2025)))
    assert (frames.n, frames.pack.n_cell, frames.current_a[0]) == (1, n_cell, 70.0)
    np.testing.assert_array_equal(frames.cell_v, np.full((1, n_cell), 3.3, dtype=np.float32))


def test_a_battery_in_another_vehicle_keeps_its_name():
    whole = u.Cells2016((pack(1, 2, cells(3.3, 3.4)),))
    first, second = Assembly(samples.VIN), Assembly("OTHER")
    for assembly in (first, second):
        assembly.log_in(("PK-A",))
        assembly.add(said(CAR, whole), AT_S)
    (before,), (after,) = first.take(), second.take()
    assert (before.pack.pack_id, after.pack.pack_id) == ("PK-A", "PK-A")
    assert (before.pack.vehicle_id, after.pack.vehicle_id) == (samples.VIN, "OTHER")


def test_what_is_abnormal_is_absent_and_said():
    car = u.Vehicle2016(1, 0xFF, 1, 0xFFFF, 0xFFFFFFFF, 0xFFFF, 0xFFFE, 0xFF, 1, 15, 0xFFFF, 0xFF, 0xFF)
    (frames,) = rows(said(car))
    assert frames.flags[0] == t.STATUS_NULL | t.CURRENT_ABSENT | t.PACK_VOLTAGE_ABSENT | t.SOC_ABSENT
    assert np.isnan([frames.current_a[0], frames.pack_v[0], frames.soc[0], frames.insulation_ohm[0]]).all()
    assert (frames.pack.n_cell, frames.pack.pack_id) == (0, samples.VIN)


def test_cells_and_vehicle_in_separate_frames_meet():
    whole, probes = u.Cells2016((pack(1, 2, cells(3.3, 3.4)),)), u.Probes((u.ProbePack(1, b"\x41"),))
    (frames,) = rows(*[part for k in range(3) for part in (said(whole, probes, at_s=AT_S + k), said(CAR, at_s=AT_S + k))])
    assert frames.n == 3
    assert frames.soc.tolist() == [0.8] * 3
    assert not np.isnan(frames.cell_v).any()


def test_a_count_of_cells_that_lies_is_not_believed():
    huge = u.Cells2016((pack(65000, 65000, cells(3.3)),))
    (frames,) = rows(said(CAR, huge))
    assert frames.pack.n_cell == 0


def test_position_alone_is_no_row():
    assert rows(said(u.Position2016(0, 1, 1))) == []
