"""The packaged scenarios: they load without a finding, disorderly charging overloads them, and orderly charging fits."""

from pathlib import Path

import numpy as np
import pytest

from evloom.dispatch.exact import solve
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.problem import Nodes, Problem, Signals, Stays, Stores
from evloom.network.tree import node_total
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.loads import net_base_kw

EXAMPLES = Path(__file__).parents[4] / "examples"
NAMES = ["community", "building-v2g", "workplace-month", "bus-depot"]


@pytest.fixture(scope="module", params=NAMES)
def example(request):
    return load_scenario(EXAMPLES / request.param / "scenario.toml")


def draw_max_kw(scenario):
    """What each session's car draws at its bay when nobody steers, at the meter, taper left out -> (n_session,)."""
    evse, fleet = scenario.evse, scenario.fleet
    bay = np.array([evse.evse_id.index(name) for name in scenario.sessions.evse_id])
    model = np.array(scenario.model_row)
    curve_kw = fleet.curve_kw.max(axis=1)[model]
    car_kw = np.where(evse.dc[bay], curve_kw, np.minimum(curve_kw, fleet.ac_max_kw[model])) / evse.efficiency[bay]
    told_kw = scenario.sessions.power_max_kw
    return bay, np.minimum(np.minimum(evse.charge_max_kw[bay], car_kw), np.where(np.isnan(told_kw), np.inf, told_kw))


def shares(scenario, from_s, to_s):
    """Share of each step (n_step,) that lies in [from_s, to_s)."""
    edges_s = scenario.grid.edges_s()
    return np.clip(np.minimum(edges_s[1:], to_s) - np.maximum(edges_s[:-1], from_s), 0, None) / scenario.grid.step_s


def disorderly_kw(scenario):
    """Load of every node with everybody charging at once on arrival, base load included -> (n_node, n_step).

    Where a pile charges one of its bays at a time, the second car waits until the first is done.
    """
    bay, most_kw = draw_max_kw(scenario)
    table, tree = scenario.sessions, scenario.site.tree
    at_node = np.zeros((tree.n, scenario.grid.n))
    pile_free_s = np.full(scenario.evse.n, -np.inf)
    for row in range(len(table)):
        pile = scenario.evse.pile[bay[row]]
        begin_s = max(table.arrival_s[row], pile_free_s[pile])
        end_s = min(table.departure_s[row], begin_s + table.energy_kwh[row] / most_kw[row] * 3600)
        at_node[scenario.evse.node[bay[row]]] += most_kw[row] * shares(scenario, begin_s, end_s)
        if scenario.evse.one_at_a_time[bay[row]]:
            pile_free_s[pile] = max(end_s, pile_free_s[pile])
    return node_total(tree, at_node) + net_base_kw(scenario.site, scenario.grid)


def least_peak(scenario):
    """The schedule of least peak under every limit of the tree, with all knowledge and without discharge."""
    table, tree, grid = scenario.sessions, scenario.site.tree, scenario.grid
    bay, most_kw = draw_max_kw(scenario)
    start = (table.arrival_s - grid.start_s) / grid.step_s
    end = (table.departure_s - grid.start_s) / grid.step_s
    first, last = np.floor(start).astype(np.int64), np.ceil(end).astype(np.int64)
    one = last - first == 1
    n, zero, ones = len(table), np.zeros(len(table)), np.ones(len(table))
    stays = Stays(
        first, last, np.where(one, end - start, first + 1 - start), np.where(one, end - start, end - last + 1),
        scenario.evse.node[bay], most_kw, zero, table.energy_kwh, table.energy_kwh, zero, ones, ones, zero, ones,
    )  # fmt: skip
    none = np.zeros(0)
    stores = Stores(np.zeros(0, dtype=np.int64), none, none, none, none, none, none, none)
    wide = np.ones((1, grid.n))
    nodes = Nodes(tree.parent, tree.import_max_kw[:, None] * wide, np.zeros((tree.n, grid.n)), net_base_kw(scenario.site, grid))
    flat = np.zeros(grid.n)
    signals = Signals(flat, flat, flat, np.arange(grid.n), 0.0, 0.0, 0.0, 0.0)
    problem = Problem(np.full(grid.n, grid.step_h), stays, stores, nodes, signals)
    schedule = solve(problem, parse_objective("peak"))
    total_kw = schedule.charge_kwh.sum(axis=0) / grid.step_h + nodes.base_kw[0]
    assert schedule.charge_kwh.shape == (n, grid.n)
    return total_kw.max(), schedule.short_kwh.sum()


def test_loads_without_a_finding(example):
    assert example.findings == ()
    assert [finding for finding in example.sessions.findings if finding.severity == "refused"] == []
    assert len(example.sessions) > 30
    assert set(example.sessions.evse_id) <= set(example.evse.evse_id)


def test_disorderly_overloads_and_orderly_fits_and_the_page_says_how_much(example):
    disorderly = disorderly_kw(example)
    limit_kw = float(example.site.tree.import_max_kw[0])
    over_h = (disorderly[0] > limit_kw).sum() * example.grid.step_h
    peak_kw, short_kwh = least_peak(example)
    assert disorderly[0].max() > 1.05 * limit_kw
    assert short_kwh < 1e-3
    assert peak_kw < 0.95 * limit_kw
    page = (EXAMPLES / example.name / "README.md").read_text(encoding="utf-8")
    for number in (f"{disorderly[0].max():.0f} kW", f"{over_h:g} h", f"{peak_kw:.0f} kW", f"{limit_kw:g} kW"):
        assert number in page, number
    for number in (f"{len(example.sessions):,} sessions", f"{example.sessions.energy_kwh.sum():,.0f} kWh"):
        assert number in page, number
