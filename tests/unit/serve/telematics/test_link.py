"""A connection of GB/T 32960 without a socket."""

import pytest

from evloom.serve.telematics.link import BAD_MAX, GARBAGE_MAX_BYTES, Link, reply_bytes
from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.vehicles import Vehicles
from evloom.wire.gbt32960 import messages as m
from evloom.wire.gbt32960 import units as u
from evloom.wire.gbt32960.frame import Frame
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.words import Command, Edition, Result
from tests.unit.wire.gbt32960 import samples

NOW_S = 1750000000
RULES = Telematics(platforms=("east:pass word",))
CAR = u.Vehicle2016(1, 1, 1, 0, 100, 3800, 9300, 80, 1, 15, 5000, 0, 0)


def login(vin=samples.VIN, serial=1, at_s=NOW_S, packs=("PK-A",)) -> bytes:
    return samples.framed(m.Login2016(at_s, serial, "8986", packs, 4), Command.LOGIN, vin=vin).encoded()


def report(at_s=NOW_S, vin=samples.VIN, command=Command.REPORT) -> bytes:
    cells = u.Cells2016((u.CellPack2016(1, 3800, 9300, 2, 1, b"\x0c\xe4\x0c\xe5"),))
    return samples.framed(m.Report(at_s, (CAR, cells)), command, vin=vin).encoded()


def platform(password="pass word") -> bytes:
    return samples.framed(m.PlatformLogin(NOW_S, 1, "east", password, 1), Command.PLATFORM_LOGIN, vin="EAST").encoded()


def answers(turn, kept=True):
    said = b"".join(reply_bytes(reply, kept, NOW_S) for reply in turn.replies)
    return [(frame.command, Result(frame.answer)) for frame in Stream().feed(said) if isinstance(frame, Frame)]


def test_a_vehicle_logs_in_reports_and_logs_out():
    vehicles = Vehicles()
    link = Link(vehicles, RULES)
    turn = link.receive(login() + report(), NOW_S)
    assert answers(turn) == [(Command.LOGIN, Result.SUCCESS)]  # a right report is not answered
    assert turn.raw == {samples.VIN: [login(), report()]}
    (frames,) = link.rows(samples.VIN)
    assert (frames.n, frames.pack.pack_id, frames.current_a[0]) == (1, "PK-A", 70.0)
    vehicle = vehicles.of(samples.VIN)
    assert (vehicle.online, vehicle.n_report, vehicle.iccid) == (True, 1, "8986")
    out = samples.framed(m.Logout(NOW_S, 1), Command.LOGOUT).encoded()
    assert answers(link.receive(out, NOW_S)) == [(Command.LOGOUT, Result.SUCCESS)]
    assert not vehicle.online
    assert answers(link.receive(report(NOW_S + 1), NOW_S)) == [(Command.REPORT, Result.ERROR)]


def test_what_could_not_be_kept_is_answered_as_an_error_and_may_come_again():
    link = Link(Vehicles(), RULES)
    link.receive(login(), NOW_S)
    turn = link.receive(report(), NOW_S)
    assert answers(turn, kept=False) == [(Command.REPORT, Result.ERROR)]
    link.not_kept(samples.VIN, turn.raw[samples.VIN])
    assert link.receive(report(), NOW_S).raw == {samples.VIN: [report()]}


def test_a_report_that_comes_again_is_kept_once():
    vehicles = Vehicles()
    link = Link(vehicles, RULES)
    link.receive(login(), NOW_S)
    turn = link.receive(report() + report() + report(command=Command.SUPPLEMENT), NOW_S)
    assert turn.raw == {samples.VIN: [report(), report(command=Command.SUPPLEMENT)]}
    assert [note.what for note in turn.notes] == ["report.replayed"]
    assert vehicles.of(samples.VIN).n_replay == 1


def test_a_login_of_long_ago_that_comes_again_is_refused():
    vehicles = Vehicles()
    assert answers(Link(vehicles, RULES).receive(login(), NOW_S)) == [(Command.LOGIN, Result.SUCCESS)]
    soon = Link(vehicles, RULES)
    assert answers(soon.receive(login(), NOW_S + 60)) == [(Command.LOGIN, Result.SUCCESS)]
    late = Link(vehicles, RULES)
    assert answers(late.receive(login(), NOW_S + 7200)) == [(Command.LOGIN, Result.ERROR)]
    assert vehicles.of(samples.VIN).speaker is soon


def test_a_vehicle_that_connects_anew_ends_its_old_connection():
    vehicles = Vehicles()
    old, new = Link(vehicles, RULES), Link(vehicles, RULES)
    old.receive(login(), NOW_S)
    new.receive(login(serial=2), NOW_S)
    assert old.leaving
    assert old.ended() == []
    assert vehicles.of(samples.VIN).speaker is new


