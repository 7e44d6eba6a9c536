"""What is kept for a time only: OCPP messages and meter values. The log has `store.prune`; sessions and money are kept for ever."""

from dataclasses import dataclass

from sqlalchemy import Connection

from evloom.store import raw

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


def retain(conn: Connection, now_s: float, *, frames_before_s: float | None = None, meters_before_s: float | None = None) -> Removed:
    """Remove what is older than these instants, the oldest first, up to ROWS_MAX of each; None keeps all. Call until not `more`.

    An instant that lies ahead of `now_s` comes from a clock that was wrong: such a row goes with those around it.
    """
    return Removed(
        0 if frames_before_s is None else _removed(conn, ("frame", "frame_id"), frames_before_s, now_s),
        0 if meters_before_s is None else _removed(conn, ("meter_value", "meter_value_id"), meters_before_s, now_s),
    )


def _removed(conn: Connection, table: tuple[str, str], before_s: float, now_s: float) -> int:
    """Of the oldest rows those that are old; up to the first that is not, so that only a beginning is ever looked at."""
    name, number = table
    oldest = raw.rows(conn, f"SELECT {number}, at_s FROM {name} ORDER BY {number} LIMIT ?", (ROWS_MAX,))
    n = 0
    for place, (_, at_s) in enumerate(oldest, 1):
        if at_s < before_s:
            n = place
        elif at_s <= now_s:
            break
    return raw.run(conn, f"DELETE FROM {name} WHERE {number} <= ?", (oldest[n - 1][0],)) if n else 0
