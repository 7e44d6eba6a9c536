"""The tables that the steps make are those that the code speaks of, and a database of a newer version is refused."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from evloom.kernel.errors import InputError
from evloom.pile.station import StationBooted
from evloom.store import frames, log, migrate, session_rows
from evloom.store.database import opened
from evloom.store.engine import checked_url, writing_engine
from evloom.store.log import LogEntry
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


FORMER = Path(__file__).parent / "former"
"""The first step as it was in versions of which databases are kept."""
SAID = '{"transaction":"T1","phase":"started","seq":0,"evse":1,"connector":1,"token":"CARD","register_kwh":100.0}'


def made_by_the_former(url: str) -> None:
    """A database as a former version left it: a session that has ended, an entry that was not worked out yet, two messages."""
    engine = writing_engine(checked_url(url))
    with engine.begin() as conn:
        for statement in (FORMER / f"0001.{conn.dialect.name}.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                conn.exec_driver_sql(statement)
        conn.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        conn.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
        rows = [
            {"n": n, "body": body, "kind": kind, "at_s": 86400.0 * n, "raw": f"[{n}]".encode()}
            for n, (kind, body) in enumerate((("StationBooted", '{"vendor":"Volt","model":"X1"}'), ("TransactionSaid", SAID)), 1)
        ]
        conn.execute(text("INSERT INTO log VALUES (:n, 'S1', :kind, :body, :at_s, :at_s, 'key' || :n, :raw, 0)"), rows)
        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT setval('log_number_seq', 2)"))
        messages = [{"n": n, "text": f'[{n},"hüllе 充电"]'} for n in (1, 2)]
        conn.execute(text("INSERT INTO frame VALUES (:n, 'S1', 1.0, 'in', 'Boot', :text)"), messages)
    engine.dispose()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_a_database_of_a_former_version_is_opened(empty):
    made_by_the_former(empty)
    database = opened(empty)
    database.caught_up_now()
    kept = database.read_now(log.read)
    assert [(one.kind, one.raw) for one in kept] == [("StationBooted", b"[1]"), ("TransactionSaid", b"[2]")]
    assert kept[0].event == StationBooted("Volt", "X1")
    assert [message.text for message in database.read_now(lambda conn: frames.search(conn, "S1"))] == [
        '[2,"hüllе 充电"]',
        '[1,"hüllе 充电"]',
    ]
    assert database.read_now(lambda conn: session_rows.load(conn, ["S1:T1"]))["S1:T1"].token == "CARD"
    assert database.read_now(lambda conn: conn.execute(text("SELECT day FROM running_day ORDER BY day")).scalars().all()) == [1, 2]
    assert database.append_now([LogEntry("S1", StationBooted("V", "M"), 3.0, 3.0, key="key2")])[0].duplicate
    assert database.append_now([LogEntry("S1", StationBooted("V", "M"), 3.0, 3.0)])[0].number >= 3
    database.close_now()
    engine = writing_engine(checked_url(empty))
    made = shape(engine)
    with engine.begin() as conn:
        every_table().drop_all(conn)
        every_table().create_all(conn)
    assert made == shape(engine)
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_first_step_is_generated(kind):
    """A new database is made in one step, by what `python -m tools.baseline` writes; the steps after it bring older ones to the same."""
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
