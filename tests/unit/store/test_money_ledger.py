"""The ledger: append-only, numbered without a gap, the same entry once, and any altered row found."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from evloom.kernel.errors import InputError
from evloom.market.guard import GuardRules
from evloom.market.ledger import Account, EntryKind, payment_postings
from evloom.market.receipt import Notes
from evloom.market.stay import Correction
from evloom.store import billing, ledger, payments
from evloom.store.billing import bill_session
from evloom.store.connection import Connection
from evloom.store.database import Database, opened
from evloom.store.errors import Conflict
from evloom.store.ledger import NewEntry, NewReceipt
from evloom.store.money import By
from evloom.store.payments import Payment
from evloom.store.scope import EVERYTHING, Scope
from tests.unit.store.charged import HOUR_S, T0, bill, hear, operator, priced, words

D = Decimal


def payment(key: str, amount: str, at_s: float = 100.0, driver_id: str = "d1", org_id: str = "o") -> NewEntry:
    postings = payment_postings(D(amount), driver_id, "CNY")
    return NewEntry(org_id, EntryKind.PAYMENT, key, "CNY", postings, at_s, "user:anna", "cash", driver_id=driver_id)


def paper(total: str) -> NewReceipt:
    return NewReceipt("credit", D(total), "{}")


def test_entries_and_receipts_are_numbered_in_each_organisation(database: Database) -> None:
    def job(conn: Connection) -> list[int]:
        return [
            ledger.add(conn, payment(f"k{k}", "1.00", org_id=org), paper("1.00") if k % 2 else None).number
            for org in ("o", "p")
            for k in range(4)
        ]

    assert database.write_now(job) == [1, 2, 3, 4, 1, 2, 3, 4]
    rows, more = database.read_now(lambda conn: ledger.receipt_page(conn, Scope("p"), None, 10))
    assert [row["number"] for row in rows] == [2, 1]
    assert more is None
    assert database.read_now(lambda conn: [ledger.verify(conn, org) for org in ("o", "p", "nobody")]) == [[], [], []]


def test_the_same_key_is_the_same_entry(database: Database) -> None:
    first = database.write_now(lambda conn: ledger.add(conn, payment("k", "1.00"), paper("1.00")))
    again = database.write_now(lambda conn: ledger.add(conn, payment("k", "1.00", at_s=999.0), paper("1.00")))
    assert again == first
    with pytest.raises(Conflict):
        database.write_now(lambda conn: ledger.add(conn, payment("k", "2.00")))
    assert database.read_now(lambda conn: ledger.count(conn, "o")) == 1


def test_what_fails_leaves_no_gap(database: Database) -> None:
    def fails(conn: Connection) -> None:
        ledger.add(conn, payment("lost", "1.00"), paper("1.00"))
        raise LookupError("after the entry")

    with pytest.raises(LookupError):
        database.write_now(fails)
    made = database.write_now(lambda conn: ledger.add(conn, payment("k", "1.00"), paper("1.00")))
    assert made.number == 1
    assert database.read_now(lambda conn: ledger.verify(conn, "o")) == []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("UPDATE ledger_posting SET amount = '9.00' WHERE number = 2 AND line = 0", {"ledger.sum", "ledger.digest"}),
        ("UPDATE ledger_entry SET reason = 'other' WHERE number = 1", {"ledger.digest"}),
        ("DELETE FROM ledger_entry WHERE number = 2", {"ledger.number", "ledger.digest"}),
        ("DELETE FROM ledger_entry WHERE number = 3", {"ledger.end"}),
        ("DELETE FROM receipt WHERE number = 1", {"ledger.receipt", "ledger.end"}),
    ],
)
def test_an_altered_row_is_found(database: Database, change: str, codes: set[str]) -> None:
    for k in range(3):
        database.write_now(partial(ledger.add, new=payment(f"k{k}", "1.00"), paper=paper("1.00")))
    database.write_now(lambda conn: conn.exec_driver_sql(change))
    found = database.read_now(lambda conn: ledger.verify(conn, "o"))
    assert {finding.code for finding in found} >= codes


def test_balance_and_statement(database: Database) -> None:
    def job(conn: Connection) -> None:
        for k, amount in enumerate(("10.00", "-4.00", "1.50")):
            ledger.add(conn, payment(f"k{k}", amount, at_s=100.0 * (k + 1)))
        ledger.add(conn, payment("other", "7.00", driver_id="d2"))

    database.write_now(job)
    (balance,) = database.read_now(lambda conn: ledger.balance(conn, "o", "d1"))
    assert balance.owed == D("-7.50")
    told = database.read_now(lambda conn: ledger.statement(conn, "o", "d1", 150.0, 250.0))
    assert [b.owed for b in (*told.opening, *told.closing)] == [D("-10.00"), D("-6.00")]
    assert [(row.amount, row.owed, row.reason) for row in told.rows] == [(D("4.00"), D("-6.00"), "cash")]
    assert database.read_now(lambda conn: ledger.balance(conn, "o", "nobody")) == ()
    turnover = database.read_now(lambda conn: ledger.totals(conn, "o"))
    assert turnover == {("CNY", Account.CASH): D("14.50"), ("CNY", Account.RECEIVABLE): D("-14.50")}


def test_pages_and_who_sees_them(database: Database) -> None:
    def job(conn: Connection) -> None:
        for k in range(5):
            ledger.add(conn, payment(f"k{k}", "1.00", driver_id=f"d{k % 2}"))

    database.write_now(job)
    first, more = database.read_now(lambda conn: ledger.entry_page(conn, EVERYTHING, None, 3))
    rest, end = database.read_now(lambda conn: ledger.entry_page(conn, EVERYTHING, more, 3))
    assert [e.number for e in (*first, *rest)] == [5, 4, 3, 2, 1]
    assert end is None
    own, _ = database.read_now(lambda conn: ledger.entry_page(conn, Scope("o", driver_id="d1"), None, 10))
    assert [e.number for e in own] == [4, 2]
    assert database.read_now(lambda conn: ledger.entry_page(conn, Scope("p"), None, 10)) == ([], None)


def _played(database: Database, seed: int) -> list[tuple[int, str]]:
    """Forty sessions and what chance does with them: billed, refunded, corrected by late words, released, voided, paid, written off."""
    chance = random.Random(seed)
    database.write_now(operator)
    database.write_now(priced)
    at_s = T0
    for k in range(40):
        at_s += 3 * HOUR_S
        said = words(f"{k}", start_s=at_s, begin_kwh=chance.choice([0.0, 500.0]), hours=chance.choice([1.0, 2.0]))
        hear(database, said if chance.random() < 0.7 else said[1:])
        bill(database, f"A:{k}", at_s + 5 * HOUR_S)
        by = By("user:anna", at_s + 6 * HOUR_S)
        for _ in range(chance.randrange(3)):
            with suppress(InputError, Conflict):
                _done(database, chance, f"A:{k}", by)
    entries, _ = database.read_now(lambda conn: ledger.entry_page(conn, EVERYTHING, None, 1000))
    return [(entry.number, entry.digest) for entry in entries]


def _done(database: Database, chance: random.Random, session_id: str, by: By) -> None:
    amount = D(chance.randrange(1, 900)) / 100
    paid = Payment("o", "d1", amount, "CNY", f"k{chance.randrange(10**6)}", "chance")
    release = Correction("chance", begin_kwh=chance.choice([None, 0.0, 499.0]))
    deeds: list[Callable[[Connection], object]] = [
        lambda conn: payments.refund(conn, session_id, amount, f"r{chance.randrange(3)}", "chance", by),
        lambda conn: payments.pay(conn, paid, by),
        lambda conn: payments.write_off(conn, paid, by),
        lambda conn: billing.void(conn, session_id, "chance", by),
        lambda conn: billing.release(conn, session_id, release, by, GuardRules(), Notes()),
    ]
    database.write_now(chance.choice(deeds))


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_done_the_books_balance_and_the_same_deeds_give_the_same_books(seed: int, tmp_path: Path) -> None:
    played = []
    for name in ("one", "two"):
        database = opened(f"sqlite:///{tmp_path / name}.db")
        played.append(_played(database, seed))
        assert database.read_now(lambda conn: ledger.verify(conn, "o")) == []
        sums = database.read_now(lambda conn: ledger.totals(conn, "o"))
        assert sum(sums.values(), start=D(0)) == 0
        (balance,) = database.read_now(lambda conn: ledger.balance(conn, "o", "d1"))
        assert balance.owed == sums["CNY", Account.RECEIVABLE] + sums.get(("CNY", Account.V2G_PAYABLE), D(0))
        database.close_now()
    assert played[0] == played[1]
    assert len(played[0]) > 60


def test_two_processes_share_one_ledger(url: str) -> None:
    """Two open databases stand for two gateways: numbers have no gap, the chain one order, the same session one entry."""

    async def test() -> list[int]:
        one, two = opened(url), opened(url)
        await one.write(operator)
        await one.write(priced)
        await one.append([entry for k in range(6) for entry in words(f"{k}", start_s=T0 + 60.0 * k, hours=1.0)])
        await one.caught_up()
        by = By("billing", T0 + 9 * HOUR_S)
        names = [f"A:{k}" for k in range(6)] * 2
        jobs = [partial(bill_session, session_id=name, by=by, rules=GuardRules(), notes=Notes()) for name in names]
        bills = [db.write(job) for job in jobs for db in (one, two)]
        others = [db.write(partial(ledger.add, new=payment(f"p{k}", "1.00"))) for k in range(10) for db in (one, two)]
        assert set(await asyncio.gather(*bills)) == {"billed"}
        await asyncio.gather(*others)
        assert await two.read(lambda conn: ledger.verify(conn, "o")) == []
        entries, _ = await two.read(lambda conn: ledger.entry_page(conn, EVERYTHING, None, 100))
        await one.close()
        await two.close()
        return [entry.number for entry in reversed(entries)]

    assert asyncio.run(test()) == list(range(1, 17))
