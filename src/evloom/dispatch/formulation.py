"""Which columns and rows of the linear programme stand for what; `dispatch.formulate` fills them in."""

from dataclasses import dataclass, field

import numpy as np

from evloom.dispatch.cells import Cells, Room
from evloom.dispatch.problem import Problem
from evloom.dispatch.programme import Programme
from evloom.kernel.timegrid import Float, Int

_NONE: Int = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class OneWay:
    """Where a direction must be chosen by a binary, because the linear programme went both ways at once.

    cell   numbers of cells that charged and discharged
    store  flat (storage, step) places that did
    step   steps in which the site imported and exported
    """

    cell: Int = field(default_factory=_NONE.copy)
    store: Int = field(default_factory=_NONE.copy)
    step: Int = field(default_factory=_NONE.copy)

    @property
    def parts(self) -> tuple[Int, Int, Int]:
        """cell, store, step."""
        return self.cell, self.store, self.step

    @property
    def n(self) -> int:
        """Number of binaries."""
        return sum(len(part) for part in self.parts)


@dataclass
class Square:
    """level >= (value / scale)^2, held by tangents that are added where the optimum needs them.

    value, level   column numbers (n,)
    scale          (n,) > 0
    low, high      (n,) range of the value, for the first tangents
    """

    value: Int
    level: Int
    scale: Float
    low: Float
    high: Float


@dataclass
class Formulation:
    """Which columns stand for what. Blocks that are not needed are empty.

    charge          (n_cell,) kWh at the meter; discharge and level (kWh at the cells) for `two_way` cells only
    store_charge, store_discharge, store_level   (n_storage * n_step,)
    total           (n_node, n_step) steered net energy through a node, -1 where no column is needed
    low, high       (n_node, n_step) least and most that steered units could draw through a node if only the limits below it held
    exported        net export of the site in the steps `export_step`
    mean_kw         mean net import of each demand interval; peak_kw, excess_kw above the peak so far (one each or none)
    missed          kWh by which requests are missed, one for each step in which that can be; missed_row (n,) is whose
    squares         valley filling: the square of each interval's mean
    short           (n_stay,) kWh not delivered, only in the scarcity stage; share_squares likewise
    """

    problem: Problem
    cells: Cells
    room: Room
    programme: Programme
    two_way: Int
    charge: Int = field(default_factory=_NONE.copy)
    discharge: Int = field(default_factory=_NONE.copy)
    level: Int = field(default_factory=_NONE.copy)
    store_charge: Int = field(default_factory=_NONE.copy)
    store_discharge: Int = field(default_factory=_NONE.copy)
    store_level: Int = field(default_factory=_NONE.copy)
    total: Int = field(default_factory=_NONE.copy)
    low: Float = field(default_factory=lambda: np.zeros((0, 0)))
    high: Float = field(default_factory=lambda: np.zeros((0, 0)))
    exported: Int = field(default_factory=_NONE.copy)
    export_step: Int = field(default_factory=_NONE.copy)
    mean_kw: Int = field(default_factory=_NONE.copy)
    interval_h: Float = field(default_factory=lambda: np.zeros(0))
    peak_kw: Int = field(default_factory=_NONE.copy)
    excess_kw: Int = field(default_factory=_NONE.copy)
    missed: Int = field(default_factory=_NONE.copy)
    missed_row: Int = field(default_factory=_NONE.copy)
    short: Int = field(default_factory=_NONE.copy)
    squares: Square | None = None
    share_squares: Square | None = None

    @property
    def store_step(self) -> Int:
        """Step of each storage column, (n_storage * n_step,)."""
        return np.tile(np.arange(self.problem.n_step), len(self.problem.stores.node))
