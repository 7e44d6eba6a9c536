"""Bills, receipts, refunds, payments, and the ledger."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, UnsetType

from evloom.kernel.errors import InputError
from evloom.market.guard import GuardRules
from evloom.market.receipt import Notes, Receipt
from evloom.market.stay import Correction
from evloom.serve.api import cursor
from evloom.serve.api.call import Call
from evloom.serve.api.drivers import DriverPath, found_driver
from evloom.serve.api.endpoint import Blob, Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, fault_of, missing
from evloom.serve.api.sessions import SessionPath, found_session
from evloom.serve.api.shape import UNSET, Input, Instant, Page, Paging, seconds
from evloom.serve.api.terms import OrgQuery
from evloom.serve.billing.battery_note import with_battery
from evloom.serve.billing.paper import receipt_pdf
from evloom.serve.billing.sheet import receipt_csv, statement_csv
from evloom.serve.people.roles import ALL, OFFICE, OPERATE, OWN
from evloom.store import billing, ledger, payments
from evloom.store.connection import Connection
from evloom.store.ledger import Entry, Statement, StatementRow
from evloom.store.payments import Payment

T = TypeVar("T")
BillState = Literal["unpriced", "held", "billed", "review", "void"]
_POSITIVE = r"(?!0+([.]0*)?$)[0-9]{1,9}([.][0-9]{1,2})?$(?!\n)"
Amount = Annotated[str, Meta(max_length=20, pattern=f"^{_POSITIVE}", description="A decimal number, e.g. 12.50")]
SignedAmount = Annotated[str, Meta(max_length=20, pattern=f"^-?{_POSITIVE}")]
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$(?!\n)")]
Reason = Annotated[
    str, Meta(min_length=1, max_length=500, pattern=r"^[^\u0000-\u001f\u007f]*[^\u0000-\u0020\u007f][^\u0000-\u001f\u007f]*$(?!\n)")
]
Reference = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$(?!\n)")]
Language = Literal["en", "zh"]


class BillQuery(Input):
    """In which state, and how many at most."""

    state: BillState = "held"
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class Bill(msgspec.Struct):
    """How far the bill of a session is; `findings` say why it is held."""

    session_id: str
    org_id: str
    state: Literal["", "unpriced", "held", "billed", "review", "void"]
    findings: list[Fault]
    receipts: list[Receipt]


class Release(Input):
    """What a person sets right of a held session; what is left out stays."""

    reason: Reason
    started_at: Instant | UnsetType = UNSET
    ended_at: Instant | UnsetType = UNSET
    begin_kwh: Annotated[float, Meta(ge=0, le=1e9)] | UnsetType = UNSET
    end_kwh: Annotated[float, Meta(ge=0, le=1e9)] | UnsetType = UNSET


class Voiding(Input):
    """Why nothing is to be paid."""

    reason: Reason


class Refund(Input):
    """What is given back; the same key gives it back once."""

    amount: Amount
    key: Reference
    reason: Reason


class NewPayment(Input):
    """Money of a driver; a negative amount was paid out. The same key enters it once."""

    amount: SignedAmount
    currency: Currency
    key: Reference
    reason: Reason


class WriteOff(Input):
    """What a driver owes and is given up. The same key enters it once."""

    amount: Amount
    currency: Currency
    key: Reference
    reason: Reason


class Span(Input):
    """From when until when; from the beginning until now where it is left out."""

    begin: Instant | UnsetType = UNSET
    end: Instant | UnsetType = UNSET


class PaperQuery(Input):
    """In which language."""

    language: Language = "en"


class ReceiptLine(msgspec.Struct):
    """A receipt in a list."""

    org_id: str
    number: int
    kind: str
    session_id: str
    driver_id: str
    at_s: float
    currency: str
    total: str


class Owed(msgspec.Struct):
    """What a driver owes in one currency, negative where it is owed to the driver."""

    currency: str
    owed: Decimal


class Account(msgspec.Struct):
    """A driver's account from from_s up to to_s: what was owed before, every entry, what is owed at the end."""

    driver_id: str
    from_s: float
    to_s: float
    opening: list[Owed]
    rows: list[StatementRow]
    closing: list[Owed]


class LedgerCheck(msgspec.Struct):
    """Whether the ledger is whole: sums, numbers and digests."""

    right: bool
    entries: int
    findings: list[Fault]


