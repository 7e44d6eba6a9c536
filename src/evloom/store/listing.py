"""Lists in pages: what follows a key in a fixed order, so that a page costs the same however far down it is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, tuple_

Key = tuple[float | int | str, ...]


def page(
    conn: Connection, query: Select[Any], keys: Sequence[ColumnElement[Any]], after: Key | None, limit: int, *, descending: bool = False
) -> tuple[list[RowMapping], Key | None]:
    """Up to `limit` rows of `query` after the key `after`, and the key to go on from, None on the last page.

    `keys` are columns of the query that together are unique and never NULL.
    """
    ordered = query.order_by(*(key.desc() if descending else key.asc() for key in keys)).limit(limit + 1)
    if after is not None:
        here, there = tuple_(*keys), tuple_(*after)
        ordered = ordered.where(here < there if descending else here > there)
    rows = list(conn.execute(ordered).mappings())
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], tuple(last[key] for key in keys)


def one(conn: Connection, query: Select[Any]) -> RowMapping | None:
    """The row of a query that finds at most one."""
    return conn.execute(query).mappings().first()
