from typing import Any

import pytest

from evloom.pile.station import MeterSeen, TransactionSaid
from evloom.serve.desk.ports import Cost, Ports
from evloom.store.tables.projections import session
from evloom.store.tables.transactions import transaction_number
from evloom.wire.ocpp.spoken import Limits
from tests.unit.serve.desk.counter import NOON, NOON_S, V16, V21, V201, run

CARD = "04A1B2C3"


def start(**more):
    return {"connectorId": 1, "idTag": CARD, "meterStart": 1000, "timestamp": NOON, **more}


def event(kind, seq, **more):
    trigger = {"Started": "Authorized", "Updated": "MeterValuePeriodic", "Ended": "StopAuthorized"}[kind]
    info = {"transactionId": "tx-1", **more.pop("info", {})}
    return {"eventType": kind, "timestamp": NOON, "triggerReason": trigger, "seqNo": seq, "transactionInfo": info, **more}


async def settled(here):
    """The sessions, when everything is projected."""
    await here.db.caught_up()
    return await here.rows(session)


def test_a_transaction_of_1_6_from_begin_to_end(tmp_path):
    async def story(here):
        await here.add_token(CARD, group_id="FAMILY")
        await here.boot(V16)
        begun = await here.ask(V16, "StartTransaction", **start())
        assert begun == {"transactionId": 1, "idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
        await here.ask(V16, "StatusNotification", connectorId=1, errorCode="NoError", status="Charging", timestamp=NOON)
        values = [
            {"timestamp": NOON, "sampledValue": [{"value": "1500"}, {"value": "7.2", "unit": "kW", "measurand": "Power.Active.Import"}]}
        ]
        await here.ask(V16, "MeterValues", connectorId=1, transactionId=1, meterValue=values)
        ended = await here.ask(V16, "StopTransaction", transactionId=1, idTag=CARD, meterStop=9000, timestamp="2030-03-17T19:46:40Z")
        assert ended["idTagInfo"]["status"] == "Accepted"
        (row,) = await settled(here)
        assert (row["session_id"], row["token"], row["group_id"], row["energy_kwh"], row["suspect"]) == ("S:1", CARD, "FAMILY", 8.0, "")
        assert (row["charging_state"], row["reason"], row["evse"]) == ("", "Local", 1)

    run(tmp_path, story)


def test_a_repeated_start_gets_its_number_again_after_a_restart_too(tmp_path):
    async def story(here):
        await here.add_token(CARD)
        await here.boot(V16)
        first = await here.ask(V16, "StartTransaction", **start())
        assert await here.ask(V16, "StartTransaction", **start()) == first
        here.desk.forget("S")
        assert await here.ask(V16, "StartTransaction", **start(), epoch=2) == first
        other = await here.ask(V16, "StartTransaction", **start(timestamp="2030-03-17T18:00:00Z"))
        assert (first["transactionId"], other["transactionId"]) == (1, 2)
        assert len(await here.kept("TransactionSaid")) == 3  # two starts, and the end of the first by the second
        assert len(await here.rows(transaction_number)) == 2

    run(tmp_path, story)


def test_numbers_are_unique_where_many_start_at_once(tmp_path):
    async def story(here):
        for name in ("A", "B"):
            await here.boot(V16, name)
        asks = [here.ask(V16, "StartTransaction", name, **start(connectorId=n)) for n in range(1, 9) for name in ("A", "B")]
        numbers = [(await ask)["transactionId"] for ask in asks]
        assert sorted(numbers) == sorted([*range(1, 9), *range(1, 9)])

    run(tmp_path, story, unknown_tokens="accept")


def test_a_number_that_another_platform_has_given_is_not_given_again(tmp_path):
    async def story(here):
        await here.boot(V16)
        await here.ask(V16, "StopTransaction", transactionId=1, meterStop=9000, timestamp=NOON)
        await settled(here)
        assert (await here.ask(V16, "StartTransaction", **start()))["transactionId"] == 2
        old = next(row for row in await settled(here) if row["transaction"] == "1")
        assert old["suspect"] == "no_start"

    run(tmp_path, story)


@pytest.mark.parametrize("number", [0, -1])
def test_a_stop_without_a_number_ends_the_only_transaction(tmp_path, number):
    async def story(here):
        await here.add_token(CARD)
        await here.boot(V16)
        await here.ask(V16, "StartTransaction", **start())
        await here.ask(V16, "StopTransaction", transactionId=number, meterStop=3000, timestamp="2030-03-17T18:46:40Z")
        await here.ask(V16, "StopTransaction", transactionId=number, meterStop=3000, timestamp="2030-03-17T18:46:41Z")
        known, orphan = await settled(here)
        assert (known["transaction"], known["suspect"], known["energy_kwh"]) == ("1", "id_invalid", 2.0)
        assert orphan["transaction"].startswith(f"{number}@")
        assert orphan["suspect"] == "id_invalid,no_start"

    run(tmp_path, story)


def test_a_transaction_event_is_kept_once_however_often_it_is_sent(tmp_path):
    async def story(here):
        await here.add_token(CARD, "ISO14443")
        await here.boot(V201)
        token = {"idToken": CARD, "type": "ISO14443"}
        begun = event("Started", 0, evse={"id": 1, "connectorId": 1}, idToken=token)
        for _ in range(3):
            assert (await here.ask(V201, "TransactionEvent", **begun))["idTokenInfo"]["status"] == "Accepted"
            assert await here.ask(V201, "TransactionEvent", **event("Updated", 1)) == {}
        assert await here.ask(V201, "TransactionEvent", **event("Ended", 2)) == {}
        assert await here.ask(V201, "TransactionEvent", **event("Updated", 1)) == {}
        assert [one.seq for one in await here.kept("TransactionSaid")] == [0, 1, 2]
        assert len(here.told) == len(await here.kept())

    run(tmp_path, story)


def test_a_station_that_counts_wrongly_loses_nothing(tmp_path):
    async def story(here):
        await here.boot(V201)
        for minute, kind in enumerate(("Started", "Updated", "Updated", "Ended")):
            said = event(kind, 0, timestamp=f"2030-03-17T17:{46 + minute}:40Z")
            await here.ask(V201, "TransactionEvent", **said)
            await here.ask(V201, "TransactionEvent", **said)
        words = await here.kept("TransactionSaid")
        assert [(one.phase, one.seq) for one in words] == [("started", 0), ("updated", -1), ("updated", -1), ("ended", -1)]
        (row,) = await settled(here)
        assert (row["ended_at_s"], row["suspect"]) == (NOON_S + 180, "no_register,seq_repeated")

    run(tmp_path, story)


def test_a_new_transaction_closes_the_one_that_was_never_ended(tmp_path):
    async def story(here):
        await here.boot(V201)
        place = {"evse": {"id": 1}}
        await here.ask(V201, "TransactionEvent", **event("Started", 0, **place))
        later = event("Started", 0, info={"transactionId": "tx-2"}, timestamp="2030-03-17T18:46:40Z", **place)
        await here.ask(V201, "TransactionEvent", **later)
        await here.ask(V201, "TransactionEvent", **later)
        await here.ask(V201, "TransactionEvent", **event("Started", 0, info={"transactionId": "tx-3"}, evse={"id": 2}))
        old, *others = sorted(await settled(here), key=lambda row: row["session_id"])
        assert (old["ended_at_s"], old["reason"]) == (NOON_S + 3600, "NewTransaction")
        assert "not_closed" in old["suspect"]
        assert [row["ended_at_s"] for row in others] == [None, None]

    run(tmp_path, story)


def test_words_of_an_older_transaction_that_come_late_close_nothing(tmp_path):
    async def story(here):
        await here.boot(V201)
        place = {"evse": {"id": 1}}
        now = event("Started", 0, info={"transactionId": "new"}, timestamp="2030-03-17T18:46:40Z", **place)
        await here.ask(V201, "TransactionEvent", **now)
        await here.ask(V201, "TransactionEvent", **event("Started", 0, offline=True, **place))
        await here.ask(V201, "TransactionEvent", **event("Ended", 1, offline=True, **place))
        rows = {row["transaction"]: row for row in await settled(here)}
        assert (rows["new"]["ended_at_s"], rows["tx-1"]["ended_at_s"], rows["tx-1"]["offline"]) == (None, NOON_S, True)

    run(tmp_path, story)


def test_transactions_that_run_are_known_after_a_restart(tmp_path):
    async def story(here):
        await here.boot(V16)
        await here.ask(V16, "StartTransaction", **start())
        await settled(here)
        here.desk.forget("S")
        await here.ask(V16, "StartTransaction", **start(timestamp="2030-03-17T18:46:40Z"))
        assert [row["ended_at_s"] for row in await settled(here)] == [NOON_S + 3600, None]

    run(tmp_path, story, unknown_tokens="accept")


@pytest.mark.parametrize("version", [V16, V201])
def test_meter_values_without_a_transaction_are_those_of_the_one_that_runs(tmp_path, version):
    name = "connectorId" if version is V16 else "evseId"
    number = "5" if version is V16 else 5.0
    values = [{"timestamp": NOON, "sampledValue": [{"value": number, "measurand": "Voltage"}]}]

    async def story(here):
        await here.boot(version)
        await here.ask(version, "MeterValues", meterValue=values, **{name: 1})
        if version is V16:
            await here.ask(version, "StartTransaction", **start())
        else:
            await here.ask(version, "TransactionEvent", **event("Started", 0, evse={"id": 1}))
        values[0]["timestamp"] = "2030-03-17T17:50:00Z"
        await here.ask(version, "MeterValues", meterValue=values, **{name: 1})
        await here.ask(version, "MeterValues", meterValue=values, **{name: 0})
        first, begun, within, main = await here.kept("MeterSeen", "TransactionSaid")
        assert (first.evse, main.evse, within.transaction) == (1, 0, begun.transaction)
        assert isinstance(first, MeterSeen)
        assert isinstance(within, TransactionSaid)

    run(tmp_path, story, unknown_tokens="accept")


def test_registers_that_2x_sends_beside_the_transaction_are_not_mixed_with_its_own(tmp_path):
    sampled = [{"value": 900.0}, {"value": 7.2, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "kW"}}]

    async def story(here):
        await here.boot(V201)
        own = [{"timestamp": NOON, "sampledValue": [{"value": 1000.0}]}]
        await here.ask(V201, "TransactionEvent", **event("Started", 0, evse={"id": 1}, meterValue=own))
        await here.ask(V201, "MeterValues", evseId=1, meterValue=[{"timestamp": "2030-03-17T17:50:00Z", "sampledValue": sampled}])
        (row,) = await settled(here)
        assert (row["power_kw"], row["last_kwh"], row["suspect"]) == (7.2, 1.0, "")
        (beside,) = await here.kept("MeterSeen")
        assert [sample.value for sample in beside.samples] == [0.9]

    run(tmp_path, story)


