"""Warnings of the battery doctor: kept as they stand, with their history; and sessions that were held back by one."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from evloom.diagnose.warning import LEVELS, WarningChange, warning_of
from evloom.diagnose.warning import Warning as Told
from evloom.store.batteries import batteries
from evloom.store.listing import Key, Row, Rows, every, one, page
from evloom.store.scope import Scope
from evloom.store.tables.batteries import battery
from evloom.store.tables.warnings import battery_warning, battery_warning_change, session_diagnosis


def save_change(conn: Connection, change: WarningChange, known_s: float) -> bool:
    """Keep what happened to a warning, once however often it is said; whether it is new."""
    told, history = change.warning, battery_warning_change
    same = (history.c.warning_id == told.warning_id) & (history.c.kind == change.kind) & (history.c.level == told.level)
    if one(conn, select(history.c.change_id).where(same, history.c.at_s == change.at_s)) is not None:
        return False
    before = one(conn, select(battery_warning).where(battery_warning.c.warning_id == told.warning_id))
    values = _columns(told)
    if before is None:
        conn.execute(insert(battery_warning).values(**values, acknowledged_s=None, acknowledged_by="", note=""))
    else:
        if LEVELS.index(told.level) > LEVELS.index(before["level"]):
            values |= {"acknowledged_s": None, "acknowledged_by": "", "note": ""}
        conn.execute(update(battery_warning).where(battery_warning.c.warning_id == told.warning_id).values(**values))
    _note(conn, change.kind, values, (change.at_s, known_s))
    return True


def _columns(told: Told) -> Row:
    names = ("warning_id", "pack_id", "vehicle_id", "cell", "probe", "level", "severity", "first_seen_s", "last_seen_s", "opened_s",
             "updated_s", "closed_s")  # fmt: skip
    values = {name: getattr(told, name) for name in names}
    return values | {"cause": told.causes[0][0] if told.causes else "", "body": msgspec.json.encode(asdict(told), enc_hook=float).decode()}


def _note(conn: Connection, kind: str, row: Mapping[str, Any], when_s: tuple[float, float], by: tuple[str, str] = ("", "")) -> None:
    """Add a line to the history: when_s (it happened, it was known), by (actor, note)."""
    named = {name: row[name] for name in ("warning_id", "pack_id", "level", "severity", "cause")}
    times = {"at_s": when_s[0], "known_s": when_s[1]}
    conn.execute(insert(battery_warning_change).values(**named, **times, kind=kind, actor=by[0], note=by[1]))


def close_others(conn: Connection, pack_id: str, standing: frozenset[str], at_s: float, known_s: float) -> list[Row]:
    """Close open warnings of a battery that the doctor does not hold any more; what was closed. Frames that are looked at anew, with more
    known of the battery, may say something else than they did."""
    mine = (battery_warning.c.pack_id == pack_id) & battery_warning.c.closed_s.is_(None)
    gone = [row for row in every(conn, select(battery_warning).where(mine)) if row["warning_id"] not in standing]
    for row in gone:
        body = msgspec.json.encode({**msgspec.json.decode(row["body"]), "closed_s": at_s, "updated_s": at_s}).decode()
        change = {"closed_s": at_s, "updated_s": at_s, "body": body}
        conn.execute(update(battery_warning).where(battery_warning.c.warning_id == row["warning_id"]).values(**change))
        _note(conn, "closed", row, (at_s, known_s), ("", "looked at anew"))
    return gone


def acknowledge(conn: Connection, row: Row, at_s: float, actor: str, note: str) -> None:
    """Somebody has taken notice of the warning of `row`; its battery is held back until it closes all the same."""
    mine = battery_warning.c.warning_id == row["warning_id"]
    conn.execute(update(battery_warning).where(mine).values(acknowledged_s=at_s, acknowledged_by=actor, note=note))
    _note(conn, "acknowledged", row, (at_s, at_s), (actor, note))


def body_of(row: Row) -> Told:
    """The warning of a row, as the doctor told it last. JSON has no NaN: values that are not known are null in it."""
    values = msgspec.json.decode(row["body"])
    for line in values["evidence"]:
        line["value"] = [float("nan") if value is None else value for value in line["value"]]
    return warning_of(values)


def warning_page(conn: Connection, scope: Scope, after: Key | None, limit: int, wanted: Mapping[str, Any]) -> Rows:
    """Warnings, the latest first; `wanted` are values of columns, and `open`, `acknowledged`."""
    query = select(battery_warning, battery.c.org_id).join(battery, battery.c.pack_id == battery_warning.c.pack_id)
    query = query.where(*batteries(scope))
    for name, value in wanted.items():
        column = {"open": battery_warning.c.closed_s, "acknowledged": battery_warning.c.acknowledged_s}.get(name)
        if column is None:
            query = query.where(battery_warning.c[name] == value)
        else:
            query = query.where(column.is_(None) if value == (name == "open") else column.is_not(None))
    return page(conn, query, [battery_warning.c.opened_s, battery_warning.c.warning_id], after, limit, descending=True)


def warning_row(conn: Connection, scope: Scope, warning_id: str) -> Row | None:
    """One warning."""
    query = select(battery_warning, battery.c.org_id).join(battery, battery.c.pack_id == battery_warning.c.pack_id)
    return one(conn, query.where(*batteries(scope), battery_warning.c.warning_id == warning_id))


def history_of(conn: Connection, warning_id: str) -> list[Row]:
    """What happened to a warning, the first first."""
    history = battery_warning_change
    return every(conn, select(history).where(history.c.warning_id == warning_id).order_by(history.c.at_s, history.c.change_id).limit(1000))


def last_change(conn: Connection) -> int:
    """The number of the last change of any warning: whoever remembers it sees whether there was another."""
    return int(conn.execute(select(func.max(battery_warning_change.c.change_id))).scalar() or 0)


def worst_open(conn: Connection, pack_id: str) -> Row | None:
    """The open warning of the highest level of a battery, the oldest of them."""
    mine = (battery_warning.c.pack_id == pack_id) & battery_warning.c.closed_s.is_(None)
    rows = every(conn, select(battery_warning).where(mine).order_by(battery_warning.c.opened_s))
    return max(rows, key=lambda row: LEVELS.index(row["level"]), default=None)


def hold(conn: Connection, session_id: str, values: Mapping[str, Any]) -> None:
    """Keep that a session is held back by a diagnosis (pack_id, vehicle_id, level, warning_id, from_s); the highest level stays."""
    mine = session_diagnosis.c.session_id == session_id
    before = one(conn, select(session_diagnosis).where(mine))
    if before is None:
        conn.execute(insert(session_diagnosis).values(session_id=session_id, **values))
    elif values["level"] > before["level"]:
        kept = {name: values[name] for name in ("level", "warning_id", "pack_id", "vehicle_id")}
        conn.execute(update(session_diagnosis).where(mine).values(**kept))


def held(conn: Connection, session_id: str) -> Row | None:
    """What held a session back, None where nothing did."""
    return one(conn, select(session_diagnosis).where(session_diagnosis.c.session_id == session_id))
