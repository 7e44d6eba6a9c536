"""From a finished session to the ledger: billed once, held where it is doubtful, corrected when late words change it.

States of a session's bill (`billing_of`):

    ""          not looked at yet: it runs, or its late words are still waited for
    unpriced    no tariff holds for its start; billed as soon as one is assigned
    held        doubtful, with the findings that say why; a person releases or voids it, or late words clear it
    billed      in the ledger, with a receipt
    review      billed, and late words cast doubt on it; a person releases it corrected, or voids it
    void        never to be paid; what was billed was given back

Every step is an entry of the ledger; what a person did is in the audit log as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

import msgspec
from sqlalchemy import Connection, RowMapping, delete, insert, select

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.bill import Bill
from evloom.market.guard import GuardRules
from evloom.market.ledger import Account, EntryKind, Posting, bill_postings, checked, difference, reversal
from evloom.market.offer import Named, Offer
from evloom.market.receipt import Notes, Receipt, receipt_of
from evloom.market.stay import Correction, Draft, Stay, corrected, drafted
from evloom.store import ledger, people
from evloom.store.ledger import Entry, NewEntry, NewReceipt
from evloom.store.money import By, Who, offer_of_versions
from evloom.store.scope import Scope
from evloom.store.scoped import of_org, sessions
from evloom.store.stays import offer_of, stay_of
from evloom.store.tables.money import billing
from evloom.store.tables.projections import session

State = Literal["", "unpriced", "held", "billed", "review", "void"]
SYSTEM = "billing"
BILLED = (EntryKind.BILL, EntryKind.RELEASED, EntryKind.CORRECTION)
NO_CURRENCY = ""
"""Of entries without amounts."""


@dataclass(frozen=True, slots=True)
class Billing:
    """How far the bill of a session is, with everything that was entered for it."""

    session_id: str
    org_id: str
    state: State
    findings: tuple[Finding, ...] = ()
    entries: tuple[Entry, ...] = ()
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """What is kept beside an entry: what the bill was made by, what was doubted, what a person corrected."""

    contract: Named = field(default=Named("", 0, 0.0))
    tariff: Named = field(default=Named("", 0, 0.0))
    findings: tuple[Finding, ...] = ()
    correction: Correction | None = None


@dataclass(frozen=True, slots=True)
class _Post:
    """A bill on its way into the ledger, taking the place of what `before` holds."""

    draft: Draft
    bill: Bill
    offer: Offer
    notes: Notes
    by: By
    kind: EntryKind
    before: tuple[Entry, ...] = ()
    correction: Correction | None = None


def bill_session(conn: Connection, session_id: str, by: By, rules: GuardRules, notes: Notes) -> State:
    """Bring the bill of a session up to what is known of it; doing it again changes nothing. Returns its state."""
    stay = stay_of(conn, session_id)
    if stay is None or stay.ended_s is None:
        return ""
    row = _row(conn, session_id)
    state: State = row["state"] if row is not None else ""
    if state == "void" or (row is not None and state != "unpriced" and row["seen_changed_at_s"] >= stay.known_s):
        return state
    if state in ("billed", "review"):
        return _again(conn, stay, by, rules, notes)
    try:
        offer = offer_of(conn, stay)
    except InputError as error:
        return _mark(conn, stay, "unpriced", by.now_s, error.findings)
    draft = drafted(stay, offer, rules)
    if draft.bill is None:
        return _hold(conn, draft, by)
    _post(conn, _Post(draft, draft.bill, offer, notes, by, EntryKind.BILL))
    return _mark(conn, stay, "billed", by.now_s, draft.findings)


def release(conn: Connection, session_id: str, correction: Correction, by: By, rules: GuardRules, notes: Notes) -> Billing:
    """Bill a held session, or one in review, with the values that a person gave. Raises InputError where it still cannot be billed."""
    stay, state = _known(conn, session_id, "release", ("held", "review"))
    _check_reason(correction.reason, "release")
    before = _billed(conn, session_id)
    fixed = corrected(stay, correction)
    offer = _offer_again(conn, stay, before) if before else offer_of(conn, fixed)
    draft = drafted(fixed, offer, rules, accepted=True)
    if draft.bill is None:
        raise InputError(draft.findings)
    _post(conn, _Post(draft, draft.bill, offer, notes, by, EntryKind.RELEASED, before, correction))
    _mark(conn, stay, "billed", by.now_s, draft.findings)
    _audit(conn, stay.org_id, "billing.release", session_id, by, ({"state": state}, correction))
    return billing_of(conn, session_id)


def void(conn: Connection, session_id: str, reason: str, by: By) -> Billing:
    """Let a session never be paid: a held one is closed, a billed one is given back whole. Raises InputError where it is not there."""
    stay, state = _known(conn, session_id, "void", ("unpriced", "held", "review", "billed"))
    _check_reason(reason, "void")
    entries = ledger.entries_of_session(conn, session_id)
    currency = next((e.entry.currency for e in entries if e.entry.postings), NO_CURRENCY)
    postings = checked(reversal(p for e in entries for p in e.entry.postings), currency)
    billed = [e for e in entries if e.entry.kind in BILLED]
    papers = [receipt_content(row) for row in ledger.receipts_of_session(conn, session_id) if row["kind"] != "credit"]
    given_back = sum((p.amount for p in postings if p.subject == _driver_of(entries) and _of_driver(p)), start=Decimal(0))
    tax = sum((p.amount for p in postings if p.account is Account.TAX_PAYABLE), start=Decimal(0))
    paper = replace(_credit(papers[-1], by, reason), total=given_back, tax_within=-tax) if papers and postings else None
    new = NewEntry(
        org_id=stay.org_id,
        kind=EntryKind.VOIDED,
        key=f"void:{session_id}",
        currency=currency,
        postings=postings,
        at_s=by.now_s,
        actor=by.actor,
        reason=reason,
        session_id=session_id,
        driver_id=_driver_of(entries) or stay.driver_id,
        refers_to=billed[-1].number if billed else None,
    )
    ledger.add(conn, new, None if paper is None else NewReceipt("credit", paper.total, _text(paper)))
    _mark(conn, stay, "void", by.now_s, ())
    _audit(conn, stay.org_id, "billing.void", session_id, by, ({"state": state}, {"reason": reason}))
    return billing_of(conn, session_id)


def billing_of(conn: Connection, session_id: str) -> Billing:
    """How far the bill of a session is; state "" for one that was not looked at."""
    row = _row(conn, session_id)
    entries = tuple(ledger.entries_of_session(conn, session_id))
    papers = tuple(receipt_content(paper) for paper in ledger.receipts_of_session(conn, session_id))
    if row is None:
        return Billing(session_id, "", "", (), entries, papers)
    findings = msgspec.json.decode(row["findings"], type=tuple[Finding, ...])
    return Billing(session_id, row["org_id"], row["state"], findings, entries, papers)


def in_state(conn: Connection, scope: Scope, states: Sequence[State], limit: int = 500) -> list[Billing]:
    """Sessions whose bill is in one of these states, the latest first, without entries and receipts: what the operator has to do."""
    seen = of_org(scope, billing)
    if scope.site_ids is not None or scope.driver_id is not None:
        seen = [*seen, billing.c.session_id.in_(select(session.c.session_id).where(*sessions(scope)))]
    query = select(billing).where(*seen, billing.c.state.in_(states)).order_by(billing.c.at_s.desc()).limit(limit)
    return [
        Billing(row["session_id"], row["org_id"], row["state"], msgspec.json.decode(row["findings"], type=tuple[Finding, ...]))
        for row in conn.execute(query).mappings()
    ]


def receipt_content(row: RowMapping) -> Receipt:
    """What is printed on a receipt, from its row."""
    content = msgspec.json.decode(row["body"], type=Receipt)
    return replace(content, number=row["number"], issued_s=row["at_s"])


def preview(stay: Stay, offer: Offer, rules: GuardRules, accepted: bool = True) -> Receipt:
    """The receipt that a finished stay would get, without a number. Raises InputError where it cannot be billed."""
    draft = drafted(stay, offer, rules, accepted)
    if draft.bill is None:
        raise InputError(draft.findings)
    return receipt_of(draft, draft.bill, offer, Notes())


def _again(conn: Connection, stay: Stay, by: By, rules: GuardRules, notes: Notes) -> State:
    """Words came after the bill: a correction where they change it, review where they cast doubt or a person had set it right."""
    before = _billed(conn, stay.session_id)
    offer = _offer_again(conn, stay, before)
    draft = drafted(stay, offer, rules)
    bill = draft.bill
    if bill is None or any(e.entry.kind is EntryKind.RELEASED for e in before):
        return _mark(conn, stay, "review", by.now_s, draft.findings)
    driver_id = before[0].entry.driver_id  # who was billed stays billed, whoever has the token by now
    draft = replace(draft, stay=replace(stay, driver_id=driver_id))
    old = [p for e in before for p in e.entry.postings]
    if difference(bill_postings(bill, driver_id), old, bill.currency):
        _post(conn, _Post(draft, bill, offer, notes, by, EntryKind.CORRECTION, before))
    return _mark(conn, stay, "billed", by.now_s, draft.findings)


def _hold(conn: Connection, draft: Draft, by: By) -> State:
    stay, row = draft.stay, _row(conn, draft.stay.session_id)
    text = msgspec.json.encode(draft.findings).decode()
    if row is None or row["state"] != "held" or row["findings"] != text:
        n = sum(e.entry.kind is EntryKind.HELD for e in ledger.entries_of_session(conn, stay.session_id))
        body = msgspec.json.encode(Body(findings=draft.findings)).decode()
        reason = ", ".join(dict.fromkeys(finding.code for finding in draft.findings if finding.severity == "refused"))
        who = (by.now_s, by.actor, reason, stay.session_id, stay.driver_id)
        ledger.add(conn, NewEntry(stay.org_id, EntryKind.HELD, f"held:{stay.session_id}:{n}", NO_CURRENCY, (), *who, body=body))
    return _mark(conn, stay, "held", by.now_s, draft.findings)


def _post(conn: Connection, post: _Post) -> Entry:
    stay, bill = post.draft.stay, post.bill
    old = [p for e in post.before for p in e.entry.postings]
    postings = difference(bill_postings(bill, stay.driver_id), old, bill.currency)
    n = len(post.before)
    body = Body(post.offer.contract_version, post.offer.tariff_version, post.draft.findings, post.correction)
    new = NewEntry(
        org_id=stay.org_id,
        kind=post.kind,
        key=f"bill:{stay.session_id}" + (f":{n}" if n else ""),
        currency=bill.currency,
        postings=postings,
        at_s=post.by.now_s,
        actor=post.by.actor,
        reason=post.correction.reason if post.correction is not None else "late words" if n else "",
        session_id=stay.session_id,
        driver_id=stay.driver_id,
        refers_to=post.before[-1].number if n else None,
        body=msgspec.json.encode(body).decode(),
    )
    return ledger.add(conn, new, _paper(conn, post, new.reason))


def _paper(conn: Connection, post: _Post, reason: str) -> NewReceipt | None:
    """The receipt of a bill; a session that cost nothing and never had one gets none."""
    papers = ledger.receipts_of_session(conn, post.draft.stay.session_id)
    if not post.bill.lines and not papers:
        return None
    receipt = replace(receipt_of(post.draft, post.bill, post.offer, post.notes), reason=reason)
    if papers:
        receipt = replace(receipt, kind="correction", refers_to=papers[-1]["number"])
    return NewReceipt(receipt.kind, receipt.total, _text(receipt))


def _credit(last: Receipt, by: By, reason: str) -> Receipt:
    """A receipt that gives back what another one asked for; its total is for the caller to fill in."""
    bare = replace(last, lines=(), uses=(), warnings=(), signed=(), notes=Notes(), tax_within=Decimal(0))
    return replace(bare, kind="credit", refers_to=last.number, issued_s=by.now_s, reason=reason)


def _billed(conn: Connection, session_id: str) -> tuple[Entry, ...]:
    return tuple(e for e in ledger.entries_of_session(conn, session_id) if e.entry.kind in BILLED)


def _offer_again(conn: Connection, stay: Stay, before: Sequence[Entry]) -> Offer:
    body = msgspec.json.decode(before[0].entry.body, type=Body)
    who = Who(stay.org_id, stay.site_id, before[0].entry.driver_id, stay.zone)
    return offer_of_versions(conn, before[0].entry.org_id, body.contract, body.tariff, who)


def _of_driver(posting: Posting) -> bool:
    return posting.account.value in ("receivable", "v2g payable")


def _driver_of(entries: Sequence[Entry]) -> str:
    return next((e.entry.driver_id for e in entries if e.entry.kind in BILLED), "")


def _known(conn: Connection, session_id: str, what: str, states: Sequence[State]) -> tuple[Stay, State]:
    stay, row = stay_of(conn, session_id), _row(conn, session_id)
    state: State = row["state"] if row is not None else ""
    if stay is None or state not in states:
        value = "a session that is not known" if stay is None else f"session {session_id} is {state or 'not billed yet'}"
        raise InputError([Finding(f"billing.{what}", "refused", what, None, "state", value, " or ".join(states), "nothing was done")])
    return stay, state


def _check_reason(reason: str, what: str) -> None:
    if not reason.strip() or len(reason) > 500:
        advice = "say why, for the driver and the books"
        raise InputError([Finding("billing.reason", "refused", what, None, "reason", reason[:80], "1 to 500 characters", advice)])


def _audit(conn: Connection, org_id: str, action: str, subject: str, by: By, change: tuple[object, object]) -> None:
    people.note(conn, people.Note(by.now_s, org_id, by.actor, action, subject, change[0], change[1], by.remote, by.request_id))


def _row(conn: Connection, session_id: str) -> RowMapping | None:
    return conn.execute(select(billing).where(billing.c.session_id == session_id)).mappings().first()


def _mark(conn: Connection, stay: Stay, state: State, now_s: float, findings: Sequence[Finding]) -> State:
    conn.execute(delete(billing).where(billing.c.session_id == stay.session_id))
    text = msgspec.json.encode(tuple(findings)).decode()
    row = {"session_id": stay.session_id, "org_id": stay.org_id, "state": state, "seen_changed_at_s": stay.known_s, "at_s": now_s}
    conn.execute(insert(billing).values(**row, findings=text))
    return state


def _text(receipt: Receipt) -> str:
    return msgspec.json.encode(receipt).decode()


@dataclass(frozen=True, slots=True)
class Wait:
    """How long after the last word of an ended session it is billed: `settle_s`, or `missing_s` where words are known to be missing."""

    settle_s: float = 60.0
    missing_s: float = 6 * 3600.0


def ripe_at_s(conn: Connection, session_id: str, wait: Wait) -> float | None:
    """When a session may be billed; None while it runs."""
    query = select(session.c.ended_at_s, session.c.changed_at_s, session.c.missing_seq).where(session.c.session_id == session_id)
    row = conn.execute(query).first()
    if row is None or row.ended_at_s is None:
        return None
    return float(row.changed_at_s) + (wait.settle_s if row.missing_seq == "[]" else max(wait.missing_s, wait.settle_s))


def unfinished(conn: Connection, after: str, limit: int) -> tuple[list[str], str | None]:
    """Ended sessions whose bill is not up to their last word, among the `limit` sessions after an id; and the id to go on from, None at
    the end. For a start, and once in a while: it looks at every session there is."""
    joined = session.outerjoin(billing, billing.c.session_id == session.c.session_id)
    query = (
        select(session.c.session_id, session.c.ended_at_s, session.c.changed_at_s, billing.c.state, billing.c.seen_changed_at_s)
        .select_from(joined)
        .where(session.c.session_id > after)
        .order_by(session.c.session_id)
        .limit(limit)
    )
    rows = conn.execute(query).all()
    found = [row.session_id for row in rows if row.ended_at_s is not None and _behind(row.state, row.seen_changed_at_s, row.changed_at_s)]
    return found, rows[-1].session_id if len(rows) == limit else None


def _behind(state: str | None, seen_s: float | None, changed_s: float) -> bool:
    return state is None or seen_s is None or state == "unpriced" or (state != "void" and seen_s < changed_s)


def unpriced(conn: Connection, limit: int = 1000) -> list[str]:
    """Sessions that wait for a tariff."""
    return list(conn.execute(select(billing.c.session_id).where(billing.c.state == "unpriced").limit(limit)).scalars())
