"""Money through the interface: a session is billed, printed, paid, given back, and the ledger stays whole."""

from evloom.market.guard import GuardRules
from evloom.market.receipt import Notes
from evloom.store.billing import bill_session
from evloom.store.money import By
from tests.unit.serve.api.world import NOW_S, World, run

TARIFF = {"document": {"price_per_kwh": 0.5, "currency": "EUR", "zone": "UTC", "name": "flat"}}
FOR_SITE = {"kind": "tariff", "scope": "site", "subject": "north-site", "terms_id": "flat"}


async def billed(world: World) -> None:
    """Bill the session of north, as the platform's job does."""
    world.clock.at_s = NOW_S + 7300.0
    by = By("billing", NOW_S + 7200.0)
    await world.db.write(lambda conn: bill_session(conn, "north-1:t1", by, GuardRules(), Notes()))


def test_a_session_is_billed_printed_and_given_back(tmp_path, url):
    async def job(world: World) -> None:
        async with world.client("north/operator") as client:
            assert (await client.put("/api/v1/tariffs/flat", json=TARIFF)).status_code == 200
            assert (await client.post("/api/v1/assignments", json=FOR_SITE)).status_code == 201
            await billed(world)
            session = "/api/v1/sessions/north-1:t1"
            bill = (await client.get(f"{session}/bill")).json()
            assert bill["state"] == "billed", bill
            assert (bill["state"], bill["receipts"][0]["total"], bill["receipts"][0]["currency"]) == ("billed", "3.50", "EUR")
            assert (await client.get(f"{session}/receipts.csv")).text.count("north-1:t1") >= 2
            pdf = await client.get(f"{session}/receipt.pdf", params={"language": "zh"})
            assert pdf.content.startswith(b"%PDF")
            refund = {"amount": "1.00", "key": "r1", "reason": "cable was wet"}
            assert (await client.post(f"{session}/refunds", json=refund)).status_code == 201
            assert (await client.post(f"{session}/refunds", json=refund)).status_code == 201
            more = await client.post(f"{session}/refunds", json={**refund, "key": "r2", "amount": "100.00"})
            assert (more.status_code, more.json()["code"]) == (409, "books")
            account = (await client.get("/api/v1/drivers/north-driver/statement")).json()
            assert [balance["owed"] for balance in account["closing"]] == ["2.50"]
            paid = {"amount": "2.50", "currency": "EUR", "key": "bank-1", "reason": "transfer"}
            assert (await client.post("/api/v1/drivers/north-driver/payments", json=paid)).status_code == 201
            too_much = await client.post("/api/v1/drivers/north-driver/write-offs", json={**paid, "key": "w"})
            assert too_much.status_code == 409
            check = (await client.get("/api/v1/ledger/check")).json()
            assert (check["right"], check["entries"]) == (True, 3)
            assert len((await client.get("/api/v1/ledger")).json()["items"]) == 3
            assert [row["kind"] for row in (await client.get("/api/v1/receipts")).json()["items"]] == ["credit", "receipt"]
        async with world.client("north/driver") as client:
            assert (await client.get(f"{session}/receipts")).status_code == 200
        async with world.client("south/operator") as client:
            assert (await client.get(f"{session}/receipts")).status_code == 404
            assert (await client.get("/api/v1/ledger")).json()["items"] == []

    run(tmp_path, job, url=url)


def test_a_bill_without_a_tariff_waits_and_is_among_the_warnings(tmp_path):
    async def job(world: World) -> None:
        await billed(world)
        async with world.client("north/operator") as client:
            waiting = (await client.get("/api/v1/bills", params={"state": "unpriced"})).json()
            assert [bill["session_id"] for bill in waiting] == ["north-1:t1"]
            assert "held-bill" in {line["kind"] for line in (await client.get("/api/v1/warnings")).json()}
            early = await client.post("/api/v1/sessions/north-1:t1/refunds", json={"amount": "1.00", "key": "k", "reason": "x"})
            assert (early.status_code, early.json()["code"]) == (409, "bill-state")
            closed = await client.post("/api/v1/sessions/north-1:t1/bill/void", json={"reason": "a test"})
            assert closed.json()["state"] == "void"

    run(tmp_path, job)
