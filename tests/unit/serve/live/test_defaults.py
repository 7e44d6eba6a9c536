"""Currents that EVSE fall back to, all of them together within every limit."""

import numpy as np
import pytest

from evloom.network.tree import node_total
from evloom.serve.live.defaults import default_currents
from evloom.serve.site.build import built
from evloom.serve.site.plan import EvsePlan, LimitPlan, SitePlan


def site(n: int, max_kw: float, **changed):
    evse = tuple(EvsePlan(f"P{k}", 1, "A" if k % 2 else "", rating_kw=11.0, n_phase=3 if k % 3 else 1) for k in range(n))
    limits = (LimitPlan("A", max_kw=15.0, phase_max_a=25.0),)
    return built(SitePlan("s", max_kw, evse=evse, limits=limits, **changed))


def test_six_amperes_where_they_fit():
    made = site(4, 100.0)
    assert default_currents(made, np.zeros(2)) == (6.0, 6.0, 6.0, 6.0)


@pytest.mark.parametrize("base_kw", [0.0, 8.0, 20.0, 1000.0])
@pytest.mark.parametrize("phase_max_a", [None, 60.0])
def test_the_sum_holds_every_limit(base_kw, phase_max_a):
    made = site(20, 60.0, phase_max_a=phase_max_a)
    given = np.array(default_currents(made, np.array([base_kw, 0.0])))
    evse, tree = made.evse, made.site.tree
    own = np.zeros((tree.n, 4))
    for row in range(evse.n):
        lines = range(3) if evse.n_phase[row] == 3 else [int(evse.phase[row])]
        own[evse.node[row], 0] += given[row] * 0.23 * evse.n_phase[row]
        for line in lines:
            own[evse.node[row], 1 + line] += given[row]
    total = node_total(tree, own)
    base = node_total(tree, np.array([base_kw, 0.0]))
    over = (total[:, 0] + base > tree.import_max_kw + 1e-6) | (total[:, 1:] + base[:, None] / 0.69 > tree.phase_max_a[:, None] + 1e-6).any(
        axis=1
    )
    assert not over[base <= tree.import_max_kw].any() or given.sum() == 0.0
    assert set(given) <= {0.0, 6.0}
    if base_kw < 20.0:
        assert given.sum() > 0.0
