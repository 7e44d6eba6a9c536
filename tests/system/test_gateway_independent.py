"""Stations made of the independent package `ocpp` against `evloom serve`: it validates every message of ours by its own schemas."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as Station16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as answer16
from ocpp.v21 import ChargePoint as Station21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as answer21
from ocpp.v201 import ChargePoint as Station201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as answer201
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tools.bench.serve_api import Api
from tools.bench.serve_server import Server

pytestmark = pytest.mark.usefixtures("socket_enabled")
logging.getLogger("ocpp").setLevel(logging.ERROR)
BEGIN = datetime.now(UTC) - timedelta(hours=1)


def _at(minutes: float) -> str:
    return (BEGIN + timedelta(minutes=minutes)).isoformat()


class Pile16(Station16):  # type: ignore[misc]
    @on("Reset")
    def on_reset(self, **said: Any) -> Any:
        return answer16.Reset(status="Accepted")

    @on("GetConfiguration")
    def on_configuration(self, **said: Any) -> Any:
        return answer16.GetConfiguration(
            configuration_key=[{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], unknown_key=[]
        )

    @on("SetChargingProfile")
    def on_profile(self, **said: Any) -> Any:
        return answer16.SetChargingProfile(status="Accepted")

    @on("ChangeConfiguration")
    def on_change(self, **said: Any) -> Any:
        return answer16.ChangeConfiguration(status="Accepted")

    @on("TriggerMessage")
    def on_trigger(self, **said: Any) -> Any:
        return answer16.TriggerMessage(status="Accepted")


def _pile2(base: Any, answers: Any) -> Any:
    class Pile2(base):  # type: ignore[misc]
        @on("Reset")
        def on_reset(self, **said: Any) -> Any:
            return answers.Reset(status="Accepted")

        @on("GetVariables")
        def on_variables(self, get_variable_data: list[dict[str, Any]], **said: Any) -> Any:
            found = [{"attribute_status": "Accepted", "attribute_value": "300", **asked} for asked in get_variable_data]
            return answers.GetVariables(get_variable_result=found)

        @on("SetVariables")
        def on_set(self, set_variable_data: list[dict[str, Any]], **said: Any) -> Any:
            named = [{"component": asked["component"], "variable": asked["variable"]} for asked in set_variable_data]
            return answers.SetVariables(set_variable_result=[{"attribute_status": "Accepted", **name} for name in named])

        @on("SetChargingProfile")
        def on_profile(self, **said: Any) -> Any:
            return answers.SetChargingProfile(status="Accepted")

        @on("GetBaseReport")
        def on_report(self, **said: Any) -> Any:
            return answers.GetBaseReport(status="Accepted")

    return Pile2


async def _charge16(pile: Any) -> None:
    booted = await pile.call(call16.BootNotification(charge_point_model="M", charge_point_vendor="V"))
    assert booted.status == "Accepted"
    await pile.call(call16.Heartbeat())
    await pile.call(call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
    assert (await pile.call(call16.Authorize(id_tag="CARD"))).id_tag_info["status"] == "Accepted"
    begun = await pile.call(call16.StartTransaction(connector_id=1, id_tag="CARD", meter_start=1000, timestamp=_at(0)))
    sampled = [
        {"value": "2000", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "11000", "measurand": "Power.Active.Import"},
    ]
    value = [{"timestamp": _at(5), "sampled_value": sampled}]
    await pile.call(call16.MeterValues(connector_id=1, meter_value=value, transaction_id=begun.transaction_id))
    await pile.call(call16.StopTransaction(meter_stop=3500, timestamp=_at(15), transaction_id=begun.transaction_id, reason="Local"))


async def _charge2(pile: Any, calls: Any) -> None:
    station = {"model": "M", "vendor_name": "V"}
    booted = await pile.call(calls.BootNotification(charging_station=station, reason="PowerUp"))
    assert booted.status == "Accepted"
    await pile.call(calls.Heartbeat())
    status = calls.StatusNotification(timestamp=_at(0), connector_status="Occupied", evse_id=1, connector_id=1)
    await pile.call(status)
    token = {"id_token": "CARD", "type": "ISO14443"}
    assert (await pile.call(calls.Authorize(id_token=token))).id_token_info["status"] == "Accepted"
    words = (
        ("Started", "Authorized", 1000.0, "EVConnected"),
        ("Updated", "MeterValuePeriodic", 2000.0, "Charging"),
        ("Ended", "EVDeparted", 3500.0, "Idle"),
    )
    for seq, (kind, trigger, wh, state) in enumerate(words):
        sampled = [{"value": wh, "measurand": "Energy.Active.Import.Register", "unit_of_measure": {"unit": "Wh"}}]
        word = calls.TransactionEvent(
            event_type=kind,
            timestamp=_at(5.0 * seq),
            trigger_reason=trigger,
            seq_no=seq,
            transaction_info={"transaction_id": f"TX-{pile.id}", "charging_state": state},
            evse={"id": 1, "connector_id": 1},
            id_token=token,
            meter_value=[{"timestamp": _at(5.0 * seq), "sampled_value": sampled}],
        )
        await pile.call(word)


async def _ordered(api: Api, station_id: str) -> list[str]:
    """What came of some commands, by way of the API."""
    read = {"command": "ReadVariables", "variables": [{"component": "OCPPCommCtrlr", "name": "HeartbeatInterval"}]}
    said = [await api.order(station_id, command, valid_s=30.0, wait_s=10.0) for command in ({"command": "Reset"}, read)]
    return [command["state"] for command in said]


STATIONS = (
    ("ocpp1.6", Pile16, _charge16),
    ("ocpp2.0.1", _pile2(Station201, answer201), lambda pile: _charge2(pile, call201)),
    ("ocpp2.1", _pile2(Station21, answer21), lambda pile: _charge2(pile, call21)),
)


async def _story(server: Server, api: Api, version: str, kind: Any, charge: Any) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}/ocpp/{version}", subprotocols=[Subprotocol(version)], proxy=None) as socket:
        assert socket.subprotocol == version
        pile = kind(version, socket)
        listening = asyncio.create_task(pile.start())
        await charge(pile)
        assert await _ordered(api, version) == ["answered", "answered"]
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
            await listening


def test_stations_of_others_charge_and_obey(tmp_path):
    async def story(server: Server) -> None:
        async with Api(server) as api:
            await asyncio.gather(*(_story(server, api, *station) for station in STATIONS))
            while await asyncio.to_thread(server.metric, "evloom_projection_lag_events"):  # noqa: ASYNC110  asked from outside
                await asyncio.sleep(0.05)
            sessions = await api.get("/sessions")
        found = {(one["station_id"], round(one["energy_kwh"], 3), one["ended_at"] is not None) for one in sessions["items"]}
        assert found == {(version, 2.5, True) for version, _, _ in STATIONS}

    with Server(tmp_path / "data", LOG__LEVEL="warning", AUTHORISATION__UNKNOWN_TOKENS="accept") as server:
        asyncio.run(story(server))
