"""Orders that survive: what is kept is sent once, or ends with words that say why not."""

import asyncio
import json
from typing import cast

import pytest

from evloom.pile.command import Raw, Reset, Setting, StartCharging, StopCharging, Token, Trigger, UpdateDynamic, Variable, WriteVariables
from evloom.pile.station import StationBooted
from evloom.serve import sampling
from evloom.serve.bus import Happening
from evloom.serve.commands.book import LOST
from evloom.serve.gateway.credential import hashed
from evloom.serve.system_clock import now_s
from evloom.store import cluster, registry
from evloom.store import commands as rows
from evloom.store.commands import CommandRow
from evloom.store.database import opened
from evloom.store.errors import Conflict
from evloom.wire.ocpp.version import Version
from tests.system.gateway_room import refused, room, until
from tests.system.ocpp_client import OcppClient

pytestmark = pytest.mark.usefixtures("socket_enabled")


def _later(seconds: float = 60.0) -> float:
    return now_s() + seconds


def test_a_command_is_kept_sent_and_answered(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            changes: list[CommandRow] = []
            here.bus.listen("command", lambda h: changes.append(cast("CommandRow", h.event)))
            client = await OcppClient.connect(here.port, "/CP1")
            command_id = await here.commands.order("CP1", Reset(), deadline_s=_later(), actor="anna")
            row = await here.commands.wait(command_id, 5.0)
            assert (row.state, row.actor, row.gateway, row.action) == ("answered", "anna", "gateway-1", "Reset")
            assert json.loads(row.result)["accepted"] is True
            assert row.sent_at_s is not None
            assert row.answered_at_s is not None
            assert row.created_at_s <= row.sent_at_s <= row.answered_at_s
            assert [action for action, _ in client.asked] == ["Reset"]
            assert [change.state for change in changes] == ["queued", "sent", "answered"]
            client.drop()

    asyncio.run(story())


def test_many_commands_go_one_after_the_other_in_their_order(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            sent = [await here.commands.order("CP1", Raw(f"Act{n}", "{}"), deadline_s=_later()) for n in range(5)]
            ended = [await here.commands.wait(command_id, 5.0) for command_id in sent]
            assert [row.state for row in ended] == ["failed"] * 5  # 1.6 has no such messages
            sent = [await here.commands.order("CP1", Trigger("Heartbeat"), deadline_s=_later()) for _ in range(5)]
            ended = [await here.commands.wait(command_id, 5.0) for command_id in sent]
            assert [row.state for row in ended] == ["answered"] * 5
            at_s = [row.answered_at_s or 0.0 for row in ended]
            assert at_s == sorted(at_s)
            assert len(client.asked) == 5
            client.drop()

    asyncio.run(story())


def test_a_station_that_is_away_gets_it_when_it_returns_unless_it_is_too_late(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            kept = await here.commands.order("CP1", Reset(), deadline_s=_later())
            late = await here.commands.order("CP1", Trigger("Heartbeat"), deadline_s=_later(0.1))
            assert (await here.commands.wait(late, 5.0)).state == "expired"
            assert (await here.commands.wait(kept, 0.0)).state == "queued"
            client = await OcppClient.connect(here.port, "/CP1")
            assert (await here.commands.wait(kept, 10.0)).state == "answered"
            assert [action for action, _ in client.asked] == ["Reset"]
            client.drop()

    asyncio.run(story())


def test_a_key_gives_the_first_command_again(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            first = await here.commands.order("CP1", Reset(), deadline_s=_later(), key="k")
            await here.commands.wait(first, 5.0)
            assert await here.commands.order("CP1", Reset(), deadline_s=_later(), key="k") == first
            with pytest.raises(Conflict, match="used for another command"):
                await here.commands.order("CP2", Reset(), deadline_s=_later(), key="k")
            assert len(client.asked) == 1
            with pytest.raises(KeyError):
                await here.commands.wait("no-such", 1.0)
            client.drop()

    asyncio.run(story())


def test_no_answer_and_a_lost_link_are_failures_that_say_so_and_are_not_tried_again(tmp_path):
    async def story():
        async with room(tmp_path, call_timeout_s=0.2) as here:
            client = await OcppClient.connect(here.port, "/CP1", answers=lambda action, payload: None)
            silent = await here.commands.order("CP1", Reset(), deadline_s=_later())
            row = await here.commands.wait(silent, 5.0)
            assert (row.state, "not known whether it was carried out" in row.error) == ("failed", True)
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1", answers=lambda action, payload: None)
            lost = await here.commands.order("CP1", Reset(), deadline_s=_later())
            await until(lambda: len(client.asked) == 1)
            client.drop()
            row = await here.commands.wait(lost, 5.0)
            assert (row.state, "not known whether it" in row.error) == ("failed", True)
            again = await OcppClient.connect(here.port, "/CP1")
            after = await here.commands.order("CP1", Trigger("Heartbeat"), deadline_s=_later())
            assert (await here.commands.wait(after, 5.0)).state == "answered"
            assert [action for action, _ in again.asked] == ["TriggerMessage"]
            again.drop()

    asyncio.run(story())


def test_what_a_process_left_behind_that_was_killed_is_settled_by_the_next(tmp_path):
    db = opened(f"sqlite:///{tmp_path / 'evloom.db'}")
    at_s = now_s() - 2.0
    row = CommandRow("c1", "CP1", "Reset", '{"command":"Reset"}', "queued", _later(), created_at_s=at_s)
    db.write_now(lambda conn: rows.add(conn, row))
    db.write_now(lambda conn: rows.mark_sent(conn, "c1", "killed", at_s))
    db.write_now(lambda conn: cluster.claim(conn, "CP2", "killed", at_s))
    db.write_now(lambda conn: cluster.beat(conn, "killed", at_s, 1))
    db.close_now()

    async def story():
        async with room(tmp_path) as here:
            assert here.events("CP2") == ["StationDisconnected"]
            client = await OcppClient.connect(here.port, "/CP1")
            ended = await here.commands.wait("c1", 5.0)
            assert (ended.state, ended.error) == ("failed", LOST)
            await asyncio.sleep(1.5)
            assert client.asked == []
            client.drop()

    asyncio.run(story())


def test_what_cannot_be_said_in_the_stations_version_is_failed_with_the_reason(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1")
            command_id = await here.commands.order("CP1", UpdateDynamic(1, "A"), deadline_s=_later())
            row = await here.commands.wait(command_id, 5.0)
            assert (row.state, "UpdateDynamic" in row.error) == ("failed", True)
            outcome = await here.commands.quick("CP1", UpdateDynamic(1, "A"), 1.0)
            assert (outcome.accepted, outcome.status) == (False, "Unsupported")
            client.drop()

    asyncio.run(story())


def test_quick_says_it_at_once_and_keeps_nothing(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            answers = {"Reset": {"status": "Rejected"}, "TriggerMessage": None}
            client = await OcppClient.connect(here.port, "/CP1", answers=lambda action, payload: answers[action])
            assert (await here.commands.quick("CP1", Reset(), 2.0)).status == "Rejected"
            assert (await here.commands.quick("CP1", Trigger("Heartbeat"), 0.1)).status == "Timeout"
            assert (await here.commands.quick("CP9", Reset(), 2.0)).status == "NotConnected"
            assert await here.db.read(lambda conn: rows.waiting_stations(conn, "gateway-1")) == []
            client.drop()

    asyncio.run(story())


def test_a_stop_fails_what_is_under_way_and_keeps_the_rest(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            client = await OcppClient.connect(here.port, "/CP1", answers=lambda action, payload: None)
            under_way = await here.commands.order("CP1", Reset(), deadline_s=_later())
            waiting = await here.commands.order("CP1", Trigger("Heartbeat"), deadline_s=_later())
            await until(lambda: len(client.asked) == 1)
        async with room(tmp_path) as here:
            assert (await here.commands.wait(under_way, 0.0)).state == "failed"
            assert (await here.commands.wait(waiting, 0.0)).state == "queued"
            client = await OcppClient.connect(here.port, "/CP1")
            assert (await here.commands.wait(waiting, 10.0)).state == "answered"
            client.drop()

    asyncio.run(story())


def test_a_station_that_is_not_accepted_yet_is_not_told_to_charge(tmp_path):
    async def story():
        async with room(tmp_path) as here:
            await here.db.write(lambda conn: registry.put_station(conn, "CP1", {"accepted": "pending"}))
            client = await OcppClient.connect(here.port, "/CP1")
            orders = (StartCharging(Token("CARD"), 1), StopCharging("1"), Trigger("BootNotification"))
            sent = [await here.commands.order("CP1", order, deadline_s=_later()) for order in orders]
            ended = [await here.commands.wait(command_id, 5.0) for command_id in sent]
            assert [row.state for row in ended] == ["failed", "failed", "answered"]
            assert "not accepted yet" in ended[0].error
            assert [action for action, _ in client.asked] == ["TriggerMessage"]
            client.drop()

    asyncio.run(story())


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_stations_are_asked_for_meter_values_once_they_were_accepted(tmp_path, monkeypatch, version):
    monkeypatch.setattr(sampling, "SETTLE_S", 0.05)
    names = ("CP1", "CP2")

    async def story():
        async with room(tmp_path) as here:
            asker = sampling.Sampling(here.bus, here.commands, here.gateway, 30, now_s)
            await asker.start()
            clients = [await OcppClient.connect(here.port, f"/{name}", (version.value,)) for name in names]
            for status in ("Pending", "Accepted", "Accepted"):
                for name in names:
                    here.bus.publish(Happening("station", name, StationBooted("v", "m", status=status), now_s(), now_s()))
            await until(lambda: all(client.asked for client in clients))
            await asyncio.sleep(0.2)
            for client in clients:
                ((action, payload),) = client.asked
                assert action == ("ChangeConfiguration" if version is Version.V16 else "SetVariables")
                assert isinstance(payload, dict)
                if version is Version.V16:
                    assert payload == {"key": "MeterValueSampleInterval", "value": "30"}
                else:
                    (setting,) = payload["setVariableData"]
                    named = (setting["component"]["name"], setting["variable"]["name"], setting["attributeValue"])
                    assert named == ("SampledDataCtrlr", "TxUpdatedInterval", "30")
            await asker.stop()
            for client in clients:
                client.drop()

    asyncio.run(story())


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize("status", ["Accepted", "Rejected"])
def test_a_station_that_took_a_new_password_comes_back_with_it(tmp_path, version, status):
    old, new = "old-password-12345", "0001ff3a" * 5
    name = Variable("AuthorizationKey") if version is Version.V16 else Variable("BasicAuthPassword", "SecurityCtrlr")

    def answers(action: str, payload: object) -> object:
        if version is Version.V16:
            return {"status": status}
        assert isinstance(payload, dict)
        (asked,) = payload["setVariableData"]
        return {"setVariableResult": [{"attributeStatus": status, "component": asked["component"], "variable": asked["variable"]}]}

    async def story():
        async with room(tmp_path) as here:
            await here.db.write(lambda conn: registry.put_station(conn, "CP1", {"accepted": "accepted", "password_hash": hashed(old)}))
            client = await OcppClient.connect(here.port, "/CP1", (version.value,), auth=("CP1", old), answers=answers)
            sent = await here.commands.order("CP1", WriteVariables((Setting(name, new),)), deadline_s=_later())
            assert (await here.commands.wait(sent, 5.0)).state == "answered"
            client.drop()
            right, wrong = (new, old) if status == "Accepted" else (old, new)
            (await OcppClient.connect(here.port, "/CP1", (version.value,), auth=("CP1", right))).drop()
            assert (await refused(here.port, "/CP1", (version.value,), auth=("CP1", wrong))).status == 401

    asyncio.run(story())
