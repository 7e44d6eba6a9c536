"""Golden and recorded frames, and every message there and back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.codec import encode
from evloom.wire.gbt32960.frame import Frame, bcc
from evloom.wire.gbt32960.number import reading
from evloom.wire.gbt32960.parameters import NORMAL_MAX_S, period_of
from evloom.wire.gbt32960.stream import BadFrame, Stream
from evloom.wire.gbt32960.translate import answer, period_bytes
from evloom.wire.gbt32960.words import Cipher, Command, Edition, Result
from tests.unit.wire.gbt32960 import samples


def one(raw: bytes) -> Frame:
    (frame,) = Stream().feed(raw)
    assert isinstance(frame, Frame)
    return frame


@pytest.mark.parametrize("name", samples.golden())
def test_a_golden_frame_is_read_and_written_again(name):
    raw, expect = samples.golden()[name]
    frame = one(raw)
    message = samples.read(frame)
    assert encode(message, frame.edition) == frame.data
    assert frame.encoded() == raw
    for field in ("serial", "user", "password", "cipher", "state"):
        if field in expect:
            assert getattr(message, field) == expect[field]
    for field in ("codes", "packs"):
        if field in expect:
            assert str(getattr(message, field)) == str(getattr(message, field).__class__(map(_tuples, expect[field])))


@pytest.mark.parametrize("edition", list(Edition))
def test_a_platform_sets_the_period_of_reports(edition):
    raw, expect = samples.golden()[f"set-period-{edition.name[1:]}"]
    settings = samples.read(one(raw))
    assert period_of(settings) == expect["period_s"]
    assert period_bytes(edition, samples.VIN, expect["period_s"], settings.at_s) == raw
    longest = NORMAL_MAX_S[edition]
    assert period_of(samples.read(one(period_bytes(edition, samples.VIN, longest, settings.at_s)))) == longest
    for wrong in (0, longest + 1):
        with pytest.raises(ValueError, match=f"1 to {longest} s"):
            period_bytes(edition, samples.VIN, wrong, settings.at_s)
    assert period_of(m.Settings(settings.at_s, ((9, b"\x1e"),))) is None


def test_settings_that_announce_more_than_there_is_are_refused():
    for data in (b"\x02\x02\x00\x0a", b"\x01\x05abc", b"\x01\x02\x00"):
        raw = Frame(Edition.V2016, Command.SET, Result.COMMAND, samples.VIN, Cipher.PLAIN, b"\x19\x06\x0f\x08\x1e\x00" + data).encoded()
        with pytest.raises(BadData):
            samples.read(one(raw))


def _tuples(value):
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name, (_, expect) in samples.golden().items() if "units" in expect])
def test_a_golden_report_means_what_its_table_says(name):
    raw, expect = samples.golden()[name]
    message = samples.read(one(raw))
    assert [type(unit).__name__ for unit in message.units] == expect["units"]
    said = samples.meant(one(raw))
    cells = [battery for battery in said.batteries if battery.cells is not None]
    assert [battery.current_a for battery in cells] == expect["currents_a"]
    assert [int.from_bytes(battery.cells[:2], "big") / 1000 for battery in cells] == expect["first_cells_v"]
    if said.car is not None:
        assert (said.car.current_a, said.car.pack_v, said.car.soc) == (expect["car_current_a"], expect["car_pack_v"], expect["soc"])
        assert (said.car.charging, said.bms_level) == (expect["charging"], expect["level"])
    if "insulation_ohm" in expect:
        assert said.car.insulation_ohm == expect["insulation_ohm"]
    elif said.car is not None:
        assert math.isnan(said.car.insulation_ohm)
    if "n_cell" in expect:
        assert (cells[0].first, cells[0].n_cell, said.late) == (expect["first"], expect["n_cell"], True)


REFUSED = {1: "half"}
"""Recorded frames that are none, and why."""


def test_every_recorded_frame_is_read_or_refused_for_its_reason(data_dir):
    frames = samples.recorded(data_dir("gbt32960_frames"))
    assert len(frames) == 33
    for number, raw in frames.items():
        stream = Stream()
        found = stream.feed(raw)
        if number in REFUSED:
            assert found == []
            assert [bad.reason for bad in stream.give_up() if isinstance(bad, BadFrame)] == [REFUSED[number]]
            continue
        frame = one(raw)
        assert len(found) == 1
        message = samples.read(frame)
        assert encode(message, frame.edition) == frame.data, number
        assert not isinstance(message, m.Other), number
        samples.meant(frame)


def test_recorded_frames_agree_with_physics(data_dir):
    """Cells add up to the pack's voltage, both units tell the same current, and a car that charges counts it positive."""
    frames = samples.recorded(data_dir("gbt32960_frames"))
    for number, tolerance_v in {0: 0.2, 6: 2.0, 40: 0.5, 41: 1.5}.items():
        said = samples.meant(one(frames[number]))
        pack = said.batteries[0]
        assert abs(np.frombuffer(pack.cells, ">u2").sum() / 1000 - pack.pack_v) < tolerance_v
        assert abs(said.car.pack_v - pack.pack_v) < 0.2
        assert said.car.current_a == pack.current_a
    parked = samples.meant(one(frames[0]))
    assert (parked.car.charging, parked.car.current_a) == (1, 8.5)
    braking = samples.meant(one(frames[2]))
    assert braking.car.current_a == 248.3
    motor = samples.read(one(frames[2])).units[1].motors[0]
    assert reading(motor, "torque_raw") < 0
    assert motor.state == 2


