"""What is worked out from the log and can be thrown away: sessions, meter values, states of stations and connectors."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, Table, Text

from evloom.store.tables.base import Number, metadata

session = Table(
    "session",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("evse", Integer, nullable=False),
    Column("connector", Integer, nullable=False),
    Column("transaction", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("token_type", Text, nullable=False),
    Column("group_id", Text, nullable=False),
    Column("started_at_s", Double, nullable=False),
    Column("ended_at_s", Double),
    Column("known_start_s", Double, nullable=False),
    Column("begin_kwh", Double),
    Column("last_kwh", Double),
    Column("end_kwh", Double),
    Column("energy_kwh", Double, nullable=False),
    Column("discharged_kwh", Double, nullable=False),
    Column("power_kw", Double, nullable=False),
    Column("soc", Double),
    Column("charging_state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("suspect", Text, nullable=False),
    Column("offline", Boolean, nullable=False),
    Column("missing_seq", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("site_id", Text, nullable=False),
    Column("changed_at_s", Double, nullable=False),
    Column("body", Text, nullable=False),
)
"""Charging sessions. body is the whole `pile.transaction.Session` as JSON, the other columns what is looked for and shown of it;
changed_at_s is when its last word became known."""
Index("ix_session_station_id", session.c.station_id, session.c.started_at_s, session.c.session_id)
Index("ix_session_site_id", session.c.site_id, session.c.started_at_s, session.c.session_id)
Index("ix_session_token", session.c.token, session.c.started_at_s, session.c.session_id)
Index("ix_session_started_at_s", session.c.started_at_s, session.c.session_id)
Index(
    "ix_session_open",
    session.c.station_id,
    session.c.evse,
    sqlite_where=session.c.ended_at_s.is_(None),
    postgresql_where=session.c.ended_at_s.is_(None),
)

meter_value = Table(
    "meter_value",
    metadata,
    Column("meter_value_id", Number, primary_key=True, autoincrement=False),
    Column("station_id", Text, nullable=False),
    Column("evse", Integer, nullable=False),
    Column("session_id", Text, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("power_kw", Double),
    Column("energy_kwh", Double),
    Column("soc", Double),
    Column("voltage_v", Double),
    Column("current_a", Double),
    Column("shape_id", Number, nullable=False),
    Column("samples", LargeBinary, nullable=False),
)
"""What a meter said at one instant. The columns are for charts; `samples` are all values, of all measurands and phases, in the order
that the shape names (`store.meters`). The id is the number of the log's entry times 65536 plus the place of the instant in it.
session_id is "" outside of sessions."""
Index("ix_meter_value_session_id", meter_value.c.session_id, meter_value.c.at_s)

meter_shape = Table(
    "meter_shape",
    metadata,
    Column("shape_id", Number, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)
"""What the values of a meter mean: a station says the same measurands in the same order all day. The id is a digest of the body."""

station_state = Table(
    "station_state",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("cursor", Number, nullable=False),
    Column("connected", Boolean, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("security_profile", Integer, nullable=False),
    Column("connected_at_s", Double),
    Column("disconnected_at_s", Double),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("firmware", Text, nullable=False),
    Column("boot_status", Text, nullable=False),
    Column("booted_at_s", Double),
    Column("last_seen_s", Double, nullable=False),
    Column("n_deviation", Integer, nullable=False),
)
"""What is known of a station, and up to which number of the log it was worked out (`cursor`)."""

connector_state = Table(
    "connector_state",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("evse", Integer, primary_key=True, autoincrement=False),
    Column("connector", Integer, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("info", Text, nullable=False),
    Column("vendor_error", Text, nullable=False),
    Column("since_s", Double, nullable=False),
    Column("known_at_s", Double, nullable=False),
)
"""The last status of each connector; since_s is when that status began, known_at_s when it was last said."""

deviation = Table(
    "deviation",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("last_s", Double, nullable=False),
    Column("value", Text, nullable=False),
    Column("advice", Text, nullable=False),
)
"""How often a station broke its protocol in which way; value and advice are those of the last time."""
