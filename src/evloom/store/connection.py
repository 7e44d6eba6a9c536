"""Names of the database layer that callers of the store write in signatures; nobody but the store imports the layer itself."""

from sqlalchemy import Connection as Connection
from sqlalchemy import RowMapping as RowMapping
