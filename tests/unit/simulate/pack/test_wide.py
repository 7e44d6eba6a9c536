"""Packs of other makers: faults take further courses, cells spread more widely, and a vehicle is the same whenever it is made."""

import numpy as np

from evloom.simulate.pack.ageing import worn
from evloom.simulate.pack.fault import NAMED
from evloom.simulate.pack.fleet import EPOCH_S
from evloom.simulate.pack.use import DAY_S
from evloom.simulate.pack.wide import SIZES, wide_fault, wide_vehicle

SPAN = (EPOCH_S, EPOCH_S + 60.0 * DAY_S)


def drawn(kind: str) -> list:
    return [wide_fault(kind, 96, SPAN, np.random.default_rng(seed)) for seed in range(40)]


def test_cells_may_grow_weak_or_be_so_from_the_start() -> None:
    begins = [fault for fault in drawn("weak-cell") if fault.onset_s > SPAN[0]]
    assert 5 < len(begins) < 35
    early, late = (worn(begins[0], at_s, 96)[0].min() for at_s in (SPAN[0] + DAY_S, SPAN[1]))
    assert early == 1.0
    assert late < 0.95


def test_self_discharge_may_begin_or_grow_and_stays_small() -> None:
    every = drawn("self-discharge")
    assert {fault.onset_s > SPAN[0] for fault in every} == {True, False}
    assert {fault.number("grow_s") > 0.0 for fault in every} == {True, False}
    assert max(fault.number("leak_factor") for fault in every) <= 13.0


def test_several_cells_may_plate_or_dive_together() -> None:
    for kind in ("plating", "capacity-dive"):
        assert {len(fault.cells) > 1 for fault in drawn(kind)} == {True, False}
        assert all(len(set(fault.cells)) == len(fault.cells) for fault in drawn(kind))
    dive = next(fault for fault in drawn("capacity-dive") if len(fault.cells) > 1)
    left = worn(dive, SPAN[1], 96)[0]
    assert set(np.flatnonzero(left < 1.0)) == set(dive.cells)


def test_every_named_kind_makes_a_pack_and_the_same_again() -> None:
    for k, kind in enumerate(NAMED):
        frames, truth = wide_vehicle(5, k, {kind: 1.0}, 2, 60.0)
        assert truth.fault == kind
        assert frames.pack.n_cell in SIZES[frames.pack.chemistry]
        assert np.isfinite(frames.cell_v).all()
        assert frames.pack.n_probe >= 2
    again, _ = wide_vehicle(5, len(NAMED) - 1, {NAMED[-1]: 1.0}, 2, 60.0)
    assert np.array_equal(frames.cell_v, again.cell_v)
