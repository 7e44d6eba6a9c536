"""A fresh database, on SQLite and on PostgreSQL: the same tests run on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evloom.store.database import Database, opened
from tests.unit.store.postgres import postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    return f"sqlite:///{tmp_path / 'evloom.db'}" if request.param == "sqlite" else postgres_server().fresh()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An open, empty database."""
    database = opened(url)
    yield database
    database.close_now()
