"""How sessions get into their table and out of it again, in the projector's hot path."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from evloom.pile.transaction import RATING_MAX_KW, Session
from evloom.store import raw

_FIXED = "station_id evse connector transaction token token_type group_id started_at_s ended_at_s known_start_s protocol site_id".split()
"""Columns that are in an index, or change a few times in the life of a session."""
_MOVING = (
    "begin_kwh last_kwh end_kwh energy_kwh discharged_kwh power_kw soc charging_state reason suspect offline missing_seq changed_at_s body"
).split()
"""Columns that change with every word of it."""


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


_COLUMNS = ", ".join(_quoted(["session_id", *_FIXED, *_MOVING]))
_ALL = ", ".join(f"{name} = excluded.{name}" for name in _quoted([*_FIXED, *_MOVING]))
_SAVE = (
    f"INSERT INTO session ({_COLUMNS}) VALUES ({', '.join('?' * (1 + len(_FIXED) + len(_MOVING)))})"
    f" ON CONFLICT (session_id) DO UPDATE SET {_ALL}"
)
_MOVE = f"UPDATE session SET {', '.join(f'{name} = ?' for name in _quoted(_MOVING))} WHERE session_id = ?"

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Session).decode


def load(conn: Connection, names: Sequence[str]) -> dict[str, Session]:
    """Sessions by name, as far as they are there."""
    if not names:
        return {}
    return {
        name: decode(body)
        for name, body in raw.rows(conn, "SELECT session_id, body FROM session WHERE session_id IN {any}", (raw.texts(conn, names),))
    }


def begun(conn: Connection, station_id: str, evse: int, protocol: str) -> Session:
    """The session that a first word is folded into: where its station stands, and what the EVSE can give."""
    query = (
        "SELECT station.site_id, CASE WHEN evse.assumed THEN NULL ELSE evse.rating_kw END FROM station"
        " LEFT JOIN evse ON evse.station_id = station.station_id AND evse.evse = ?"
        " WHERE station.station_id = ?"
    )
    site_id, rating_kw = next(iter(raw.rows(conn, query, (evse, station_id))), ("", None))
    return Session(station_id=station_id, protocol=protocol, site_id=site_id, rating_kw=rating_kw or RATING_MAX_KW)


def save(conn: Connection, sessions: Mapping[str, Session], changed: Mapping[str, tuple[Session | None, float]]) -> None:
    """Write what changed: all of a new session, else what moves. `changed` has what it was before, and when its last word was known."""
    whole, moved = [], []
    for name, (before, known_at_s) in changed.items():
        session = sessions[name]
        moving = _moving(session, known_at_s)
        if before is not None and _fixed(before) == _fixed(session):
            moved.append((*moving, name))
        else:
            whole.append((name, *_fixed(session), *moving))
    raw.run_many(conn, _MOVE, moved)
    raw.run_many(conn, _SAVE, whole)


def _fixed(session: Session) -> tuple[Any, ...]:
    return (
        *(session.station_id, session.evse, session.connector, session.transaction, session.token, session.token_type, session.group_id),
        *(session.started_at_s, session.ended_at_s, session.known_start_s, session.protocol, session.site_id),
    )


def _moving(session: Session, known_at_s: float) -> tuple[Any, ...]:
    return (
        *(session.begin_kwh, session.last_kwh, session.end_kwh, session.energy_kwh, session.discharged_kwh, session.power_kw, session.soc),
        # What has ended does not charge any more; what it did last is in the body.
        *(
            session.charging_state if session.ended_at_s is None else "",
            session.reason,
            session.suspect,
            session.offline,
            _encode(session.missing_seq).decode(),
            known_at_s,
        ),
        _encode(session).decode(),
    )
