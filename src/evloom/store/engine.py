"""How the databases are opened: one connection that writes and a few that only read, on SQLite or PostgreSQL."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.store.inside import check_outside

BUSY_S = 10.0
"""How long SQLite waits for another process that writes."""
WAL_PAGES = 4000
"""Pages in the write-ahead log after which SQLite carries them into the database: 16 MB."""


class GuardedPool(QueuePool):
    """A pool that gives no connection to a thread which is in a transaction."""

    def _do_get(self) -> ConnectionPoolEntry:
        check_outside()
        return super()._do_get()


def checked_url(text: str) -> URL:
    """The URL of a database, or what is wrong with it."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except Exception as error:  # SQLAlchemy raises several kinds
        raise _refused(text.partition("@")[2] or text, str(error)) from error
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite")
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise _refused(url.render_as_string(hide_password=True), "not a database that Evloom can use")


def _refused(value: str, why: str) -> InputError:
    advice = f"{why}; leave it empty for a file in the data folder"
    return InputError(
        [Finding("store.url", "refused", "database", None, "url", value, "sqlite:///FILE or postgresql://USER@HOST/NAME", advice)]
    )


NOT_OPENED = "store.open"


def is_away(error: InputError) -> bool:
    """Whether it says that a database could not be opened, which may pass, and not that what names it is wrong."""
    return all(finding.code == NOT_OPENED for finding in error.findings)


def not_opened(url: URL, error: DBAPIError | OSError) -> InputError:
    """What is said of a database that cannot be opened."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    address = url.render_as_string(hide_password=True)
    advice = "is it running, is the address right, and may this user read and write it?"
    why = " ".join(str(cause).split())
    return InputError([Finding(NOT_OPENED, "refused", "database", None, "url", address, f"a database that opens ({why})", advice)])


def writing_engine(url: URL) -> Engine:
    """An engine with one connection, whose transactions hold the right to write from their first word."""
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        return _sqlite(url, pragmas=("synchronous=FULL",), begin="BEGIN IMMEDIATE", size=1)
    return create_engine(url, poolclass=GuardedPool, pool_size=1, max_overflow=0, connect_args={"connect_timeout": 5, **_keepalive()})


def reading_engine(url: URL, size: int) -> Engine:
    """An engine with up to `size` connections that cannot write."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, pragmas=("query_only=ON",), begin="BEGIN", size=size)
    arguments = {"connect_timeout": 5, **_keepalive()}
    engine = create_engine(url, poolclass=GuardedPool, pool_size=size, max_overflow=0, pool_pre_ping=True, connect_args=arguments)
    return engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")


def _keepalive() -> dict[str, int]:
    """A peer that vanished is noticed within half a minute, also while it owes us an answer to what was sent (milliseconds)."""
    return {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}


def _sqlite(url: URL, pragmas: tuple[str, ...], begin: str, size: int) -> Engine:
    arguments = {"check_same_thread": False, "timeout": BUSY_S, "cached_statements": 512}
    engine = create_engine(url, poolclass=GuardedPool, pool_size=size, max_overflow=0, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def connected(connection: DBAPIConnection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by us alone
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"wal_autocheckpoint={WAL_PAGES}", *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    return engine


def sqlite_of(conn: Connection) -> sqlite3.Connection:
    """The connection of the sqlite3 module below."""
    raw = conn.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw
