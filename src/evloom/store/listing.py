"""Lists in pages: what follows a key in a fixed order, so that a page costs the same however far down it is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, tuple_

Key = tuple[float | int | str, ...]
Row = dict[str, Any]
Rows = tuple[list[Row], Key | None]


def page(
    conn: Connection, query: Select[Any], keys: Sequence[Column[Any]], after: Key | None, limit: int, *, descending: bool = False
) -> Rows:
    """Up to `limit` rows of `query` after the key `after`, and the key to go on from, None on the last page.

    `keys` are columns of the query that together are unique and never NULL.
    """
    ordered = query.order_by(*(key.desc() if descending else key.asc() for key in keys)).limit(limit + 1)
    if after is not None:
        here, there = tuple_(*keys), tuple_(*after)
        ordered = ordered.where(here < there if descending else here > there)
    rows = every(conn, ordered)
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], tuple(last[str(key.key)] for key in keys)


def one(conn: Connection, query: Select[Any]) -> Row | None:
    """The row of a query that finds at most one."""
    row = conn.execute(query).mappings().first()
    return None if row is None else _plain(row)


def every(conn: Connection, query: Select[Any]) -> list[Row]:
    """All rows of a query."""
    return [_plain(row) for row in conn.execute(query).mappings()]


def _plain(row: RowMapping) -> Row:
    return {str(name): value for name, value in row.items()}
