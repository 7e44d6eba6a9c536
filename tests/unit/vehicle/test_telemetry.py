"""Frames as columns."""

import numpy as np

from evloom.vehicle.telemetry import Pack, joined, unflagged


def _frames(n=4):
    pack = Pack("car", "pack", n_cell=3, n_probe=2)
    return unflagged(pack, at_s=np.arange(n, dtype=np.float64), cell_v=np.arange(3 * n, dtype=np.float32).reshape(n, 3))


def test_what_nobody_said_is_unknown():
    frames = _frames()
    assert frames.n == 4
    assert np.isnan(frames.current_a).all()
    assert (frames.charging == -1).all()
    assert frames.probe_c.shape == (4, 2)
    assert not frames.flags.any()
    assert (frames.known_at_s == frames.at_s).all()


def test_parts_join_to_the_whole():
    frames = _frames(7)
    again = joined([frames.part(slice(0, 3)), frames.part(slice(3, 3)), frames.part(np.arange(3, 7))])
    assert (again.cell_v == frames.cell_v).all()
    assert (again.at_s == frames.at_s).all()
