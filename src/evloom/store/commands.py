"""Commands on their way: rows that change their state by comparing it, so that two processes never both do.

queued -> sent -> answered | failed      queued -> failed | expired      sent -> queued (it certainly never left)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Update, insert, select, update

from evloom.store.errors import Conflict
from evloom.store.tables.operations import command, ownership


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command. body and result are JSON; deadline_s is the instant after which it is no longer sent."""

    command_id: str
    station_id: str
    action: str
    body: str
    state: str
    deadline_s: float
    idempotency_key: str | None = None
    created_at_s: float = 0.0
    sent_at_s: float | None = None
    answered_at_s: float | None = None
    result: str = "{}"
    error: str = ""
    gateway: str = ""
    actor: str = ""


_COLUMNS = [command.c[name] for name in CommandRow.__slots__]


def add(conn: Connection, row: CommandRow) -> CommandRow:
    """Keep a command; where its key was used before, the first command of that key. Raises Conflict when that was another one."""
    if row.idempotency_key is not None:
        found = _one(conn, command.c.idempotency_key == row.idempotency_key)
        if found is not None:
            if (found.station_id, found.action, found.body) != (row.station_id, row.action, row.body):
                raise Conflict(f"the key {row.idempotency_key!r} was used for another command: {found.action} to {found.station_id}")
            return found
    conn.execute(insert(command).values({name: getattr(row, name) for name in CommandRow.__slots__}))
    return row


def find(conn: Connection, command_id: str) -> CommandRow | None:
    """One command."""
    return _one(conn, command.c.command_id == command_id)


def next_queued(conn: Connection, station_id: str) -> CommandRow | None:
    """The command that is to be sent next to a station."""
    query = select(*_COLUMNS).where(command.c.station_id == station_id, command.c.state == "queued")
    return _row(conn.execute(query.order_by(command.c.created_at_s, command.c.command_id).limit(1)).mappings().first())


def waiting_stations(conn: Connection, gateway: str) -> list[str]:
    """Stations of a gateway for which a command is queued."""
    query = select(command.c.station_id).join(ownership, ownership.c.station_id == command.c.station_id)
    query = query.where(command.c.state == "queued", ownership.c.gateway == gateway).distinct()
    return list(conn.execute(query).scalars())


def overdue(conn: Connection, now_s: float) -> bool:
    """Whether a queued command is past its deadline."""
    query = select(command.c.command_id).where(command.c.state == "queued", command.c.deadline_s <= now_s).limit(1)
    return conn.execute(query).first() is not None


def mark_sent(conn: Connection, command_id: str, gateway: str, now_s: float) -> CommandRow | None:
    """From queued to sent, before its deadline; None when it is neither."""
    change = update(command).where(command.c.command_id == command_id, command.c.state == "queued", command.c.deadline_s > now_s)
    return _changed(conn, change.values(state="sent", sent_at_s=now_s, gateway=gateway))


def mark_unsent(conn: Connection, command_id: str) -> CommandRow | None:
    """Back to the queue: it certainly never left."""
    change = update(command).where(command.c.command_id == command_id, command.c.state == "sent")
    return _changed(conn, change.values(state="queued", sent_at_s=None, gateway=""))


def end(conn: Connection, command_id: str, state: str, *, result: str = "{}", error: str = "", at_s: float) -> CommandRow | None:
    """To "answered" or "failed"; None when it had ended already."""
    change = update(command).where(command.c.command_id == command_id, command.c.state.in_(("queued", "sent")))
    return _changed(conn, change.values(state=state, result=result, error=error, answered_at_s=at_s))


def expire(conn: Connection, now_s: float) -> list[CommandRow]:
    """Every queued command past its deadline, now expired."""
    change = update(command).where(command.c.state == "queued", command.c.deadline_s <= now_s)
    text = "the deadline passed before it could be sent: the station was not connected, or did not answer what came before"
    return _all(conn, change.values(state="expired", error=text))


def sent_by(conn: Connection, gateway: str, before_s: float) -> list[str]:
    """Commands that a gateway sent before an instant and that have no answer."""
    query = select(command.c.command_id).where(command.c.state == "sent", command.c.gateway == gateway, command.c.sent_at_s < before_s)
    return list(conn.execute(query).scalars())


def fail_sent(conn: Connection, command_ids: Sequence[str], error: str, now_s: float) -> list[CommandRow]:
    """Those of the commands that are sent, now failed."""
    change = update(command).where(command.c.command_id.in_(command_ids), command.c.state == "sent")
    return _all(conn, change.values(state="failed", error=error, answered_at_s=now_s))


def _one(conn: Connection, where: Any) -> CommandRow | None:
    return _row(conn.execute(select(*_COLUMNS).where(where)).mappings().first())


def _changed(conn: Connection, change: Update) -> CommandRow | None:
    return next(iter(_all(conn, change)), None)


def _all(conn: Connection, change: Update) -> list[CommandRow]:
    return [CommandRow(**row) for row in conn.execute(change.returning(*_COLUMNS)).mappings()]


def _row(found: RowMapping | None) -> CommandRow | None:
    return None if found is None else CommandRow(**found)
