"""Every message that a station can send is answered, and the answer is valid by the schema of the standard."""

import msgspec
import pytest

from evloom.pile.station import Deviated
from evloom.serve.desk.desk import Caller
from evloom.wire.ocpp.check import catalog
from tests.unit.serve.desk.counter import FOLDERS, V16, V21, V201, run
from tests.unit.wire.ocpp.samples import originals, payload


def asked(version):
    return [action for action, entry in catalog(version).items() if entry.direction != "csms" and entry.response is not None]


def made(version, action, how):
    """A payload of the schema that also makes sense: a transaction id that is no 0."""
    folder = FOLDERS[version]
    schema = originals(folder).get(f"{action}Request") or originals(folder)[action]
    return payload(schema, schema, how)


@pytest.mark.parametrize("version", [V16, V201, V21])
@pytest.mark.parametrize("how", ["least", "most", "edge"])
def test_every_request_gets_a_valid_answer(tmp_path, version, how):
    async def story(here):
        assert (await here.boot(version))["status"] == "Accepted"
        for action in asked(version):
            answer = await here.ask_raw(version, action, msgspec.json.encode(made(version, action, how)))
            assert isinstance(answer, dict), (action, answer)
        assert {one.rule for one in await here.kept("Deviated")} <= {"register_negative", "unit_odd", "value_unreadable"}

    run(tmp_path, story)


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_nothing_that_matters_is_dropped(tmp_path, version):
    """Every message but those that ask for a moment's answer leaves an entry in the log."""
    momentary = {"Heartbeat", "Authorize", "GetCertificateStatus", "GetCertificateChainStatus", "PullDynamicScheduleUpdate"}

    async def story(here):
        await here.boot(version)
        for action in asked(version):
            before = len(await here.kept())
            await here.ask_raw(version, action, msgspec.json.encode(made(version, action, "most")))
            assert (len(await here.kept()) > before) == (action not in momentary), action

    run(tmp_path, story)


def test_a_stream_is_kept_and_not_answered(tmp_path):
    async def story(here):
        await here.boot(V21)
        data = b'{"id":3,"pending":0,"basetime":"2030-03-17T17:46:40Z","data":[{"t":0,"v":"7.2"},{"t":1.5,"v":"7.1"}]}'
        await here.desk.sent(Caller("S", V21), "NotifyPeriodicEventStream", data, b"[6]")
        assert await here.ask_raw(V21, "NotifyPeriodicEventStream", data) == "NotSupported"
        (note,) = await here.kept("Noted")
        assert note.what == "NotifyPeriodicEventStream"
        assert msgspec.json.decode(note.body)["data"][1] == {"t": 1.5, "v": "7.1"}

    run(tmp_path, story)


@pytest.mark.parametrize(
    ("version", "action", "code"),
    [
        (V16, "Reset", "NotSupported"),
        (V16, "TransactionEvent", "NotImplemented"),
        (V21, "StartTransaction", "NotImplemented"),
        (V201, "SetVariables", "NotSupported"),
    ],
)
def test_what_stations_do_not_ask_is_refused(tmp_path, version, action, code):
    async def story(here):
        await here.boot(version)
        assert await here.ask_raw(version, action, b"{}") == code

    run(tmp_path, story)


def test_what_cannot_be_read_is_refused_and_kept_as_evidence(tmp_path):
    async def story(here):
        await here.boot(V201)
        assert await here.ask_raw(V201, "TransactionEvent", b"[]") in ("FormatViolation", "FormationViolation", "TypeConstraintViolation")
        found = await here.kept("Deviated")
        assert found
        assert isinstance(found[-1], Deviated)

    run(tmp_path, story)
