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
