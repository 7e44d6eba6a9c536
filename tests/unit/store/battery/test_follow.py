"""Following the journal of frames: every row once, in order, also over segments, crashes and compaction; and memories beside it."""

import numpy as np

from evloom.store.battery import parquet_journal as journal
from evloom.store.battery.codec import decode
from evloom.store.battery.parquet_journal import BEGINNING, Position
from evloom.store.battery.parquet_store import FrameReader, FrameStore
from evloom.store.battery.states import Kept, StateFolder
from evloom.vehicle.telemetry import Pack, unflagged

DAY_S = 86400.0


def some(pack_id: str, *at_s: float):
    pack = Pack("V", pack_id, 2, 1)
    return unflagged(pack, at_s=np.array(at_s), cell_v=np.full((len(at_s), 2), 3.7, dtype=np.float32))


def followed(store: FrameReader, after: Position, until: Position) -> list[tuple[str, list[float]]]:
    rows = journal.follow(store.folder / "journal", after, until)
    return [(row.pack_id, decode(row.frames, row.cells).at_s.tolist()) for _, row in rows]


def test_every_row_is_followed_once_in_the_order_of_writing(tmp_path):
    with FrameStore(tmp_path, keep_from=lambda: 0) as store:
        store.write([some("A", 1.0, 2.0)])
        half = store.end
        store.write([some("B", 3.0)])
        store.compact()
        store.write([some("A", 5.0)])
        assert followed(store, BEGINNING, half) == [("A", [1.0, 2.0])]
        assert followed(store, half, store.end) == [("B", [3.0]), ("A", [5.0])]
        assert followed(store, store.end, store.end) == []
        end = store.end
    with FrameStore(tmp_path) as store:
        store.write([some("C", 7.0)])
        assert followed(store, end, store.end) == [("C", [7.0])]


def test_what_was_cut_off_by_a_crash_is_not_followed_and_what_comes_after_is(tmp_path):
    with FrameStore(tmp_path) as store:
        store.write([some("A", 1.0)])
        segment = sorted((tmp_path / "journal").glob("*.log"))[-1]
    with segment.open("ab") as stream:
        stream.write(b"\x50\0\0\0half")
    with FrameStore(tmp_path) as store:
        store.write([some("A", 2.0)])
        assert followed(store, BEGINNING, store.end) == [("A", [1.0]), ("A", [2.0])]


def test_segments_that_somebody_follows_stay_and_are_read_once(tmp_path):
    floor = [1]
    with FrameStore(tmp_path, keep_from=lambda: floor[0]) as store:
        store.write([some("A", 1.0)])
        store.compact()
        store.write([some("A", 2.0)])
        store.compact()
        assert [at_s for frames in store.read("A") for at_s in frames.at_s] == [1.0, 2.0]
        assert followed(store, BEGINNING, store.end) == [("A", [1.0]), ("A", [2.0])]
        floor[0] = store.end.segment
        store.compact()
        assert followed(store, BEGINNING, store.end) == []
        assert [at_s for frames in store.read("A") for at_s in frames.at_s] == [1.0, 2.0]


def test_a_read_stops_at_a_place_in_the_journal(tmp_path):
    with FrameStore(tmp_path) as store:
        store.write([some("A", 1.0), some("A", DAY_S + 1.0)])
        store.compact()
        store.write([some("A", DAY_S + 2.0)])
        place = store.end
        store.write([some("A", DAY_S + 3.0)])
        with store.still():
            assert [at_s for frames in store.read("A", until=place) for at_s in frames.at_s] == [1.0, DAY_S + 1.0, DAY_S + 2.0]


def test_memories_come_back_and_what_is_broken_counts_as_none(tmp_path):
    states = StateFolder(tmp_path)
    assert states.get("A/..") is None
    states.put(Kept("A/..", Position(2, 30), {"doctor": b"1"}))
    states.put(Kept("A/..", Position(3, 40), {"doctor": b"2"}))
    states.put(Kept("B", Position(1, 1), {}))
    assert states.get("A/..") == Kept("A/..", Position(3, 40), {"doctor": b"2"})
    assert states.positions() == {"A/..": Position(3, 40), "B": Position(1, 1)}
    states.drop("B")
    assert states.get("B") is None
    for broken in (b"\xc1", b"", b"\5\0\0\0\xc1abcdef"):
        next(tmp_path.glob("*/*.state")).write_bytes(broken)
        assert states.positions() == {}
        assert states.get("A/..") is None
