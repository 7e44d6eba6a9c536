"""The desk over PostgreSQL: every message, texts that its columns cannot hold, and two gateways at one station."""

import asyncio

import msgspec
import pytest

from evloom.store.tables.projections import session
from evloom.store.tables.transactions import transaction_number
from tests.unit.serve.desk.counter import V16, V21, V201, another, counter, run
from tests.unit.serve.desk.test_desk_transactions import event, settled, start
from tests.unit.serve.desk.test_every_message import asked, made
from tests.unit.store.postgres import postgres_server


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_every_request_gets_a_valid_answer(tmp_path, version):
    async def story(here):
        await here.boot(version)
        for action in asked(version):
            answer = await here.ask_raw(version, action, msgspec.json.encode(made(version, action, "most")))
            assert isinstance(answer, dict), (action, answer)
        await here.db.caught_up()

    run(tmp_path, story, url=postgres_server().fresh())


def test_a_nul_in_every_text(tmp_path):
    nasty = "\u0000<b>'\"; --"

    async def story(here):
        await here.ask(V201, "BootNotification", reason="PowerUp", chargingStation={"model": nasty, "vendorName": nasty})
        token = {"idToken": nasty, "type": "Local"}
        await here.ask(V201, "TransactionEvent", **event("Started", 0, info={"transactionId": nasty}, idToken=token))
        assert [row["token"] for row in await settled(here)] == [nasty.replace("\u0000", "\ufffd")]

    run(tmp_path, story, url=postgres_server().fresh())


def test_a_start_that_is_said_to_two_gateways_is_one_transaction(tmp_path):
    url = postgres_server().fresh()

    async def main():
        async with counter(tmp_path, url=url, unknown_tokens="accept") as here, another(url, unknown_tokens="accept") as there:
            await here.boot(V16)
            starts = [start(connectorId=n) for n in range(1, 6)]
            answers = await asyncio.gather(*(desk.ask(V16, "StartTransaction", **said) for said in starts for desk in (here, there)))
            numbers = [answer["transactionId"] for answer in answers]
            assert sorted(numbers) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
            await here.db.caught_up()
            await there.db.caught_up()
            assert len(await here.rows(session)) == len(await here.rows(transaction_number)) == 5

    asyncio.run(main())
