"""Passwords that stations are given are not shown again."""

import json

import pytest

from evloom.pile.command import Raw, Setting, Variable, WriteVariables
from evloom.serve.api import hidden
from evloom.serve.bus import Happening
from evloom.store.commands import CommandRow
from evloom.wire.ocpp.command import request_of, to_json
from evloom.wire.ocpp.version import Version
from tests.unit.serve.api.test_events import ALL, NORTH, read
from tests.unit.serve.api.world import NOW_S, World, run

NAMES = {Version.V16: "AuthorizationKey", Version.V201: "BasicAuthPassword", Version.V21: "BasicAuthPassword"}


@pytest.mark.parametrize("version", list(Version))
def test_a_message_on_the_wire_is_shown_without_its_secret(version):
    secret = "0123456789abcdef0123"
    command = WriteVariables((Setting(Variable(NAMES[version], "SecurityCtrlr"), secret),))
    action, payload = request_of(version, command)
    text = json.dumps([2, "1", action, json.loads(payload)])
    assert secret in text
    assert secret not in hidden.in_text(text)
    assert json.loads(hidden.in_text(text))[2] == action
    assert secret not in json.dumps(hidden.in_document(json.loads(to_json(command))))
    raw = Raw(action, payload.decode())
    assert secret not in json.dumps(hidden.in_document(json.loads(to_json(raw))))


def test_other_values_are_left_as_they_are():
    text = '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"300"}]'
    assert hidden.in_text(text) == text
    profile = '[2,"1","SetNetworkProfile",{"connectionData":{"basicAuthPassword":"abc","apn":{"apnPassword" : "def"}}}]'
    assert "abc" not in hidden.in_text(profile)
    assert "def" not in hidden.in_text(profile)


def test_events_of_commands_do_not_tell_what_was_said(tmp_path):
    async def job(world: World) -> None:
        row = CommandRow("c", "north-1", "WriteVariables", '{"values":"secret"}', "queued", NOW_S, None, NOW_S)
        stream = world.platform.events.listen(NORTH, ALL, "", 5.0)
        await read(stream, 1)
        world.platform.bus.publish(Happening("command", "c", row, NOW_S, NOW_S))
        (text,) = await read(stream, 1)
        assert b"WriteVariables" in text
        assert b"secret" not in text
        await stream.aclose()

    run(tmp_path, job)
