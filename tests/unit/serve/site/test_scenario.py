"""A site's document gives the loop and the replay the same site, bit for bit."""

import msgspec
import numpy as np
import pytest

from evloom.dispatch.fallback import Fallback
from evloom.kernel.errors import InputError
from evloom.serve.config import Config
from evloom.serve.site.build import built, run_grid, terms_of
from evloom.serve.site.plan import EvsePlan, GuardPlan, LimitPlan, SitePlan, evse_id_of, station_of
from evloom.serve.site.scenario import scenario_text, toml_value
from evloom.serve.site.stored import default_plan, with_evses
from evloom.simulate.replay import frame_of
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import stage

NOW_S = 1_780_012_345.6
PLAN = SitePlan(
    "north", 200.1, name='He said "no" {x}', zone="Asia/Shanghai", margin=0.02, voltage_v=220.0, export_max_kw=5.0, phase_max_a=300.5,
    limits=(LimitPlan("B", "A", phase_max_a=63.0), LimitPlan("A", max_kw=50.3, source="board A"), LimitPlan("C", export_max_kw=1.0)),
    evse=tuple(EvsePlan(f"CP{{}}|{k}", 1, "B" if k % 2 else "", 11.04, 3 if k else 1, dc=k == 2) for k in range(5)),
    tariff={"name": "zhejiang-jiaxing-2025"}, guard=GuardPlan(soc_min=0.3),
)  # fmt: skip


@pytest.mark.parametrize("tariff", [None, {"price_per_kwh": 0.5}, PLAN.tariff])
def test_it_reads_back_as_a_scenario(tmp_path, tariff):
    made = built(msgspec.structs.replace(PLAN, tariff=tariff))
    grid = run_grid(made.plan, NOW_S)
    (tmp_path / "s.toml").write_text(scenario_text(made, grid, Fallback((6.0,) * 5, 21600.0)), encoding="utf-8")
    scenario = load_scenario(tmp_path / "s.toml")
    laid_out = stage(scenario)
    assert scenario.findings == ()
    assert frame_of(laid_out).n_step == grid.n
    for name in ("parent", "import_max_kw", "export_max_kw", "phase_max_a"):
        np.testing.assert_array_equal(getattr(scenario.site.tree, name), getattr(made.site.tree, name), err_msg=name)
    for name in made.evse.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(scenario.evse, name), getattr(made.evse, name), err_msg=name)
    assert terms_of(made, grid, laid_out.terms.fallback) == laid_out.terms


def test_a_run_ends_at_local_midnight():
    grid = run_grid(PLAN, NOW_S)
    assert grid.start_s <= NOW_S < grid.start_s + 900.0
    assert (grid.edges_s()[-1] + 8 * 3600.0) % 86400.0 == 0.0
    late = run_grid(PLAN, grid.edges_s()[-1] - 10.0)
    assert 1 <= late.n <= 97


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"zone": "Mars/Base"}, "site.zone"),
        ({"limits": (LimitPlan("A"), LimitPlan("A"))}, "site.duplicate-node"),
        ({"limits": (LimitPlan("A", "B"), LimitPlan("B", "A"))}, "site.no-way-to-root"),
        ({"evse": (EvsePlan("x", 1, "nowhere"),)}, "site.unknown-node"),
        ({"evse": (EvsePlan("x", 1), EvsePlan("x", 1))}, "site.duplicate-evse"),
        ({"evse": (EvsePlan("x", 1, rating_kw=1.0),)}, "site.rating-below-minimum"),
        ({"tariff": {"periods": []}}, "tariff"),
    ],
)
def test_what_does_not_hold_together_is_said(changed, code):
    with pytest.raises(InputError) as caught:
        built(msgspec.structs.replace(PLAN, **changed))
    assert any(finding.code.startswith(code) for finding in caught.value.findings)


def test_limits_below_nothing_are_refused_before():
    for wrong in ({"site_id": "s", "max_kw": 0}, {"site_id": "s", "max_kw": -5}, {"site_id": "s", "max_kw": 5, "currency": ""}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, SitePlan)


def test_evse_of_the_database_hang_on_the_root_where_their_node_is_gone():
    row = {
        "station_id": "A", "evse": 2, "node": "gone", "rating_kw": 0.0, "n_phase": 2, "phase": "x", "current_min_a": 60.0,
        "current_step_a": 1.0, "dc": False, "discharge_max_kw": 0.0,
    }  # fmt: skip
    made = built(with_evses(default_plan("s", None, Config()), [row], Config()))
    assert made.evse.evse_id == ("A/2",)
    assert made.evse.node[0] == 0
    assert made.evse.charge_max_kw[0] == 7.0


def test_names():
    assert station_of(evse_id_of("a/b:1", 2)) == ("a/b:1", 2)
    assert toml_value('a"\\\n') == '"a\\"\\\\\\u000a"'
