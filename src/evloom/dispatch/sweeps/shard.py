"""A part of a problem that is swept on its own, in any process: units of some subtrees, the walls that only they meet, a share of others.

A shard owns 1/S of the slack (or of the excess) of a wall that it shares with others, and meets it S times as stiff: with the load L of
all shards and L_k of its own it stands at right_k = L_k + (right - L) / S with rho_k = S rho. At no change it sees the slope price +
rho (L - right), the same as everybody, and because (sum of S numbers)^2 <= S x (sum of their squares) what all shards do at once costs
no more than each of them reckons: the proximal Jacobi form of the method of multipliers (Deng, Lai, Peng, Yin, "Parallel multi-block
ADMM with o(1/k) convergence", Journal of Scientific Computing 71, 2017; sharing problem: Boyd et al., "Distributed optimization and
statistical learning via the alternating direction method of multipliers", 2011, section 7.3). With the whole residual for each it diverges.
"""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from evloom.dispatch.sweeps.layout import Layout
from evloom.dispatch.sweeps.passes import Plan, Setting, least_total, sweep
from evloom.dispatch.sweeps.solve import Sweeper
from evloom.dispatch.sweeps.tally import own_cost, plan_loads
from evloom.dispatch.sweeps.units import CHARGE_KW, DISCHARGE_KW, LENGTH, PATH, Units
from evloom.dispatch.sweeps.walls import RHO, Prices, Walls, Zeal, conjugate, cost, loads, raised, renewed, slopes
from evloom.kernel.timegrid import Float, Int

# A level of the tree is taken for the cut if no part is larger than this many times the mean.
_UNEVEN = 1.25
# Into how many parts the units are split for the first sweep after what was foretold.
_PARTS = 16

Task = Literal["start", "sweep", "look", "finish"]


class Piece(NamedTuple):
    """A shard as it is sent to the one who sweeps it, once.

    number     of the shard, from 0
    layout     its units and the walls that they meet; its own peak is None
    wall       (n_wall,) number of its walls in the whole problem
    shared     (n_shared,) which of its walls are shared, in the order of the whole problem
    """

    number: int
    layout: Layout
    wall: Int
    shared: Int


class Request(NamedTuple):
    """What goes to a shard. Tables of shared walls are (n_shared, n_step).

    number         of the request to this shard, from 1
    task           "start" from prices and loads foretold; "sweep"; "look" for a bound and for a schedule that holds all limits; "finish"
    price_per_kwh  price of shared walls ("look": slope); at the start of all walls of the shard
    right_kwh      where shared walls stand; in a look the room that the shard may fill
    load_kwh       at the start: loads foretold of all walls of the shard
    best           numbers of the looks that gave the best schedule and the best bound so far, 0 for none
    """

    number: int
    task: Task
    price_per_kwh: Float
    right_kwh: Float
    load_kwh: Float
    best: tuple[int, int]


class Answer(NamedTuple):
    """What comes back.

    load_kwh       (n_shared, n_step) net energy at shared walls, in a look that of the schedule which holds all limits
    least          look: least that the shard can cost at these prices, what its own walls take off included
    value          look: what its schedule costs, shared walls not counted; infinity where it does not hold
    excess         sweep: largest relative excess over its own hard walls
    net_kwh        finish: (n_cell,) best plan
    price_per_kwh  finish: (n_wall, n_step) prices of its walls in the best bound
    """

    number: int
    load_kwh: Float
    least: float
    value: float
    excess: float
    net_kwh: Float
    price_per_kwh: Float


class Look(NamedTuple):
    """Plan (n_cell,) and prices (n_wall, n_step) of a look, with the number of the request; 0 for none."""

    number: int
    net_kwh: Float
    price_per_kwh: Float


class Swept(NamedTuple):
    """What sweeps change; right_kwh (n_shared, n_step) is where the shared walls stood last."""

    plan: Plan
    prices: Prices
    right_kwh: Float
    zeal: Zeal


class Looked(NamedTuple):
    """What looks change: the latest, the one with the best plan, the one with the best bound (its prices)."""

    latest: Look
    plan: Look
    bound: Look


class State(NamedTuple):
    """All that changes in a shard, for one who has to carry on from here."""

    swept: Swept
    looked: Looked