def test_cost_and_limits_are_told_where_they_are_known(tmp_path):
    ports = Ports(
        cost=lambda name: Cost(1.25, "EUR") if name == "S:tx-1" else None,
        limits=lambda _name: Limits(energy_max_kwh=20.0, soc_max=0.8, duration_max_s=3600.0),
    )

    async def story(here):
        await here.boot(V21)
        bounds = {"transactionLimit": {"maxEnergy": 20000.0, "maxSoC": 80, "maxTime": 3600}}
        assert await here.ask(V21, "TransactionEvent", **event("Started", 0)) == bounds
        assert await here.ask(V21, "TransactionEvent", **event("Updated", 1)) == {"totalCost": 1.25, **bounds}
        await here.boot(V201, "T")
        assert await here.ask(V201, "TransactionEvent", "T", **event("Started", 0)) == {}

    run(tmp_path, story, ports=ports)


def test_a_cost_that_is_not_final_is_not_told_where_it_would_be_taken_for_that(tmp_path):
    """2.0.1: totalCost is the final one, sent at the end only; 2.1: of a running transaction too, but 0 says that it is free."""
    costs = {"S:tx-1": Cost(1.25, "EUR"), "T:tx-1": Cost(0.0, "EUR")}

    async def final(_station: str, name: str) -> Cost | None:
        return costs[name]

    async def story(here):
        for name, version in (("S", V201), ("T", V21)):
            await here.boot(version, name)
            for seq, kind in enumerate(("Started", "Updated")):
                assert await here.ask(version, "TransactionEvent", name, **event(kind, seq)) == {}
            ended = await here.ask(version, "TransactionEvent", name, **event("Ended", 2))
            assert ended == {"totalCost": costs[f"{name}:tx-1"].amount}

    run(tmp_path, story, ports=Ports(cost=costs.get, final=final))


