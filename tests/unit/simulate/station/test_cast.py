"""Stations and cars out of a scenario; the options; every call is heard."""

import argparse
from pathlib import Path

import pytest

from evloom.kernel.errors import InputError
from evloom.simulate.command import Voice
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.station.build import TOKEN_MAX, WEEK_S, Wish, cast, token_of
from evloom.simulate.station.command import manners_of, run_stations
from evloom.simulate.station.hearing import HEARD
from evloom.simulate.station.options import stations_parser
from evloom.simulate.station.spec import Manners
from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.version import Version

COMMUNITY = Path(__file__).parents[4] / "examples" / "community" / "scenario.toml"


def options(*arguments):
    parser = argparse.ArgumentParser()
    stations_parser(parser.add_subparsers())
    return parser.parse_args(["stations", "ws://127.0.0.1:9/ocpp", *arguments])


@pytest.fixture(scope="module")
def scenario():
    return load_scenario(COMMUNITY)


def test_a_station_for_each_pile_with_the_cars_of_its_bays(scenario):
    played = cast(scenario, Wish(token_prefix="T-"))
    assert len(played.specs) == 30
    names = [spec.station_id for spec in played.specs]
    assert (names[0], names[19], names[20], names[29]) == ("A01", "A20", "B01", "B10")
    assert [len(spec.bays) for spec in played.specs] == [1] * 20 + [2] * 10
    assert [spec.version for spec in played.specs[:4]] == [Version.V16, Version.V201, Version.V21, Version.V16]
    assert (played.specs[29].one_at_a_time, played.specs[0].one_at_a_time) == (True, False)
    assert (played.specs[0].voltage_v, played.specs[0].rating_kw, played.specs[0].bays[0].n_phase) == (220.0, 7.04, 1)
    stays = [stay for traffic in played.traffic.values() for stay in traffic.stays]
    assert len(stays) == len(scenario.sessions)
    assert all(stay.token.startswith("T-home-driver-") and len(stay.token) <= TOKEN_MAX for stay in stays)
    assert all(stay.arrives_s < stay.leaves_s for stay in stays)


def test_more_stations_than_piles_are_piles_again(scenario):
    played = cast(scenario, Wish(count=65, id_prefix="X-", manners=(Manners(ignores_profiles=True),)))
    names = [spec.station_id for spec in played.specs]
    assert (names[0], names[30], names[60], len(set(names))) == ("X-A01", "X-A01-2", "X-A01-3", 65)
    assert [spec.manners.ignores_profiles for spec in played.specs[:2]] == [True, False]
    assert played.traffic["X-A01"] is played.traffic["X-A01-2"]


def test_the_scenario_is_moved_by_whole_weeks(scenario):
    played = cast(scenario, Wish(count=1))
    now_s = played.start_s + 31 * WEEK_S + 12_345.0
    shift_s = played.week_shift_s(now_s)
    assert shift_s == 31 * WEEK_S
    (first, *_), (moved, *_) = played.traffic["A01"].stays, played.shifted("A01", shift_s).stays
    assert (moved.arrives_s - first.arrives_s, moved.leaves_s - first.leaves_s) == (shift_s, shift_s)
    assert played.shifted("A01", shift_s).shift_s == shift_s


def test_a_token_has_room_in_every_version():
    assert token_of("EV-", "driver-1") == "EV-driver-1"
    assert token_of("EV-", "a-very-long-name-of-a-driver-0042") == "name-of-a-driver-0042"[-TOKEN_MAX:]


def test_misbehaviour_is_dealt_from_the_first_station_on():
    dealt = manners_of(options("--ignore-profiles", "2", "--go-offline", "1", "--wrong-clock", "1"))
    assert [each.ignores_profiles for each in dealt] == [True, True, False, False]
    assert dealt[2].offline_every_s == 3600.0
    assert dealt[3].clock_off_s < -3e7


@pytest.mark.parametrize("bad", [["--count", "-1"], ["--speed", "0"], ["--versions", "1.5"], ["--versions", ","], ["--meter", "nan"]])
def test_wrong_options_are_refused(bad, capsys):
    with pytest.raises(SystemExit):
        options(*bad)
    assert "error" in capsys.readouterr().err


def test_wrong_addresses_and_instants_are_findings():
    silent = Voice(lambda _: None, lambda _: None)
    asked = options()
    asked.url = "http://127.0.0.1"
    with pytest.raises(InputError, match=r"stations\.url"):
        run_stations(asked, silent)
    with pytest.raises(InputError, match=r"stations\.start"):
        run_stations(options("--scenario", str(COMMUNITY), "--start", "soon"), silent)


@pytest.mark.parametrize("version", list(Version))
def test_every_call_of_a_central_system_is_heard(version):
    assert set(HEARD[version]) == {action for action, entry in catalog(version).items() if entry.direction in ("csms", "both")}
