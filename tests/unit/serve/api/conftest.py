"""The interface on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest

from tests.unit.store.postgres import postgres_server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database."""
    return f"sqlite:///{tmp_path / 'evloom.db'}" if request.param == "sqlite" else postgres_server().fresh()