def test_texts_with_html_sql_and_nul_are_texts(tmp_path):
    nasty = "<script>'; DROP TABLE session;--\u0000"

    async def story(here):
        await here.boot(V201)
        token = {"idToken": nasty, "type": "Central"}
        answer = await here.ask(V201, "TransactionEvent", **event("Started", 0, info={"transactionId": nasty}, idToken=token))
        assert answer["idTokenInfo"]["status"] == "Unknown"
        (row,) = await settled(here)
        assert row["token"] == nasty.replace("\u0000", "\ufffd")

    run(tmp_path, story)


def test_what_another_gateway_holds_is_not_kept(tmp_path):
    from evloom.store.tables.operations import ownership

    async def story(here):
        await here.ask(V201, "BootNotification", reason="PowerUp", chargingStation={"model": "One", "vendorName": "ACME"}, epoch=1)
        await here.db.write(lambda conn: conn.execute(ownership.insert().values(station_id="S", gateway="other", epoch=2, since_s=NOON_S)))
        assert await here.ask(V201, "TransactionEvent", **event("Started", 0), epoch=1) == "InternalError"
        assert await here.kept("TransactionSaid") == []

    run(tmp_path, story)


@pytest.mark.parametrize("number", [0, -1])
def test_meter_values_under_an_id_that_nobody_gave_begin_no_session(tmp_path, number):
    async def story(here):
        await here.boot(V16)
        for minute in range(3):
            values = [{"timestamp": f"2030-03-17T17:4{minute}:40Z", "sampledValue": [{"value": "5000"}]}]
            for connector in (0, 1):
                await here.ask(V16, "MeterValues", connectorId=connector, transactionId=number, meterValue=values)
        assert await settled(here) == []
        assert [one.evse for one in await here.kept("MeterSeen")] == [0, 1, 0, 1, 0, 1]

    run(tmp_path, story)


