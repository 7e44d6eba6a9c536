"""The moment: what a rule or the allocation must know about now, as columns over EVSE and nodes.

NamedTuples of arrays, because the compiled kernels take them as they are.
"""

from typing import NamedTuple

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int
from evloom.network.tree import LimitTree


class Bays(NamedTuple):
    """One row per EVSE, columns of shape (n_evse,); rows that are not connected are ignored.

    arrival_s, departure_s   epoch seconds; the departure is what the system believes
    need_kwh                 energy at the meter it still believes to be wanted; 0 = believed done
    charge_max_kw            most the EVSE and the car take now (ratings, taper seen, diagnosis)
    discharge_max_kw         most they give now, unsigned; 0 without consent or at the floor
    kw_per_a                 kW per ampere on each phase in use; for direct current that of three balanced phases,
                             with current_min_a and current_step_a 0
    phase                    phase 0..2 a single-phase car loads, -1 for all three evenly
    node, pile               row of the limit tree; number of the pile, whose bays may charge one_at_a_time
    priority                 weight of its need under scarcity
    debt_kwh                 energy the plan gave it and the quantised orders did not, so far
    """

    connected: Bool
    arrival_s: Float
    departure_s: Float
    need_kwh: Float
    charge_max_kw: Float
    discharge_max_kw: Float
    kw_per_a: Float
    current_min_a: Float
    current_step_a: Float
    phase: Int
    node: Int
    pile: Int
    one_at_a_time: Bool
    priority: Float
    debt_kwh: Float


class Wires(NamedTuple):
    """The limit tree now: columns (n_node,), path (n_node, depth), base_phase_a (n_node, 3).

    base_kw is the load nobody steers at or below the node, solar taken off; base_phase_a its current;
    kw_per_a is the kW of one ampere on one phase.
    """

    path: Int
    import_max_kw: Float
    export_max_kw: Float
    phase_max_a: Float
    base_kw: Float
    base_phase_a: Float
    kw_per_a: float


def wires(tree: LimitTree, base_kw: Float, voltage_v: float) -> Wires:
    """The tree with the load on it, (n_node,), spread evenly over three phases of `voltage_v`."""
    per_phase_a = np.repeat((base_kw * 1000.0 / (3.0 * voltage_v))[:, None], 3, axis=1)
    return Wires(tree.ancestors(), tree.import_max_kw, tree.export_max_kw, tree.phase_max_a, base_kw, per_phase_a, voltage_v / 1000.0)


def with_units(now: Wires, node: Int, power_kw: Float) -> Wires:
    """The wires with units that draw `power_kw` (n_unit,) evenly over three phases at `node` (n_unit,) added to the base load."""
    if len(power_kw) == 0:
        return now
    extra_kw = np.zeros_like(now.base_kw)
    for unit in range(len(power_kw)):
        path = now.path[node[unit]]
        extra_kw[path[path >= 0]] += power_kw[unit]
    extra_a = extra_kw / (3.0 * now.kw_per_a)
    return now._replace(base_kw=now.base_kw + extra_kw, base_phase_a=now.base_phase_a + extra_a[:, None])
