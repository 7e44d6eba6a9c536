"""Money: versions of tariffs and contracts, who has which, the ledger, receipts, and how far each session's bill is.

Rows of `terms_version`, `assignment`, `ledger_entry`, `ledger_posting` and `receipt` are only added, never changed.
"""

from sqlalchemy import Column, Double, Index, Integer, Table, Text, UniqueConstraint

from evloom.store.tables.base import Number, metadata

terms_version = Table(
    "terms_version",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("terms_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("from_s", Double, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
)
"""Versions of documents. kind is "tariff" (what energy costs when) or "contract" (what a driver pays); from_s is when it begins to hold."""

assignment = Table(
    "assignment",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("org_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("terms_id", Text, nullable=False),
    Column("from_s", Double, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("actor", Text, nullable=False),
)
"""Which contract or tariff holds from when for a "driver", a "site" or the "organisation"; terms_id "" ends the one before."""
Index("ix_assignment_org_id_kind", assignment.c.org_id, assignment.c.kind, assignment.c.scope, assignment.c.subject)

book = Table(
    "book",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("last_entry", Number, nullable=False),
    Column("last_receipt", Number, nullable=False),
    Column("digest", Text, nullable=False),
)
"""The end of an organisation's ledger. Its row is locked by who adds an entry, so that numbers have no gap and digests one order."""

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("driver_id", Text, nullable=False),
    Column("refers_to", Number),
    Column("currency", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("org_id", "key"),
)
"""Entries of the ledger. key makes an entry the same when it is made again; refers_to is the entry that it corrects; digest is that of
the entry and the digest before it."""
Index("ix_ledger_entry_session_id", ledger_entry.c.session_id, ledger_entry.c.number)
Index("ix_ledger_entry_driver_id", ledger_entry.c.org_id, ledger_entry.c.driver_id, ledger_entry.c.number)

ledger_posting = Table(
    "ledger_posting",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("account", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("amount", Text, nullable=False),
)
"""Amounts of an entry, debit positive, in the entry's currency; those of one entry sum to zero."""
Index("ix_ledger_posting_subject", ledger_posting.c.org_id, ledger_posting.c.subject, ledger_posting.c.number)

receipt = Table(
    "receipt",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("entry", Number, nullable=False),
    Column("kind", Text, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("driver_id", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", Text, nullable=False),
    Column("body", Text, nullable=False),
)
"""Receipts, numbered without a gap in each organisation. kind is "receipt", "correction" or "credit"; body is what is printed."""
Index("ix_receipt_session_id", receipt.c.session_id, receipt.c.number)
Index("ix_receipt_driver_id", receipt.c.org_id, receipt.c.driver_id, receipt.c.number)

billing = Table(
    "billing",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("seen_changed_at_s", Double, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("findings", Text, nullable=False),
)
"""How far a session's bill is: "billed", "held", "unpriced" or "void". seen_changed_at_s is the session's last word that was looked at.
It can be worked out again from the ledger and the sessions."""
Index("ix_billing_org_id", billing.c.org_id, billing.c.state, billing.c.at_s)
_waits = billing.c.state == "unpriced"
Index("ix_billing_unpriced", billing.c.at_s, sqlite_where=_waits, postgresql_where=_waits)
