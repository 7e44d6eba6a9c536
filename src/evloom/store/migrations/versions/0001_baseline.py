"""All tables as they were in the first version that kept a database. The statements are beside this file, one file a database."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    text = Path(__file__).with_suffix(f".{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    for statement in text.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)
