"""The ledger and the receipts: append-only, numbered without gaps in each organisation, each entry chained to the one before.

Nothing here is ever changed or deleted. `verify` proves of a whole ledger that every entry sums to zero, that no number is missing and
that no row was altered after it was written.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, Table, func, insert, select, text, update

from evloom.kernel.finding import Finding
from evloom.market.ledger import Account, Balance, EntryKind, Posting, balances, checked
from evloom.store.errors import Conflict
from evloom.store.listing import Key, Row, page
from evloom.store.scope import Scope
from evloom.store.scoped import Conditions, of_org
from evloom.store.tables.money import book, ledger_entry, ledger_posting, receipt
from evloom.store.tables.projections import session


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be made. key makes it the same entry when it is made again; body is JSON that is kept beside it."""

    org_id: str
    kind: EntryKind
    key: str
    currency: str
    postings: tuple[Posting, ...]
    at_s: float
    actor: str
    reason: str = ""
    session_id: str = ""
    driver_id: str = ""
    refers_to: int | None = None
    body: str = "{}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in the ledger; `number` counts from 1 in its organisation."""

    number: int
    entry: NewEntry
    digest: str


@dataclass(frozen=True, slots=True)
class NewReceipt:
    """A receipt to be numbered: kind "receipt", "correction" or "credit"; body is its content as JSON."""

    kind: str
    total: Decimal
    body: str


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One entry of a driver's account: amount is what it changed of what the driver owes, owed the sum after it."""

    number: int
    kind: EntryKind
    at_s: float
    session_id: str
    reason: str
    currency: str
    amount: Decimal
    owed: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """A driver's account in [from_s, to_s): what was owed before, every entry, what is owed at its end; one currency each."""

    driver_id: str
    from_s: float
    to_s: float
    opening: tuple[Balance, ...]
    rows: tuple[StatementRow, ...]
    closing: tuple[Balance, ...]


def add(conn: Connection, new: NewEntry, paper: NewReceipt | None = None) -> Entry:
    """Add an entry, with its receipt where it has one, in the caller's transaction. Adding it again returns the first.

    Raises ValueError for postings that do not sum to zero, Conflict where the key was used for other postings.
    """
    postings = checked(new.postings, new.currency)
    end = _end(conn, new.org_id)
    if (before := find(conn, new.org_id, new.key)) is not None:
        if (before.entry.kind, before.entry.session_id, set(before.entry.postings)) != (new.kind, new.session_id, set(postings)):
            raise Conflict(f"{new.kind.value} {new.key!r} was made before with other amounts, as entry {before.number}")
        return before
    number, digest = end["last_entry"] + 1, _digest(end["digest"], end["last_entry"] + 1, new, postings)
    row = {name: getattr(new, name) for name in NewEntry.__dataclass_fields__ if name not in ("kind", "postings")}
    conn.execute(insert(ledger_entry).values(**row, kind=new.kind.value, number=number, digest=digest))
    if postings:
        conn.execute(insert(ledger_posting), [_posting_row(new.org_id, number, line, posting) for line, posting in enumerate(postings)])
    paper_number = end["last_receipt"] + (paper is not None)
    if paper is not None:
        _add_receipt(conn, new, paper, (number, paper_number))
    conn.execute(update(book).where(book.c.org_id == new.org_id).values(last_entry=number, last_receipt=paper_number, digest=digest))
    made = find(conn, new.org_id, new.key)
    assert made is not None
    return made


def _posting_row(org_id: str, number: int, line: int, posting: Posting) -> dict[str, object]:
    amounts = {"account": posting.account.value, "subject": posting.subject, "amount": f"{posting.amount:f}"}
    return {"org_id": org_id, "number": number, "line": line, **amounts}


def _add_receipt(conn: Connection, new: NewEntry, paper: NewReceipt, numbers: tuple[int, int]) -> None:
    entry, number = numbers
    conn.execute(
        insert(receipt).values(
            org_id=new.org_id,
            number=number,
            entry=entry,
            kind=paper.kind,
            session_id=new.session_id,
            driver_id=new.driver_id,
            at_s=new.at_s,
            currency=new.currency,
            total=f"{paper.total:f}",
            body=paper.body,
        )
    )


def _end(conn: Connection, org_id: str) -> RowMapping:
    """The last numbers and digest of a ledger, locked until the transaction ends, so that others who add wait for it."""
    start = text("INSERT INTO book (org_id, last_entry, last_receipt, digest) VALUES (:org_id, 0, 0, '') ON CONFLICT (org_id) DO NOTHING")
    conn.execute(start, {"org_id": org_id})
    return conn.execute(select(book).where(book.c.org_id == org_id).with_for_update()).mappings().one()


