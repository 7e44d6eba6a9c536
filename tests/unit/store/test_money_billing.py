"""A session is billed once, held where it is doubtful, corrected by late words, released, voided and refunded by people."""

import random
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from evloom.kernel.errors import InputError
from evloom.market.guard import GuardRules
from evloom.market.ledger import EntryKind
from evloom.market.receipt import Notes
from evloom.market.stay import Correction
from evloom.pile.station import TransactionSaid
from evloom.store import billing, ledger, money, payments, registry
from evloom.store import desk as desk_rows
from evloom.store.billing import Billing, Wait, billing_of, ripe_at_s, unfinished, unpriced
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.errors import Conflict
from evloom.store.log import LogEntry
from evloom.store.money import By, NewAssignment
from evloom.store.payments import Payment
from evloom.store.projections import rebuild_now
from evloom.store.scope import EVERYTHING, Scope
from tests.unit.store.charged import HOUR_S, PERSON, T0, bill, hear, operator, priced, words

D = Decimal
# 18:00 to 20:00 at 7 kW: 7 kWh peak at 0.9014 and 7 kWh sharp at 1.2064, service 14 x 0.40, no overstay
TOTAL = D("20.35")


@pytest.fixture
def db(database: Database) -> Database:
    database.write_now(operator)
    return database


def state(db: Database, session_id: str = "A:1") -> Billing:
    return db.read_now(lambda conn: billing_of(conn, session_id))


def owed(db: Database, driver_id: str = "d1") -> Decimal:
    return sum((b.owed for b in db.read_now(lambda conn: ledger.balance(conn, "o", driver_id))), start=D(0))


def whole(db: Database) -> bool:
    return db.read_now(lambda conn: ledger.verify(conn, "o")) == []


def late(entry: LogEntry, by_s: float) -> LogEntry:
    return LogEntry(entry.station_id, entry.event, entry.happened_at_s, entry.known_at_s + by_s, entry.key)


