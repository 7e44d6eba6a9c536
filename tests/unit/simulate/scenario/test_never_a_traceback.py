"""Whatever stands in a scenario file, it loads or it is refused with findings; nothing else is raised."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evloom.kernel.errors import InputError
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.summary import summary

FULL = """\
name = "full"
policies = ["uncontrolled"]
objective = "cost"
[time]
zone = "Asia/Shanghai"
from = 2025-06-02
to = 2025-06-03
step_s = 900
[site]
voltage_v = 220
[transformer]
rating_kva = 100
power_factor = 0.95
phase_max_a = 300
export_max_kw = 0
[[limit]]
id = "board"
parent = "transformer"
kind = "board"
max_kw = 30
phase_max_a = 100
export_max_kw = 5
source = "breaker"
[[base_load]]
node = "board"
profile = "apartment-block"
peak_kw = 20
[[solar]]
kwp = 20
profile = "solar-clear-sky"
latitude_deg = 30.75
longitude_deg = 120.76
performance_ratio = 0.8
[[storage]]
id = "S"
node = "board"
capacity_kwh = 50
charge_max_kw = 20
discharge_max_kw = 20
soc_initial = 0.5
[[pile]]
id = "A{n}"
count = 3
node = "board"
rating_kw = 7
phases = 1
phase = "rotate"
current_min_a = 6
current_step_a = 1
efficiency = 0.98
discharge_max_kw = 3
bays = 2
bays_at_once = 1
[[pile]]
id = "D"
rating_kw = 60
dc = true
[[vehicle]]
model = "car"
battery_kwh = 60
ac_max_kw = 7
taper_soc = 0.8
dc_max_kw = 90
v2g = true
soc_floor = 0.3
wear_per_kwh = 0.1
share = 1
[[vehicle]]
model = "other"
battery_kwh = 40
ac_max_kw = 7
curve_soc = [0, 0.5, 1]
curve_kw = [50, 40, 5]
[sessions]
select = "arriving"
[sessions.generate]
kind = "home"
seed = 3
vehicles = 6
power_kw = 7
[driver]
departure = "told"
energy = "history"
error = 1.0
[control]
replan = "event"
deadband_kw = 0.5
horizon_h = 24
scarcity = "need"
[tariff]
currency = "CNY"
zone = "Asia/Shanghai"
demand_per_kw_month = 40
periods = [{ category = "all", start = "00:00", end = "24:00", price_per_kwh = 0.5 }]
[contract]
name = "orderly"
service_price_per_kwh = 0.2
v2g_tariff_share = 1.0
[[contract.time_fee]]
label = "overstay"
price_per_h = 3
window_from = "07:00"
window_to = "22:00"
[carbon]
constant_kg_per_kwh = 0.582
source = "China 2023"
"""

LINES = FULL.splitlines()
VALUES = [
    *('""', '"x"', '"A{n"', '"{0}"', '"board"', '"transformer"', '"24:01"', '"07:60"', '"packaged:x"', '"7"', '"../.."'),
    *("0", "-1", "1", "2", "7", "1e-9", "1e12", "nan", "inf", "-inf", "99999999999999999999", "true", "false"),
    *(
        "[]",
        "[1]",
        '["x"]',
        "[[1, 2]]",
        "[nan]",
        "{}",
        "{ x = 1 }",
        "[{}]",
        "2025-06-02",
        "1979-05-27T07:32:00Z",
        "07:32:00",
        "9999-12-31",
        "0001-01-01",
    ),
]


def said_of(path):
    """The summary of the scenario, or the text of the findings that it is refused with."""
    try:
        return summary(load_scenario(path))
    except InputError as error:
        return "\n".join(finding.text() for finding in error.findings)


def test_the_full_scenario_is_right(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(FULL, encoding="utf-8")
    assert load_scenario(path).findings == ()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from(["value", "drop", "key", "junk"]), st.sampled_from(VALUES)),
        min_size=1,
        max_size=4,
    )
)
def test_any_change_loads_or_is_refused(tmp_path, changes):
    lines = list(LINES)
    for number, what, value in changes:
        if what == "drop":
            lines[number] = ""
        elif what == "junk":
            lines[number] = value
        elif what == "key":
            lines[number] = re.sub(r"^(\w+)", r"\1x", lines[number])
        else:
            lines[number] = re.sub(r"= .*", f"= {value}", lines[number])
    path = tmp_path / "scenario.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert said_of(path)


@pytest.mark.parametrize("number", [number for number, line in enumerate(LINES) if "=" in line or line.startswith("[")])
def test_each_line_left_out(tmp_path, number):
    path = tmp_path / "scenario.toml"
    path.write_text("\n".join(line for at, line in enumerate(LINES) if at != number), encoding="utf-8")
    assert said_of(path)
