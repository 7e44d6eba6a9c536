"""Generated fleets: the same for a seed, as the tables say, bound by their limits, at any size."""

import hashlib

import numpy as np
import polars as pl
import pytest

from evloom.dispatch.check import check_problem
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import optimise
from evloom.kernel.errors import InputError
from evloom.plan.fleet import facts
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.loads import uncontrolled_kw
from evloom.plan.fleet.tree import tree_of
from evloom.simulate.sources.elaad import behaviour


def digest(case):
    content = case.vehicles.write_csv().encode() + case.problem.nodes.base_kw.tobytes() + case.problem.nodes.import_max_kw.tobytes()
    return hashlib.sha256(content).hexdigest()


def test_the_same_seed_makes_the_same_fleet_everywhere():
    """Numbers that were drawn elsewhere: another machine, another numpy, must come to the same fleet."""
    first = generate(Recipe(300, seed=7, v2g_share=0.3)).vehicles.row(0, named=True)
    assert (str(first["arrival"]), str(first["departure"])) == ARRIVAL_DEPARTURE
    assert (first["need_kwh"], first["charge_max_kw"], first["soc_arrival"], first["phase"]) == NUMBERS
    assert digest(generate(Recipe(300, seed=7))) == digest(generate(Recipe(300, seed=7)))
    assert digest(generate(Recipe(300, seed=7))) != digest(generate(Recipe(300, seed=8)))


ARRIVAL_DEPARTURE = ("2025-06-04 04:48:00+00:00", "2025-06-04 20:07:00+00:00")
NUMBERS = (60.404, 11.0, 0.0776, None)


@pytest.mark.parametrize("n", [0, 1, 2, 99, 1001])
@pytest.mark.parametrize("tree", ["one", "100", "25/100", "2,3", "3/2/10"])
def test_any_number_of_vehicles_on_any_tree_is_a_sound_problem(n, tree):
    case = generate(Recipe(n, tree=tree, v2g_share=0.5))
    check_problem(case.problem)
    assert case.problem.stays.n == len(case.vehicles) == n
    assert len(set(case.node_id)) == len(case.node_id) == len(case.problem.nodes.parent)
    named = case.vehicles["node_id"].to_list()
    assert named == [case.node_id[row] for row in case.problem.stays.node]


def test_a_vehicle_is_there_within_the_horizon_and_can_be_served_by_its_stay_and_its_battery():
    case = generate(Recipe(20_000, v2g_share=0.4))
    stays, table = case.problem.stays, case.vehicles
    assert table.filter((pl.col("arrival") < case.grid.start) | (pl.col("departure") > case.grid.end)).is_empty()
    hours = (table["departure"] - table["arrival"]).dt.total_seconds().to_numpy() / 3600.0
    assert (stays.need_kwh <= 0.95 * stays.charge_max_kw * hours + 1e-9).all()
    assert (stays.room_kwh >= stays.need_kwh).all()
    assert stays.phase is not None
    single = stays.phase >= 0
    assert stays.charge_max_kw[single].max() <= facts.SINGLE_PHASE_MAX_KW < stays.charge_max_kw[~single].min()
    assert np.bincount(stays.phase[single]) == pytest.approx(single.sum() / 3, rel=0.03)
    assert (stays.discharge_max_kw > 0).mean() == pytest.approx(0.4, abs=0.015)


def test_arrivals_and_energies_are_those_of_the_tables():
    """Looked at is the first of two days, so that hardly a stay is cut at the end."""
    case = generate(Recipe(200_000, seed=3, tree="one", n_step=192))
    first_day = case.vehicles.filter(pl.col("arrival") < case.grid.at(96))
    hour = first_day["arrival"].dt.convert_time_zone("Asia/Shanghai").dt.hour().to_numpy()
    share = {"home": 0.72, "public": 0.14, "workplace": 0.14}
    tables = {name: behaviour(name) for name in share}
    expected = sum(part * np.roll(np.diff(tables[name].arrival_weekday).reshape(24, 4).sum(axis=1), 5) for name, part in share.items())
    assert np.bincount(hour, minlength=24) / len(hour) == pytest.approx(expected, abs=0.004)
    asked_kwh = np.arange(0.0, 60.0, 5.0)
    values_kwh = np.arange(0.0, 100.0, 0.5)
    rank = sum(part * np.interp(values_kwh, tables[name].energy_kwh, np.linspace(0.0, 1.0, 101)) for name, part in share.items())
    below = np.array([(first_day["need_kwh"].to_numpy() <= kwh).mean() for kwh in asked_kwh])
    # A little less than the table: an energy that no stay of that power can take is cut.
    assert below == pytest.approx(np.interp(asked_kwh, values_kwh, rank), abs=0.05)
    assert (below >= np.interp(asked_kwh, values_kwh, rank) - 0.005).all()


