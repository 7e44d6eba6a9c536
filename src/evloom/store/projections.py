"""The projections as a whole: how they are thrown away and worked out again from the log."""

from sqlalchemy import Connection

from evloom.store import prune, raw
from evloom.store.database import Database
from evloom.store.meters import PLACE_BITS

_FLOOR = "FROM log_floor WHERE log_floor.station_id ="
_METERS = (
    f"DELETE FROM meter_value WHERE meter_value_id >= coalesce((SELECT number + 1 {_FLOOR} meter_value.station_id), 0) * {1 << PLACE_BITS}"
    " AND NOT EXISTS (SELECT 1 FROM session WHERE session.session_id = meter_value.session_id)"
)
_EMPTIED = (
    f"DELETE FROM session WHERE known_start_s >= coalesce((SELECT before_s {_FLOOR} session.station_id), -1e300)",
    _METERS,
    "DELETE FROM station_state WHERE station_id NOT IN (SELECT station_id FROM log_floor)",
    f"UPDATE station_state SET cursor = (SELECT number {_FLOOR} station_state.station_id)",
    "DELETE FROM connector_state WHERE station_id NOT IN (SELECT station_id FROM log_floor)",
    "DELETE FROM deviation",
    "DELETE FROM dead_letter",
)
"""Everything that is in the log is thrown away, and only that."""
_DEVIATION = "INSERT INTO deviation (station_id, action, rule, field, n, last_s, value, advice) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


async def rebuild(database: Database) -> None:
    """Throw the projections away and work them out from the log; returns when that is done. Reading meanwhile sees them grow."""
    await database.rebuild(_emptied)


def rebuild_now(database: Database) -> None:
    """`rebuild` for tools and tests; never from an event loop."""
    database.rebuild_now(_emptied)


def _emptied(conn: Connection) -> None:
    """Where the log of a station was shortened (`store.prune`), what came of the entries that are gone stays, and is gone on from."""
    for statement in _EMPTIED:
        raw.run(conn, statement)
    for station_id, counted in prune.floors(conn):
        raw.run_many(conn, _DEVIATION, [(station_id, *one) for one in counted])
        raw.run(conn, "UPDATE station_state SET n_deviation = ? WHERE station_id = ?", (sum(one[3] for one in counted), station_id))