def test_a_platform_speaks_for_many_and_is_always_answered():
    link = Link(Vehicles(), RULES)
    assert answers(link.receive(platform(), NOW_S)) == [(Command.PLATFORM_LOGIN, Result.SUCCESS)]
    turn = link.receive(report(vin="A") + report(vin="B"), NOW_S)
    assert sorted(turn.raw) == ["A", "B"]
    assert answers(turn) == [(Command.REPORT, Result.SUCCESS)] * 2


def test_a_platform_with_a_wrong_password_is_sent_away():
    turn = Link(Vehicles(), RULES).receive(platform("guess"), NOW_S)
    assert answers(turn) == [(Command.PLATFORM_LOGIN, Result.ERROR)]
    assert turn.close
    assert "guess" not in str(turn.notes)


def test_only_registered_vehicles_where_there_is_a_list():
    link = Link(Vehicles(), Telematics(vehicles=("OTHER",)))
    assert answers(link.receive(login(), NOW_S)) == [(Command.LOGIN, Result.ERROR)]
    new = samples.framed(m.Login2025(NOW_S, 1, "8986", ()), Command.LOGIN, Edition.V2025).encoded()
    assert answers(link.receive(new, NOW_S)) == [(Command.LOGIN, Result.VIN_UNKNOWN)]


@pytest.mark.parametrize(("edition", "result"), [(Edition.V2016, Result.ERROR), (Edition.V2025, Result.DECRYPTION)])
def test_encrypted_data_are_refused_and_logged(edition, result):
    link = Link(Vehicles(), RULES)
    link.receive(login(), NOW_S)
    secret = Frame(edition, Command.REPORT, Result.COMMAND, samples.VIN, 3, b"\x19\x06\x0f\x08\x1e\x00secret").encoded()
    turn = link.receive(secret, NOW_S)
    assert answers(turn) == [(Command.REPORT, result)]
    assert "encrypted" in turn.notes[0].why


def test_a_wrong_check_code_of_a_report_is_answered_and_of_a_login_is_not():
    link = Link(Vehicles(), RULES)
    assert answers(link.receive(login()[:-1] + b"\0", NOW_S)) == []
    link.receive(login(), NOW_S)
    wrong = report()[:-1] + bytes((report()[-1] ^ 1,))
    assert answers(link.receive(wrong, NOW_S)) == [(Command.REPORT, Result.ERROR)]


def test_nothing_but_rubbish_ends_the_connection():
    link = Link(Vehicles(), RULES)
    assert not link.receive(b"\0" * 1000, NOW_S).close
    assert link.receive(b"\0" * GARBAGE_MAX_BYTES, NOW_S).close
    bad = login()[:-1] + b"\0"
    assert Link(Vehicles(), RULES).receive(bad * (BAD_MAX + 1), NOW_S).close


def test_the_clock_is_told_to_who_asks():
    link = Link(Vehicles(), RULES)
    turn = link.receive(samples.framed(m.TimeSync(), Command.TIME_SYNC).encoded(), NOW_S)
    (frame,) = Stream().feed(reply_bytes(turn.replies[0], True, NOW_S + 5.5))
    assert samples.read(frame) == m.Answer(NOW_S + 5)
    beat = samples.framed(m.Heartbeat(), Command.HEARTBEAT).encoded()
    assert answers(link.receive(beat, NOW_S)) == [(Command.HEARTBEAT, Result.ERROR)]
    assert answers(link.receive(login() + beat, NOW_S)) == [(Command.LOGIN, Result.SUCCESS), (Command.HEARTBEAT, Result.SUCCESS)]


def test_answers_are_not_answered_and_what_is_not_done_is_said():
    link = Link(Vehicles(), RULES)
    (frame,) = Stream().feed(login())
    assert isinstance(frame, Frame)
    said = Frame(frame.edition, frame.command, Result.SUCCESS, frame.vin, 1, frame.data[:6]).encoded()
    assert link.receive(said, NOW_S).replies == []
    (raw, _) = samples.golden()["key-exchange-2025"]
    turn = link.receive(raw, NOW_S)
    assert answers(turn) == [(Command.KEY_EXCHANGE, Result.ERROR)]
    assert "key_exchange" in turn.notes[0].why


def test_the_longest_silent_vehicle_makes_room():
    vehicles = Vehicles(n_max=2)
    link = Link(vehicles, RULES)
    link.receive(login("ONLINE"), NOW_S)
    vehicles.of("GONE")
    vehicles.of("NEW")
    assert [vehicle.vin for vehicle in vehicles] == ["ONLINE", "NEW"]


def test_rows_that_were_not_whole_are_kept_when_the_connection_ends():
    link = Link(Vehicles(), RULES)
    link.receive(login(), NOW_S)
    half = u.Cells2016((u.CellPack2016(1, 3800, 9300, 4, 1, b"\x0c\xe4\x0c\xe5"),))
    link.receive(samples.framed(m.Report(NOW_S, (CAR, half)), Command.REPORT).encoded(), NOW_S)
    assert link.rows(samples.VIN)[0].n == 0
    (frames,) = link.ended()
    assert (frames.n, frames.pack.n_cell) == (1, 4)