def _digest(before: str, number: int, new: NewEntry, postings: Sequence[Posting]) -> str:
    said = [new.org_id, new.kind.value, new.key, new.currency, repr(new.at_s), new.actor, new.reason, new.session_id, new.driver_id]
    amounts = sorted([p.account.value, p.subject, f"{p.amount:f}"] for p in postings)
    content = msgspec.json.encode([before, number, *said, new.refers_to, new.body, amounts])
    return hashlib.sha256(content).hexdigest()


def find(conn: Connection, org_id: str, key: str) -> Entry | None:
    """The entry of a key."""
    return next(iter(_entries(conn, select(ledger_entry).where(ledger_entry.c.org_id == org_id, ledger_entry.c.key == key))), None)


def entry_of(conn: Connection, org_id: str, number: int) -> Entry | None:
    """One entry by its number."""
    return next(iter(_entries(conn, select(ledger_entry).where(ledger_entry.c.org_id == org_id, ledger_entry.c.number == number))), None)


def entries_of_session(conn: Connection, session_id: str) -> list[Entry]:
    """Everything that was ever entered for a session, oldest first."""
    return _entries(conn, select(ledger_entry).where(ledger_entry.c.session_id == session_id).order_by(ledger_entry.c.number))


def entry_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> tuple[list[Entry], Key | None]:
    """Entries of what may be seen, newest first; a driver sees one's own."""
    query = select(ledger_entry).where(*_seen(scope, ledger_entry))
    rows, more = page(conn, query, [ledger_entry.c.org_id, ledger_entry.c.number], after, limit, descending=True)
    return _with_postings(conn, rows), more


def receipt_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> tuple[list[Row], Key | None]:
    """Receipts of what may be seen, newest first; a driver sees one's own."""
    query = select(receipt).where(*_seen(scope, receipt))
    return page(conn, query, [receipt.c.org_id, receipt.c.number], after, limit, descending=True)


def _seen(scope: Scope, table: Table) -> Conditions:
    """Rows of a table of money that may be seen: of a driver one's own, of some sites those of sessions there."""
    found = of_org(scope, table)
    if scope.driver_id is not None:
        found = [*found, table.c.driver_id == scope.driver_id]
    if scope.site_ids is not None:
        found = [*found, table.c.session_id.in_(select(session.c.session_id).where(session.c.site_id.in_(scope.site_ids)))]
    return found


def receipts_of_session(conn: Connection, session_id: str) -> list[RowMapping]:
    """Receipts of a session, oldest first."""
    return list(conn.execute(select(receipt).where(receipt.c.session_id == session_id).order_by(receipt.c.number)).mappings())


def receipt_numbered(conn: Connection, org_id: str, number: int) -> RowMapping | None:
    """One receipt by its number."""
    return conn.execute(select(receipt).where(receipt.c.org_id == org_id, receipt.c.number == number)).mappings().first()


def balance(conn: Connection, org_id: str, driver_id: str) -> tuple[Balance, ...]:
    """What a driver owes or is owed, one balance for each currency; () for one without entries."""
    return balances(((entry.currency, p) for entry in _of_driver(conn, org_id, driver_id) for p in entry.postings), driver_id)


def statement(conn: Connection, org_id: str, driver_id: str, from_s: float, to_s: float) -> Statement:
    """A driver's account in [from_s, to_s)."""
    entries = list(_numbered_of_driver(conn, org_id, driver_id))
    before = [e.entry for e in entries if e.entry.at_s < from_s]
    inside = [e for e in entries if from_s <= e.entry.at_s < to_s]
    opening = balances(((e.currency, p) for e in before for p in e.postings), driver_id)
    owed = {b.currency: b.owed for b in opening}
    rows = []
    for e in inside:
        amount = sum((p.amount for p in e.entry.postings if p.subject == driver_id), start=Decimal(0))
        owed[e.entry.currency] = owed.get(e.entry.currency, Decimal(0)) + amount
        said = (e.number, e.entry.kind, e.entry.at_s, e.entry.session_id, e.entry.reason, e.entry.currency)
        rows.append(StatementRow(*said, amount, owed[e.entry.currency]))
    until = [*before, *(e.entry for e in inside)]
    closing = balances(((e.currency, p) for e in until for p in e.postings), driver_id)
    return Statement(driver_id, from_s, to_s, opening, tuple(rows), closing)


