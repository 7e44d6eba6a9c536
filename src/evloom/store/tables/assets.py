"""What an operator has: organisations, sites, stations with their EVSE, and the tokens that may charge."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text, func

from evloom.store.tables.base import metadata

organisation = Table(
    "organisation",
    metadata,
    Column("org_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

site = Table(
    "site",
    metadata,
    Column("site_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
)

station = Table(
    "station",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False, server_default=""),
    Column("site_id", Text, nullable=False, server_default=""),
    Column("vendor", Text, nullable=False, server_default=""),
    Column("model", Text, nullable=False, server_default=""),
    Column("serial", Text, nullable=False, server_default=""),
    Column("firmware", Text, nullable=False, server_default=""),
    Column("protocol", Text, nullable=False, server_default=""),
    Column("security_profile", Integer, nullable=False, server_default="0"),
    Column("password_hash", Text, nullable=False, server_default=""),
    Column("certificate_serial", Text, nullable=False, server_default=""),
    Column("accepted", Text, nullable=False, server_default="accepted"),
    Column("created_at_s", Double, nullable=False, server_default="0"),
    Column("last_seen_s", Double),
    Column("boot_status", Text, nullable=False, server_default=""),
    Column("removed_at_s", Double),
)
"""Stations that are registered. accepted is "accepted", "pending" or "refused"; a removed one stays, with removed_at_s."""
Index("ix_station_org_id", station.c.org_id, station.c.station_id)
Index("ix_station_site_id", station.c.site_id, station.c.station_id)

evse = Table(
    "evse",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("evse", Integer, primary_key=True, autoincrement=False),
    Column("node", Text, nullable=False, server_default=""),
    Column("rating_kw", Double, nullable=False),
    Column("n_phase", Integer, nullable=False, server_default="3"),
    Column("phase", Text, nullable=False, server_default=""),
    Column("current_min_a", Double, nullable=False, server_default="6"),
    Column("current_step_a", Double, nullable=False, server_default="1"),
    Column("dc", Boolean, nullable=False, server_default="0"),
    Column("discharge_max_kw", Double, nullable=False, server_default="0"),
    Column("assumed", Boolean, nullable=False, server_default="0"),
)
"""EVSE of a station: where it hangs in the site's tree of limits (node), and what it can be set to. assumed: nobody told its rating, it is
the site's usual one: good enough to plan with, no measure for what a meter may have counted."""

token = Table(
    "token",
    metadata,
    Column("token", Text, primary_key=True),
    Column("token_type", Text, primary_key=True),
    Column("org_id", Text, nullable=False, server_default=""),
    Column("driver_id", Text, nullable=False, server_default=""),
    Column("group_id", Text, nullable=False, server_default=""),
    Column("master", Boolean, nullable=False, server_default="0"),
    Column("status", Text, nullable=False, server_default="Accepted"),
    Column("expiry_s", Double),
    Column("language", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
)
"""Tokens: RFID cards, app and contract ids. status is "Accepted", "Blocked", "Expired" or "Invalid"."""
Index("ix_token_org_id", token.c.org_id, token.c.token)
Index("ix_token_driver_id", token.c.driver_id)
Index("ix_token_lower", func.lower(token.c.token))