async def list_bills(call: Call, query: BillQuery) -> list[Bill]:
    """Sessions whose bill is in a state, the latest first: held ones wait for a person."""
    found = await call.read(lambda conn: billing.in_state(conn, call.scope, [query.state], query.limit))
    return [_bill(one) for one in found]


async def read_bill(call: Call, path: SessionPath) -> Bill:
    """The bill of a session with its receipts."""
    return _bill(await call.read(lambda conn: _billing(conn, call, path)))


async def release_bill(call: Call, path: SessionPath, body: Release) -> Bill:
    """Bill a held session with the values that a person gives."""
    correction = Correction(
        body.reason,
        None if isinstance(body.started_at, UnsetType) else seconds(body.started_at),
        None if isinstance(body.ended_at, UnsetType) else seconds(body.ended_at),
        None if isinstance(body.begin_kwh, UnsetType) else body.begin_kwh,
        None if isinstance(body.end_kwh, UnsetType) else body.end_kwh,
    )
    by = call.by

    def job(conn: Connection) -> billing.Billing:
        _in_state(conn, call, path, ("held", "review"))
        notes = with_battery(conn, path.session_id, Notes())
        return billing.release(conn, path.session_id, correction, by, GuardRules(), notes)

    return _bill(await _written(call, job))


async def void_bill(call: Call, path: SessionPath, body: Voiding) -> Bill:
    """Let a session never be paid; what was billed is given back."""
    by = call.by

    def job(conn: Connection) -> billing.Billing:
        _in_state(conn, call, path, ("unpriced", "held", "review", "billed"))
        return billing.void(conn, path.session_id, body.reason, by)

    return _bill(await _written(call, job))


async def refund(call: Call, path: SessionPath, body: Refund) -> Entry:
    """Give back part of what a session cost, with a credit receipt."""
    by = call.by

    def job(conn: Connection) -> Entry:
        _in_state(conn, call, path, ("billed", "review"))
        return payments.refund(conn, path.session_id, Decimal(body.amount), body.key, body.reason, by)

    return await _written(call, job)


async def enter_payment(call: Call, path: DriverPath, body: NewPayment) -> Entry:
    """Enter what a driver paid."""
    by = call.by
    return await _written(call, lambda conn: payments.pay(conn, _payment(conn, call, path, body), by))


async def write_off(call: Call, path: DriverPath, body: WriteOff) -> Entry:
    """Give up what a driver owes."""
    by = call.by
    return await _written(call, lambda conn: payments.write_off(conn, _payment(conn, call, path, body), by))


def _payment(conn: Connection, call: Call, path: DriverPath, body: NewPayment | WriteOff) -> Payment:
    row = found_driver(conn, call, path.driver_id)
    return Payment(row["org_id"], path.driver_id, Decimal(body.amount), body.currency, body.key, body.reason)


async def read_statement(call: Call, path: DriverPath, query: Span) -> Account:
    """A driver's account: every entry, and what is owed."""
    found = await call.read(lambda conn: _statement(conn, call, path, query))
    opening, closing = ([Owed(one.currency, one.owed) for one in balances] for balances in (found.opening, found.closing))
    return Account(found.driver_id, found.from_s, found.to_s, opening, list(found.rows), closing)


async def read_statement_csv(call: Call, path: DriverPath, query: Span) -> Blob:
    """A driver's account as CSV."""
    found = await call.read(lambda conn: _statement(conn, call, path, query))
    return Blob(statement_csv(found, "UTC").encode(), "text/csv", f"statement-{path.driver_id}.csv")


async def read_receipts(call: Call, path: SessionPath) -> list[Receipt]:
    """The receipts of a session, the newest last."""
    return await call.read(lambda conn: _papers(conn, call, path))


async def read_receipt_csv(call: Call, path: SessionPath) -> Blob:
    """The receipts of a session as CSV."""
    papers = await call.read(lambda conn: _papers(conn, call, path))
    return Blob(receipt_csv(papers).encode(), "text/csv", "receipt.csv")


async def read_receipt_pdf(call: Call, path: SessionPath, query: PaperQuery) -> Blob:
    """The newest receipt of a session as PDF."""
    paper = (await call.read(lambda conn: _papers(conn, call, path)))[-1]
    content = await asyncio.to_thread(receipt_pdf, paper, query.language)
    return Blob(content, "application/pdf", f"receipt-{paper.number:06d}.pdf")


