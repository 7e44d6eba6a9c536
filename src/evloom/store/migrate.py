"""Brings the tables of a database to what this version needs, when it is opened.

Steps are the files of `store.migrations.versions`, in the order of their names. They run in one transaction; on PostgreSQL one process
does it while the others wait.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_153_024_411
"""Any number; the same in every process that migrates."""


def revisions() -> list[str]:
    """The versions of the tables that this version of Evloom knows, oldest first."""
    return sorted(file.name.partition("_")[0] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def revision_of(conn: Connection) -> str:
    """The version of the tables of a database, "" for an empty one."""
    if not inspect(conn).has_table("alembic_version"):
        return ""
    return str(conn.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version. Raises InputError for a database of a version that is not known."""
    with engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        known, present = revisions(), revision_of(conn)
        if present and present not in known:
            raise InputError([_newer(conn, present, known[-1])])
        if present != known[-1]:
            _upgrade(conn)


def _upgrade(conn: Connection) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, fn=lambda present, _context: script._upgrade_revs("head", present)) as environment:
        environment.configure(connection=conn, transactional_ddl=True)
        environment.run_migrations()


def _newer(conn: Connection, present: str, newest: str) -> Finding:
    advice = "this database was used by a newer Evloom: install that version, or open a copy that was made before"
    return Finding("store.version", "refused", conn.dialect.name, None, "version of its tables", present, f"up to {newest}", advice)
