"""A virtual station and the independent package `ocpp` agree on every message, in every version."""

import argparse
import asyncio
import json
from dataclasses import replace

import numpy as np
import pytest

from evloom.pile import command as say
from evloom.pile.profile import ChargingProfile, Period, Schedule
from evloom.simulate.command import Voice
from evloom.simulate.station.bay import one_car
from evloom.simulate.station.clock import StationClock
from evloom.simulate.station.command import run_stations
from evloom.simulate.station.options import stations_parser
from evloom.simulate.station.pool import Pool
from evloom.simulate.station.spec import BaySpec, Manners, StationSpec, Stay, Traffic
from evloom.wire.ocpp.command import Unsupported, outcome_of, request_of
from evloom.wire.ocpp.version import Version
from tests.system.ocpp_central import START_S, Central, until
from tests.unit.wire.ocpp import orders_to_try

pytestmark = pytest.mark.usefixtures("socket_enabled")
VERSIONS = pytest.mark.parametrize("version", list(Version))
SPEED = 600.0
CAR = one_car(60.0, 0.3, 11.04)


def spec(version, **more):
    return StationSpec("CS-1", version, **{"wait_min_s": 0.02, "tick_s": 5.0, "bays": (BaySpec(11.04), BaySpec(11.04)), **more})


def run(scene, *specs, speed=SPEED):
    async def main():
        async with Central() as central:
            pool = Pool(specs, StationClock(speed))
            try:
                await scene(central, pool)
            finally:
                await pool.stop()

    asyncio.run(main())


async def order(central, version, command):
    action, payload = request_of(version, command)
    answer = await central.call("CS-1", action, payload)
    return outcome_of(version, command, json.dumps(answer, default=float).encode())


