"""The load that nobody steers: its means, its forecast, what the loop is told, and what stands in for a silent meter."""

from datetime import UTC, datetime

import numpy as np
import pytest

from evloom.kernel.timegrid import TimeGrid
from evloom.serve.live.base import BaseLoads, NodeLoad

GRID = TimeGrid(datetime(2026, 6, 15, tzinfo=UTC), 900, 96)
T0 = GRID.start_s


def test_quarters_of_an_hour_are_means():
    load, done = NodeLoad(), []
    for k in range(0, 2000, 10):
        done += load.metered(10.0 if k < 450 else 20.0, T0 + k)
    assert [begin_s for begin_s, _ in done] == [T0, T0 + 900.0]
    assert done[0][1] == pytest.approx(15.0)
    assert done[1][1] == pytest.approx(20.0)


def test_the_usual_course_of_the_day_is_foreseen():
    load = NodeLoad()
    for quarter in range(-14 * 96, 0):
        at_s = T0 + quarter * 900.0
        load.means[int(at_s // 900)] = 30.0 + 20.0 * np.sin(2 * np.pi * (quarter % 96) / 96)
    load.kw, load.at_s = 30.0, T0
    load.foresee(GRID, T0, 96)
    expected = 30.0 + 20.0 * np.sin(2 * np.pi * np.arange(96) / 96)
    assert np.abs(load.ahead_kw - expected).max() < 3.0


def test_a_silent_meter_is_taken_for_high():
    load = NodeLoad(stale_s=60.0)
    load.metered(25.0, T0)
    load.foresee(GRID, T0, 4)
    assert load.now_kw(T0 + 30.0) == 25.0
    assert load.is_stale(T0 + 61.0)
    assert load.now_kw(T0 + 61.0) > 25.0


def test_what_the_loop_is_told():
    loads = BaseLoads(["site", "shop"])
    assert loads.known(GRID, T0, 4) == []  # nothing was ever metered
    loads.nodes["site"].metered(10.0, T0)
    assert loads.is_news("site", 100.0)
    [first] = loads.known(GRID, T0 + 1.0, 4)
    assert (first.name, first.first, first.values[0], len(first.values)) == ("base-load site", 0, 10.0, 4)
    loads.nodes["site"].metered(10.4, T0 + 10.0)
    assert not loads.is_news("site", 100.0)
    [second] = loads.known(GRID, T0 + 10.0, 4)
    assert second.values == [10.4]
    assert loads.known(GRID, T0 + 20.0, 4) == []
    [third] = loads.known(GRID, T0 + 900.0, 4)
    assert third.first == 1
    assert len(third.values) == 4
    loads.restart()
    assert len(loads.known(GRID, T0 + 901.0, 4)) == 1


def test_memory_is_bounded():
    load = NodeLoad()
    for k in range(70 * 96):
        load.metered(1.0, T0 + 900.0 * k)
    assert len(load.means) <= 61 * 96
