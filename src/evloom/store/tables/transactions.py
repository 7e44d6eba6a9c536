"""The ids of transactions that we allot to stations of OCPP 1.6."""

from sqlalchemy import Column, Integer, Table, Text, UniqueConstraint

from evloom.store.tables.base import metadata

transaction_number = Table(
    "transaction_number",
    metadata,
    Column("station_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    UniqueConstraint("station_id", "key"),
)
"""key is what makes a start the same when a station sends it again: it then gets the same number."""
