"""The log, and what the writer keeps beside it."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from evloom.store.tables.base import Number, metadata

log = Table(
    "log",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("station_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("happened_at_s", Double, nullable=False),
    Column("known_at_s", Double, nullable=False),
    Column("key", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("epoch", Number, nullable=False),
)
"""What stations said, in the order in which it was learnt. Rows are only added. raw is the frame as it came, as evidence."""
Index("ix_log_station_id_number", log.c.station_id, log.c.number)
Index(
    "uq_log_station_id_key",
    log.c.station_id,
    log.c.key,
    unique=True,
    sqlite_where=log.c.key.is_not(None),
    postgresql_where=log.c.key.is_not(None),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("station_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("at_s", Double, nullable=False),
)
"""Entries of the log that could not be projected, and why; `store.projections.rebuild` tries them again."""

writer_mark = Table(
    "writer_mark",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("batch", Number, nullable=False),
    Column("at_s", Double, nullable=False),
)
"""The last batch that each writer committed: tells one that lost its connection during COMMIT what became of it."""
