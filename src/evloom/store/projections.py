"""The projections as a whole: how they are thrown away and worked out again from the log."""

from sqlalchemy import Connection, delete

from evloom.store.database import Database
from evloom.store.tables import projections
from evloom.store.tables.log import dead_letter

PROJECTIONS = (
    projections.session,
    projections.meter_value,
    projections.meter_shape,
    projections.station_state,
    projections.connector_state,
    projections.deviation,
    dead_letter,
)
"""Tables that hold nothing which is not in the log."""


async def rebuild(database: Database) -> None:
    """Throw the projections away and work them out from the log; returns when that is done. Reading meanwhile sees them grow."""
    await database.rebuild(_emptied)


def rebuild_now(database: Database) -> None:
    """`rebuild` for tools and tests; never from an event loop."""
    database.rebuild_now(_emptied)


def _emptied(conn: Connection) -> None:
    for table in PROJECTIONS:
        conn.execute(delete(table))