def test_limits_bind_without_leaving_many_short_and_leave_many_short_where_that_is_asked_for():
    def short_share(headroom_share):
        case = generate(Recipe(400, seed=2, tree="4/50", headroom_share=headroom_share))
        solved = optimise(case.problem, parse_objective("cost"))
        return case, solved.schedule.short_kwh.sum() / case.problem.stays.need_kwh.sum()

    case, usual = short_share(0.85)
    over = case.problem.nodes.base_kw + uncontrolled_kw(case.problem) > case.problem.nodes.import_max_kw
    assert over.any(axis=1).all(), "without control every node is over its limit at some time"
    assert usual < 0.02
    assert short_share(0.6)[1] > 0.03


def test_other_steps_and_horizons():
    case = generate(Recipe(2000, n_step=48 * 12, step_s=300))
    assert case.grid.end - case.grid.start == 2 * (generate(Recipe(1)).grid.end - generate(Recipe(1)).grid.start)
    assert np.histogram(case.problem.stays.first, [0, 288, 576])[0].min() > 900
    short = generate(Recipe(2000, n_step=4))
    assert (short.problem.stays.first < 4).all()


def test_a_hundred_thousand_vehicles_take_no_loop_over_them():
    from time import process_time

    generate(Recipe(10))
    began = process_time()
    generate(Recipe(100_000))
    assert process_time() - began < 3.0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"n": -1}, "--generate"),
        ({"n": 10**12}, "--generate"),
        ({"seed": -1}, "--seed"),
        ({"headroom_share": 0.0}, "--headroom"),
        ({"headroom_share": float("nan")}, "--headroom"),
        ({"v2g_share": 1.5}, "--v2g"),
        ({"n_step": 0}, "--steps"),
        ({"step_s": 0}, "--step-minutes"),
    ],
)
def test_an_impossible_recipe_is_refused(change, field):
    with pytest.raises(InputError) as refused:
        Recipe(**{"n": 10, **change})
    assert [finding.field for finding in refused.value.findings] == [field]


def test_all_wrong_options_are_named_at_once():
    with pytest.raises(InputError) as refused:
        Recipe(-1, v2g_share=-1.0, n_step=0)
    assert len(refused.value.findings) == 3


@pytest.mark.parametrize("text", ["", "two", "0", "25/0", "-5", "25//100", "4,25/100", "1/1/1/1/1/1/1/1/1", "1000,1000,1000", "२"])
def test_a_tree_that_nobody_understands_is_refused(text):
    with pytest.raises(InputError, match=r"dispatch\.tree"):
        tree_of(text, 100)


def test_trees_have_the_sizes_that_are_asked_for():
    assert tree_of("one", 500).level_name == ("site",)
    assert np.bincount(tree_of("25/100", 10_000).level).tolist() == [1, 4, 100]
    assert np.bincount(tree_of("4,25", 10).level).tolist() == [1, 4, 100]
    assert np.bincount(tree_of("100", 250).level).tolist() == [1, 3]
    tree = tree_of("3/7/10", 10_000)
    children = np.bincount(tree.parent[1:])
    for level in range(tree.level.max()):
        row = np.flatnonzero(tree.level == level)
        assert np.ptp(children[row]) <= 1


def test_the_load_of_a_household_is_the_mean_of_the_recorded_ones(data_dir):
    profiles = pl.read_csv(data_dir("lv_feeder_households_1min") / "european_lv_100_household_profiles_1min.csv.gz").drop("time")
    mean_kw = profiles.to_numpy().mean(axis=1).reshape(24, 60).mean(axis=1)
    assert list(facts.HOUSEHOLD_KW) == pytest.approx(mean_kw.tolist(), abs=5.1e-4)
    middles = np.arange(24.0) + 0.5
    assert facts.household_kw(middles) == pytest.approx(facts.HOUSEHOLD_KW)
    assert facts.household_kw(np.array([0.0, 24.0])) == pytest.approx([np.mean([facts.HOUSEHOLD_KW[0], facts.HOUSEHOLD_KW[-1]])] * 2)


def test_the_cars_are_those_of_the_recorded_list(data_dir):
    import json

    listed = json.loads((data_dir("vehicles") / "ev2gym_ev_specs_v2g_enabled2024.json").read_text(encoding="utf-8"))
    ours = {m.name: (m.registrations, m.battery_kwh, m.charge_max_kw) for m in facts.MODELS}
    keys = ("number_of_registrations", "battery_capacity", "max_ac_charge_power")
    assert ours == {name: tuple(entry[key] for key in keys) for name, entry in listed.items()}
    at_16_a = [entry["3ph_ch_efficiency"][entry["ch_current"].index(16)] for entry in listed.values()]
    assert sum(percent == 100 * facts.EFFICIENCY for percent in at_16_a) >= 7
