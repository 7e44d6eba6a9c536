"""People: users and their sessions, API keys, drivers, and the audit log."""

from sqlalchemy import Boolean, Column, Double, Index, Table, Text

from evloom.store.tables.base import Number, metadata

person = Table(
    "person",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("site_ids", Text, nullable=False),
    Column("driver_id", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("last_login_s", Double),
)
"""Users of console and API. login is in lower case; site_ids is JSON: the sites of an owner; driver_id: whom a driver's user stands for."""
Index("uq_person_login", person.c.login, unique=True)
Index("ix_person_org_id", person.c.org_id, person.c.user_id)

web_session = Table(
    "web_session",
    metadata,
    Column("session_hash", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("seen_at_s", Double, nullable=False),
    Column("remote", Text, nullable=False),
    Column("agent", Text, nullable=False),
)
"""Sessions of browsers. What the cookie holds is kept as its SHA-256 only."""
Index("ix_web_session_user_id", web_session.c.user_id)

api_key = Table(
    "api_key",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("prefix", Text, nullable=False),
    Column("key_hash", Text, nullable=False),
    Column("org_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("site_ids", Text, nullable=False),
    Column("driver_id", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at_s", Double),
    Column("last_used_s", Double),
    Column("revoked_at_s", Double),
)
"""API keys. The key itself (256 random bits) is kept as its SHA-256; prefix is what is shown of it and found by."""
Index("uq_api_key_prefix", api_key.c.prefix, unique=True)
Index("ix_api_key_org_id", api_key.c.org_id, api_key.c.key_id)

driver = Table(
    "driver",
    metadata,
    Column("driver_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("vehicle", Text, nullable=False),
    Column("battery_kwh", Double),
    Column("note", Text, nullable=False),
    Column("created_at_s", Double, nullable=False),
)
"""Who charges: tokens name a driver."""
Index("ix_driver_org_id", driver.c.org_id, driver.c.driver_id)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", Number, primary_key=True, autoincrement=True),
    Column("at_s", Double, nullable=False),
    Column("org_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before_digest", Text, nullable=False),
    Column("after_digest", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("request_id", Text, nullable=False),
)
"""Who changed what, from where: digests (SHA-256) of what was there before and after, "" where nothing was. Rows are only added."""
Index("ix_audit_org_id", audit.c.org_id, audit.c.audit_id)