@pytest.mark.parametrize("number", [0, -1])
def test_the_main_meter_is_not_that_of_the_transaction_that_runs(tmp_path, number):
    values: list[dict[str, Any]] = [{"timestamp": "2030-03-17T17:50:00Z", "sampledValue": [{"value": "900000"}]}]

    async def story(here):
        await here.boot(V16)
        await here.ask(V16, "StartTransaction", **start())
        await here.ask(V16, "MeterValues", connectorId=0, transactionId=number, meterValue=values)
        (row,) = await settled(here)
        assert (row["last_kwh"], row["suspect"]) == (1.0, "")
        values[0]["sampledValue"][0]["value"] = "1500"
        await here.ask(V16, "MeterValues", connectorId=1, transactionId=number, meterValue=values)
        (row,) = await settled(here)
        assert (row["last_kwh"], row["suspect"]) == (1.5, "id_invalid")

    run(tmp_path, story, unknown_tokens="accept")


def test_a_station_that_counts_nothing_ends_its_transaction_all_the_same(tmp_path):
    async def story(here):
        await here.boot(V201)
        for minute, kind in enumerate(("Started", "Updated", "Updated", "Ended")):
            said = event(kind, -1, timestamp=f"2030-03-17T17:{46 + minute}:40Z")
            for _ in range(2):
                await here.ask(V201, "TransactionEvent", **said)
        assert [one.phase for one in await here.kept("TransactionSaid")] == ["started", "updated", "updated", "ended"]
        (row,) = await settled(here)
        assert (row["ended_at_s"], row["missing_seq"], row["suspect"]) == (NOON_S + 180, "[]", "no_register")

    run(tmp_path, story)
