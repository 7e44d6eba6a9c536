"""What is kept for a time only: OCPP messages and meter values. The log is kept for ever, sessions with it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from evloom.store import raw
from evloom.store.meters import PLACE_BITS

ROWS_MAX = 5000
"""Rows of each kind that one call removes: some tens of milliseconds, so that appends do not wait."""


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows were removed; when one is ROWS_MAX there may be more."""

    n_frame: int
    n_meter_value: int

    @property
    def more(self) -> bool:
        """Whether to call again."""
        return max(self.n_frame, self.n_meter_value) >= ROWS_MAX


def retain(conn: Connection, *, frames_before_s: float | None = None, meters_before_s: float | None = None) -> Removed:
    """Remove what became known before these instants, the oldest first, up to ROWS_MAX of each; None keeps all. Call until not `more`."""
    return Removed(
        0 if frames_before_s is None else _frames(conn, frames_before_s), 0 if meters_before_s is None else _meters(conn, meters_before_s)
    )


def _frames(conn: Connection, before_s: float) -> int:
    oldest = raw.rows(conn, "SELECT frame_id, at_s FROM frame ORDER BY frame_id LIMIT ?", (ROWS_MAX,))
    old = [frame_id for frame_id, at_s in oldest if at_s < before_s]
    return raw.run(conn, "DELETE FROM frame WHERE frame_id <= ? AND at_s < ?", (old[-1], before_s)) if old else 0


def _meters(conn: Connection, before_s: float) -> int:
    first_kept = _first_number_since(conn, before_s) << PLACE_BITS
    oldest = raw.rows(
        conn, "SELECT meter_value_id FROM meter_value WHERE meter_value_id < ? ORDER BY meter_value_id LIMIT ?", (first_kept, ROWS_MAX)
    )
    return raw.run(conn, "DELETE FROM meter_value WHERE meter_value_id <= ?", oldest[-1]) if oldest else 0


def _first_number_since(conn: Connection, instant_s: float) -> int:
    """The number of the first entry of the log that was known at `instant_s` or later; the log is in the order of what was known."""
    low, high = 0, raw.rows(conn, "SELECT coalesce(max(number), 0) FROM log")[0][0] + 1
    while low < high:
        middle = (low + high) // 2
        found = raw.rows(conn, "SELECT number, known_at_s FROM log WHERE number >= ? ORDER BY number LIMIT 1", (middle,))
        if not found or found[0][1] >= instant_s:
            high = middle
        else:
            low = int(found[0][0]) + 1
    return low
