"""The table of features: what is appended is read, the latest of an instant."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evloom.store.battery.features import MOST_PARTS, FeatureTable


@dataclass
class Day:
    at_s: float
    kind: str
    n: int
    note: str | None
    rest_v: NDArray[np.float64]
    counts: NDArray[np.int64]
    normal: NDArray[np.float64]


def day(k: int) -> Day:
    return Day(k * 86400.0, "NMC", k, None, np.array([k, np.nan, 0.1 * k]), np.arange(k % 3), np.arange(6.0).reshape(2, 3) * k)


def assert_equal(one: Day, other: Day) -> None:
    assert (one.at_s, one.kind, one.n, one.note) == (other.at_s, other.kind, other.n, other.note)
    for name in ("rest_v", "counts", "normal"):
        assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        assert getattr(one, name).shape == getattr(other, name).shape
        assert getattr(one, name).dtype == getattr(other, name).dtype


def test_append_and_read(tmp_path: Path) -> None:
    table = FeatureTable(tmp_path, Day)
    assert table.read("P1") == []
    assert table.table().is_empty()
    for k in range(3 * MOST_PARTS):
        table.append([("P1", k * 86400.0, day(k)), ("P2", k * 86400.0, day(2 * k))])
    table.append([("P1", 5 * 86400.0, day(77))])
    found = FeatureTable(tmp_path, Day).read("P1")
    assert [at_s for at_s, _ in found] == [k * 86400.0 for k in range(3 * MOST_PARTS)]
    for k, (_, record) in enumerate(found):
        assert_equal(record, day(77 if k == 5 else k))
    assert [record.n for _, record in table.read("P2", 86400.0, 3 * 86400.0)] == [2, 4]
    assert table.table().shape[0] == 6 * MOST_PARTS
    assert max(len(list(folder.iterdir())) for folder in tmp_path.iterdir()) <= MOST_PARTS


def test_what_cannot_be_kept(tmp_path: Path) -> None:
    wrong = day(1)
    wrong.note = {"no": "text"}  # type: ignore[assignment]
    with pytest.raises(TypeError, match="note"):
        FeatureTable(tmp_path, Day).append([("P1", 0.0, wrong)])
    wrong = day(1)
    wrong.rest_v = np.array(["a"])
    with pytest.raises(TypeError, match="rest_v"):
        FeatureTable(tmp_path, Day).append([("P1", 0.0, wrong)])
