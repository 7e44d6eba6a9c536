import pytest

from tests.unit.serve.desk.counter import NOON_S, V16, V21, V201, run
from tests.unit.serve.desk.test_desk_transactions import CARD, event, settled, start

TYPES = {V16: "", V201: "ISO14443", V21: "ISO14443"}


async def authorize(here, version, text=CARD):
    if version is V16:
        return (await here.ask(version, "Authorize", idTag=text))["idTagInfo"]
    return (await here.ask(version, "Authorize", idToken={"idToken": text, "type": "ISO14443"}))["idTokenInfo"]


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_the_same_rules_in_every_version(tmp_path, version):
    group, unknown = ("parentIdTag", "Invalid") if version is V16 else ("groupIdToken", "Unknown")

    async def story(here):
        await here.add_token(CARD, TYPES[version], group_id="FAMILY", expiry_s=NOON_S + 60)
        await here.add_token("B", TYPES[version], status="Blocked")
        await here.boot(version)
        told = await authorize(here, version, CARD.lower())
        assert told["status"] == "Accepted"
        assert told[group] == ("FAMILY" if version is V16 else {"idToken": "FAMILY", "type": "Central"})
        assert told["expiryDate" if version is V16 else "cacheExpiryDateTime"] == "2030-03-17T17:47:40Z"
        here.now_s += 60
        assert (await authorize(here, version))["status"] == "Expired"
        assert (await authorize(here, version, "B"))["status"] == "Blocked"
        assert (await authorize(here, version, "C"))["status"] == unknown

    run(tmp_path, story)


def test_a_group_that_1_6_cannot_name_is_left_out(tmp_path):
    async def story(here):
        await here.add_token(CARD, group_id="A" * 21)
        await here.boot(V16)
        assert await authorize(here, V16) == {"status": "Accepted"}

    run(tmp_path, story)


def test_a_token_that_charges_elsewhere(tmp_path):
    async def story(here):
        await here.add_token(CARD)
        await here.boot(V16)
        await here.boot(V16, "T")
        await here.ask(V16, "StartTransaction", **start())
        await settled(here)
        assert (await authorize(here, V16))["status"] == "Accepted"
        again = await here.ask(V16, "StartTransaction", **start())
        other = await here.ask(V16, "StartTransaction", "T", **start())
        assert (again["idTagInfo"]["status"], other["idTagInfo"]["status"]) == ("Accepted", "ConcurrentTx")
        row = next(row for row in await settled(here) if row["station_id"] == "T")
        assert row["suspect"] == "refused_token"

    run(tmp_path, story, concurrent=False)


@pytest.mark.parametrize(
    ("body", "status"), [('{"token":{"token":"console"}}', "Accepted"), ('{"token":"other"}', "Invalid"), ("[]", "Invalid")]
)
def test_a_remote_start_is_allowed_for_the_token_that_was_ordered(tmp_path, body, status):
    async def story(here):
        await here.boot(V16)
        await here.add_command(body)
        assert (await here.ask(V16, "StartTransaction", **start(idTag="console")))["idTagInfo"]["status"] == status
        here.now_s += 3600
        assert (await authorize(here, V16, "console"))["status"] == "Invalid"

    run(tmp_path, story)


def test_a_transaction_that_somebody_else_ends_is_noted(tmp_path):
    async def story(here):
        for name, more in (("A", {"group_id": "G"}), ("B", {"group_id": "G"}), ("C", {}), ("M", {"group_id": "MASTER", "master": True})):
            await here.add_token(name, "ISO14443", **more)
        await here.boot(V201)
        for n, stopper in enumerate("ABMC"):
            info, token = {"transactionId": f"t{n}"}, {"idToken": "A", "type": "ISO14443"}
            await here.ask(V201, "TransactionEvent", **event("Started", 0, evse={"id": 1}, info=dict(info), idToken=token))
            stop = event("Ended", 1, info={**info, "stoppedReason": "Local"}, idToken={"idToken": stopper, "type": "ISO14443"})
            answer = await here.ask(V201, "TransactionEvent", **stop)
            assert answer["idTokenInfo"]["status"] == "Accepted"
        (odd,) = await here.kept("Deviated")
        assert (odd.rule, odd.value) == ("foreign_stop", "C")
        assert {row["token"] for row in await settled(here)} == {"A"}

    run(tmp_path, story)


def test_a_token_that_is_empty_or_too_long_starts_nothing(tmp_path):
    async def story(here):
        await here.boot(V16)
        for text in ("", "A" * 21):
            answer = await here.ask(V16, "StartTransaction", **start(idTag=text))
            assert answer["idTagInfo"] == {"status": "Invalid"}
        await here.boot(V201, "T")
        answer = await here.ask(V201, "Authorize", "T", idToken={"idToken": "A" * 37, "type": "ISO14443"})
        assert answer["idTokenInfo"]["status"] == "Unknown"

    run(tmp_path, story)


def test_a_start_button(tmp_path):
    async def story(here):
        await here.boot(V21)
        said = event("Started", 0, idToken={"idToken": "", "type": "NoAuthorization"})
        assert (await here.ask(V21, "TransactionEvent", **said))["idTokenInfo"] == {"status": "Accepted"}

    run(tmp_path, story)


def test_a_token_that_is_shown_with_every_word_is_looked_up_now_and_then(tmp_path):
    async def story(here):
        await here.add_token(CARD, "ISO14443")
        await here.boot(V201)
        token = {"idToken": {"idToken": CARD, "type": "ISO14443"}}
        assert (await here.ask(V201, "TransactionEvent", **event("Started", 0, **token)))["idTokenInfo"]["status"] == "Accepted"
        await here.db.write(lambda conn: conn.exec_driver_sql("UPDATE token SET status = 'Blocked'"))
        statuses = []
        for seq in (1, 2):
            here.now_s += 9
            statuses.append((await here.ask(V201, "TransactionEvent", **event("Updated", seq, **token)))["idTokenInfo"]["status"])
        assert statuses == ["Accepted", "Blocked"]

    run(tmp_path, story)


def test_a_token_that_nobody_registered_is_in_the_log_once(tmp_path, caplog):
    async def story(here):
        await here.add_token("OLD", status="Blocked")
        await here.boot(V16)
        for card in ("NEW", "NEW", "OLD"):
            await here.ask(V16, "Authorize", idTag=card)
        lines = [record.fields for record in caplog.records if record.message == "token.refused"]
        assert [(line["token"], line["status"], "register" in line["advice"]) for line in lines] == [
            ("NEW", "Unknown", True),
            ("OLD", "Blocked", False),
        ]

    run(tmp_path, story)
