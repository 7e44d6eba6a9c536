"""What people did about warnings."""

from sqlalchemy import Column, Double, Index, Table, Text

from evloom.store.tables.base import metadata

acknowledgement = Table(
    "acknowledgement",
    metadata,
    Column("ack_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
)
"""A warning that somebody has seen to: its kind and subject, by whom, with what remark. One that begins anew later is a new one."""
Index("ix_acknowledgement_subject", acknowledgement.c.kind, acknowledgement.c.subject)
