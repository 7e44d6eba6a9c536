"""Days on which the platform ran. What is kept for so many days is kept for so many of these: a clock that is far ahead for an hour, or a
platform that stood still for a month, makes nothing old."""

from sqlalchemy import Connection

from evloom.store import raw

DAY_S = 86_400.0


def note(conn: Connection, now_s: float) -> None:
    """The platform runs today."""
    raw.run(conn, "INSERT INTO running_day (day) VALUES (?) ON CONFLICT DO NOTHING", (int(now_s // DAY_S),))


def start_of(conn: Connection, now_s: float, days: float) -> float | None:
    """The instant before which everything is older than `days` days of running, None where nothing is. A day ahead of `now_s` was noted
    by a clock that was wrong."""
    whole = max(int(days), 0)
    today = int(now_s // DAY_S)
    query = "SELECT day FROM running_day WHERE day < ? ORDER BY day DESC LIMIT 1 OFFSET ?"
    found = raw.rows(conn, query, (today, max(whole - 1, 0)))
    if whole and not found:
        return None
    day = found[0][0] if whole else today
    return min(day * DAY_S + now_s % DAY_S, now_s - days * DAY_S)
