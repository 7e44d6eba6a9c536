"""What is kept for a time only is removed when its days are over, and not because a clock is wrong."""

import asyncio
import os
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from evloom.serve.config import Retention
from evloom.serve.retention import Retaining
from evloom.store import days, log
from evloom.store.database import Database, opened
from evloom.store.frames import Frame
from evloom.store.tables.operations import frame
from evloom.store.tables.projections import meter_value, session
from tests.unit.store.words import START_S, charging, entry, said

DAY_S = 86_400.0


class House:
    """A platform's database and journals, and a clock that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.db: Database = opened(f"sqlite:///{folder / 'evloom.db'}")
        self.now_s = START_S
        self.journal = folder / "journal" / "site-1" / "evening.jsonl.gz"
        self.journal.parent.mkdir(parents=True)
        wanted = Retention(frames_days=10.0, meter_days=40.0, log_days=20.0, journal_days=30.0)
        self.job = Retaining(self.db, wanted, lambda: self.now_s, folder / "journal")

    def run_on(self, first: int, last: int) -> None:
        """The platform runs on these days, and the job once on each."""
        for day in range(first, last + 1):
            self.now_s = START_S + day * DAY_S
            asyncio.run(self.job.all())

    def counts(self) -> tuple[int, int, int, bool]:
        """Messages, meter values, entries of the log, and whether the journal is there."""

        def count(table) -> int:
            return self.db.read_now(lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one())

        return count(frame), count(meter_value), len(self.db.read_now(log.read)), self.journal.exists()

    def fill(self) -> None:
        """A session, two messages and a journal of the first day; a word of the 60th."""
        self.db.append_now(charging("S1", "T1", 4))
        self.db.append_now([entry("S2", said("T9", "started", 0), 60 * DAY_S)])
        for text in ("[1]", "[2]"):
            self.db.note_frame(Frame("S1", START_S, "out", text))
        self.db.caught_up_now()
        while self.counts()[0] < 2:
            self.db.write_now(lambda conn: None)
        for file in (self.journal, self.journal.with_name("evening.toml")):
            file.touch()
            os.utime(file, (START_S, START_S))


def test_each_goes_when_its_days_are_over(tmp_path):
    house = House(tmp_path)
    house.fill()
    house.db.write_now(lambda conn: conn.exec_driver_sql("INSERT INTO billing VALUES ('S1:T1', 'o', 'billed', 0, 0, '[]')"))
    house.run_on(0, 9)
    assert house.counts() == (2, 6, 7, True)
    house.run_on(10, 12)
    assert house.counts() == (0, 6, 7, True)
    house.run_on(13, 22)
    assert house.counts() == (0, 6, 1, True)
    house.run_on(23, 32)
    assert house.counts() == (0, 6, 1, False)
    assert list(house.journal.parent.iterdir()) == []
    house.run_on(33, 42)
    assert house.counts() == (0, 0, 1, False)
    assert (
        house.db.read_now(lambda conn: conn.execute(select(session.c.energy_kwh).where(session.c.session_id == "S1:T1")).scalar_one()) > 0
    )
    house.db.close_now()


def test_a_clock_that_is_far_ahead_and_a_long_rest_remove_nothing(tmp_path):
    house = House(tmp_path)
    house.fill()
    house.run_on(0, 5)
    house.run_on(3650, 3651)
    house.run_on(6, 7)
    house.run_on(200, 201)  # it stood still for half a year
    assert house.counts() == (2, 6, 7, True)
    house.db.close_now()


def test_a_message_that_is_in_the_log_is_shown_for_its_days(tmp_path):
    """However short the log is kept."""
    house = House(tmp_path)
    job = Retaining(house.db, Retention(frames_days=10.0, log_days=1.0), lambda: house.now_s)
    for day in range(20):
        house.db.write_now(partial(days.note, now_s=START_S + day * DAY_S))
    house.now_s = START_S + 20 * DAY_S
    cuts = asyncio.run(job.cuts())
    assert cuts.log_s == cuts.frames_s == START_S + 10 * DAY_S
    house.db.close_now()
