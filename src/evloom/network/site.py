"""A site: its tree of limits and what hangs on it apart from vehicles."""

from dataclasses import dataclass

from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, Int
from evloom.network.tree import LimitTree


@dataclass(frozen=True)
class StorageTable:
    """Stationary batteries, columns of shape (n_storage,).

    capacity_kwh is usable energy; the efficiencies (0..1] are one way, meter to cells and cells to meter;
    wear_per_kwh is the money one kWh discharged costs in battery life.
    """

    storage_id: tuple[str, ...]
    node: Int
    capacity_kwh: Float
    charge_max_kw: Float
    discharge_max_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    soc_initial: Float
    wear_per_kwh: Float


@dataclass(frozen=True)
class NodeSignal:
    """Something measured at a node in kW: base load (import) or solar generation (unsigned, exported)."""

    node: int
    signal: Signal


@dataclass(frozen=True)
class Site:
    """What the grid side of a site is made of.

    voltage_v   phase to neutral (or across the two legs that a single-phase EVSE uses)
    base_load   loads that nobody steers, in kW >= 0
    solar       generation in kW >= 0 (unsigned: it flows out)
    """

    name: str
    zone: str
    voltage_v: float
    tree: LimitTree
    base_load: tuple[NodeSignal, ...]
    solar: tuple[NodeSignal, ...]
    storage: StorageTable
