"""Warnings that somebody has acknowledged, and tokens that stations were told to refuse."""

from sqlalchemy import Connection, delete, func, insert, or_, select

from evloom.store import scoped
from evloom.store.listing import Row, every, one
from evloom.store.scope import Scope
from evloom.store.tables.attention import acknowledgement
from evloom.store.tables.operations import frame

LOOKED_AT = 50_000
"""How many of the last messages are looked through for refusals."""
REFUSALS = ("Invalid", "Unknown", "Blocked", "Expired", "NotAllowedTypeEVSE", "NoCredit", "NotAtThisLocation", "NotAtThisTime")


def acknowledgements(conn: Connection, scope: Scope, limit: int) -> list[Row]:
    """What was acknowledged, the latest first."""
    query = select(acknowledgement).where(*_seen(scope)).order_by(acknowledgement.c.at_s.desc()).limit(limit)
    return every(conn, query)


def acknowledgement_of(conn: Connection, scope: Scope, ack_id: str) -> Row | None:
    """One acknowledgement."""
    return one(conn, select(acknowledgement).where(*_seen(scope), acknowledgement.c.ack_id == ack_id))


def acknowledge(conn: Connection, row: Row) -> None:
    """Keep an acknowledgement in the place of an earlier one of the same warning."""
    same = (acknowledgement.c.kind == row["kind"]) & (acknowledgement.c.subject == row["subject"])
    conn.execute(delete(acknowledgement).where(same, acknowledgement.c.org_id == row["org_id"]))
    conn.execute(insert(acknowledgement).values(**row))


def take_back(conn: Connection, ack_id: str) -> None:
    """Drop an acknowledgement."""
    conn.execute(delete(acknowledgement).where(acknowledgement.c.ack_id == ack_id))


def refusals(conn: Connection, scope: Scope, actions: tuple[str, ...], limit: int) -> list[tuple[Row, str]]:
    """Answers of `actions` that refuse something, the latest first, each with the message that it answers, "" where that is gone."""
    newest = conn.execute(select(func.max(frame.c.frame_id))).scalar() or 0
    said = or_(*(frame.c.text.contains(f'"{word}"', autoescape=True) for word in REFUSALS))
    query = select(frame).where(
        *scoped.by_station(scope, frame),
        frame.c.frame_id > newest - LOOKED_AT,
        frame.c.direction == "out",
        frame.c.action.in_(actions),
        said,
    )
    answers = every(conn, query.order_by(frame.c.frame_id.desc()).limit(limit))
    return [(row, _question(conn, row)) for row in answers]


def _question(conn: Connection, answer: Row) -> str:
    """The message that an answer belongs to: it bears the same id."""
    call_id = answer["text"].partition('"')[2].partition('"')[0]
    mine = (frame.c.station_id == answer["station_id"]) & (frame.c.direction == "in") & (frame.c.frame_id < answer["frame_id"])
    query = select(frame.c.text).where(mine, frame.c.frame_id > answer["frame_id"] - LOOKED_AT, frame.c.action == answer["action"])
    query = query.where(frame.c.text.contains(f'"{call_id}"', autoescape=True)).order_by(frame.c.frame_id.desc()).limit(1)
    return str(conn.execute(query).scalar() or "")


def _seen(scope: Scope) -> scoped.Conditions:
    sites = [] if scope.site_ids is None else [acknowledgement.c.site_id.in_(scope.site_ids)]
    return scoped.of_org(scope, acknowledgement) + sites
