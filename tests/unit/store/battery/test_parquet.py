"""The store of battery frames: what comes out is what went in, bit by bit, in any state of journal and files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.diagnose.quality import flag
from evloom.store.battery.codec import decode, encode
from evloom.store.battery.parquet_store import FrameReader, FrameStore, StoreError
from evloom.store.battery.read import read_frames
from evloom.vehicle.telemetry import Frames, Pack, joined, unflagged
from tests.unit.store.battery.frames_files import same

DAY_S = 86400.0


def some(
    n: int, seed: int = 0, pack_id: str = "P1", vehicle_id: str = "car", start_s: float = 1.7e9, shape: tuple[int, int] = (5, 2)
) -> Frames:
    """Frames at 10 s with all that is ugly: placeholders, NaN, odd scales, flags."""
    rng = np.random.default_rng(seed)
    cell_v = (np.rint(3700 + 30 * rng.standard_normal((n, shape[0]))) / 1000).astype(np.float32)
    cell_v[rng.random(cell_v.shape) < 0.01] = np.float32(66.535)
    cell_v[rng.random(cell_v.shape) < 0.01] = np.nan
    columns = {
        "at_s": start_s + 10.0 * np.arange(n) + (rng.random(n) < 0.01) * 0.123456,
        "current_a": np.rint(rng.standard_normal(n) * 500) / 10,
        "pack_v": np.where(rng.random(n) < 0.2, np.nan, 350.25),
        "soc": rng.random(n),
        "insulation_ohm": np.full(n, np.nan),
        "charging": rng.integers(-1, 4, n),
        "cell_v": cell_v,
        "probe_c": np.where(rng.random((n, shape[1])) < 0.1, 255, 21.5).astype(np.float32),
        "flags": rng.integers(0, 1 << 16, n).astype(np.uint32),
        "cell_flags": (rng.random((n, shape[0])) < 0.03).astype(np.uint8) * np.uint8(3),
        "probe_flags": rng.integers(0, 8, (n, shape[1])).astype(np.uint8),
    }
    return unflagged(Pack(vehicle_id, pack_id, *shape), **columns)


def assert_back(frames: Frames) -> None:
    back = decode(*encode(frames))
    assert same(frames, back)
    assert repr(back.pack) == repr(frames.pack)
    for name in ("cell_v", "probe_c", "current_a", "soc"):
        assert getattr(frames, name).tobytes() == getattr(back, name).tobytes()


@pytest.mark.parametrize(("n", "shape"), [(0, (4, 2)), (1, (1, 0)), (1, (0, 0)), (300, (400, 3)), (500, (1, 1)), (2000, (96, 24))])
def test_blocks_lose_nothing(n: int, shape: tuple[int, int]) -> None:
    assert_back(some(n, shape=shape))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_bits_come_back(data: st.DataObject) -> None:
    n, m = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 4))

    def any32() -> np.ndarray:
        grid = st.integers(-70000, 70000).map(lambda k: np.float32(k / 1000))
        one = st.one_of(grid, grid, st.floats(width=32), st.just(float("nan")), st.just(-0.0))
        return np.array(data.draw(st.lists(one, min_size=n * m, max_size=n * m)), dtype=np.float32).reshape(n, m)

    def any64() -> np.ndarray:
        one = st.one_of(st.integers(-5000, 5000).map(lambda k: k / 10), st.floats(), st.just(-0.0))
        return np.array(data.draw(st.lists(one, min_size=n, max_size=n)), dtype=np.float64)

    columns = {
        name: any64() for name in ("at_s", "known_at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm")
    }
    whole = np.array(data.draw(st.lists(st.integers(-(2**62), 2**62), min_size=n, max_size=n)), dtype=np.int64)
    assert_back(unflagged(Pack("v", "p", m, m), cell_v=any32(), probe_c=any32(), balancing=whole, **columns))


def test_write_and_read(tmp_path: Path) -> None:
    frames = some(20000)
    with FrameStore(tmp_path, n_bucket=3) as store:
        for at in range(0, frames.n, 777):
            store.write([frames.part(slice(at, at + 777))])
            if at // 777 in (5, 11, 20):
                store.compact()
        store.write([some(100, 1, "P2"), some(0, 1, "P3")])
        assert store.packs() == ["P1", "P2"]
        parts = list(store.read("P1"))
        assert len(parts) == len(np.unique(frames.at_s // DAY_S))
        assert same(joined(parts), frames)
        store.compact()
        store.compact()
        assert same(joined(list(store.read("P1"))), frames)
        assert same(joined(list(FrameReader(tmp_path).read("P2"))), some(100, 1, "P2"))
        assert list(store.read("nobody")) == []


def test_part_of_the_time(tmp_path: Path) -> None:
    frames = some(30000)
    from_s, to_s = float(frames.at_s[3000]), float(frames.at_s[26000])
    with FrameStore(tmp_path) as store:
        store.write([frames.part(slice(0, 15000))])
        store.compact()
        store.write([frames.part(slice(15000, None))])
        got = joined(list(store.read("P1", from_s, to_s)))
    assert same(got, frames.part((frames.known_at_s >= from_s) & (frames.known_at_s < to_s)))


def test_order_is_that_of_arrival(tmp_path: Path) -> None:
    frames = some(100)
    late = unflagged(frames.pack, at_s=frames.at_s - 5 * DAY_S, known_at_s=frames.at_s + 1000.0, cell_v=frames.cell_v)
    with FrameStore(tmp_path) as store:
        store.write([frames])
        store.compact()
        store.write([late])
        assert same(joined(list(store.read("P1"))), joined([frames, late]))


def test_a_battery_in_another_car(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        store.write([some(50), some(50, 1, vehicle_id="other", start_s=1.7e9 + 600)])
        store.write([some(50, 2, vehicle_id="other", start_s=1.7e9 + 1200)])
        store.compact()
        assert [(part.pack.vehicle_id, part.n) for part in store.read("P1")] == [("car", 50), ("other", 100)]
        store.write([some(50, 3, vehicle_id="other", start_s=1.7e9 + 1800)])
        assert [(part.pack.vehicle_id, part.n) for part in store.read("P1")] == [("car", 50), ("other", 150)]


def test_one_writer(tmp_path: Path) -> None:
    with FrameStore(tmp_path), pytest.raises(StoreError, match="another process"):
        FrameStore(tmp_path)
    FrameStore(tmp_path).close()
    with pytest.raises(StoreError, match="no store"):
        FrameReader(tmp_path / "nowhere")


def test_half_a_record_is_no_record(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        store.write([some(50)])
        store.write([some(50, 1, start_s=1.7e9 + 600)])
        segment = max((tmp_path / "journal").glob("*.log"))
    whole = segment.read_bytes()
    for cut in (1, 100, len(whole) // 2 - 3):
        segment.write_bytes(whole[: len(whole) - cut])
        assert same(joined(list(FrameReader(tmp_path).read("P1"))), some(50))
    segment.write_bytes(whole[:-5] + b"\0\0\0\0\0")
    with FrameStore(tmp_path) as store:
        store.write([some(50, 2, start_s=1.7e9 + 1200)])
        store.compact()
        assert same(joined(list(store.read("P1"))), joined([some(50), some(50, 2, start_s=1.7e9 + 1200)]))


def test_a_crash_between_file_and_journal_doubles_nothing(tmp_path: Path) -> None:
    with FrameStore(tmp_path) as store:
        store.write([some(50)])
        saved = {path.name: path.read_bytes() for path in (tmp_path / "journal").glob("*.log")}
        store.compact()
    for name, content in saved.items():
        (tmp_path / "journal" / name).write_bytes(content)
    assert same(joined(list(FrameReader(tmp_path).read("P1"))), some(50))
    with FrameStore(tmp_path) as store:
        store.compact()
        store.write([some(10, 1, start_s=1.7e9 + 600)])
        assert same(joined(list(store.read("P1"))), joined([some(50), some(10, 1, start_s=1.7e9 + 600)]))


@pytest.mark.parametrize("name", ["car1", "car2"])
def test_real_cars_within_the_budget(tmp_path: Path, data_dir: Callable[[str], Path], name: str) -> None:
    carry, parts = None, []
    for frames in read_frames(data_dir("battery_field_frames") / f"{name}_processed.zip"):
        flagged, carry = flag(frames, carry)
        parts.append(flagged)
    whole = joined(parts)
    with FrameStore(tmp_path) as store:
        store.write(parts)
        store.compact()
        back = joined(list(store.read(whole.pack.pack_id)))
    assert same(back, whole)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size / whole.cell_v.size <= 0.75
