"""What every table of the platform shares: the metadata, and how our kinds of values are kept.

Ids, codes and JSON are text; money is text of a decimal number; instants are float epoch seconds named *_s. A module of this package
defines the tables of one area and imports `metadata` from here; `every_table` loads all of them.
"""

from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import BigInteger, Integer, MetaData

from evloom.store import tables

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of up to 63 bits; as a primary key of SQLite it is the row's own number."""


def every_table() -> MetaData:
    """The metadata with the tables of all areas in it."""
    for module in iter_modules(tables.__path__):
        import_module(f"{tables.__name__}.{module.name}")
    return metadata
