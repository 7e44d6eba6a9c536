"""The planning problem every optimising algorithm solves, and the schedule it returns."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class Stays:
    """What is to be charged, one row per stay of a vehicle, columns of shape (n_stay,).

    first, last          the stay touches steps first <= k < last
    first_share,         share (0..1] of its first and of its last step in which the vehicle is there; a stay
    last_share           inside one step has both equal to its share of that step (it is not multiplied)
    node                 row of the limit tree
    charge_max_kw        most charging power at the meter, discharge_max_kw most discharging (unsigned)
    need_kwh             energy at the meter still to be delivered by departure, >= 0: the promise. It is kept in the
                         cells (need_kwh x charge_efficiency above today's charge), so that the losses of discharging
                         and charging again are never the driver's
    room_kwh             most energy the battery can still take up, measured as charge at the meter, >= need_kwh
    below_kwh            how far (cells, kWh >= 0) discharge may go below today's charge: down to the floor
    charge_efficiency,   meter to cells, cells to meter, (0..1]
    discharge_efficiency
    wear_per_kwh         money per kWh discharged at the meter
    priority             weight > 0 of one kWh not delivered, relative to others (scarcity rule)
    phase                0, 1 or 2: the one phase that loads, -1: all three evenly; None: all stays load three phases
    """

    first: Int
    last: Int
    first_share: Float
    last_share: Float
    node: Int
    charge_max_kw: Float
    discharge_max_kw: Float
    need_kwh: Float
    room_kwh: Float
    below_kwh: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    wear_per_kwh: Float
    priority: Float
    phase: Int | None = None

    @property
    def n(self) -> int:
        """Number of stays."""
        return len(self.first)


@dataclass(frozen=True)
class Stores:
    """Stationary batteries in a problem, columns of shape (n_storage,); energies in kWh at the cells.

    end_min_kwh is the least they must hold at the end of the horizon, at most stored_kwh, unless drivers would go
    short for it; None: they may end empty.
    """

    node: Int
    capacity_kwh: Float
    stored_kwh: Float
    charge_max_kw: Float
    discharge_max_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    wear_per_kwh: Float
    end_min_kwh: Float | None = None


@dataclass(frozen=True)
class Nodes:
    """The limit tree over the horizon. Parents come before children, row 0 is the root.

    parent          (n_node,)
    import_max_kw   (n_node, n_step) most net power drawn through the node, infinity for none
    export_max_kw   (n_node, n_step) >= 0, most net power pushed back through it *by steered units*
    base_kw         (n_node, n_step) load nobody steers at or below the node, solar already taken off
    price_per_kwh   (n_node, n_step) what steered net energy through the node costs on top of the price at the root (a zone's
                    tariff, a network charge); None: nothing
    phase_room_kw   (n_node, 3, n_step) >= 0, most that steered units may draw on each phase; None: no limit of phases
    """

    parent: Int
    import_max_kw: Float
    export_max_kw: Float
    base_kw: Float
    price_per_kwh: Float | None = None
    phase_room_kw: Float | None = None


@dataclass(frozen=True)
class Requests:
    """What the grid asks for at nodes of the tree, columns of shape (n_request,): reserve, demand response.

    In the steps first <= k < last the net power through `node`, base load included, is to be at most (is_ceiling) or at
    least (not is_ceiling) target_kw. Every kWh by which it is missed costs penalty_per_kwh > 0, in money: a request gives
    way to drivers and to limits. The term "request" of an objective is that cost; it is in every objective.
    """

    node: Int
    first: Int
    last: Int
    target_kw: Float
    is_ceiling: Bool
    penalty_per_kwh: Float

    @property
    def n(self) -> int:
        """Number of requests."""
        return len(self.node)


_NONE: Int = np.zeros(0, dtype=np.int64)
NO_REQUESTS = Requests(_NONE, _NONE, _NONE, np.zeros(0), np.zeros(0, dtype=np.bool_), np.zeros(0))


@dataclass(frozen=True)
class Signals:
    """Prices and the like over the horizon, (n_step,) unless said otherwise, of the root.

    price_per_kwh          for net import; export_price_per_kwh is what net export earns
    carbon_kg_per_kwh      for net import
    demand_period          (n_step,) rising number of the demand interval a step belongs to; the mean net import
                           over an interval (weighted by step_h) is what a demand charge and `peak` look at
    demand_price_per_kw    money per kW of the highest interval above peak_so_far_kw
    peak_so_far_kw         highest interval of this billing month so far, known, >= 0
    period_done_kwh        net energy the root already imported in the demand interval that is running
    period_done_h          and the hours of it that have gone by
    """

    price_per_kwh: Float
    export_price_per_kwh: Float
    carbon_kg_per_kwh: Float
    demand_period: Int
    demand_price_per_kw: float
    peak_so_far_kw: float
    period_done_kwh: float
    period_done_h: float


@dataclass(frozen=True)
class Problem:
    """step_h (n_step,) > 0 are the lengths of the steps in hours; they need not be equal."""

    step_h: Float
    stays: Stays
    stores: Stores
    nodes: Nodes
    signals: Signals
    requests: Requests = NO_REQUESTS

    @property
    def n_step(self) -> int:
        """Number of steps of the horizon."""
        return len(self.step_h)


@dataclass(frozen=True)
class Schedule:
    """charge_kwh, discharge_kwh: energy at the meter in every step, (n_stay, n_step), both >= 0;
    store_kwh (n_storage, n_step) signed, import positive; short_kwh (n_stay,) what the promise lacks;
    objective: the value of each objective term by name, in its own unit;
    is_emptied: stationary batteries were let off what they are to hold at the end, because a driver would have gone short for it.
    """

    charge_kwh: Float
    discharge_kwh: Float
    store_kwh: Float
    short_kwh: Float
    objective: dict[str, float]
    is_emptied: bool = False
