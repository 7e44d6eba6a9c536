"""Writes the statements that make all tables, for the first step of the migrations: python -m tools.baseline

Only until the first release that keeps a database; after it a change of a table is a step of its own (docs/storage.md).
"""

from sqlalchemy import create_mock_engine
from sqlalchemy.schema import CreateIndex, CreateTable

from evloom.store.migrate import FOLDER
from evloom.store.tables.base import every_table

URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


def statements(kind: str) -> str:
    """The statements for one kind of database, each ended by ; and an end of line."""
    dialect = create_mock_engine(URLS[kind], lambda *_: None).dialect
    made: list[str] = []
    for table in every_table().sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        made += [
            str(CreateIndex(index).compile(dialect=dialect)).strip() for index in sorted(table.indexes, key=lambda index: str(index.name))
        ]
    lines = (line.rstrip() for statement in made for line in f"{statement};".splitlines())
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the files."""
    for kind in URLS:
        file = FOLDER / "versions" / f"0001_baseline.{kind}.sql"
        file.write_text(statements(kind), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
