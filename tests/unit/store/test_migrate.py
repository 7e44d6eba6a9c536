"""The tables that the steps make are those that the code speaks of, and a database of a newer version is refused."""

import threading

import pytest
from sqlalchemy import inspect, text

from evloom.kernel.errors import InputError
from evloom.store import migrate
from evloom.store.database import opened
from evloom.store.engine import checked_url, writing_engine
from evloom.store.tables.base import every_table
from tests.unit.store.postgres import postgres_server
from tools.baseline import statements


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """Address of a database without tables."""
    return f"sqlite:///{tmp_path / 'evloom.db'}" if request.param == "sqlite" else postgres_server().empty()


def shape(engine):
    """Every table with its columns, keys and indices, as the database tells of them."""
    seen = inspect(engine)
    tables = {}
    for name in seen.get_table_names():
        if name == "alembic_version":
            continue
        columns = {column["name"]: (str(column["type"]), column["nullable"], column["default"]) for column in seen.get_columns(name)}
        indices = sorted(
            (str(index["name"]), index["unique"], str(index["column_names"]), _where(index)) for index in seen.get_indexes(name)
        )
        unique = sorted(str(constraint["column_names"]) for constraint in seen.get_unique_constraints(name))
        foreign = sorted(str((key["constrained_columns"], key["referred_table"])) for key in seen.get_foreign_keys(name))
        tables[name] = (columns, seen.get_pk_constraint(name)["constrained_columns"], indices, unique, foreign)
    return tables


def _where(index) -> str:
    """The condition of a partial index, as text."""
    return str({name: str(value) for name, value in index.get("dialect_options", {}).items()})


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_steps_make_the_tables_of_the_code(empty):
    opened(empty).close_now()
    migrated = writing_engine(checked_url(empty))
    made_by_steps = shape(migrated)
    with migrated.begin() as conn:
        every_table().drop_all(conn)
        every_table().create_all(conn)
    assert shape(migrated) == made_by_steps
    assert set(made_by_steps) == set(every_table().tables)
    migrated.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_first_step_is_generated(kind):
    """Until a release: `python -m tools.baseline` writes it anew. After that a change of a table is a new step, and this test goes."""
    if migrate.revisions() != ["0001"]:
        pytest.skip("there are further steps: the first one is history")
    file = migrate.FOLDER / "versions" / f"0001_baseline.{kind}.sql"
    assert file.read_text(encoding="utf-8") == statements(kind), "run: python -m tools.baseline"


def test_a_database_of_a_newer_version_is_refused(url):
    opened(url).close_now()
    engine = writing_engine(checked_url(url))
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(InputError, match=r"9999.*install that version"):
        opened(url)


def test_opened_by_many_at_once(empty):
    failures = []

    def open_it() -> None:
        try:
            opened(empty).close_now()
        except BaseException as error:  # noqa: BLE001  whatever it is, it must not be lost in a thread
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_what_is_not_a_database_is_refused(tmp_path):
    file = tmp_path / "a.db"
    file.write_text("not a database, but long enough to be looked at " * 30)
    with pytest.raises(InputError, match="not a database"):
        opened(f"sqlite:///{file}")
    with pytest.raises(InputError, match=r"store\.open"):
        opened(f"postgresql://postgres@/nothing?host={tmp_path}")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"store\.open"):
        opened(f"sqlite:///{tmp_path / 'file' / 'a.db'}")
