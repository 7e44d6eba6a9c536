"""Sites: their documents, limits set from outside, the load that was metered, what drivers need, and how EVSE were seen to follow."""

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

from evloom.store.tables.base import Number, metadata

site_plan = Table(
    "site_plan",
    metadata,
    Column("site_id", Text, primary_key=True),
    Column("version", Number, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("changed_at_s", Double, nullable=False),
    Column("actor", Text, nullable=False),
)
"""Documents of sites as JSON (`serve.site.plan.SitePlan` without its EVSE), every version of them; the highest holds."""

site_limit = Table(
    "site_limit",
    metadata,
    Column("site_id", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("import_max_kw", Double, nullable=False),
    Column("source", Text, nullable=False),
    Column("since_s", Double, nullable=False),
    Column("until_s", Double),
)
"""Limits set for a while from outside the site's document: by the grid operator, by hand. until_s None: until it is taken back."""

base_load = Table(
    "base_load",
    metadata,
    Column("site_id", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("begin_s", Double, primary_key=True),
    Column("mean_kw", Double, nullable=False),
)
"""Load that nobody steers, metered at a node: mean over a quarter of an hour from begin_s on. Its forecast is learnt from this."""

need = Table(
    "need",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("departure_s", Double),
    Column("ready_minute", Integer),
    Column("wanted_kwh", Double),
    Column("soc_target", Double),
    Column("battery_kwh", Double),
    Column("v2g_consent", Boolean, nullable=False),
    Column("priority", Double, nullable=False),
    Column("told_at_s", Double, nullable=False),
    Column("source", Text, nullable=False),
)
"""What a driver needs. subject is "session:ID" or "driver:ID" (what he usually needs); ready_minute is the local minute of the day."""

conduct = Table(
    "conduct",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("evse", Integer, primary_key=True, autoincrement=False),
    Column("standing", Text, nullable=False),
    Column("since_s", Double, nullable=False),
)
"""How an EVSE was last seen to follow its orders (`pile.follow`)."""
Index("ix_base_load_begin_s", base_load.c.begin_s)
