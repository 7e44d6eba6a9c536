"""What a run leaves behind: energies by step, node and session, and the worst that happened to every limit."""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Wires
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int
from evloom.simulate.twin import Cars, World

OVER_KW = 1e-6  # a limit counts as exceeded above this


class Track(NamedTuple):
    """Filled in place during a run.

    ev_kwh                   (n_step,) net energy of all cars at the meters
    node_kwh, node_max_kw    (n_node, n_step) net energy of each node with its base load; highest power in the step
    over_kw, over_h          (n_node,) worst excess over the node's limits, and for how long there was any
    phase_max_a              (n_node, 3) highest current on each phase
    first, offset            (n_session,), (n_session + 1,): [offset[i] + k - first[i]] is step k of session i in the next two
    flow_kwh, reason         net energy at the meter in the step, and why it was not more (`dispatch.reason`)
    served                   (n_session,) EVSE row at which the car stood, -1 where it found none
    start_s                  (n_session,) when energy first flowed, NaN for never
    in_kwh, out_kwh          (n_session,) charged and discharged, both unsigned
    soc_end                  (n_session,) state of charge when it left
    """

    ev_kwh: Float
    node_kwh: Float
    node_max_kw: Float
    over_kw: Float
    over_h: Float
    phase_max_a: Float
    first: Int
    offset: Int
    flow_kwh: Float
    reason: Int
    served: Int
    start_s: Float
    in_kwh: Float
    out_kwh: Float
    soc_end: Float


class Span(NamedTuple):
    """A stretch of time in which no order changes: the step it lies in, its length, the net energy of every EVSE (n_evse,), and
    what stationary batteries draw at each node, extra_kw (n_node,)."""

    step: int
    hours: float
    energy_kwh: Float
    extra_kw: Float


class Wiring(NamedTuple):
    """How each EVSE (n_evse,) hangs on the tree: node, phase (-1 = all three), kW per ampere of the car that stands there."""

    node: Int
    phase: Int
    kw_per_a: Float


def blank_track(cars: Cars, edges_s: Float, n_node: int) -> Track:
    """A track for a run over the steps with these edges (n_step + 1,)."""
    n_step, n_session = len(edges_s) - 1, len(cars.arrival_s)
    step_s = edges_s[1] - edges_s[0] if n_step else 1.0
    first = np.clip((cars.arrival_s - edges_s[0]) // step_s, 0, max(n_step - 1, 0)).astype(np.int64)
    last = np.clip(np.ceil((cars.departure_s - edges_s[0]) / step_s), first + 1, max(n_step, 1)).astype(np.int64)
    offset = np.concatenate(([0], np.cumsum(last - first)))
    zero = np.zeros
    return Track(
        zero(n_step), zero((n_node, n_step)), np.full((n_node, n_step), -np.inf), zero(n_node), zero(n_node), zero((n_node, 3)),
        first, offset, zero(offset[-1]), zero(offset[-1], dtype=np.int64), np.full(n_session, -1), np.full(n_session, np.nan),
        zero(n_session), zero(n_session), np.full(n_session, np.nan),
    )  # fmt: skip


@compiled
def enter_cars(step: int, from_s: float, reason: Int, energy_kwh: Float, world: World, track: Track) -> None:
    """Enter the energy (n_evse,) of one span into the columns of the sessions."""
    for row in range(len(reason)):
        car = world.session[row]
        if car >= 0:
            at = track.offset[car] + step - track.first[car]
            track.flow_kwh[at] += energy_kwh[row]
            track.reason[at] = reason[row]
            track.ev_kwh[step] += energy_kwh[row]
            if energy_kwh[row] > 0.0 and np.isnan(track.start_s[car]):
                track.start_s[car] = from_s


@compiled
def _climb(path: Int, table: Float) -> None:
    """Add every row of a table (n_node, n) to the row of the node above, in place, from the leaves up."""
    for node in range(len(path) - 1, 0, -1):
        above = path[node, 1]
        for column in range(table.shape[1]):
            table[above, column] += table[node, column]


@compiled
def _extremes(wires: Wires, extra_kw: Float, wiring: Wiring, world: World) -> tuple[Float, Float]:
    """Highest and lowest load of steered units at or below each node: kW, then A on each of three phases, (n_node, 4).

    Highest: every car at its peak at once; lowest: every car at its trough at once.
    """
    high = np.empty((len(extra_kw), 4))
    high[:, 0] = extra_kw
    for p in range(3):
        high[:, p + 1] = extra_kw / (3.0 * wires.kw_per_a)
    low = high.copy()
    for row in range(len(world.session)):
        if world.session[row] >= 0:
            node, per_kw = wiring.node[row], 1.0 / wiring.kw_per_a[row]
            high[node, 0] += world.peak_kw[row]
            low[node, 0] += world.trough_kw[row]
            for p in range(3):
                if wiring.phase[row] < 0 or wiring.phase[row] == p:
                    high[node, p + 1] += world.peak_kw[row] * per_kw
                    low[node, p + 1] += world.trough_kw[row] * per_kw
    _climb(wires.path, high)
    _climb(wires.path, low)
    return high, low


@compiled
def _excess_kw(node: int, wires: Wires, high: Float, low: Float) -> float:
    """By how much the node's worst limit is exceeded; where the base load alone is above a limit only what comes on top counts."""
    base_kw = wires.base_kw[node]
    over_kw = high[node, 0] + base_kw - max(wires.import_max_kw[node], base_kw)
    over_kw = max(over_kw, -(low[node, 0] + base_kw) - max(wires.export_max_kw[node], -base_kw))
    for p in range(3):
        base_a = wires.base_phase_a[node, p]
        over_a = high[node, p + 1] + base_a - max(wires.phase_max_a[node], base_a)
        over_a = max(over_a, -(low[node, p + 1] + base_a) - max(wires.phase_max_a[node], -base_a))
        over_kw = max(over_kw, over_a * wires.kw_per_a)
    return float(over_kw)


@compiled
def enter_nodes(span: Span, wires: Wires, wiring: Wiring, world: World, track: Track) -> None:
    """Enter one span into the columns of the nodes, from what cars really draw."""
    step, hours, energy_kwh, extra_kw = span.step, span.hours, span.energy_kwh, span.extra_kw
    load_kwh = (extra_kw * hours).reshape(-1, 1)
    for row in range(len(energy_kwh)):
        if world.session[row] >= 0:
            load_kwh[wiring.node[row], 0] += energy_kwh[row]
    _climb(wires.path, load_kwh)
    high, low = _extremes(wires, extra_kw, wiring, world)
    for node in range(len(extra_kw)):
        base_kw = wires.base_kw[node]
        track.node_kwh[node, step] += load_kwh[node, 0] + base_kw * hours
        track.node_max_kw[node, step] = max(track.node_max_kw[node, step], high[node, 0] + base_kw)
        for p in range(3):
            base_a = wires.base_phase_a[node, p]
            current_a = max(abs(high[node, p + 1] + base_a), abs(low[node, p + 1] + base_a))
            track.phase_max_a[node, p] = max(track.phase_max_a[node, p], current_a)
        over_kw = _excess_kw(node, wires, high, low)
        if over_kw > OVER_KW:
            track.over_kw[node] = max(track.over_kw[node], over_kw)
            track.over_h[node] += hours