def totals(conn: Connection, org_id: str, from_s: float = 0.0, to_s: float = 1e12) -> dict[tuple[str, Account], Decimal]:
    """Turnover of every account in [from_s, to_s), by currency; the amounts of one currency sum to zero."""
    joined = ledger_posting.join(
        ledger_entry, (ledger_posting.c.org_id == ledger_entry.c.org_id) & (ledger_posting.c.number == ledger_entry.c.number)
    )
    query = (
        select(ledger_entry.c.currency, ledger_posting.c.account, ledger_posting.c.amount)
        .select_from(joined)
        .where(ledger_entry.c.org_id == org_id, ledger_entry.c.at_s >= from_s, ledger_entry.c.at_s < to_s)
    )
    sums: dict[tuple[str, Account], Decimal] = {}
    for currency, account, amount in conn.execute(query):
        key = (currency, Account(account))
        sums[key] = sums.get(key, Decimal(0)) + Decimal(amount)
    return sums


def verify(conn: Connection, org_id: str) -> list[Finding]:
    """What is wrong with a ledger: [] where every entry sums to zero, none is missing and none was altered."""
    found: list[Finding] = []
    digest, number = "", 0
    for entry in _entries(conn, select(ledger_entry).where(ledger_entry.c.org_id == org_id).order_by(ledger_entry.c.number)):
        number += 1
        if entry.number != number:
            found.append(_broken(org_id, "number", f"entry {entry.number}", f"entry {number}"))
        total = sum((p.amount for p in entry.entry.postings), start=Decimal(0))
        if total:
            found.append(_broken(org_id, "sum", f"entry {entry.number} sums to {total}", "0"))
        digest = _digest(digest, entry.number, entry.entry, entry.entry.postings)
        if digest != entry.digest:
            found.append(_broken(org_id, "digest", f"entry {entry.number} was altered", entry.digest))
            digest = entry.digest
        number = entry.number
    rows = conn.execute(select(receipt.c.number).where(receipt.c.org_id == org_id).order_by(receipt.c.number)).scalars().all()
    if list(rows) != list(range(1, len(rows) + 1)):
        found.append(_broken(org_id, "receipt", f"{len(rows)} receipts up to number {max(rows, default=0)}", "numbers without a gap"))
    papers = len(rows)
    end = conn.execute(select(book).where(book.c.org_id == org_id)).mappings().first()
    if end is not None and (end["last_entry"], end["last_receipt"], end["digest"]) != (number, papers, digest):
        found.append(_broken(org_id, "end", f"{number} entries, {papers} receipts", f"{end['last_entry']} and {end['last_receipt']}"))
    return found


def organisations(conn: Connection) -> list[str]:
    """Organisations that have a ledger."""
    return list(conn.execute(select(book.c.org_id).order_by(book.c.org_id)).scalars())


def count(conn: Connection, org_id: str) -> int:
    """Number of entries of a ledger."""
    return int(conn.execute(select(func.count()).where(ledger_entry.c.org_id == org_id)).scalar_one())


def _broken(org_id: str, what: str, value: str, allowed: str) -> Finding:
    advice = "restore the database from a backup and compare: somebody changed rows of the ledger"
    return Finding(f"ledger.{what}", "refused", f"ledger of {org_id or '(none)'}", None, what, value, allowed, advice)


def _of_driver(conn: Connection, org_id: str, driver_id: str) -> Iterator[NewEntry]:
    return (entry.entry for entry in _numbered_of_driver(conn, org_id, driver_id))


def _numbered_of_driver(conn: Connection, org_id: str, driver_id: str) -> list[Entry]:
    table = ledger_entry
    return _entries(conn, select(table).where(table.c.org_id == org_id, table.c.driver_id == driver_id).order_by(table.c.number))


def _entries(conn: Connection, query: Select[Any]) -> list[Entry]:
    return _with_postings(conn, conn.execute(query).mappings().all())


def _with_postings(conn: Connection, rows: Sequence[Mapping[Any, Any]]) -> list[Entry]:
    """The entries of rows, their postings read for some hundreds at a time."""
    postings: dict[tuple[str, int], list[Posting]] = {}
    for org_id in dict.fromkeys(row["org_id"] for row in rows):
        numbers = [row["number"] for row in rows if row["org_id"] == org_id]
        for start in range(0, len(numbers), 500):
            table = ledger_posting
            query = select(table).where(table.c.org_id == org_id, table.c.number.in_(numbers[start : start + 500]))
            for p in conn.execute(query.order_by(table.c.number, table.c.line)):
                postings.setdefault((org_id, p.number), []).append(Posting(Account(p.account), p.subject, Decimal(p.amount)))
    return [_entry(row, tuple(postings.get((row["org_id"], row["number"]), ()))) for row in rows]


def _entry(row: Mapping[Any, Any], postings: tuple[Posting, ...]) -> Entry:
    values = {name: row[name] for name in NewEntry.__dataclass_fields__ if name not in ("kind", "postings")}
    return Entry(row["number"], NewEntry(**values, kind=EntryKind(row["kind"]), postings=postings), row["digest"])
