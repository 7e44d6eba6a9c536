"""kill -9 under load, five times: nothing that was acknowledged is missing, and the projections are what the log says."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from evloom.pile.station import TransactionSaid
from evloom.store import log, projections
from evloom.store.database import Database, opened
from evloom.store.tables import projections as tables
from tests.unit.store.postgres import postgres_server
from tests.unit.store.words import PROJECTIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path / 'evloom.db'}" if request.param == "sqlite" else postgres_server().fresh()


def killed(url: str, name: str, after_s: float) -> list[tuple[int, str]]:
    """What a process acknowledged that was killed `after_s` after it was ready: number and who said what."""
    command = [sys.executable, "-m", "tests.system.store_appender", url, name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
        lines = process.stdout.read().split("\n")[:-1]  # the last one may be cut off
    return [(int(number), said) for number, _, said in (line.partition(" ") for line in lines)]


def everything(database: Database):
    def read(conn):
        return {table.name: conn.execute(select(table).order_by(*table.primary_key)).all() for table in PROJECTIONS}

    return database.read_now(read)


def test_nothing_acknowledged_is_missing(url):
    random = np.random.default_rng(20261129)
    acknowledged: list[tuple[int, str]] = []
    for run in range(5):
        acknowledged += killed(url, f"run{run}", float(random.uniform(0.1, 0.7)))
    assert len(acknowledged) > 100
    database = opened(url)
    kept = database.read_now(lambda conn: list(log.every(conn)))
    numbers = [entry.number for entry in kept]
    assert numbers == sorted(set(numbers))
    by_number = {entry.number: entry for entry in kept}
    for number, said in acknowledged:
        station, session, place = said.split(" ")
        entry = by_number[number]
        assert isinstance(entry.event, TransactionSaid)
        assert (entry.station_id, entry.event.transaction) == (station, f"T{session}")
        assert entry.event.seq == int(place)
    assert len({number for number, _ in acknowledged}) == len(acknowledged)
    database.caught_up_now()
    before = everything(database)
    assert before["dead_letter"] == []
    assert max(row[1] for row in before["station_state"]) == numbers[-1]
    assert all(row.missing_seq == "[]" for row in before["session"])
    projections.rebuild_now(database)
    assert everything(database) == before
    assert database.read_now(lambda conn: len(conn.execute(select(tables.station_state)).all())) >= 20
    database.close_now()
