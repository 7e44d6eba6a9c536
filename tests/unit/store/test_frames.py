"""OCPP messages: found again, dropped in the open under pressure, and removed with the old meter values when their time is over."""

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import func, select

from evloom.store import frames, meters, retention
from evloom.store.database import Database, opened
from evloom.store.frames import BUFFER_MAX, Frame, FrameBuffer, Wanted
from evloom.store.tables.operations import frame
from evloom.store.tables.projections import meter_value
from tests.unit.store.words import START_S, charging


def note(database, n: int, station_id: str = "S1") -> None:
    for number in range(n):
        action = "Heartbeat" if number % 2 else "StatusNotification"
        database.note_frame(Frame(station_id, START_S + number, "in", f'[2,"{number}","{action}",{{"x":"50%_{number}"}}]', action))


def kept(database: Database) -> int:
    return database.read_now(lambda conn: conn.execute(select(func.count()).select_from(frame)).scalar_one())


def flushed(database, n: int) -> None:
    while kept(database) < n:
        database.write_now(lambda conn: None)


def search(database, wanted: Wanted | None = None, **more):
    wanted = wanted or Wanted()
    return database.read_now(lambda conn: frames.search(conn, "S1", wanted, **more))


def test_messages_are_found_by_text_action_and_time(database):
    note(database, 20)
    note(database, 5, "S2")
    flushed(database, 25)
    assert [message.at_s - START_S for message in search(database, n_max=3)] == [19.0, 18.0, 17.0]
    assert [message.at_s - START_S for message in search(database, Wanted(text='"X":"50%_1"'))] == [1.0]
    assert search(database, Wanted(text="50_")) == []
    assert len(search(database, Wanted(action="Heartbeat"))) == 10
    assert [message.at_s - START_S for message in search(database, Wanted(from_s=START_S + 3, until_s=START_S + 5))] == [4.0, 3.0]
    first = search(database, n_max=7)
    assert len(search(database, before=first[-1].frame_id)) == 13
    assert search(database, Wanted(text="'; DROP TABLE frame; --")) == []


def test_messages_as_lines_of_json(database):
    note(database, 10)
    flushed(database, 10)
    lines = database.read_now(lambda conn: list(frames.lines(conn, "S1", n_max=4)))
    assert [msgspec.json.decode(line)["at_s"] - START_S for line in lines] == [9.0, 8.0, 7.0, 6.0]
    assert all(line.endswith(b"}\n") for line in lines)


def test_what_does_not_fit_is_counted_and_said(database):
    buffer = FrameBuffer()
    message = Frame("S1", START_S, "in", "[]")
    assert buffer.note(message)
    assert not any(buffer.note(message) for _ in range(BUFFER_MAX + 9))
    assert (len(buffer), buffer.n_lost) == (BUFFER_MAX, 10)
    database.write_now(lambda conn: buffer.write(conn, buffer.take(3)))
    database.write_now(lambda conn: buffer.write(conn, buffer.take(2)))
    texts = [(message.direction, message.text) for message in search(database)]
    assert sorted(texts) == sorted([("in", "[]")] * 5 + [("lost", "10 messages were not kept: too many at once")])
    assert database.n_frame_lost == 0


def test_a_closed_store_has_written_what_was_noted(url):
    database = opened(url)
    note(database, 2500)
    database.close_now()
    again = opened(url)
    assert kept(again) == 2500
    again.close_now()


def test_what_is_old_is_removed_in_small_bites(database, monkeypatch):
    monkeypatch.setattr(retention, "ROWS_MAX", 7)
    database.append_now(charging("S1", "T1", 18))
    database.caught_up_now()
    note(database, 20)
    flushed(database, 20)
    before_s = START_S + 10 * 60.0
    removed: list[retention.Removed] = []
    while not removed or removed[-1].n_meter_value or removed[-1].n_frame:
        removed.append(
            database.write_now(lambda conn: retention.retain(conn, 1e10, frames_before_s=START_S + 12, meters_before_s=before_s))
        )
    assert [one.n_frame for one in removed] == [7, 5, 0]
    assert [one.n_meter_value for one in removed] == [7, 3, 0]
    assert min(message.at_s for message in search(database)) == START_S + 12
    values = database.read_now(lambda conn: meters.of_session(conn, "S1:T1"))
    assert [value.at_s for value in values][:2] == [before_s, before_s + 60]
    assert not database.write_now(lambda conn: retention.retain(conn, 1e10)).more


def test_nothing_is_old_in_an_empty_database(database):
    removed = database.write_now(lambda conn: retention.retain(conn, 1e10, frames_before_s=1e9, meters_before_s=1e9))
    assert (removed.n_frame, removed.n_meter_value) == (0, 0)


@pytest.mark.parametrize("instant_s", [0.0, START_S, START_S + 1, START_S + 61, START_S + 300, 1e12])
def test_meter_values_go_by_when_they_were_measured(database, instant_s):
    database.append_now(charging("S1", "T1", 5))
    database.caught_up_now()
    before = at_instants(database)
    database.write_now(lambda conn: retention.retain(conn, 1e13, meters_before_s=instant_s))
    assert at_instants(database) == [at_s for at_s in before if at_s >= instant_s]
    assert len(before) == 7


def at_instants(database) -> list[float]:
    return list(
        database.read_now(lambda conn: conn.execute(select(meter_value.c.at_s).order_by(meter_value.c.meter_value_id)).scalars().all())
    )


def test_what_a_wrong_clock_dated_ahead_goes_with_what_is_around_it(database):
    """And what is not old is not removed, whatever stands before it."""
    for number, at_s in enumerate((100.0, 9e9, 200.0, 5_000.0, 9e9, 300.0)):
        database.note_frame(Frame("S1", at_s, "in", f"[{number}]"))
    flushed(database, 6)
    removed = database.write_now(lambda conn: retention.retain(conn, 10_000.0, frames_before_s=1_000.0))
    assert removed.n_frame == 3
    assert [message.text for message in search(database)] == ["[5]", "[4]", "[3]"]


def test_a_message_that_the_log_has_is_not_kept_twice(database):
    entries = charging("S1", "T1", 3)
    texts = [f'[2,"{n}","TransactionEvent",{{"seqNo":{n},"note":"{"long " * 20}"}}]' for n in range(len(entries))]
    for one, text in zip(entries, texts, strict=True):
        database.note_frame(Frame("S1", START_S, "in", text, "TransactionEvent"))
        database.append_now([replace(one, raw=text.encode(), key=text[:8])])
    again = database.append_now([replace(entries[0], raw=texts[0].encode(), key=texts[0][:8])])
    assert again[0].duplicate
    database.note_frame(Frame("S1", START_S, "in", texts[0], "TransactionEvent"))  # said twice: kept in full
    database.note_frame(Frame("S1", START_S, "out", texts[1], "TransactionEvent"))
    flushed(database, len(texts) + 2)
    rows = database.read_now(lambda conn: conn.execute(select(frame.c.number, frame.c.body).order_by(frame.c.frame_id)).all())
    assert sum(row.number is not None for row in rows) >= len(texts) - 1  # one that is written before its entry is there is kept in full
    assert all((row.number is None) == (len(row.body) > 0) for row in rows)
    assert [message.text for message in reversed(search(database))] == [*texts, texts[0], texts[1]]
    assert [message.text for message in search(database, Wanted(text='"SEQNO":2,'))] == [texts[2]]
