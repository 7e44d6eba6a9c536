"""A newcomer's file without told departures and without history: the command says why `optimal` changes nothing."""

from pathlib import Path

import pytest

from evloom.simulate.output import blind_spot
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.study import Study, study

SITE = """
[time]
zone = "Asia/Shanghai"
from = 2025-03-03
to = 2025-03-05
[transformer]
rating_kva = 30
[[pile]]
from_sessions = true
rating_kw = 7
phases = 1
[sessions]
file = "s.csv"
[tariff]
name = "zhejiang-jiaxing-2025"
"""
ROWS = """session_id,evse_id,arrival,departure,energy_kwh,told_departure
a,P1,2025-03-03T18:00:00+08:00,2025-03-04T07:00:00+08:00,20,
b,P2,2025-03-03T19:00:00+08:00,2025-03-04T08:00:00+08:00,30,2025-03-04T07:30:00+08:00
"""


def studied(folder: Path, policies: tuple[str, ...], driver: str = "") -> Study:
    (folder / "s.csv").write_text(ROWS)
    (folder / "site.toml").write_text(SITE + driver)
    return study(load_scenario(folder / "site.toml"), policies, "cost", None, lambda *_: None)


def test_stays_of_which_nothing_was_known_are_counted(tmp_path: Path) -> None:
    assert blind_spot(studied(tmp_path, ("optimal",))).startswith("Nothing was known of the departure of 1 of 2 stays")


@pytest.mark.parametrize(("policies", "driver"), [(("queue",), ""), (("optimal",), '[driver]\ndeparture = "true"\nenergy = "true"\n')])
def test_nothing_is_said_where_it_does_not_matter(tmp_path: Path, policies: tuple[str, ...], driver: str) -> None:
    assert blind_spot(studied(tmp_path, policies, driver)) == ""
