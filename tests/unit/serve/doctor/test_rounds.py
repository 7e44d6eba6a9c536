"""The doctor's rounds: as a stream they find what a batch finds, and a crash at any moment neither loses nor doubles a frame."""

import threading
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from evloom.diagnose import doctor
from evloom.serve.doctor import rounds
from evloom.serve.doctor.rounds import Rounds
from evloom.serve.doctor.ward import ward_of
from evloom.store.battery.parquet_journal import Position
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.battery.states import StateFolder
from evloom.vehicle.telemetry import Pack, unflagged
from tests.unit.serve.doctor.packs import short_pack


class Listener:
    """Takes the news `most` times; then the platform is dead: nothing is kept any more."""

    def __init__(self, most: int = 10**9) -> None:
        self.most = most
        self.changes: list[Any] = []
        self.seen: dict[str, Any] = {}
        self.dead = threading.Event()

    def __call__(self, news) -> bool:
        self.most -= 1
        if self.most < 0:
            self.dead.set()
            return False
        for one in news:
            self.changes += one.changes
            self.seen[one.seen.pack_id] = one.seen
        return True

    @property
    def said(self):
        return {(one.warning.warning_id, one.kind, one.at_s) for one in self.changes}


def pieces(frames, n):
    edges = np.linspace(0, frames.n, n + 1).astype(int)
    return [frames.part(slice(a, b)) for a, b in pairwise(edges)]


def run(store, listener, parts=(), named=lambda pack: pack):
    """Rounds over a store into which parts are written meanwhile, until the end or the death of the listener."""
    made = Rounds(store, store.folder / "doctor", listener, named)
    made.start()
    for part in parts:
        store.write([part])
        made.nudge()
    made.stop()
    return made


def expected(frames):
    state, changes = doctor.step(doctor.fresh(frames.pack), frames)
    return state, {(one.warning.warning_id, one.kind, one.at_s) for one in changes}


def test_as_a_stream_it_finds_what_a_batch_finds(tmp_path):
    frames = short_pack()
    other = replace(frames, pack=replace(frames.pack, pack_id="other", vehicle_id="other"))
    listener = Listener()
    with FrameStore(tmp_path) as store:
        parts = [part for pair in zip(pieces(frames, 40), pieces(other, 40), strict=True) for part in pair]
        made = run(store, listener, parts)
        assert (made.lag_bytes(), made.lag_s(), made.n_ward(), made.n_frame) == (0, 0.0, 2, 2 * frames.n)
        assert made.floor == store.end.segment
    state, said = expected(frames)
    assert {one for one in listener.said if one[0].startswith(frames.pack.pack_id)} == said
    assert len(listener.changes) == 2 * len(said)
    seen = listener.seen["other"]
    assert (seen.n_frame, seen.days, seen.level) == (frames.n, state.days, 3)
    assert '"cell_v":[' in (seen.view or "")


@pytest.mark.parametrize("most", [0, 3, 7])
def test_a_crash_loses_and_doubles_nothing(tmp_path, most, monkeypatch):
    for name, value in (("SAVE_FRAMES", 900), ("ROWS_MAX", 5), ("TELL_S", 0.0)):
        monkeypatch.setattr(rounds, name, value)
    frames, parts = short_pack(), pieces(short_pack(), 60)
    first, second = Listener(most), Listener()
    with FrameStore(tmp_path) as store:
        made = Rounds(store, tmp_path / "doctor", first, lambda pack: pack)
        store._keep_from = lambda: made.floor
        made.start()
        for part in parts[:45]:
            store.write([part])
            made.nudge()
        assert first.dead.wait(60.0)
        store.compact()  # what the dead one had not taken in stays in the journal
        made._thread.join()
    with FrameStore(tmp_path) as store:
        made = run(store, second, parts[45:])
    state, said = expected(frames)
    assert first.said | second.said == said
    kept = StateFolder(tmp_path / "doctor").get(frames.pack.pack_id)
    assert kept is not None
    assert ward_of(kept).state.days == state.days
    assert ward_of(kept).about.n_frame == frames.n


def test_what_was_kept_before_there_was_a_doctor_is_read_from_the_files(tmp_path):
    frames, listener = short_pack(), Listener()
    with FrameStore(tmp_path) as store:
        for part in pieces(frames, 10)[:8]:
            store.write([part])
        store.compact()
        run(store, listener, pieces(frames, 10)[8:])
    assert listener.said == expected(frames)[1]