def test_a_unit_that_nobody_defined_costs_nothing_before_it(data_dir):
    frames = samples.recorded(data_dir("gbt32960_frames"))
    units = samples.read(one(frames[40])).units
    assert [type(unit).__name__ for unit in units[-2:]] == ["Probes", "Unread"]
    assert samples.read(one(frames[40])).signature.kind == 2


def report(units, edition, signature):
    return m.Report(1750000000, tuple(units), signature if edition == Edition.V2025 else None)


@pytest.mark.parametrize(
    ("edition", "name"),
    [(Edition.V2016, name) for name in samples.UNITS_2016] + [(Edition.V2025, name) for name in samples.UNITS_2025],
)
def test_every_unit_there_and_back(edition, name):
    units = (samples.UNITS_2016 if edition == Edition.V2016 else samples.UNITS_2025)[name]

    @given(st.lists(units, min_size=1, max_size=2), samples.SIGNATURES)
    @settings(max_examples=40, deadline=None)
    def there_and_back(found, signature):
        message = report(found, edition, signature)
        frame = samples.framed(message, Command.REPORT, edition)
        assert samples.read(one(frame.encoded())) == message
        samples.meant(frame)

    there_and_back()


@pytest.mark.parametrize(("edition", "command"), samples.OTHERS)
def test_every_other_message_there_and_back(edition, command):
    @given(samples.OTHERS[edition, command])
    @settings(max_examples=40, deadline=None)
    def there_and_back(message):
        frame = samples.framed(message, command, edition)
        assert samples.read(one(frame.encoded())) == message
        samples.meant(frame)

    there_and_back()


@pytest.mark.parametrize("cipher", [0, 2, 3, 4, 5, 0xFE, 0xFF])
def test_encrypted_data_are_refused(cipher):
    frame = samples.framed(m.Logout(1750000000, 1), Command.LOGOUT)
    secret = Frame(frame.edition, frame.command, frame.answer, frame.vin, cipher, frame.data)
    with pytest.raises(BadData) as refused:
        samples.read(one(secret.encoded()))
    assert refused.value.reason == "encrypted"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("190d0f081e00 0001", "time"),
        ("19060f081e00", "short"),
        ("19060f081e00 0001 00", "left-over"),
    ],
)
def test_a_logout_that_cannot_be_read(data, reason):
    frame = Frame(Edition.V2016, Command.LOGOUT, Result.COMMAND, samples.VIN, Cipher.PLAIN, bytes.fromhex(data))
    with pytest.raises(BadData) as refused:
        samples.read(frame)
    assert refused.value.reason == reason


def test_a_report_of_2025_without_its_signature_is_refused():
    frame = samples.framed(m.Report(1750000000, (u.Engine2025(2000),)), Command.REPORT, Edition.V2025)
    with pytest.raises(BadData) as refused:
        samples.read(frame)
    assert refused.value.reason == "signature"


def test_no_reading_is_nan():
    car = u.Vehicle2016(*[0xFF, 0xFF, 0xFF, 0xFFFE, 0xFFFFFFFF, 0xFFFF, 0xFFFE, 0xFE, 0xFF, 0xFF, 0xFFFF, 0xFE, 0xFF])
    for field in ("speed_raw", "odometer_raw", "voltage_raw", "current_raw", "soc_raw", "insulation_raw", "accelerator_raw"):
        assert math.isnan(reading(car, field))


def test_an_answer_has_the_time_and_nothing_else():
    frame = one(samples.golden()["report-2016"][0])
    said = one(answer(frame, Result.DECRYPTION, 0.0))
    assert (said.command, said.answer, said.vin, said.data) == (Command.REPORT, Result.ERROR, samples.VIN, frame.data[:6])
    clock = one(answer(samples.framed(m.TimeSync(), Command.TIME_SYNC), Result.SUCCESS, 1750000000.9))
    assert samples.read(clock) == m.Answer(1750000000)


@given(st.binary(max_size=500))
def test_the_check_code_is_the_exclusive_or_of_all_bytes(data):
    code = 0
    for byte in data:
        code ^= byte
    assert bcc(data) == code
