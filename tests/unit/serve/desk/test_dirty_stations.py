"""The corpus of what real chargers send (wire's), through the desk: everybody is answered, and what it means is what is kept."""

import json
from pathlib import Path

import msgspec
import pytest

from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.version import Version
from tests.unit.serve.desk.counter import NOON, V16, V201, run
from tests.unit.serve.desk.test_desk_transactions import event, settled, start

CORPUS = [json.loads(line) for line in Path("tests/unit/wire/ocpp/data/dirty.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("version", [V16, V201, Version.V21])
def test_everybody_is_answered(tmp_path, version):
    async def story(here):
        await here.boot(version)
        n_odd = 0
        for one in CORPUS:
            entry = catalog(version).get(one["action"])
            if one["version"] != version.value or one["answer"] or entry is None or entry.direction == "csms":
                continue
            answer = await here.ask_raw(version, one["action"], msgspec.json.encode(one["payload"]))
            assert isinstance(answer, str) == (one["refusal"] is not None), (one["note"], answer)
            found = await here.kept("Deviated")
            assert not one["rules"] or len(found) > n_odd, one["note"]
            n_odd = len(found)
        assert n_odd or version is Version.V21

    run(tmp_path, story, unknown_tokens="accept")


async def of_1_6(here, *, begin=1000, values=(), end=None):
    await here.boot(V16)
    number = (await here.ask(V16, "StartTransaction", **start(meterStart=begin)))["transactionId"]
    for minute, *sampled in values:
        at = f"2030-03-17T18:{minute:02}:00Z"
        meter = [{"timestamp": at, "sampledValue": [{"value": str(wh), "context": context} for wh, context in sampled]}]
        await here.ask(V16, "MeterValues", connectorId=1, transactionId=number, meterValue=meter)
    if end is not None:
        await here.ask(V16, "StopTransaction", transactionId=number, meterStop=end, timestamp="2030-03-17T18:46:40Z")
    (row,) = await settled(here)
    return row["energy_kwh"], row["suspect"]


PERIODIC, BEGIN = "Sample.Periodic", "Transaction.Begin"


@pytest.mark.parametrize(
    ("told", "energy_kwh", "suspect"),
    [
        ({"begin": 0, "values": [(0, (2000, PERIODIC))], "end": 5000}, 5.0, ""),
        ({"begin": 0, "values": [(0, (8_123_000, PERIODIC))], "end": 8_125_000}, 2.0, "begin_zero,jump"),
        ({"end": 400}, 0.0, "backwards,end_below_begin"),
        ({"values": [(0, (3000, PERIODIC))], "end": -1}, 2.0, ""),
        ({"begin": 150_000, "values": [(0, (151_000, PERIODIC)), (9, (895, PERIODIC))], "end": 152_000}, 2.0, "backwards"),
        ({"begin": 0, "values": [(m, (m * 100, PERIODIC), (0, BEGIN)) for m in (1, 20, 40)], "end": 4500}, 4.5, ""),
        ({"values": [(0, (900_000_000, PERIODIC))], "end": 5000}, 4.0, "backwards,jump"),
    ],
)
def test_registers(tmp_path, told, energy_kwh, suspect):
    assert run(tmp_path, lambda here: of_1_6(here, **told), unknown_tokens="accept") == (energy_kwh, suspect)


def test_a_sequence_with_a_gap(tmp_path):
    async def story(here):
        await here.boot(V201)
        for seq, kind in ((0, "Started"), (1, "Updated"), (3, "Updated"), (9, "Ended")):
            await here.ask(V201, "TransactionEvent", **event(kind, seq))
        (row,) = await settled(here)
        assert json.loads(row["missing_seq"]) == [[2, 2], [4, 8]]

    run(tmp_path, story)


def test_words_without_numbers_and_times_are_different_words(tmp_path):
    async def story(here):
        await here.boot(V201)
        for kind in ("Started", "Updated", "Updated", "Ended"):
            said = event(kind, 0)
            del said["seqNo"], said["timestamp"]
            await here.ask(V201, "TransactionEvent", **said)
            here.now_s += 60
        words = await here.kept("TransactionSaid")
        assert [(one.phase, one.seq) for one in words] == [("started", -1), ("updated", -1), ("updated", -1), ("ended", -1)]
        (row,) = await settled(here)
        assert (row["ended_at_s"] - row["started_at_s"], row["suspect"]) == (180.0, "no_register")

    run(tmp_path, story)


def test_starts_without_times_are_different_transactions(tmp_path):
    async def story(here):
        await here.boot(V16)
        told = {"connectorId": 1, "idTag": "A", "meterStart": 5}
        first = await here.ask(V16, "StartTransaction", **told)
        here.now_s += 60
        assert (await here.ask(V16, "StartTransaction", **told))["transactionId"] == first["transactionId"] + 1

    run(tmp_path, story, unknown_tokens="accept")


def test_an_id_that_is_used_again_is_another_transaction(tmp_path):
    async def story(here):
        await here.boot(V201)
        for hour in (17, 18, 19):
            for seq, kind in enumerate(("Started", "Updated", "Ended")):
                said = event(kind, seq, timestamp=f"2030-03-17T{hour}:46:4{seq}Z", evse={"id": 1})
                for _ in range(2):
                    await here.ask(V201, "TransactionEvent", **said)
            if hour == 18:
                await here.db.caught_up()
                here.desk.forget("S")
        rows = await settled(here)
        assert [row["ended_at_s"] - row["started_at_s"] for row in rows] == [2.0, 2.0, 2.0]
        assert {row["suspect"] for row in rows} == {"no_register"}
        assert [one.rule for one in await here.kept("Deviated")] == ["id_reused"] * 2
        assert len(await here.kept("TransactionSaid")) == 9

    run(tmp_path, story)


@pytest.mark.parametrize("timestamp", ["1970-01-01T00:00:00.740Z", "0001-01-01T00:00:00Z", "2094-08-11T01:02:03Z"])
def test_a_clock_that_is_off_by_years(tmp_path, timestamp):
    async def story(here):
        await here.boot(V201)
        await here.ask(V201, "TransactionEvent", **event("Started", 0, timestamp=timestamp))
        here.now_s += 600
        await here.ask(V201, "TransactionEvent", **event("Ended", 1, timestamp=NOON))
        (row,) = await settled(here)
        assert row["ended_at_s"] - row["started_at_s"] == 0.0
        assert "clock" in row["suspect"]

    run(tmp_path, story)


def test_odd_values_are_kept_as_far_as_they_can_be_read(tmp_path):
    sampled = [
        {"value": "230,5", "measurand": "Voltage", "unit": "V"},
        {"value": "n/a", "measurand": "Current.Import", "unit": "A"},
        {"value": "7200", "measurand": "Power.Active.Import", "unit": "Wh"},
        {"value": "DEADBEEF", "format": "SignedData"},
    ]

    async def story(here):
        await here.boot(V16)
        await here.ask(V16, "MeterValues", connectorId=1, meterValue=[{"timestamp": NOON, "sampledValue": sampled}])
        (seen,) = await here.kept("MeterSeen")
        assert [(one.measurand, one.value) for one in seen.samples] == [
            ("Voltage", 230.5),
            ("Power.Active.Import", 7.2),
            ("Energy.Active.Import.Register.Signed", 0.0),
        ]
        assert seen.samples[-1].signed == "DEADBEEF"
        assert sorted(one.rule for one in await here.kept("Deviated")) == ["unit_odd", "value_unreadable"]

    run(tmp_path, story)
