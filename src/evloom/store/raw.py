"""Plain SQL on the driver's own connection, for paths where every microsecond is spent a million times a day.

Statements are written with `?`; `IN {any}` takes a list of texts as one parameter made by `texts`.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection


def is_sqlite(conn: Connection) -> bool:
    """Whether the database is SQLite; else it is PostgreSQL."""
    return conn.dialect.name == "sqlite"


def rows(conn: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows that a statement gives, as tuples."""
    driver: Any = conn.connection.driver_connection
    result = driver.execute(_worded(sql, isinstance(driver, sqlite3.Connection)), parameters)
    return list(result.fetchall())


def run(conn: Connection, sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run a statement; returns how many rows it touched."""
    driver: Any = conn.connection.driver_connection
    return int(driver.execute(_worded(sql, isinstance(driver, sqlite3.Connection)), parameters).rowcount)


def run_many(conn: Connection, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
    """Run a statement once for each row of parameters."""
    driver: Any = conn.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.executemany(_worded(sql, True), parameters)
        return
    with driver.cursor() as cursor:
        cursor.executemany(_worded(sql, False), parameters)


def texts(conn: Connection, values: Sequence[str]) -> Any:
    """The parameter for `IN {any}`."""
    return msgspec.json.encode(values).decode() if is_sqlite(conn) else list(values)


@cache
def _worded(sql: str, sqlite: bool) -> str:
    if sqlite:
        return sql.replace("{any}", "(SELECT value FROM json_each(?))")
    return sql.replace("{any}", "(SELECT unnest(?::text[]))").replace("?", "%s")
