"""Everything we say to a station is a message of its version, by the schemas of an independent implementation."""

import json
from dataclasses import replace
from importlib import resources

import jsonschema_rs
import pytest

from evloom.pile import command as say
from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.command import Unsupported, from_json, outcome_of, request_of, supported, to_json
from evloom.wire.ocpp.v16.command_profile import read_profile as read_16
from evloom.wire.ocpp.v201.command_profile import read_profile as read_2
from evloom.wire.ocpp.version import Version
from tests.unit.wire.ocpp import orders_to_try

FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
CASES = [
    pytest.param(version, command, id=f"{version}-{n}-{type(command).__name__}")
    for version in Version
    for n, command in enumerate(orders_to_try.ALL)
]


def schema(version: Version, action: str) -> jsonschema_rs.Validator:
    name = action if version is Version.V16 else f"{action}Request"
    path = resources.files("ocpp") / FOLDERS[version] / "schemas" / f"{name}.json"
    return jsonschema_rs.validator_for(json.loads(path.read_text("utf-8-sig")))


@pytest.mark.parametrize(("version", "command"), CASES)
def test_what_we_say_is_valid_by_the_schema_or_said_to_be_unsupported(version, command):
    try:
        action, payload = request_of(version, command)
    except Unsupported:
        return
    said = json.loads(payload)
    assert [str(error) for error in schema(version, action).iter_errors(said)] == []


@pytest.mark.parametrize("version", list(Version))
def test_every_message_that_we_may_send_is_said_by_a_command(version):
    said = set()
    for command in orders_to_try.ALL:
        try:
            said.add(request_of(version, command)[0])
        except Unsupported:
            continue
    assert said == {action for action, entry in catalog(version).items() if entry.direction in ("csms", "both")}


def test_every_command_is_tried():
    assert {type(command).__name__ for command in orders_to_try.ALL} == set(say.KINDS)


def test_21_can_say_everything():
    assert supported(Version.V21) == set(say.KINDS)
    refused = [command for command in orders_to_try.ALL if not _can(Version.V21, command)]
    assert refused == [say.ReadVariables()]


def _can(version, command):
    try:
        request_of(version, command)
    except Unsupported:
        return False
    return True


@pytest.mark.parametrize("command", orders_to_try.ALL, ids=lambda command: type(command).__name__)
def test_a_command_is_kept_as_json(command):
    assert from_json(to_json(command)) == command


def test_json_of_a_command_that_is_none_says_what_is_wrong():
    with pytest.raises(ValueError, match="one of AdjustStream"):
        from_json('{"command": "Explode"}')
    with pytest.raises(ValueError, match="Unlock has no bay; it has evse, connector"):
        from_json('{"command": "Unlock", "bay": 1}')
    with pytest.raises(ValueError, match=r"Expected `int`, got `str` - at `\$.evse`"):
        from_json('{"command": "Unlock", "evse": "1"}')


