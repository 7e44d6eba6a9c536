"""Users, their sessions, API keys, drivers, organisations, and the audit log."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update

from evloom.store.listing import Key, Row, Rows, every, one, page
from evloom.store.scope import EVERYTHING, Scope
from evloom.store.scoped import of_org
from evloom.store.tables.assets import organisation
from evloom.store.tables.people import api_key, audit, driver, person, web_session


class LoggedIn(NamedTuple):
    """A session of a browser and whose it is."""

    session: Row
    user: Row


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the audit log: at_s when; actor who ("user:ID", "key:ID", "setup", "command:..."), action what was done
    ("station.create"), subject to what, org_id whose that is, before and after the row as it was and is, None for nothing."""

    at_s: float
    org_id: str
    actor: str
    action: str
    subject: str
    before: object = None
    after: object = None
    remote: str = ""
    request_id: str = ""


def note(conn: Connection, line: Note) -> None:
    """Add a line to the audit log, in the transaction of what it is about."""
    values = {name: getattr(line, name) for name in ("at_s", "org_id", "actor", "action", "subject", "remote", "request_id")}
    conn.execute(insert(audit).values(before_digest=_digest(line.before), after_digest=_digest(line.after), **values))


def _digest(content: object) -> str:
    if content is None:
        return ""
    plain = dict(content) if isinstance(content, Mapping) else content
    return hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def audit_page(conn: Connection, scope: Scope, after: Key | None, limit: int, **wanted: str) -> Rows:
    """Lines of the audit log, newest first; `wanted` are values of columns that are looked for."""
    query = select(audit).where(*of_org(scope, audit), *(audit.c[name] == value for name, value in wanted.items()))
    return page(conn, query, [audit.c.audit_id], after, limit, descending=True)


def organisations(conn: Connection, scope: Scope, after: Key | None, limit: int) -> Rows:
    """Organisations that may be seen, by id."""
    return page(conn, select(organisation).where(*of_org(scope, organisation)), [organisation.c.org_id], after, limit)


def organisation_of(conn: Connection, scope: Scope, org_id: str) -> Row | None:
    """One organisation, None where it is not there or not to be seen."""
    return one(conn, select(organisation).where(*of_org(scope, organisation), organisation.c.org_id == org_id))


def put_organisation(conn: Connection, org_id: str, name: str) -> None:
    """Make an organisation, or name it anew."""
    if organisation_of(conn, EVERYTHING, org_id) is None:
        conn.execute(insert(organisation).values(org_id=org_id, name=name))
    else:
        conn.execute(update(organisation).where(organisation.c.org_id == org_id).values(name=name))


def administrators(conn: Connection) -> int:
    """How many administrators can log in."""
    query = select(person.c.user_id).where(person.c.role == "admin", person.c.disabled.is_(False))
    return len(conn.execute(query).all())


def user_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> Rows:
    """Users, by id."""
    return page(conn, select(person).where(*of_org(scope, person)), [person.c.user_id], after, limit)


def user_of(conn: Connection, scope: Scope, user_id: str) -> Row | None:
    """One user."""
    return one(conn, select(person).where(*of_org(scope, person), person.c.user_id == user_id))


def user_by_login(conn: Connection, login: str) -> Row | None:
    """The user of a login name, in any case."""
    return one(conn, select(person).where(person.c.login == login.lower()))


def add_user(conn: Connection, row: Mapping[str, Any]) -> None:
    """Make a user; the row has every column but last_login_s."""
    conn.execute(insert(person).values(**{**row, "login": row["login"].lower()}))


