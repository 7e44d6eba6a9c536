"""Warnings that somebody has acknowledged, and tokens that stations were told to refuse."""

import re
from dataclasses import asdict
from itertools import islice

from sqlalchemy import Connection, delete, func, insert, select

from evloom.store import frames, scoped
from evloom.store.frames import Frame
from evloom.store.listing import Row, every, one
from evloom.store.scope import Scope
from evloom.store.tables.attention import acknowledgement
from evloom.store.tables.operations import frame

LOOKED_AT = 50_000
"""How many of the last messages are looked through for refusals."""
REFUSALS = ("Invalid", "Unknown", "Blocked", "Expired", "NotAllowedTypeEVSE", "NoCredit", "NotAtThisLocation", "NotAtThisTime")
_REFUSED = re.compile(f'"({"|".join(REFUSALS)})"')


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
    said = [
        *scoped.by_station(scope, frame),
        frame.c.frame_id > newest - LOOKED_AT,
        frame.c.direction == "out",
        frame.c.action.in_(actions),
    ]
    answers = islice((answer for answer in frames.newest_first(conn, said) if _REFUSED.search(answer.text)), limit)
    return [(asdict(answer), _question(conn, answer)) for answer in answers]


def _question(conn: Connection, answer: Frame) -> str:
    """The message that an answer belongs to: it bears the same id."""
    named = f'"{answer.text.partition(chr(34))[2].partition(chr(34))[0]}"'
    mine = [frame.c.station_id == answer.station_id, frame.c.direction == "in", frame.c.action == answer.action]
    near = [frame.c.frame_id < answer.frame_id, frame.c.frame_id > answer.frame_id - LOOKED_AT]
    return next((asked.text for asked in frames.newest_first(conn, [*mine, *near]) if named in asked.text), "")


def _seen(scope: Scope) -> scoped.Conditions:
    sites = [] if scope.site_ids is None else [acknowledgement.c.site_id.in_(scope.site_ids)]
    return scoped.of_org(scope, acknowledgement) + sites