@VERSIONS
def test_a_session_from_plug_to_unplug(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        assert await station.present(bay, "CARD")
        await pool.clock.sleep(600.0)
        station.settle()
        assert bay.power_kw == pytest.approx(11.04)
        assert await station.present(bay, "CARD")
        station.unplug(bay)
        await station.outbox.drained()
        check_session(central.heard, version, bay)

    run(scene, spec(version))


def check_session(heard, version, bay):
    assert heard.bad == []
    if version is Version.V16:
        (start,), (stop,) = heard.all("StartTransaction"), heard.all("StopTransaction")
        assert (start["connectorId"], start["idTag"], stop["transactionId"], stop["reason"]) == (1, "CARD", 1, "Local")
        taken = stop["meterStop"] - start["meterStart"]
        registers = [_register(value, "sampledValue") for value in heard.all("MeterValues")]
        words = [said["status"] for said in heard.all("StatusNotification") if said["connectorId"] == 1]
        assert words == ["Available", "Preparing", "Charging", "Finishing", "Available"]
    else:
        events = heard.all("TransactionEvent")
        assert [event["seqNo"] for event in events] == list(range(len(events)))
        assert [events[0]["eventType"], events[-1]["eventType"]] == ["Started", "Ended"]
        assert {event["transactionInfo"]["transactionId"] for event in events} == {events[0]["transactionInfo"]["transactionId"]}
        assert events[-1]["transactionInfo"]["stoppedReason"] == "Local"
        registers = [_register(event, "sampledValue") for event in events if "meterValue" in event]
        taken = registers[-1] - registers[0]
        words = [said["connectorStatus"] for said in heard.all("StatusNotification") if said["evseId"] == 1]
        assert words == ["Available", "Occupied", "Available"]
    assert len(registers) >= 9
    assert registers == sorted(registers)
    assert taken == pytest.approx(bay.register_kwh * 1000.0, abs=1.0)
    assert taken / 1000.0 == pytest.approx(11.04 * 600.0 / 3600.0, rel=0.1)


def _register(said, name):
    sampled = said["meterValue"][0][name]
    return float(next(item["value"] for item in sampled if item["measurand"] == "Energy.Active.Import.Register"))


@VERSIONS
def test_profiles_are_followed_and_reported(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        await station.present(bay, "CARD")
        await station.outbox.drained()
        default = ChargingProfile(1, "TxDefaultProfile", 0, "Relative", (Schedule("A", (Period(0.0, 8.0),)),))
        assert (await order(central, version, say.SetProfile(0, default))).accepted
        assert bay.power_kw == pytest.approx(8 * 0.69)
        steps = Schedule("A", (Period(0.0, 12.0, 3), Period(300.0, 0.0, 3)), start_at_s=START_S, length_s=3600.0 * 24)
        own = ChargingProfile(2, "TxProfile", 1, "Absolute", (steps,), transaction=bay.transaction.number)
        outcome = await order(central, version, say.SetProfile(1, own))
        assert outcome.accepted, outcome
        pause = pool.clock.now_s() - START_S
        station.settle()
        assert bay.power_kw == pytest.approx(12 * 0.69 if pause < 300.0 else 0.0)
        composite = (await order(central, version, say.AskComposite(1, 7200, "A"))).detail["composite"]
        assert composite["periods"][0]["ceiling"] == (12.0 if pause < 290.0 else pytest.approx(composite["periods"][0]["ceiling"]))
        await until(lambda: bay.transaction.state == "SuspendedEVSE")
        assert bay.power_kw == 0.0
        wrong = ChargingProfile(3, "TxProfile", 1, "Absolute", (steps,), transaction="4711")
        assert not (await order(central, version, say.SetProfile(1, wrong))).accepted
        assert (await order(central, version, say.ClearProfile(2))).accepted
        assert bay.power_kw == pytest.approx(8 * 0.69)
        assert (await order(central, version, say.ClearProfile(2))).status == "Unknown"
        most = ChargingProfile(4, "ChargingStationMaxProfile", 0, "Absolute", (Schedule("A", (Period(0.0, 6.0),)),))
        assert (await order(central, version, say.SetProfile(0, most))).accepted
        assert bay.power_kw == pytest.approx(6 * 0.69)
        whole = (await order(central, version, say.AskComposite(0, 600))).detail["composite"]
        assert (whole["unit"], whole["periods"][0]["ceiling"]) == ("kW", pytest.approx(6 * 0.69, abs=1e-3))

    run(scene, spec(version), speed=300.0)


@VERSIONS
def test_every_command_is_answered_validly(version):
    """Whatever we can say, the station answers by the schema, and goes on."""

    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        station.plug(station.bays[2], CAR, 0)
        await station.present(station.bays[2], "CARD")
        await station.outbox.drained()
        n_tried = 0
        for command in orders_to_try.ALL:
            if isinstance(command, say.Reset):
                continue
            try:
                await order(central, version, command)
            except Unsupported:
                continue
            n_tried += 1
        assert n_tried > 30
        await pool.clock.sleep(60.0)
        assert central.heard.bad == []
        assert station.refused == {}

    run(scene, spec(version, bays=(BaySpec(11.04, discharge_max_kw=11.04), BaySpec(11.04))))


@VERSIONS
def test_words_of_a_transaction_wait_for_the_link_and_keep_their_order(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        await station.present(bay, "CARD")
        await station.outbox.drained()
        station.cut(400.0)
        await until(lambda: not station.is_accepted)
        await pool.clock.sleep(300.0)
        assert len(station.outbox) >= 4
        assert await station.present(bay, "CARD")
        assert await station.present(bay, "OTHER")  # offline: unknown tokens are taken
        second = bay.transaction
        await pool.wait_accepted()
        await station.outbox.drained()
        assert station.n_boot == 1
        heard = central.heard
        if version is Version.V16:
            assert [said["idTag"] for said in heard.all("StartTransaction")] == ["CARD", "OTHER"]
            assert second.number == "2"
            order_heard = [what for _, what, _ in heard.said if what in ("StartTransaction", "StopTransaction")]
            assert order_heard == ["StartTransaction", "StopTransaction", "StartTransaction"]
        else:
            events = heard.all("TransactionEvent")
            first = [event["seqNo"] for event in events if event["transactionInfo"]["transactionId"] != second.number]
            assert first == list(range(len(first)))
            assert sum(event.get("offline", False) for event in events) >= 4
            assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)

    run(scene, spec(version))


@VERSIONS
def test_a_refused_token_ends_its_transaction(version):
    async def scene(central, pool):
        central.heard.tokens["BAD"] = "Blocked"
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        assert not await station.present(bay, "BAD")
        station.cut(60.0)
        await until(lambda: not station.is_accepted)
        assert await station.present(bay, "WORSE")
        central.heard.tokens["WORSE"] = "Invalid"
        await pool.wait_accepted()
        await station.outbox.drained()
        assert bay.transaction is None
        reasons = [said.get("reason", "") for said in central.heard.all("StopTransaction")]
        reasons += [said["transactionInfo"].get("stoppedReason", "") for said in central.heard.all("TransactionEvent")]
        assert "DeAuthorized" in reasons

    run(scene, spec(version))


@VERSIONS
def test_a_station_that_is_pending_asks_again_and_a_reset_boots_anew(version):
    async def scene(central, pool):
        central.heard.boots += ["Pending", "Rejected"]
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        assert len(central.heard.all("BootNotification")) == 3
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        await station.present(bay, "CARD")
        assert (await order(central, version, say.Reset("Immediate"))).accepted
        await until(lambda: station.n_boot == 2)
        await station.outbox.drained()
        assert bay.transaction is None
        if version is not Version.V16:
            assert central.heard.all("BootNotification")[-1]["reason"] == "RemoteReset"

    run(scene, spec(version), speed=3000.0)


@VERSIONS
def test_remote_start_and_stop(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        assert (await order(central, version, say.StartCharging(say.Token("CARD"), 2, 77))).accepted
        station.plug(station.bays[2], CAR, 0)
        await until(lambda: station.bays[2].transaction is not None)
        await station.outbox.drained()
        number = station.bays[2].transaction.number
        assert not (await order(central, version, say.StopCharging("99"))).accepted
        assert (await order(central, version, say.StopCharging(number))).accepted
        await until(lambda: station.bays[2].transaction is None)
        await station.outbox.drained()
        if version is not Version.V16:
            started = central.heard.all("TransactionEvent")[0]
            assert (started["triggerReason"], started["transactionInfo"]["remoteStartId"]) == ("RemoteStart", 77)

    run(scene, spec(version), speed=60.0)


@VERSIONS
def test_misbehaviour_is_as_asked(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, CAR, 0)
        await station.present(bay, "CARD")
        await station.outbox.drained()
        own = ChargingProfile(2, "TxDefaultProfile", 1, "Relative", (Schedule("A", (Period(0.0, 6.0),)),))
        assert (await order(central, version, say.SetProfile(1, own))).accepted
        assert bay.power_kw == pytest.approx(11.04)
        await pool.clock.sleep(500.0)
        await station.outbox.drained()
        name = "MeterValues" if version is Version.V16 else "TransactionEvent"
        said = [message for message in central.heard.all(name) if "meterValue" in message]
        registers = [_register(message, "sampledValue") for message in said]
        assert min(np.diff(registers)) < 0.0
        assert 0.0 in np.diff(registers)
        assert said[0]["meterValue"][0]["timestamp"].startswith("2025-12-31T12:")

    manners = Manners(ignores_profiles=True, register_back_every=4, clock_off_s=-86_400.0, duplicate_every=3)
    run(scene, spec(version, manners=manners))


def test_dynamic_schedules_grid_rules_and_discharging():
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        bay = station.bays[1]
        station.plug(bay, one_car(60.0, 0.6, 11.04, v2g=True), 0)
        await station.present(bay, "CARD")
        await station.outbox.drained()
        period = Period(0.0, 11.0, floor=-11.0, setpoint=5.0, mode="CentralSetpoint")
        profile = ChargingProfile(5, "TxProfile", 1, "Dynamic", (Schedule("kW", (period,)),), transaction=bay.transaction.number)
        assert (await order(central, Version.V21, say.SetProfile(1, profile))).accepted
        assert bay.power_kw == pytest.approx(5.0, abs=0.01)
        assert (await order(central, Version.V21, say.UpdateDynamic(5, "kW", setpoint=-7.0))).accepted
        assert bay.power_kw == pytest.approx(-7.0)
        await pool.clock.sleep(300.0)
        station.settle()
        assert bay.given_kwh > 0.4
        assert not (await order(central, Version.V21, say.UpdateDynamic(6, "kW", setpoint=-7.0))).accepted
        pulled = replace(profile, profile_id=6, update_every_s=30.0)
        assert (await order(central, Version.V21, say.SetProfile(1, pulled))).accepted
        await until(lambda: bay.power_kw == pytest.approx(-3.0))
        outcome = await order(central, Version.V21, say.SetDer(orders_to_try.RULE))
        assert outcome.accepted
        assert (await order(central, Version.V21, say.AskDer(3, "VoltVar"))).accepted
        await until(lambda: central.heard.all("ReportDERControl"))
        assert (await order(central, Version.V21, say.SwapBattery(9, say.Token("CARD")))).accepted
        await until(lambda: len(central.heard.all("BatterySwap")) == 2)

    run(scene, spec(Version.V21, bays=(BaySpec(11.04, discharge_max_kw=11.04),)))


@VERSIONS
def test_a_driver_comes_charges_and_leaves(version):
    async def scene(central, pool):
        pool.start(central.url)
        stay = Stay(1, 0, START_S + 60.0, START_S + 600.0, "CARD", told_departure_s=START_S + 900.0, told_kwh=7.5)
        gone = Stay(1, 0, START_S - 900.0, START_S - 600.0, "EARLY")
        pool.drive("CS-1", Traffic(CAR, (stay, gone)))
        await pool.wait_accepted()
        bay = pool.stations["CS-1"].bays[1]
        await until(lambda: bay.transaction is not None)
        await until(lambda: not bay.plugged)
        await pool.stations["CS-1"].outbox.drained()
        assert bay.transaction is None
        assert bay.register_kwh == pytest.approx(11.04 * 535.0 / 3600.0, rel=0.15)
        assert pool.tally().n_sent > 8
        if version is not Version.V16:
            (needs,) = central.heard.all("NotifyEVChargingNeeds")
            assert needs["chargingNeeds"]["acChargingParameters"]["energyAmount"] == 7500
            assert needs["chargingNeeds"]["departureTime"] == "2026-01-01T12:15:00Z"

    run(scene, spec(version))


@VERSIONS
def test_a_station_may_refuse_profiles_and_lose_its_link_now_and_then(version):
    async def scene(central, pool):
        pool.start(central.url)
        await pool.wait_accepted()
        station = pool.stations["CS-1"]
        profile = ChargingProfile(2, "TxDefaultProfile", 1, "Relative", (Schedule("A", (Period(0.0, 6.0),)),))
        assert not (await order(central, version, say.SetProfile(1, profile))).accepted
        await until(lambda: station.n_link == 3)
        assert (station.n_boot, central.heard.bad) == (1, [])

    manners = Manners(rejects_profiles=True, offline_every_s=120.0, offline_for_s=60.0)
    run(scene, spec(version, manners=manners))


def test_the_command_runs_the_stations_of_a_scenario():
    async def main():
        async with Central() as central:
            said: list[str] = []
            parser = argparse.ArgumentParser()
            stations_parser(parser.add_subparsers())
            scenario = ["--scenario", "examples/community/scenario.toml", "--start", "2025-06-03T19:30"]
            options = parser.parse_args(["stations", central.url, "--count", "6", "--speed", "300", "--for", "1.5", *scenario])
            assert await asyncio.to_thread(run_stations, options, Voice(said.append, said.append)) == 0
            assert len(central.heard.all("BootNotification")) == 6
            assert len(central.heard.all("Authorize")) >= 3
            assert said[0].startswith("6 virtual stations of OCPP 1.6, 2.0.1, 2.1 connect to ws://127.0.0.1")
            assert "words of transactions sent" in said[-1]
            options.url = "ws://127.0.0.1:1/ocpp"
            options.for_s = 0.2
            assert await asyncio.to_thread(run_stations, options, Voice(said.append, said.append)) == 1

    asyncio.run(main())