def change_user(conn: Connection, user_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a user; sessions end where role, password or state changed."""
    if values:
        conn.execute(update(person).where(person.c.user_id == user_id).values(**values))
    if values.keys() & {"role", "password_hash", "disabled", "site_ids", "driver_id"}:
        end_sessions(conn, user_id)


def drop_user(conn: Connection, user_id: str) -> None:
    """Remove a user with all sessions."""
    end_sessions(conn, user_id)
    conn.execute(delete(person).where(person.c.user_id == user_id))


def add_session(conn: Connection, row: Mapping[str, Any]) -> None:
    """Keep a session of a browser, and that its user logged in."""
    conn.execute(insert(web_session).values(**row))
    conn.execute(update(person).where(person.c.user_id == row["user_id"]).values(last_login_s=row["created_at_s"]))


def session_of(conn: Connection, session_hash: str) -> LoggedIn | None:
    """A session and its user, unless the user is closed."""
    found = one(conn, select(web_session).where(web_session.c.session_hash == session_hash))
    if found is None:
        return None
    user = one(conn, select(person).where(person.c.user_id == found["user_id"], person.c.disabled.is_(False)))
    return None if user is None else LoggedIn(found, user)


def sessions_of(conn: Connection, user_id: str) -> list[Row]:
    """Every session of a user, newest first."""
    query = select(web_session).where(web_session.c.user_id == user_id).order_by(web_session.c.created_at_s.desc()).limit(500)
    return every(conn, query)


def touch_session(conn: Connection, session_hash: str, seen_at_s: float) -> None:
    """Keep that a session was used."""
    conn.execute(update(web_session).where(web_session.c.session_hash == session_hash).values(seen_at_s=seen_at_s))


def end_session(conn: Connection, session_hash: str) -> None:
    """End one session."""
    conn.execute(delete(web_session).where(web_session.c.session_hash == session_hash))


def end_sessions(conn: Connection, user_id: str) -> int:
    """End all sessions of a user."""
    return conn.execute(delete(web_session).where(web_session.c.user_id == user_id)).rowcount


def drop_old_sessions(conn: Connection, created_before_s: float, seen_before_s: float) -> int:
    """Forget sessions that have run out."""
    old = (web_session.c.created_at_s < created_before_s) | (web_session.c.seen_at_s < seen_before_s)
    return conn.execute(delete(web_session).where(old)).rowcount


def key_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> Rows:
    """API keys, by id."""
    return page(conn, select(api_key).where(*of_org(scope, api_key)), [api_key.c.key_id], after, limit)


def key_of(conn: Connection, scope: Scope, key_id: str) -> Row | None:
    """One API key."""
    return one(conn, select(api_key).where(*of_org(scope, api_key), api_key.c.key_id == key_id))


def key_by_prefix(conn: Connection, prefix: str) -> Row | None:
    """The key that begins with `prefix`."""
    return one(conn, select(api_key).where(api_key.c.prefix == prefix))


def add_key(conn: Connection, row: Mapping[str, Any]) -> None:
    """Keep an API key."""
    conn.execute(insert(api_key).values(**row))


def change_key(conn: Connection, key_id: str, values: Mapping[str, Any]) -> None:
    """Change columns of a key."""
    conn.execute(update(api_key).where(api_key.c.key_id == key_id).values(**values))


def driver_page(conn: Connection, scope: Scope, after: Key | None, limit: int) -> Rows:
    """Drivers, by id; a driver sees oneself."""
    own = [] if scope.driver_id is None else [driver.c.driver_id == scope.driver_id]
    return page(conn, select(driver).where(*of_org(scope, driver), *own), [driver.c.driver_id], after, limit)


def driver_of(conn: Connection, scope: Scope, driver_id: str) -> Row | None:
    """One driver."""
    own = [] if scope.driver_id is None else [driver.c.driver_id == scope.driver_id]
    return one(conn, select(driver).where(*of_org(scope, driver), *own, driver.c.driver_id == driver_id))


def put_driver(conn: Connection, driver_id: str, values: Mapping[str, Any]) -> None:
    """Make a driver, or change one."""
    _put(conn, driver, "driver_id", driver_id, values)


def drop_driver(conn: Connection, driver_id: str) -> None:
    """Remove a driver; sessions keep their token."""
    conn.execute(delete(driver).where(driver.c.driver_id == driver_id))


def _put(conn: Connection, table: Table, name: str, value: str, values: Mapping[str, Any]) -> None:
    if one(conn, select(table.c[name]).where(table.c[name] == value)) is None:
        conn.execute(insert(table).values(**{name: value, **values}))
    elif values:
        conn.execute(update(table).where(table.c[name] == value).values(**values))