async def list_receipts(call: Call, query: Paging) -> Page[ReceiptLine]:
    """Receipts, the newest first."""
    after = cursor.read(query.cursor, (str, int))
    rows, last = await call.read(lambda conn: ledger.receipt_page(conn, call.scope, after, query.limit))
    fields = ReceiptLine.__struct_fields__
    return Page([ReceiptLine(**{name: row[name] for name in fields}) for row in rows], cursor.following(last))


async def read_ledger(call: Call, query: Paging) -> Page[Entry]:
    """Entries of the ledger, the newest first."""
    after = cursor.read(query.cursor, (str, int))
    rows, last = await call.read(lambda conn: ledger.entry_page(conn, call.scope, after, query.limit))
    return Page(rows, cursor.following(last))


async def check_ledger(call: Call, query: OrgQuery) -> LedgerCheck:
    """Prove the ledger: every entry sums to zero, none is missing and none was altered."""
    org_id = call.org_for(query.org_id)

    def read(conn: Connection) -> LedgerCheck:
        findings = [fault_of(finding) for finding in ledger.verify(conn, org_id)]
        return LedgerCheck(not findings, ledger.count(conn, org_id), findings)

    return await call.read(read)


def _bill(found: billing.Billing) -> Bill:
    return Bill(found.session_id, found.org_id, found.state, [fault_of(f) for f in found.findings], list(found.receipts))


def _billing(conn: Connection, call: Call, path: SessionPath) -> billing.Billing:
    found_session(conn, call, path.session_id)
    return billing.billing_of(conn, path.session_id)


def _in_state(conn: Connection, call: Call, path: SessionPath, states: tuple[str, ...]) -> None:
    found = _billing(conn, call, path)
    if found.state not in states:
        raise conflict("bill-state", f"the bill of this session is {found.state or 'not made yet'}; this needs {' or '.join(states)}")


def _statement(conn: Connection, call: Call, path: DriverPath, query: Span) -> Statement:
    row = found_driver(conn, call, path.driver_id)
    begin_s = 0.0 if isinstance(query.begin, UnsetType) else seconds(query.begin)
    end_s = call.now_s + 1.0 if isinstance(query.end, UnsetType) else seconds(query.end)
    return ledger.statement(conn, row["org_id"], path.driver_id, begin_s, end_s)


def _papers(conn: Connection, call: Call, path: SessionPath) -> list[Receipt]:
    papers = list(_billing(conn, call, path).receipts)
    if not papers:
        raise missing("receipt of session", path.session_id)
    return papers


async def _written(call: Call, job: Callable[[Connection], T]) -> T:
    """Run a job of the books, which write their own line of audit. What they refuse contradicts what stands in them: 409."""
    try:
        done = await call.platform.db.write(job)
    except InputError as error:
        faults = [fault_of(finding) for finding in error.findings]
        raise conflict("books", "; ".join(fault.advice for fault in faults), *faults) from None
    call.audited = True
    return done


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_bills, "GET /bills", "bills", OFFICE),
    endpoint(read_bill, "GET /sessions/{session_id}/bill", "bills", ALL),
    endpoint(release_bill, "POST /sessions/{session_id}/bill/release", "bills", OPERATE, 409),
    endpoint(void_bill, "POST /sessions/{session_id}/bill/void", "bills", OPERATE, 409),
    endpoint(refund, "POST /sessions/{session_id}/refunds", "bills", OPERATE, 409, status=201),
    endpoint(read_receipts, "GET /sessions/{session_id}/receipts", "receipts", ALL),
    endpoint(read_receipt_csv, "GET /sessions/{session_id}/receipts.csv", "receipts", ALL, media=("text/csv",)),
    endpoint(read_receipt_pdf, "GET /sessions/{session_id}/receipt.pdf", "receipts", ALL, media=("application/pdf",)),
    endpoint(list_receipts, "GET /receipts", "receipts", OFFICE | OWN),
    endpoint(enter_payment, "POST /drivers/{driver_id}/payments", "ledger", OPERATE, 409, status=201),
    endpoint(write_off, "POST /drivers/{driver_id}/write-offs", "ledger", OPERATE, 409, status=201),
    endpoint(read_statement, "GET /drivers/{driver_id}/statement", "ledger", OFFICE | OWN),
    endpoint(read_statement_csv, "GET /drivers/{driver_id}/statement.csv", "ledger", OFFICE | OWN, media=("text/csv",)),
    endpoint(read_ledger, "GET /ledger", "ledger", OFFICE),
    endpoint(check_ledger, "GET /ledger/check", "ledger", OFFICE),
)
