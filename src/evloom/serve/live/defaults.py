"""The current that every EVSE falls back to without a link, chosen so that all of them hold every limit beside what was planned."""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.fallback import default_of
from evloom.kernel.timegrid import Bool, Float
from evloom.network.tree import node_total
from evloom.serve.site.build import Built

DEFAULT_A = 6.0  # IEC 61851-1: the least that charges


class Planned(NamedTuple):
    """What the EVSE draw by their plans, and what they fall back to.

    limit_kw     (n_node,) limits in force
    power_kw     (n_evse, n_step) what each may draw by its plan over the time ahead, positive = charging
    default_a    (n_evse,) the current that each falls back to now; fixed (n_evse,): it cannot be told another
    """

    limit_kw: Float
    power_kw: Float
    default_a: Float
    fixed: Bool


def nothing_planned(made: Built) -> Planned:
    """No car, and no fallback profile anywhere."""
    n = made.evse.n
    return Planned(made.site.tree.import_max_kw, np.zeros((n, 1)), np.zeros(n), np.zeros(n, dtype=np.bool_))


def default_currents(made: Built, base_kw: Float, planned: Planned | None = None) -> tuple[float, ...]:
    """Currents per phase (n_evse,); base_kw (n_node,) is the highest load believed at each node itself.

    Each EVSE gets its least current as long as the sum, with the base load and all plans, is within every limit above it, in kW and on each
    phase, at every instant ahead; the others get 0: a car that comes there without a link waits until it is back. An EVSE counts with the
    higher of its plan and its fallback, since its car may leave and another may come. Those that have their least current keep it first.
    """
    least_a = least_currents(made)
    now = planned or nothing_planned(made)
    room, path = _room(made, base_kw, now), made.site.tree.ancestors()
    given = np.where(now.fixed, now.default_a, 0.0)
    extra = _extra(made, least_a, now)
    for row in np.flatnonzero(now.fixed & (now.default_a > 0.0)):
        nodes = path[made.evse.node[row]]
        room[nodes[nodes >= 0]] -= extra[row]
    for row in np.lexsort((np.arange(made.evse.n), now.default_a <= 0.0)):
        nodes = path[made.evse.node[row]]
        nodes = nodes[nodes >= 0]
        if not now.fixed[row] and ((room[nodes] >= extra[row] - 1e-9) | (extra[row] <= 1e-9)).all():
            room[nodes] -= extra[row]
            given[row] = least_a[row]
    return tuple(given.tolist())


def least_currents(made: Built) -> Float:
    """The least current of each EVSE (n_evse,)."""
    least: Float = np.where(made.evse.dc, DEFAULT_A, np.maximum(made.evse.current_min_a, 1e-3))
    return least


def _room(made: Built, base_kw: Float, planned: Planned) -> Float:
    """What base load and plans leave, (n_node, 4, n_step): kW and A on three phases."""
    tree, volt = made.site.tree, made.site.voltage_v
    below_kw = node_total(tree, base_kw)
    drawn = _below(made, _on_wires(made, np.maximum(planned.power_kw, 0.0)))
    free = np.hstack(
        [(planned.limit_kw - below_kw)[:, None], np.repeat((tree.phase_max_a - below_kw * 1000.0 / (3.0 * volt))[:, None], 3, 1)]
    )
    room: Float = free[:, :, None] - drawn
    return room


def _on_wires(made: Built, power_kw: Float) -> Float:
    """Powers (n_evse, n_step) as kW and A on three phases, (n_evse, 4, n_step)."""
    evse, volt = made.evse, made.site.voltage_v
    whole = (evse.dc | (evse.n_phase == 3))[:, None]
    on_phase = np.where(whole, 1.0 / 3.0, np.arange(3)[None, :] == evse.phase[:, None]) * 1000.0 / volt
    wires: Float = power_kw[:, None, :] * np.hstack([np.ones((evse.n, 1)), on_phase])[:, :, None]
    return wires


def _below(made: Built, on_wires: Float) -> Float:
    """The sum at or below each node, (n_node, 4, n_step)."""
    own = np.zeros((made.site.tree.n, *on_wires.shape[1:]))
    np.add.at(own, made.evse.node, on_wires)
    return node_total(made.site.tree, own)


def _extra(made: Built, least_a: Float, planned: Planned) -> Float:
    """What each EVSE draws more by its least current than by its plan, (n_evse, 4, n_step)."""
    evse, volt = made.evse, made.site.voltage_v
    phase = np.where(evse.dc | (evse.n_phase == 3), -1, evse.phase)
    current_a = np.where(planned.fixed, planned.default_a, least_a)
    default_kw, default_a = default_of(volt / 1000.0, np.where(evse.dc, 3, evse.n_phase), phase, evse.charge_max_kw, current_a)
    default = np.hstack([default_kw[:, None], default_a])[:, :, None]
    extra: Float = np.maximum(default - _on_wires(made, np.maximum(planned.power_kw, 0.0)), 0.0)
    return extra


def has_room(made: Built, limit_kw: Float, base_kw: Float, taken_kw: Float, row: int, more_kw: float) -> bool:
    """Whether EVSE `row` may take more_kw beside what others take, (n_evse,), within every limit above it, in kW and on each phase.

    limit_kw and base_kw (n_node,) are the limit of each node and the load that nobody steers at or below it.
    """
    tree, volt = made.site.tree, made.site.voltage_v
    takes_kw = taken_kw.copy()
    takes_kw[row] += more_kw
    below = _below(made, _on_wires(made, takes_kw[:, None]))[:, :, 0]
    nodes = tree.ancestors()[made.evse.node[row]]
    nodes = nodes[nodes >= 0]
    in_kw = below[nodes, 0] + base_kw[nodes] <= limit_kw[nodes] + 1e-9
    in_a = below[nodes, 1:] + base_kw[nodes, None] * 1000.0 / (3.0 * volt) <= tree.phase_max_a[nodes, None] + 1e-9
    return bool(in_kw.all() and in_a.all())
