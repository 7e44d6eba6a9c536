"""Warnings of the battery doctor with their history, and charging sessions that were held back by one."""

from sqlalchemy import Column, Double, Index, Integer, Table, Text

from evloom.store.tables.base import Number, metadata

battery_warning = Table(
    "battery_warning",
    metadata,
    Column("warning_id", Text, primary_key=True),
    Column("pack_id", Text, nullable=False),
    Column("vehicle_id", Text, nullable=False),
    Column("cell", Integer),
    Column("probe", Integer),
    Column("level", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("severity", Double, nullable=False),
    Column("first_seen_s", Double, nullable=False),
    Column("last_seen_s", Double, nullable=False),
    Column("opened_s", Double, nullable=False),
    Column("updated_s", Double, nullable=False),
    Column("closed_s", Double),
    Column("acknowledged_s", Double),
    Column("acknowledged_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("body", Text, nullable=False),
)
"""Warnings as they stand. Instants of the warning are those of the frames that showed it, acknowledged_s is of our clock. cause is the
likeliest; body the whole warning as JSON. A level that rises asks for a new acknowledgement."""
Index("ix_battery_warning_pack_id", battery_warning.c.pack_id, battery_warning.c.opened_s)
Index("ix_battery_warning_opened_s", battery_warning.c.opened_s, battery_warning.c.warning_id)

battery_warning_change = Table(
    "battery_warning_change",
    metadata,
    Column("change_id", Number, primary_key=True, autoincrement=True),
    Column("warning_id", Text, nullable=False),
    Column("pack_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("known_s", Double, nullable=False),
    Column("level", Text, nullable=False),
    Column("severity", Double, nullable=False),
    Column("cause", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("note", Text, nullable=False),
)
"""What happened to warnings: "opened", "updated", "acknowledged", "closed". at_s by the frames (of an acknowledgement by our clock),
known_s when we learnt it. Frames that are looked at again after a crash say the same changes again, which are kept once."""
Index(
    "uq_battery_warning_change",
    battery_warning_change.c.warning_id,
    battery_warning_change.c.kind,
    battery_warning_change.c.at_s,
    battery_warning_change.c.level,
    unique=True,
)

session_diagnosis = Table(
    "session_diagnosis",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("pack_id", Text, nullable=False),
    Column("vehicle_id", Text, nullable=False),
    Column("level", Integer, nullable=False),
    Column("warning_id", Text, nullable=False),
    Column("from_s", Double, nullable=False),
)
"""Sessions that charged less because of what is suspected of the battery: the highest level that held, and since when one did."""