def test_a_session_is_billed_once_however_often_it_is_asked(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    assert [bill(db) for _ in range(3)] == ["billed"] * 3
    found = state(db)
    assert [e.entry.kind for e in found.entries] == [EntryKind.BILL]
    (paper,) = found.receipts
    assert (paper.number, paper.total, paper.contract, paper.driver_name, paper.token) == (1, TOTAL, "orderly", "Wang", "*ARD1")
    assert [(use.category, use.charged_kwh) for use in paper.uses] == [("peak", 7.0), ("sharp", 7.0)]
    assert owed(db) == TOTAL
    assert whole(db)


def test_one_that_runs_is_not_billed(db: Database) -> None:
    db.write_now(priced)
    hear(db, words()[:-1])
    assert bill(db) == ""
    assert bill(db, "A:unknown") == ""


def test_it_waits_for_a_tariff_and_is_billed_when_one_is_assigned(db: Database) -> None:
    hear(db, words())
    assert bill(db) == "unpriced"
    assert db.read_now(unpriced) == ["A:1"]
    assert [finding.code for finding in state(db).findings] == ["money.no-tariff"]
    db.write_now(priced)
    assert bill(db) == "billed"


def test_a_later_version_changes_nothing_for_who_stands_there(db: Database) -> None:
    flat = {"currency": "CNY", "zone": "Asia/Shanghai", "price_per_kwh": 1}
    by = By("user:anna", T0 - HOUR_S)
    new = [money.NewVersion("o", "flat", flat), money.NewVersion("o", "flat", {**flat, "price_per_kwh": 5}, T0 + HOUR_S)]
    for version in new:
        db.write_now(partial(money.create_tariff_version, new=version, by=by))
    db.write_now(lambda conn: money.assign(conn, NewAssignment("o", "tariff", "site", "s", "flat"), by))
    hear(db, [*words("1"), *words("2", start_s=T0 + 3 * HOUR_S)])
    assert [bill(db, name, T0 + 9 * HOUR_S) for name in ("A:1", "A:2")] == ["billed", "billed"]
    assert [state(db, name).receipts[0].total for name in ("A:1", "A:2")] == [D("14.00"), D("70.00")]
    assert [state(db, name).receipts[0].tariff_version.version for name in ("A:1", "A:2")] == [1, 2]


def test_a_doubtful_session_is_held_never_invoiced(db: Database) -> None:
    db.write_now(priced)
    hear(db, words(begin_kwh=0.0)[:1] + words(begin_kwh=5000.0)[1:])
    assert [bill(db) for _ in range(2)] == ["held", "held"]
    found = state(db)
    assert [e.entry.kind for e in found.entries] == [EntryKind.HELD]
    assert found.receipts == ()
    assert owed(db) == 0
    assert any("begin" in finding.text() for finding in found.findings)
    held = db.read_now(lambda conn: billing.in_state(conn, Scope("o"), ["held"]))
    assert [one.session_id for one in held] == ["A:1"]
    assert db.read_now(lambda conn: billing.in_state(conn, Scope("other"), ["held"])) == []


def release(db: Database, correction: Correction, by: By = PERSON) -> Billing:
    return db.write_now(lambda conn: billing.release(conn, "A:1", correction, by, GuardRules(), Notes()))


def test_a_person_releases_it_corrected(db: Database) -> None:
    db.write_now(priced)
    hear(db, words(begin_kwh=0.0)[:1] + words(begin_kwh=5000.0)[1:])
    bill(db)
    found = release(db, Correction("read off the display", begin_kwh=5000.0))
    assert (found.state, found.receipts[0].total, found.receipts[0].reason) == ("billed", TOTAL, "read off the display")
    assert [(e.entry.kind, e.entry.actor) for e in found.entries] == [
        (EntryKind.HELD, "billing"),
        (EntryKind.RELEASED, "user:anna"),
    ]
    assert bill(db) == "billed"
    assert whole(db)

    def audit(conn: Connection) -> list[str]:
        return list(conn.exec_driver_sql("SELECT action FROM audit WHERE subject = 'A:1'").scalars())

    assert db.read_now(audit) == ["billing.release"]


def test_what_cannot_be_is_not_released(db: Database) -> None:
    db.write_now(priced)
    hear(db, words(begin_kwh=0.0)[:1] + words(begin_kwh=5000.0)[1:])
    bill(db)
    with pytest.raises(InputError) as error:
        release(db, Correction("as it is", begin_kwh=0.0))
    assert "guard.begin-at-zero" in [finding.code for finding in error.value.findings]
    with pytest.raises(InputError, match="say why"):
        release(db, Correction("  ", begin_kwh=5000.0))
    assert state(db).state == "held"


def test_a_rating_that_nobody_told_holds_nobody(database: Database) -> None:
    """An EVSE that entered itself has the site's usual 7 kW; that it charges with more is no fault."""
    database.write_now(operator)
    database.write_now(priced)
    database.write_now(lambda conn: desk_rows.enter_evses(conn, "A", [2], 3.5, 1))
    said = [LogEntry("A", replace(e.event, evse=2), e.happened_at_s, e.known_at_s, e.key) for e in words()]  # type: ignore[type-var]
    hear(database, said)
    assert bill(database) == "billed"
    database.write_now(lambda conn: registry.put_evse(conn, "A", 2, {"rating_kw": 3.5}))
    told = [LogEntry("A", replace(e.event, evse=2), e.happened_at_s, e.known_at_s, e.key) for e in words("2", start_s=T0 + 9 * HOUR_S)]  # type: ignore[type-var]
    hear(database, told)
    assert bill(database, "A:2", T0 + 20 * HOUR_S) == "held"


def test_late_words_that_clear_the_doubt_bill_it(db: Database) -> None:
    """The start of an offline session comes last: until then nobody knows where the register began."""
    db.write_now(priced)
    said = words()
    hear(db, said[1:])
    assert bill(db) == "held"
    hear(db, [late(said[0], 3 * HOUR_S)])
    assert bill(db, at_s=T0 + 6 * HOUR_S) == "billed"
    assert owed(db) == TOTAL


def test_late_words_after_the_bill_give_a_correction(db: Database) -> None:
    """The readings from 19:00 on come after the bill: what was thought to be even was not."""
    db.write_now(priced)
    said = words(hours=1.0)
    hear(db, said)
    assert bill(db) == "billed"
    before = owed(db)
    longer = TransactionSaid("1", "ended", 9, evse=1, register_kwh=1009.0, reason="EVDisconnected")
    hear(db, [LogEntry("A", longer, T0 + 2 * HOUR_S, T0 + 6 * HOUR_S, key="1:9")])
    assert bill(db, at_s=T0 + 7 * HOUR_S) == "billed"
    found = state(db)
    assert [e.entry.kind for e in found.entries] == [EntryKind.BILL, EntryKind.CORRECTION]
    assert found.entries[1].entry.refers_to == 1
    first, second = found.receipts
    assert (second.kind, second.refers_to, second.number) == ("correction", first.number, 2)
    assert owed(db) == second.total > before == first.total
    assert bill(db, at_s=T0 + 8 * HOUR_S) == "billed"
    assert len(state(db).entries) == 2
    assert whole(db)


def test_late_words_that_cast_doubt_are_for_a_person(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    bill(db)
    jump = TransactionSaid("1", "ended", 9, evse=1, register_kwh=9000.0)
    hear(db, [LogEntry("A", jump, T0 + 3 * HOUR_S, T0 + 6 * HOUR_S, key="1:9")])
    assert bill(db, at_s=T0 + 7 * HOUR_S) == "review"
    assert owed(db) == TOTAL  # what was billed stands until a person has looked
    found = release(db, Correction("the display says so", end_kwh=1015.0))
    assert found.state == "billed"
    assert owed(db) == found.receipts[-1].total > TOTAL
    assert found.receipts[-1].kind == "correction"
    assert whole(db)


def test_void_gives_everything_back(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    bill(db)
    db.write_now(lambda conn: payments.refund(conn, "A:1", D("5.00"), "r1", "cable was dirty", PERSON))
    found = db.write_now(lambda conn: billing.void(conn, "A:1", "fault of the pile", PERSON))
    assert found.state == "void"
    assert [(paper.kind, paper.total) for paper in found.receipts] == [("receipt", TOTAL), ("credit", D("-5.00")), ("credit", D("-15.35"))]
    assert owed(db) == 0
    assert db.read_now(lambda conn: set(ledger.totals(conn, "o").values())) == {D("0.00")}
    assert bill(db) == "void"
    with pytest.raises(InputError, match="is void"):
        db.write_now(lambda conn: billing.void(conn, "A:1", "again", PERSON))
    assert whole(db)


def test_void_of_a_held_session_is_an_entry_without_amounts(db: Database) -> None:
    db.write_now(priced)
    hear(db, words()[1:])
    bill(db)
    found = db.write_now(lambda conn: billing.void(conn, "A:1", "a test of ours", PERSON))
    assert [(e.entry.kind, e.entry.postings) for e in found.entries] == [(EntryKind.HELD, ()), (EntryKind.VOIDED, ())]
    assert found.receipts == ()


@pytest.mark.parametrize(
    ("scope", "n"),
    [
        (Scope("o"), 1),
        (Scope("p"), 0),
        (Scope("o", ("s",)), 1),
        (Scope("o", ("other",)), 0),
        (Scope("o", driver_id="d1"), 1),
        (Scope("o", driver_id="d2"), 0),
    ],
)
def test_who_sees_what(db: Database, scope: Scope, n: int) -> None:
    db.write_now(priced)
    hear(db, words())
    bill(db)
    seen = db.read_now(
        lambda conn: (
            billing.in_state(conn, scope, ["billed"]),
            ledger.receipt_page(conn, scope, None, 9)[0],
            ledger.entry_page(conn, scope, None, 9)[0],
        )
    )
    assert [len(rows) for rows in seen] == [n, n, n]


def test_refunds_once_for_each_key_and_never_more_than_was_paid(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    with pytest.raises(InputError, match="not billed"):
        db.write_now(lambda conn: payments.refund(conn, "A:1", D("1.00"), "r0", "?", PERSON))
    bill(db)

    def refund(amount: str, key: str) -> int:
        return db.write_now(lambda conn: payments.refund(conn, "A:1", D(amount), key, "sorry", PERSON)).number

    assert refund("20.00", "r1") == refund("20.00", "r1")
    with pytest.raises(InputError, match=r"at most 0\.35 CNY"):
        refund("0.36", "r2")
    with pytest.raises(Conflict):
        refund("1.00", "r1")
    refund("0.35", "r3")
    assert owed(db) == 0
    assert [paper.total for paper in state(db).receipts] == [TOTAL, D("-20.00"), D("-0.35")]
    assert whole(db)


def test_a_credit_note_says_the_tax_in_it(db: Database) -> None:
    """21.20 with 6 % inside: 1.20 tax, of which 0.60 go back with the half, and the rest with the other."""
    taxed = {"name": "taxed", "currency": "CNY", "energy_price_per_kwh": "1.514286", "tax_share": "0.06", "tax_included": True}
    db.write_now(lambda conn: money.create_contract_version(conn, money.NewVersion("o", "taxed", taxed), PERSON))
    db.write_now(lambda conn: money.assign(conn, NewAssignment("o", "contract", "site", "s", "taxed"), PERSON))
    hear(db, words())
    bill(db)
    db.write_now(lambda conn: payments.refund(conn, "A:1", D("10.60"), "r1", "sorry", PERSON))
    found = db.write_now(lambda conn: billing.void(conn, "A:1", "all of it", PERSON))
    assert [(paper.total, paper.tax_within) for paper in found.receipts] == [
        (D("21.20"), D("1.20")),
        (D("-10.60"), D("-0.60")),
        (D("-10.60"), D("-0.60")),
    ]
    assert whole(db)


def test_payments_and_write_offs(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    bill(db)
    db.write_now(lambda conn: payments.pay(conn, Payment("o", "d1", D("20.00"), "CNY", "bank:77", "transfer"), PERSON))
    with pytest.raises(InputError, match=r"at most 0\.35"):
        db.write_now(lambda conn: payments.write_off(conn, Payment("o", "d1", D("0.36"), "CNY", "w", "small"), PERSON))
    db.write_now(lambda conn: payments.write_off(conn, Payment("o", "d1", D("0.35"), "CNY", "w", "small"), PERSON))
    assert owed(db) == 0
    told = db.read_now(lambda conn: ledger.statement(conn, "o", "d1", 0.0, 1e12))
    assert [(row.kind, row.amount) for row in told.rows] == [
        (EntryKind.BILL, TOTAL),
        (EntryKind.PAYMENT, D("-20.00")),
        (EntryKind.WRITE_OFF, D("-0.35")),
    ]


def test_text_that_is_html_or_sql_stays_text(db: Database) -> None:
    db.write_now(priced)
    hear(db, words("1'; DROP TABLE book; --<b>", token="CARD1"))
    name = "A:1'; DROP TABLE book; --<b>"
    assert bill(db, name) == "billed"
    assert state(db, name).receipts[0].session_id == name
    assert whole(db)


def test_the_order_of_words_changes_neither_bill_nor_ledger(db: Database) -> None:
    db.write_now(priced)
    said = [late(entry, 3 * HOUR_S) for entry in words()]
    random.Random(7).shuffle(said)
    hear(db, said)
    assert bill(db) == "billed"
    assert state(db).receipts[0].total == TOTAL


def test_projections_made_anew_bill_nothing_twice(db: Database) -> None:
    db.write_now(priced)
    hear(db, words())
    bill(db)
    before = state(db)
    rebuild_now(db)
    assert bill(db, at_s=T0 + 8 * HOUR_S) == "billed"
    assert state(db).entries == before.entries
    assert db.read_now(lambda conn: unfinished(conn, "", 10)) == ([], None)


def test_what_is_left_to_do_is_found_page_by_page(db: Database) -> None:
    for k in range(5):
        hear(db, words(f"{k}", start_s=T0 + k * 3 * HOUR_S))
    hear(db, words("runs", start_s=T0 + 20 * HOUR_S)[:-1])
    assert bill(db, "A:3") == "unpriced"
    found: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        names, after = db.read_now(partial(unfinished, after=after, limit=2))
        found += names
        pages += 1
    assert sorted(found) == ["A:0", "A:1", "A:2", "A:3", "A:4"]
    assert pages == 4
    assert db.read_now(lambda conn: billing.in_state(conn, EVERYTHING, ["unpriced"]))[0].session_id == "A:3"


def test_missing_words_are_waited_for_longer(db: Database) -> None:
    hear(db, words())
    said = words("2", start_s=T0 + 3 * HOUR_S)
    hear(db, said[:3] + said[4:])
    hear(db, words("3", start_s=T0 + 6 * HOUR_S)[:-1])
    wait = Wait(60.0, 7200.0)
    at = [db.read_now(partial(ripe_at_s, session_id=name, wait=wait)) for name in ("A:1", "A:2", "A:3", "A:?")]
    assert at == [T0 + 2 * HOUR_S + 61.0, T0 + 5 * HOUR_S + 7201.0, None, None]