def split(parent: Int, layout: Layout, n_shard: int) -> tuple[Int, ...]:
    """Units (rows of the layout, ascending) of at most so many shards, none empty, about equal in cells.

    Cut between subtrees of the level nearest to the root at which no part is more than a quarter above the mean; where there is
    none (a single cap), between units.
    """
    units, n_node = layout.setting.units, len(parent)
    node = units.place[:, PATH] // max(len(layout.setting.ways.wall) // n_node, 1)
    cells = np.maximum(units.place[:, LENGTH], 1).astype(np.float64)
    depth = np.zeros(n_node, dtype=np.int64)
    for row in range(1, n_node):
        depth[row] = depth[parent[row]] + 1
    for level in range(1, int(depth.max(initial=0)) + 1):
        top = np.arange(n_node)
        for deep in np.flatnonzero(depth > level):
            top[deep] = top[parent[deep]]
        parts = _parts(top[node], cells, n_shard)
        mine = np.bincount(parts, weights=cells, minlength=n_shard)
        if mine.max(initial=0.0) <= _UNEVEN * cells.sum() / n_shard:
            break
    else:
        parts = _parts(np.arange(units.n), cells, n_shard)
    found = tuple(rows for k in range(n_shard) if len(rows := np.flatnonzero(parts == k)))
    return found or (np.arange(0),)


def _parts(group: Int, cells: Float, n_shard: int) -> Int:
    """(n_unit,) shard of each unit where whole groups stay together, in their order."""
    _, number = np.unique(group, return_inverse=True)
    size = np.bincount(number, weights=cells)
    middle = np.cumsum(size) - size / 2.0
    of_group = np.minimum((n_shard * middle / max(float(size.sum()), 1.0)).astype(np.int64), n_shard - 1)
    found: Int = of_group[number]
    return found


def met_by(layout: Layout, rows: Int) -> Int:
    """Walls that the units `rows` meet, ascending."""
    met = np.unique(layout.setting.ways.wall[np.unique(layout.setting.units.place[rows, PATH])])
    found: Int = met[met >= 0]
    return found


def shared_walls(layout: Layout, shards: tuple[Int, ...]) -> Int:
    """Walls of the whole problem that belong to no single shard, ascending: those that several meet, and the one of the peak."""
    count = np.zeros(len(layout.setting.walls.trait), dtype=np.int64)
    for rows in shards:
        count[met_by(layout, rows)] += 1
    if layout.peak is not None:
        count[layout.peak.wall] = max(len(shards), 2)
    return np.flatnonzero(count > 1)


def walls_of(layout: Layout, rows: Int, shared: Int) -> Int:
    """Walls of the shard with the units `rows`, ascending; a shard that does not meet a shared wall has it all the same."""
    found: Int = np.union1d(met_by(layout, rows), shared)
    return found


def shared_layout(layout: Layout, shared: Int) -> Layout:
    """The walls `shared` with nobody at them, the peak's among them."""
    setting = layout.setting
    units = Units(setting.units.row[:0], np.zeros(1, dtype=np.int64), setting.units.place[:0], setting.units.figures[:0])
    peak = layout.peak
    return replace(
        layout,
        setting=setting._replace(units=units, walls=some_walls(setting.walls, shared)),
        wall_group=layout.wall_group[shared],
        peak=None if peak is None else replace(peak, wall=int(np.searchsorted(shared, peak.wall))),
    )


def shared_value(layout: Layout, load_kwh: Float) -> float:
    """What the shared walls of `shared_layout` cost at loads (n_shared, n_step), the highest interval included."""
    value, peak = cost(layout.setting.walls, load_kwh), layout.peak
    if peak is not None:
        highest = float(((load_kwh[peak.wall, : len(peak.length_h)] + peak.known_kwh) / peak.length_h).max())
        value += peak.weight * highest + peak.dear * max(0.0, highest - peak.so_far_kw)
    return value


def could_kwh(layout: Layout, rows: Int) -> Float:
    """What the units `rows` could move through each wall, (n_wall,), kWh up to a factor."""
    units, ways, could = layout.setting.units, layout.setting.ways, np.zeros(len(layout.setting.walls.trait))
    most = (units.figures[rows, CHARGE_KW] + units.figures[rows, DISCHARGE_KW]) * units.place[rows, LENGTH]
    of_path = np.bincount(units.place[rows, PATH], weights=most, minlength=len(ways.wall))
    for wall, weight in zip(ways.wall.T, ways.weight.T, strict=True):
        on = wall >= 0
        could += np.bincount(wall[on], weights=(of_path * weight)[on], minlength=len(could))
    return could


