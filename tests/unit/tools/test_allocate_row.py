"""The benchmark of the allocation: its crowd is scarce on every level, and its orders hold."""

import numpy as np

from evloom.dispatch.moment import Wires
from evloom.dispatch.real.quantise import follow
from evloom.dispatch.verify import verify
from tools.bench.allocate_row import N_FEEDER, allocate_row, crowd


def test_a_crowd_is_held_back_at_every_level_and_no_limit_breaks():
    scene = crowd(4000, seed=2)
    order_kw, reason = follow(*scene)
    assert verify(scene.bays, scene.now, order_kw) == ()
    held = reason[scene.rank]
    assert {0 if node == 0 else 1 if node <= N_FEEDER else 2 for node in held[held >= 0]} >= {1, 2}
    free: Wires = scene.now._replace(
        import_max_kw=np.full_like(scene.now.import_max_kw, np.inf), phase_max_a=np.full_like(scene.now.phase_max_a, np.inf)
    )
    assert verify(scene.bays, scene.now, follow(scene.bays, free, scene.ask, scene.rank)[0]) != ()


def test_the_figure_is_reached():
    row = allocate_row()
    assert row.reached
    assert row.quality.startswith("0 violations")