def test_limits_are_rounded_down_to_a_tenth_and_kilowatts_are_watts():
    _, payload = request_of(Version.V16, say.SetProfile(1, orders_to_try.PLAIN))
    periods = json.loads(payload)["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert [period["limit"] for period in periods] == [16.0, 6.0]
    _, payload = request_of(Version.V21, say.SetProfile(1, orders_to_try.BOTH_WAYS))
    period = json.loads(payload)["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0]
    assert (period["limit"], period["dischargeLimit"], period["setpoint"]) == (11000.0, -7400.0, -3333.3)


@pytest.mark.parametrize(
    ("version", "command", "reason"),
    [
        (Version.V16, say.StopCharging("a-b"), "whole numbers"),
        (Version.V16, say.SetProfile(1, orders_to_try.BOTH_WAYS), "no Dynamic profile"),
        (Version.V16, say.SetDer(orders_to_try.RULE), "no message for SetDer"),
        (Version.V16, say.StartCharging(say.Token("x" * 21)), "length <= 20"),
        (Version.V201, say.SetProfile(1, orders_to_try.BOTH_WAYS), "maxOfflineDuration|unknown field|Invalid enum"),
        (Version.V201, say.SetNetwork(1, "wss://x", "ocpp2.1", 2), "can name ocpp1.6, ocpp2.0.1"),
        (Version.V21, say.Raw("Heartbeat"), "no Heartbeat that we may send"),
        (Version.V21, say.Raw("Nonsense"), "no Nonsense"),
        (Version.V21, say.Raw("Reset", '{"type": "Hard"}'), "Invalid enum value 'Hard'"),
        (Version.V21, say.Raw("Reset", "{"), "no JSON"),
    ],
)
def test_what_a_version_cannot_say_is_refused_with_the_reason(version, command, reason):
    with pytest.raises(Unsupported, match=reason):
        request_of(version, command)


@pytest.mark.parametrize(
    ("version", "command", "answer", "accepted", "status", "detail"),
    [
        (Version.V16, say.Unlock(1), '{"status": "Unlocked"}', True, "Unlocked", {}),
        (Version.V16, say.Unlock(1), '{"status": "UnlockFailed"}', False, "UnlockFailed", {}),
        (Version.V16, say.UpdateFirmware(1, "u", 0.0), "{}", True, "Accepted", {}),
        (Version.V16, say.ClearCache(), "[1]", False, "Unreadable", {"info": "[1]"}),
        (Version.V16, say.ClearCache(), "{", False, "Unreadable", {"info": "{"}),
        (
            Version.V16,
            say.ReadVariables(),
            '{"configurationKey": [{"key": "HeartbeatInterval", "readonly": false, "value": "300"}], "unknownKey": ["Nope"]}',
            True,
            "Accepted",
            {
                "results": [
                    {"status": "Accepted", "variable": "HeartbeatInterval", "value": "300", "readonly": False},
                    {"status": "UnknownVariable", "variable": "Nope"},
                ]
            },
        ),
        (Version.V16, say.AskLocalListVersion(), '{"listVersion": 4}', True, "Accepted", {"version": 4}),
        (
            Version.V16,
            say.AskComposite(1, 600),
            (
                '{"status": "Accepted", "connectorId": 1, "scheduleStart": "2026-01-01T12:00:00Z", "chargingSchedule": {"duration": 600,'
                ' "chargingRateUnit": "W", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000, "numberPhases": 3}]}}'
            ),
            True,
            "Accepted",
            {
                "composite": {
                    "starts_at": "2026-01-01T12:00:00Z",
                    "length_s": 600,
                    "unit": "kW",
                    "periods": [{"ceiling": 11.0, "start_s": 0, "n_phase": 3}],
                }
            },
        ),
        (
            Version.V16,
            say.AskCertificates(("CSMSRoot",)),
            (
                '{"status": "Accepted", "certificateHashData": [{"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b",'
                ' "serialNumber": "1"}]}'
            ),
            True,
            "Accepted",
            {
                "certificates": [
                    {
                        "kind": "CSMSRoot",
                        "algorithm": "SHA256",
                        "issuer_name_hash": "a",
                        "issuer_key_hash": "b",
                        "serial_number": "1",
                        "children": [],
                    }
                ]
            },
        ),
        (
            Version.V201,
            say.SetProfile(1, orders_to_try.PLAIN),
            '{"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound", "additionalInfo": "no such"}}',
            False,
            "Rejected",
            {"reason": "TxNotFound", "info": "no such"},
        ),
        (
            Version.V201,
            say.WriteVariables(()),
            (
                '{"setVariableResult": [{"attributeStatus": "RebootRequired", "component": {"name": "C", "evse": {"id": 1}}, "variable":'
                ' {"name": "V"}}, {"attributeStatus": "Rejected", "component": {"name": "C"}, "variable": {"name": "W"}}]}'
            ),
            False,
            "Rejected",
            {
                "results": [
                    {"status": "RebootRequired", "component": "C", "evse": 1, "variable": "V"},
                    {"status": "Rejected", "component": "C", "variable": "W"},
                ]
            },
        ),
        (Version.V21, say.SetDer(orders_to_try.RULE), '{"status": "NotSupported"}', False, "NotSupported", {}),
        (Version.V21, say.AskTransaction(), '{"messagesInQueue": true}', True, "Accepted", {"messagesInQueue": True}),
    ],
)
def test_an_answer_is_an_outcome(version, command, answer, accepted, status, detail):
    outcome = outcome_of(version, command, answer.encode())
    assert (outcome.accepted, outcome.status, outcome.detail) == (accepted, status, detail)


@pytest.mark.parametrize(
    ("version", "profile"),
    [(version, profile) for version in Version for profile in (orders_to_try.PLAIN, orders_to_try.DAILY, orders_to_try.STATION)]
    + [(Version.V21, orders_to_try.BOTH_WAYS)],
)
def test_a_profile_is_read_back_as_it_was_said_but_for_tenths(version, profile):
    _, payload = request_of(version, say.SetProfile(1, profile))
    said = json.loads(payload)
    if version is Version.V16:
        back = read_16(said["csChargingProfiles"])
    else:
        back = read_2(said["chargingProfile"])
    again = request_of(version, say.SetProfile(1, back))[1]
    assert again == payload
    assert replace(back, schedules=()) == replace(profile, schedules=())
    assert [period.mode for period in back.schedule.periods] == [period.mode for period in profile.schedule.periods]


@pytest.mark.parametrize("version", list(Version))
def test_an_answer_without_the_status_that_it_must_have_is_no_yes(version):
    start = say.StartCharging(say.Token("CARD"), 1)
    action, _ = request_of(version, start)
    outcome = outcome_of(version, start, b'{"foo":1}', action)
    assert (outcome.accepted, outcome.status) == (False, "Unreadable")
    assert "no status" in outcome.detail["info"]
    version_of_list = outcome_of(version, say.AskLocalListVersion(), b"{}", "GetLocalListVersion")
    assert version_of_list.accepted