def cut(layout: Layout, shards: tuple[Int, ...], number: int) -> Piece:
    """The piece of one shard, with tables of its own."""
    setting, rows, shared = layout.setting, shards[number], shared_walls(layout, shards)
    wall = walls_of(layout, rows, shared)
    path, of_unit = np.unique(setting.units.place[rows, PATH], return_inverse=True)
    place = setting.units.place[rows].copy()
    place[:, PATH] = of_unit
    begin = np.concatenate(([0], np.cumsum(place[:, LENGTH])))
    units = Units(setting.units.row[rows], begin, place, np.ascontiguousarray(setting.units.figures[rows]))
    at = np.searchsorted(wall, shared)
    table = np.ascontiguousarray(setting.walls.table[:, wall])
    table[RHO, at] *= len(shards)
    walls = setting.walls._replace(trait=np.ascontiguousarray(setting.walls.trait[wall]), table=table)
    local = np.full(len(setting.walls.trait) + 1, -1)
    local[wall] = np.arange(len(wall))
    ways = setting.ways._replace(
        wall=np.ascontiguousarray(local[setting.ways.wall[path]]),
        weight=np.ascontiguousarray(setting.ways.weight[path]),
        price_per_kwh=np.ascontiguousarray(setting.ways.price_per_kwh[path]),
    )
    mine = replace(
        layout,
        setting=setting._replace(units=units, ways=ways, walls=walls),
        exact_price_per_kwh=np.ascontiguousarray(layout.exact_price_per_kwh[path]),
        constant=0.0,
        wall_group=layout.wall_group[wall],
        peak=None,
    )
    return Piece(number, mine, wall, at)


def cells_of(layout: Layout, rows: Int) -> Int:
    """Numbers of the cells of the units `rows` in the plan of the whole."""
    length, begin = layout.setting.units.place[rows, LENGTH], layout.setting.units.begin[rows]
    end = np.cumsum(length)
    found: Int = np.repeat(begin - (end - length), length) + np.arange(int(length.sum()))
    return found


def excess(walls: Walls, load_kwh: Float) -> float:
    """Largest excess over a hard wall, relative to the room there (or to its mean, where that is larger)."""
    hard = walls.is_hard
    if not hard.any():
        return 0.0
    over = np.where(walls.is_export[:, None], walls.right - load_kwh, load_kwh - walls.right)[hard]
    size = np.abs(walls.right[hard])
    return float((over / np.maximum(np.maximum(size, size.mean(axis=1, keepdims=True)), 1e-6)).max(initial=0.0))


