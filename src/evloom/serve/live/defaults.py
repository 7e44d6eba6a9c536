"""The current that every EVSE falls back to without a link, chosen so that all of them together hold every limit."""

import numpy as np

from evloom.dispatch.fallback import default_of
from evloom.kernel.timegrid import Float
from evloom.network.tree import node_total
from evloom.serve.site.build import Built

DEFAULT_A = 6.0  # IEC 61851-1: the least that charges


def default_currents(made: Built, base_kw: Float) -> tuple[float, ...]:
    """Currents per phase (n_evse,) in the order of the site's EVSE; base_kw (n_node,) is the highest load believed at each node itself.

    Each EVSE gets its least current as long as the sum, with the base load, is within every limit above it, in kW and on each phase;
    the others get 0: a car there waits until the link is back.
    """
    tree, evse, volt = made.site.tree, made.evse, made.site.voltage_v
    least_a = np.where(evse.dc, DEFAULT_A, np.maximum(evse.current_min_a, 1e-3))
    phase = np.where(evse.dc | (evse.n_phase == 3), -1, evse.phase)
    default_kw, default_a = default_of(volt / 1000.0, np.where(evse.dc, 3, evse.n_phase), phase, evse.charge_max_kw, least_a)
    below_kw = node_total(tree, base_kw)
    room = np.hstack(
        [(tree.import_max_kw - below_kw)[:, None], np.repeat((tree.phase_max_a - below_kw * 1000.0 / (3.0 * volt))[:, None], 3, 1)]
    )
    path, given = tree.ancestors(), np.zeros(evse.n)
    for row in range(evse.n):
        nodes = path[evse.node[row]]
        nodes = nodes[nodes >= 0]
        takes = np.array([default_kw[row], *default_a[row]])
        if (room[nodes] >= takes - 1e-9).all():
            room[nodes] -= takes
            given[row] = least_a[row]
    return tuple(given.tolist())


def has_room(made: Built, limit_kw: Float, base_kw: Float, taken_kw: Float, row: int, more_kw: float) -> bool:
    """Whether EVSE `row` may take more_kw beside what others take, (n_evse,), within every limit above it, in kW and on each phase.

    limit_kw and base_kw (n_node,) are the limit of each node and the load that nobody steers at or below it.
    """
    tree, evse, volt = made.site.tree, made.evse, made.site.voltage_v
    takes_kw = taken_kw.copy()
    takes_kw[row] += more_kw
    whole = (evse.dc | (evse.n_phase == 3))[:, None]
    on_phase = np.where(whole, 1.0 / 3.0, np.arange(3)[None, :] == evse.phase[:, None])
    own = np.zeros((tree.n, 4))
    np.add.at(own, evse.node, np.hstack([takes_kw[:, None], takes_kw[:, None] * on_phase * 1000.0 / volt]))
    below = node_total(tree, own)
    nodes = tree.ancestors()[evse.node[row]]
    nodes = nodes[nodes >= 0]
    in_kw = below[nodes, 0] + base_kw[nodes] <= limit_kw[nodes] + 1e-9
    in_a = below[nodes, 1:] + base_kw[nodes, None] * 1000.0 / (3.0 * volt) <= tree.phase_max_a[nodes, None] + 1e-9
    return bool(in_kw.all() and in_a.all())