def test_a_memory_that_cannot_be_read_is_made_anew(tmp_path):
    frames, listener = short_pack(), Listener()
    with FrameStore(tmp_path) as store:
        run(store, Listener(), pieces(frames, 10)[:5])
        kept = StateFolder(tmp_path / "doctor").get(frames.pack.pack_id)
        assert kept is not None
        StateFolder(tmp_path / "doctor").put(replace(kept, parts={"doctor": b"\x02\0\0\0{}"}))
    with FrameStore(tmp_path) as store:
        run(store, listener, pieces(frames, 10)[5:])
    assert listener.said == expected(frames)[1]


def test_a_memory_of_another_journal_is_made_anew(tmp_path):
    frames, listener = short_pack(), Listener()
    with FrameStore(tmp_path) as store:
        run(store, Listener(), pieces(frames, 10)[:5])
        store.compact()
    kept = StateFolder(tmp_path / "doctor").get(frames.pack.pack_id)
    assert kept is not None
    StateFolder(tmp_path / "doctor").put(replace(kept, position=Position(99, 0)))
    with FrameStore(tmp_path) as store:
        run(store, listener, pieces(frames, 10)[5:])
    assert listener.said == expected(frames)[1]
    assert listener.seen[frames.pack.pack_id].n_frame == frames.n


def test_what_people_say_of_a_vehicle_is_asked_for_and_what_changes_is_looked_at_anew(tmp_path):
    frames, listener = short_pack(), Listener()
    bare = replace(frames, pack=replace(frames.pack, chemistry="", capacity_ah=float("nan")))
    said: dict[str, Any] = {"chemistry": "LFP"}
    with FrameStore(tmp_path) as store:
        store.write([bare.part(slice(0, 4000))])
        made = Rounds(store, tmp_path / "doctor", listener, lambda pack: replace(pack, **said))
        made.start()
        while bare.pack.pack_id not in listener.seen:
            made.pause(0.02)
        assert listener.seen[bare.pack.pack_id].chemistry == "LFP"
        said["chemistry"] = "NMC"
        made.again(bare.pack.pack_id)
        while listener.seen[bare.pack.pack_id].chemistry != "NMC":
            made.pause(0.02)
        made.stop()
    assert listener.seen[bare.pack.pack_id].n_frame == 4000


def test_a_battery_moves_to_another_car_with_its_history(tmp_path):
    frames, listener = short_pack(), Listener()
    later = [replace(part, pack=replace(part.pack, vehicle_id="second car")) for part in pieces(frames, 10)[5:]]
    with FrameStore(tmp_path) as store:
        run(store, listener, pieces(frames, 10)[:5] + later)
    assert listener.said == expected(frames)[1]
    assert listener.seen[frames.pack.pack_id].vehicle_id == "second car"
    assert listener.changes[-1].warning.vehicle_id == "second car"


def test_a_few_frames_of_another_length_are_passed_over_and_many_begin_anew(tmp_path):
    frames, listener = short_pack(), Listener()
    short = unflagged(Pack("twin", frames.pack.pack_id, 3, 0), at_s=frames.at_s[-1] + np.arange(9.0), cell_v=np.full((9, 3), 3.7, "f4"))
    long = unflagged(Pack("twin", frames.pack.pack_id, 5, 0), at_s=frames.at_s[-1] + np.arange(12.0), cell_v=np.full((12, 5), 3.7, "f4"))
    with FrameStore(tmp_path) as store:
        made = run(store, listener, [*pieces(frames, 10), short])
        assert made.n_failed == 0
        assert listener.seen[frames.pack.pack_id].n_cell == 96
        run(store, listener, [long])
    assert listener.seen[frames.pack.pack_id].n_cell == 5
    assert {one.kind for one in listener.changes[-2:]} == {"closed"} or listener.changes[-1].kind == "closed"


def test_who_looks_sees_the_last_frames_soon(tmp_path, monkeypatch):
    for name, value in (("SAVE_FRAMES", 10), ("TELL_S", 0.1)):
        monkeypatch.setattr(rounds, name, value)
    frames, listener = short_pack(), Listener()
    with FrameStore(tmp_path) as store:
        made = Rounds(store, tmp_path / "doctor", listener, lambda pack: pack)
        made.start()
        for n in (100, 200):
            store.write([frames.part(slice(n - 100, n))])
            made.nudge()
            while frames.pack.pack_id not in listener.seen or listener.seen[frames.pack.pack_id].n_frame < n:
                made.pause(0.02)
        made.stop()
