"""What a person does to a driver's account: refunds, payments, write-offs. Each is an entry of the ledger and a line of the audit log."""

from dataclasses import dataclass, replace
from decimal import Decimal

import msgspec
from sqlalchemy import Connection

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.ledger import (
    Account,
    EntryKind,
    Posting,
    checked_amount,
    payment_postings,
    refund_postings,
    write_off_postings,
)
from evloom.store import ledger, people
from evloom.store.billing import BILLED, receipt_content
from evloom.store.ledger import Entry, NewEntry, NewReceipt
from evloom.store.money import By
from evloom.store.people import Note

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Payment:
    """Money of a driver: key makes it the same when it is told again (the bank's reference)."""

    org_id: str
    driver_id: str
    amount: Decimal
    currency: str
    key: str
    reason: str


def refund(conn: Connection, session_id: str, amount: Decimal, key: str, reason: str, by: By) -> Entry:
    """Give back `amount` of what a session's bills asked for, with a credit receipt; once for each key.

    Raises InputError where nothing was billed, or where more would be given back than was asked for.
    """
    entries = ledger.entries_of_session(conn, session_id)
    billed = [e for e in entries if e.entry.kind in BILLED and e.entry.postings]
    if not billed:
        raise InputError(
            [_finding("billing.refund", "session", f"session {session_id} was not billed", "a billed session", "nothing was done")]
        )
    first = billed[0].entry
    full_key = f"refund:{session_id}:{key}"
    before = ledger.find(conn, first.org_id, full_key)
    postings = [p for e in entries for p in e.entry.postings]
    again = amount if before is not None else _ZERO
    left = _on(Account.RECEIVABLE, postings) + again
    checked_amount(amount, left, first.currency, "refund")
    _check(key, reason)
    asked = [p for e in billed for p in e.entry.postings]
    gross = _on(Account.RECEIVABLE, asked)
    tax_share = -_on(Account.TAX_PAYABLE, asked) / gross if gross else _ZERO
    postings = list(refund_postings((gross - left, amount), tax_share, first.driver_id, first.currency))
    paper = _credit_paper(conn, session_id, (amount, _on(Account.TAX_PAYABLE, postings)), (by, reason))
    new = NewEntry(
        org_id=first.org_id,
        kind=EntryKind.REFUND,
        key=full_key,
        currency=first.currency,
        postings=tuple(postings),
        at_s=by.now_s,
        actor=by.actor,
        reason=reason,
        session_id=session_id,
        driver_id=first.driver_id,
        refers_to=billed[-1].number,
    )
    return _added(conn, new, paper, by, before is None)


def pay(conn: Connection, payment: Payment, by: By) -> Entry:
    """Enter what a driver paid; a negative amount was paid out to the driver. Raises InputError for an amount that cannot be."""
    checked_amount(abs(payment.amount), Decimal(10) ** 9, payment.currency, "payment")
    postings = payment_postings(payment.amount, payment.driver_id, payment.currency)
    return _entered(conn, payment, EntryKind.PAYMENT, postings, by)


def write_off(conn: Connection, payment: Payment, by: By) -> Entry:
    """Give up what a driver owes. Raises InputError for more than that."""
    before = ledger.find(conn, payment.org_id, f"write-off:{payment.key}")
    owed = [b.owed for b in ledger.balance(conn, payment.org_id, payment.driver_id) if b.currency == payment.currency]
    left = max(sum(owed, start=_ZERO), _ZERO) + (payment.amount if before is not None else _ZERO)
    checked_amount(payment.amount, left, payment.currency, "write-off")
    postings = write_off_postings(payment.amount, payment.driver_id, payment.currency)
    return _entered(conn, payment, EntryKind.WRITE_OFF, postings, by)


def _entered(conn: Connection, payment: Payment, kind: EntryKind, postings: tuple[Posting, ...], by: By) -> Entry:
    _check(payment.key, payment.reason)
    if not payment.driver_id:
        raise InputError([_finding("ledger.driver", "driver_id", "(empty)", "the id of a driver", "say whose account it is")])
    new = NewEntry(
        org_id=payment.org_id,
        kind=kind,
        key=f"{kind.value}:{payment.key}",
        currency=payment.currency,
        postings=postings,
        at_s=by.now_s,
        actor=by.actor,
        reason=payment.reason,
        driver_id=payment.driver_id,
    )
    return _added(conn, new, None, by, ledger.find(conn, new.org_id, new.key) is None)


def _added(conn: Connection, new: NewEntry, paper: NewReceipt | None, by: By, first: bool) -> Entry:
    entry = ledger.add(conn, new, paper)
    if first:
        subject = new.session_id or new.driver_id
        change = {"entry": entry.number, "amount": str(max(p.amount for p in new.postings)), "reason": new.reason}
        people.note(
            conn, Note(by.now_s, new.org_id, by.actor, f"billing.{new.kind.value}", subject, None, change, by.remote, by.request_id)
        )
    return entry


def _credit_paper(conn: Connection, session_id: str, given: tuple[Decimal, Decimal], why: tuple[By, str]) -> NewReceipt | None:
    """The credit note over an amount and the tax in it, for the last receipt of a session."""
    (amount, tax), (by, reason) = given, why
    papers = [receipt_content(row) for row in ledger.receipts_of_session(conn, session_id) if row["kind"] != "credit"]
    if not papers:
        return None
    last = papers[-1]
    bare = replace(last, lines=(), uses=(), warnings=(), signed=(), tax_within=-tax)
    paper = replace(bare, kind="credit", refers_to=last.number, issued_s=by.now_s, reason=reason, total=-amount)
    return NewReceipt("credit", paper.total, msgspec.json.encode(paper).decode())


def _on(account: Account, postings: list[Posting]) -> Decimal:
    return sum((p.amount for p in postings if p.account is account), start=_ZERO)


def _check(key: str, reason: str) -> None:
    found = []
    if not key or len(key) > 200:
        found.append(
            _finding("billing.key", "key", key[:60] or "(empty)", "1 to 200 characters", "give a key, the same when it is tried again")
        )
    if not reason.strip() or len(reason) > 500:
        found.append(_finding("billing.reason", "reason", reason[:60] or "(empty)", "1 to 500 characters", "say why"))
    if found:
        raise InputError(found)


def _finding(code: str, name: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(code, "refused", "money", None, name, value, allowed, advice)
