"""Currents that EVSE fall back to, all of them together within every limit."""

import numpy as np
import pytest

from evloom.network.tree import node_total
from evloom.serve.live.defaults import Planned, default_currents
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


def test_a_site_without_any_evse_has_none():
    assert default_currents(site(0, 60.0), np.zeros(2)) == ()


def test_what_plans_need_is_left_to_them_and_who_has_a_fallback_keeps_it():
    """Forty kilowatts for four EVSE of three phases: 4.14 kW each to fall back to, 30 kW planned for the first in the second step."""
    made = built(SitePlan("s", 40.0, evse=tuple(EvsePlan(f"P{k}", 1, rating_kw=44.0, n_phase=3) for k in range(4))))
    planned_kw = np.zeros((4, 3))
    planned_kw[0, 1] = 30.0
    free = np.zeros(4, dtype=np.bool_)

    def given(default_a, fixed=free):
        return default_currents(made, np.zeros(1), Planned(made.site.tree.import_max_kw, planned_kw, np.array(default_a), fixed))

    assert given([0.0] * 4) == (6.0, 6.0, 6.0, 0.0)  # 30 + 2 x 4.14: not a third time
    assert given([0.0, 0.0, 0.0, 6.0]) == (6.0, 6.0, 0.0, 6.0)
    assert given([0.0, 6.0, 0.0, 16.0], np.array([False, False, False, True])) == (6.0, 0.0, 0.0, 16.0)  # 11 kW that nobody can change
    planned_kw[0, 1] = 40.0
    assert given([6.0] * 4) == (6.0, 0.0, 0.0, 0.0)  # its own plan carries its own fallback
