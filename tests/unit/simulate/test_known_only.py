"""`optimal` with nothing but what was known at each moment, on a recorded month, measured against perfect knowledge."""

import pytest

from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import score
from evloom.simulate.stage import stage

SCENARIO = """
[time]
zone = "America/Los_Angeles"
from = 2019-06-01
to = 2019-07-01
[site]
voltage_v = 208
[transformer]
rating_kva = 100000
[[pile]]
from_sessions = true
rating_kw = 6.656
phases = 1
[sessions]
file = "{sessions}"
format = "acn"
select = "wholly-inside"
[driver]
departure = "{belief}"
energy = "{belief}"
[carbon]
files = ["{may}", "{june}"]
format = "caiso-moer"
[tariff]
name = "zhejiang-jiaxing-2025"
zone = "America/Los_Angeles"
"""


@pytest.fixture
def month(data_dir, tmp_path):
    """The stage of June 2019 at JPL under a belief; what ended in May is history."""
    sessions, carbon = data_dir("sessions_acn"), data_dir("carbon_caiso_moer")

    def made(belief: str):
        path = tmp_path / f"{belief}.toml"
        files = {name: carbon / f"moer_caiso_SCE_2019-{number}.csv.gz" for name, number in (("may", "05"), ("june", "06"))}
        path.write_text(SCENARIO.format(sessions=sessions / "acn_jpl_2019-05-01_2019-08-31.csv.gz", belief=belief, **files))
        return stage(load_scenario(path))

    return made


def saving(laid_out, objective: str, what: str) -> tuple[float, float]:
    """Share of the saving of foresight over uncontrolled that optimal makes, and the share of the energy it leaves short."""
    before, after, bound = (score(laid_out, run_policy(laid_out, name, objective)) for name in ("uncontrolled", "optimal", "foresight"))
    assert after.violation_kw == 0.0
    made = getattr(before, what) - getattr(after, what)
    return made / (getattr(before, what) - getattr(bound, what)), after.short_kwh / before.energy_kwh


@pytest.mark.parametrize(("objective", "what", "least"), [("cost", "cost", 0.70), ("carbon", "carbon_kg", 0.50)])
def test_history_saves_most_of_what_foresight_saves(month, objective, what, least):
    share, short = saving(month("history"), objective, what)
    assert share >= least
    assert short <= 0.01


def test_believing_the_drivers_alone_saves_far_less(month):
    share, _ = saving(month("told"), "cost", "cost")
    assert 0.2 < share < 0.55
