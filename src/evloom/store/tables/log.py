"""The log, and what the writer keeps beside it."""

from sqlalchemy import Column, Double, Index, LargeBinary, Table, Text

from evloom.store.tables.base import Number, metadata

log = Table(
    "log",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("station_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("happened_at_s", Double, nullable=False),
    Column("known_at_s", Double, nullable=False),
    Column("key", Text),
    Column("raw", LargeBinary, nullable=False),
    Column("epoch", Number, nullable=False),
)
"""What stations said, in the order in which it was learnt. Rows are only added, and the oldest removed when their time is over
(`store.prune`). body is the event as JSON, raw the frame as it came, as evidence; both are packed (`store.pack`)."""
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

log_floor = Table(
    "log_floor",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("number", Number, nullable=False),
    Column("before_s", Double, nullable=False),
    Column("deviations", Text, nullable=False),
)
"""Up to which number the log of a station was removed, and what counts of its deviations came from there, as JSON. Sessions that were
first heard of before before_s are no longer worked out from the log: their rows are all there is."""

running_day = Table("running_day", metadata, Column("day", Number, primary_key=True, autoincrement=False))
"""Days since 1970-01-01 UTC on which the platform ran: the age of what is removed is counted in them, whatever a clock says."""

writer_mark = Table(
    "writer_mark",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("batch", Number, nullable=False),
    Column("at_s", Double, nullable=False),
)
"""The last batch that each writer committed: tells one that lost its connection during COMMIT what became of it."""
