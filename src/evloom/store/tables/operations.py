"""What runs: commands on their way, who owns which station, leases, gateways, and the log of OCPP messages."""

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, Table, Text

from evloom.store.tables.base import Number, metadata

command = Table(
    "command",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("deadline_s", Double, nullable=False),
    Column("idempotency_key", Text),
    Column("created_at_s", Double, nullable=False),
    Column("sent_at_s", Double),
    Column("answered_at_s", Double),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("actor", Text, nullable=False),
)
"""Orders to stations. state is "queued", "sent", "answered", "failed" or "expired"; body and result are JSON."""
Index("ix_command_station_id", command.c.station_id, command.c.created_at_s, command.c.command_id)
Index("ix_command_created_at_s", command.c.created_at_s, command.c.command_id)
_open = command.c.state.in_(("queued", "sent"))
Index("ix_command_open", command.c.station_id, command.c.deadline_s, sqlite_where=_open, postgresql_where=_open)
Index(
    "uq_command_idempotency_key",
    command.c.idempotency_key,
    unique=True,
    sqlite_where=command.c.idempotency_key.is_not(None),
    postgresql_where=command.c.idempotency_key.is_not(None),
)

ownership = Table(
    "ownership",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("epoch", Number, nullable=False),
    Column("since_s", Double, nullable=False),
)
"""Which gateway holds the link of a station. epoch only ever grows; gateway is "" while nobody holds it."""
Index("ix_ownership_gateway", ownership.c.gateway)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until_s", Double, nullable=False),
    Column("epoch", Number, nullable=False),
)
"""Work that runs once, e.g. the loop of a site: who does it, and until when unless renewed. epoch grows with each new holder."""

gateway = Table(
    "gateway",
    metadata,
    Column("gateway", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("started_at_s", Double, nullable=False),
    Column("seen_at_s", Double, nullable=False),
    Column("n_station", Integer, nullable=False),
)
"""Gateways that live, by their own beat (seen_at_s)."""

frame = Table(
    "frame",
    metadata,
    Column("frame_id", Number, primary_key=True, autoincrement=True),
    Column("station_id", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("direction", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("number", Number),
)
"""OCPP messages as they went over the wire. direction is "in" or "out"; "lost" is a row that says how many were not kept.
body is the text, packed (`store.pack`); number is that of the entry of the log which has it, where body is empty."""
Index("ix_frame_station_id", frame.c.station_id, frame.c.frame_id)