class Shard:
    """A piece at work. The same requests give the same bits, wherever they are answered."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self._sweeper = Sweeper(piece.layout)
        walls = piece.layout.setting.walls
        self._own = np.setdiff1d(np.arange(len(walls.trait)), piece.shared)
        self._own_walls = some_walls(walls, self._own)
        none = Look(0, np.zeros(len(self._sweeper.plan.net_kwh)), np.zeros(walls.right.shape))
        self._looked = Looked(none, none, none)

    @property
    def state(self) -> State:
        """Everything that a successor needs."""
        sweeper, right_kwh = self._sweeper, self.piece.layout.setting.walls.right[self.piece.shared]
        return State(Swept(sweeper.plan, sweeper.prices, right_kwh, sweeper.zeal), self._looked)

    def restore(self, state: State) -> None:
        """Carry on from a state."""
        sweeper, swept = self._sweeper, state.swept
        sweeper.plan, sweeper.prices, sweeper.zeal = swept.plan, swept.prices, swept.zeal
        self.piece.layout.setting.walls.right[self.piece.shared] = swept.right_kwh
        self._looked = state.looked

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""
        self._keep(request.best)
        blank = Answer(request.number, np.zeros((0, 0)), -np.inf, np.inf, 0.0, np.zeros(0), np.zeros((0, 0)))
        if request.task == "finish":
            return blank._replace(net_kwh=self._looked.plan.net_kwh, price_per_kwh=self._looked.bound.price_per_kwh)
        if request.task == "look":
            return self._look(request, blank)
        if request.task == "start":
            self._start(request)
        else:
            self._sweep(request)
        load_kwh = loads(self.piece.layout.setting.walls, self._sweeper.prices)
        return blank._replace(load_kwh=load_kwh[self.piece.shared], excess=excess(self._own_walls, load_kwh[self._own]))

    def _keep(self, best: tuple[int, int]) -> None:
        """Keep of the latest look what turned out best."""
        was, plan, bound = self._looked
        if best[0] == was.number:
            plan = was._replace(price_per_kwh=was.price_per_kwh[:0])
        if best[1] == was.number:
            bound = was._replace(net_kwh=was.net_kwh[:0])
        self._looked = Looked(was, plan, bound)

    def _start(self, request: Request) -> None:
        """What is foretold makes way, a share after the other, for those who answer."""
        sweeper, setting = self._sweeper, self.piece.layout.setting
        setting.walls.right[self.piece.shared] = request.right_kwh
        sweeper.prices = renewed(setting.walls, request.load_kwh, request.price_per_kwh)
        if not request.load_kwh.any():
            return
        for part in range(_PARTS):
            sweeper.prices.s[:] -= request.load_kwh / _PARTS
            sweep(setting, sweeper.plan, sweeper.prices.s, np.ascontiguousarray(sweeper.everybody[part::_PARTS]), sweeper.view)
        sweeper.prices = raised(setting.walls, sweeper.prices, sweeper.zeal)
        self._hold(request.price_per_kwh[self.piece.shared])

    def _sweep(self, request: Request) -> None:
        """One sweep over everybody and the step of the prices of its own walls."""
        sweeper, setting, shared = self._sweeper, self.piece.layout.setting, self.piece.shared
        load_kwh = loads(setting.walls, sweeper.prices)
        setting.walls.right[shared] = request.right_kwh
        price_per_kwh = sweeper.prices.price_per_kwh.copy()
        price_per_kwh[shared] = request.price_per_kwh
        sweeper.prices = renewed(setting.walls, load_kwh, price_per_kwh)
        sweeper.sweep()
        self._hold(request.price_per_kwh)

    def _hold(self, shared_price_per_kwh: Float) -> None:
        """Undo the step of the prices of shared walls: they are not its business."""
        sweeper, walls = self._sweeper, self.piece.layout.setting.walls
        load_kwh, price_per_kwh = loads(walls, sweeper.prices), sweeper.prices.price_per_kwh.copy()
        price_per_kwh[self.piece.shared] = shared_price_per_kwh
        sweeper.prices = renewed(walls, load_kwh, price_per_kwh)

    def _look(self, request: Request, blank: Answer) -> Answer:
        """A bound at the prices of the request, and the plan with every limit held in the room of the request."""
        sweeper, layout, shared = self._sweeper, self.piece.layout, self.piece.shared
        setting = layout.setting
        price_per_kwh = slopes(setting.walls, sweeper.prices)
        price_per_kwh[shared] = request.price_per_kwh
        exact = setting._replace(ways=setting.ways._replace(price_per_kwh=layout.exact_price_per_kwh))
        least = float(least_total(exact, price_per_kwh, sweeper.plan, sweeper.view))
        least -= conjugate(self._own_walls, self._own_walls.right, price_per_kwh[self._own])
        sweeper.true_right[shared] = request.right_kwh
        plan, held = sweeper.repaired()
        value, load_kwh = own_value(layout, plan.net_kwh, self._own)
        self._looked = self._looked._replace(latest=Look(request.number, plan.net_kwh, price_per_kwh))
        return blank._replace(load_kwh=load_kwh[shared], least=least, value=value if np.isfinite(held) else np.inf)


def some_walls(walls: Walls, rows: Int) -> Walls:
    """A copy of some walls."""
    return walls._replace(trait=np.ascontiguousarray(walls.trait[rows]), table=np.ascontiguousarray(walls.table[:, rows]))


def own_value(layout: Layout, net_kwh: Float, own: Int) -> tuple[float, Float]:
    """What a plan costs with the walls `own`, and the loads of all walls (n_wall, n_step)."""
    setting: Setting = layout.setting
    plan, load_kwh = Plan(net_kwh, np.zeros(setting.units.n)), np.zeros(setting.walls.right.shape)
    plan_loads(setting, plan, load_kwh)
    money, _ = own_cost(setting, layout.exact_price_per_kwh, plan)
    return float(money) + cost(some_walls(setting.walls, own), load_kwh[own]), load_kwh
