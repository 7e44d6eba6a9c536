"""All tables as they were in the first version that kept a database."""

from alembic import op

from evloom.store.tables.base import every_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    every_table().create_all(op.get_bind())
