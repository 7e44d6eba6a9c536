"""Small packs for the tests of the twin."""

from dataclasses import replace

import numpy as np

from evloom.simulate.pack.cells import DRIVE, SLOW, Cells, Road
from evloom.simulate.pack.fault import HEALTHY, Fault, draw_fault
from evloom.simulate.pack.fleet import EPOCH_S, make_pack
from evloom.simulate.pack.use import DAY_S, USES
from evloom.simulate.pack.vehicle import Car, draw_car, start
from evloom.vehicle.chemistry import BY_NAME


def small_car(kind: str = "none", chemistry: str = "NMC", n_cell: int = 12, seed: int = 0, days: int = 6) -> Car:
    rng = np.random.default_rng(seed)
    pack = make_pack("car", chemistry, (n_cell, max(n_cell // 4, 1)), 150.0)
    fault = HEALTHY if kind == "none" else draw_fault(kind, n_cell, (EPOCH_S, EPOCH_S + days * DAY_S), rng)
    return replace(draw_car(pack, BY_NAME[chemistry], 30.0, fault, rng), use=USES["commuter"])


def small_cells(car: Car, soc: float = 0.6, temp_c: float = 25.0) -> Cells:
    return start(replace(car, soc=np.full(car.pack.n_cell, soc)), temp_c)


def steady_road(n: int, current_a: float, air_c: float = 25.0, short_s: float = 0.0, contact_ohm: float = 0.0) -> Road:
    """n steps of 10 s of one current, a frame each."""
    mode = DRIVE if current_a <= 0.0 else SLOW
    return Road(
        np.full(n, 10.0), np.full(n, current_a), np.full(n, mode), np.ones(n), np.full(n, air_c), np.ones(n), np.ones(n, dtype=bool),
        np.full(n, short_s), np.full(n, contact_ohm),
    )  # fmt: skip


def fault_of(car: Car, **numbers: float) -> Fault:
    return replace(car.fault, numbers={**car.fault.numbers, **numbers})
