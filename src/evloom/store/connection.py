"""Names of the database layer that callers of the store write in signatures; nobody but the store imports the layer itself."""

from sqlalchemy import Connection

from evloom.store.listing import Row, Rows

__all__ = ["Connection", "Row", "Rows"]
