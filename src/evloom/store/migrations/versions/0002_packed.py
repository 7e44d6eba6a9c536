"""Entries of the log and OCPP messages are kept packed, a message that the log has is not kept twice, and the log has an end.

A database whose tables were made by the present first step has all of it already. Texts that are there stay as they are: they are read
all the same (`store.pack`).
"""

from alembic import op
from sqlalchemy import Connection, inspect

from evloom.store.tables.base import every_table

revision = "0002"
down_revision = "0001"

_POSTGRESQL = (
    "ALTER TABLE log ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8')",
    "ALTER TABLE frame RENAME COLUMN text TO body",
    "ALTER TABLE frame ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8')",
    "ALTER TABLE frame ADD COLUMN number BIGINT",
)
_LOG = "number, station_id, kind, {body}, happened_at_s, known_at_s, key, raw, epoch"
_FRAME = "frame_id, station_id, at_s, direction, action, {body}"
_DAYS = "INSERT INTO running_day (day) SELECT DISTINCT {day} FROM log WHERE known_at_s >= 0"
_ENDED = "UPDATE session SET charging_state = '' WHERE ended_at_s IS NOT NULL"


def upgrade() -> None:
    """Make what is not there yet."""
    conn = op.get_bind()
    metadata = every_table()
    metadata.create_all(conn, checkfirst=True)
    if "body" in {column["name"] for column in inspect(conn).get_columns("frame")}:
        return
    if conn.dialect.name == "postgresql":
        day = "CAST(floor(known_at_s / 86400) AS BIGINT)"
        for statement in _POSTGRESQL:
            conn.exec_driver_sql(statement)
    else:
        day = "CAST(known_at_s / 86400 AS INTEGER)"
        _anew(conn, "log", _LOG, "body")
        _anew(conn, "frame", _FRAME, "text")
    conn.exec_driver_sql(_DAYS.format(day=day))
    conn.exec_driver_sql(_ENDED)


def _anew(conn: Connection, name: str, columns: str, text: str) -> None:
    """SQLite changes no types: the table is made anew and filled from the old one."""
    for index in inspect(conn).get_indexes(name):
        conn.exec_driver_sql(f'DROP INDEX "{index["name"]}"')
    conn.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {name}_before")
    every_table().tables[name].create(conn)
    given, taken = columns.format(body="body"), columns.format(body=f'CAST("{text}" AS BLOB)')
    conn.exec_driver_sql(f"INSERT INTO {name} ({given}) SELECT {taken} FROM {name}_before ORDER BY 1")
    conn.exec_driver_sql(f"DROP TABLE {name}_before")
