"""Copies of a SQLite database, made while others read and write it: each is the database as it stood at one moment."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from evloom.store.errors import StoreError


def copied(source: sqlite3.Connection, file: Path) -> None:
    """Copy a database into a file that is not there yet; half a copy is removed. Raises StoreError."""
    if file.exists():
        raise StoreError(f"{file} is there already")
    try:
        with closing(sqlite3.connect(file)) as target:
            source.backup(target)
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def copied_file(source: Path, file: Path) -> int:
    """`copied` for a database that another process may have open; the copy is examined, and is `file` alone. Its size in bytes. Raises
    StoreError for what is no database, is damaged, or finds no room."""
    try:
        with _reading(source) as conn:
            copied(conn, file)
        with closing(sqlite3.connect(file)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE").close()  # else it would need two more files to be opened
            found = [str(row[0]) for row in copy.execute("PRAGMA quick_check(3)")]
    except sqlite3.Error as error:
        raise StoreError(f"{source}: {error}") from error
    if found != ["ok"]:
        raise StoreError(f"{source} is damaged: {'; '.join(found)}")
    return file.stat().st_size


@contextmanager
def _reading(source: Path) -> Iterator[sqlite3.Connection]:
    if not source.is_file():
        raise StoreError(f"{source} is not there")
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30.0)) as conn:
        conn.execute("PRAGMA query_only=ON").close()
        yield conn
