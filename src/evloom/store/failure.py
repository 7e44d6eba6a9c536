"""What an error of a database means: no room, not reachable, try again, or a mistake in what was asked."""

import sqlite3
from enum import Enum

import psycopg
from sqlalchemy.exc import DBAPIError, IntegrityError

from evloom.store.errors import Conflict, StoreError, StoreFull, StoreGone


class Meaning(Enum):
    """FULL no room; GONE not reachable, or held by somebody else; AGAIN two transactions got into each other's way; ASKED the rest."""

    FULL = "full"
    GONE = "gone"
    AGAIN = "again"
    ASKED = "asked"


_SQLITE = {
    sqlite3.SQLITE_FULL: Meaning.FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: Meaning.FULL,  # the index of the write-ahead log could not grow
    sqlite3.SQLITE_BUSY: Meaning.GONE,
    sqlite3.SQLITE_LOCKED: Meaning.AGAIN,
}
_POSTGRES = {
    "53100": Meaning.FULL,  # disk_full
    "53300": Meaning.GONE,  # too_many_connections
    "40001": Meaning.AGAIN,  # serialization_failure
    "40P01": Meaning.AGAIN,  # deadlock_detected
    "25006": Meaning.GONE,  # read_only_sql_transaction: a standby, or a server that is failing over
}
"""PostgreSQL 18, appendix A; classes 08 (connection) and 57 (operator intervention) mean GONE too."""


def meaning_of(error: BaseException) -> Meaning:
    """What an error that a driver or SQLAlchemy raised means."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0)
        return _SQLITE.get(code) or _SQLITE.get(code & 0xFF, Meaning.ASKED)
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate or ""
        if state[:2] in ("08", "57") and state != "57014":  # query_canceled
            return Meaning.GONE
        if not state and isinstance(cause, psycopg.OperationalError):
            return Meaning.GONE
        return _POSTGRES.get(state, Meaning.ASKED)
    return Meaning.ASKED


def wrote(error: Exception) -> bool:
    """Whether it came from writing where only reading is allowed."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY
    return isinstance(cause, psycopg.errors.ReadOnlySqlTransaction)


def ours(error: Exception) -> Exception:
    """The error that a caller is to see; what did not come from a database stays as it is."""
    meaning = meaning_of(error)
    if meaning is Meaning.FULL:
        return StoreFull("there is no room on the disk of the database: nothing new is kept until there is; what is kept can be read")
    if meaning is Meaning.GONE:
        return StoreGone(f"the database cannot be reached: {_first_line(error)}")
    if isinstance(error, IntegrityError | sqlite3.IntegrityError | psycopg.IntegrityError):
        return Conflict(_first_line(error))
    if isinstance(error, DBAPIError | sqlite3.Error | psycopg.Error):
        return StoreError(_first_line(error))
    return error


def _first_line(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
