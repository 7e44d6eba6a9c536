"""A small site with everything the report tells of: two limits, two bays at one pile, V2G, storage, solar, a hostile name."""

from pathlib import Path

import pytest

from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scores import score
from evloom.simulate.stage import stage

EXAMPLES = Path(__file__).parents[4] / "examples"
HOSTILE = "</script><script>alert('x')</script>&<b>"

SCENARIO = """\
name = "small <site>"
policies = ["uncontrolled", "optimal"]
objective = "cost"

[time]
zone = "Europe/Berlin"
from = 2025-03-29
to = 2025-04-01

[transformer]
rating_kva = 40
power_factor = 0.95

[[limit]]
id = "garage"
max_kw = 12
source = "garage breaker <12 kW>"

[[base_load]]
profile = "apartment-block"
peak_kw = 20

[[solar]]
kwp = 10
profile = "solar-clear-sky"
latitude_deg = 52.5
longitude_deg = 13.4

[[storage]]
id = "battery"
capacity_kwh = 20
charge_max_kw = 5
discharge_max_kw = 5
wear_per_kwh = 0.05

[[pile]]
id = "A{n}"
count = 2
rating_kw = 7.36
node = "garage"

[[pile]]
id = "B"
rating_kw = 7.36
node = "garage"
bays = 2
bays_at_once = 1

[[pile]]
id = "V"
rating_kw = 22
dc = true
discharge_max_kw = 22

[[vehicle]]
model = "car"
battery_kwh = 50
ac_max_kw = 7.36
share = 1

[[vehicle]]
model = "giver"
battery_kwh = 60
ac_max_kw = 11
dc_max_kw = 22
v2g = true
soc_floor = 0.2
wear_per_kwh = 0.01
share = 0

[sessions]
file = "sessions.csv"

[driver]
departure = "true"
energy = "true"

[tariff]
name = "day and night"
currency = "EUR"
zone = "Europe/Berlin"
tax_share = 0.19
demand_per_kw_month = 5

[[tariff.periods]]
category = "night"
start = "22:00"
end = "06:00"
price_per_kwh = 0.10

[[tariff.periods]]
category = "day"
start = "06:00"
end = "22:00"
price_per_kwh = 0.40

[carbon]
constant_kg_per_kwh = 0.4
source = "made up for this test"
"""

HEAD = "session_id,evse_id,driver_id,vehicle_model,arrival,departure,energy_kwh,soc_arrival\n"
SESSIONS = (
    HEAD
    + f"""\
{HOSTILE},A1,d1,car,2025-03-29T17:07+01:00,2025-03-30T07:00+02:00,20,
a2,A2,d2,car,2025-03-29T17:00+01:00,2025-03-29T19:00+01:00,14,
b1,B-1,d3,car,2025-03-29T17:00+01:00,2025-03-29T19:00+01:00,12,
b2,B-2,d4,car,2025-03-29T17:00+01:00,2025-03-29T18:40+01:00,11,
v1,V,d5,giver,2025-03-30T18:00+02:00,2025-03-31T08:00+02:00,10,0.7
"""
)


@pytest.fixture(scope="session")
def make_stage(tmp_path_factory):
    """make(old, new, ..., sessions=rows): the small site with each `old` text replaced by `new`, laid out."""

    def make(*change, sessions=SESSIONS):
        folder = tmp_path_factory.mktemp("site")
        text = SCENARIO
        for old, new in zip(change[::2], change[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        (folder / "sessions.csv").write_text(sessions, encoding="utf-8")
        (folder / "scenario.toml").write_text(text, encoding="utf-8")
        return stage(load_scenario(folder / "scenario.toml"))

    return make


@pytest.fixture(scope="session")
def study(make_stage):
    """(stage, runs, scores) of the small site under three policies; nobody changes them."""
    ready = make_stage()
    runs = [run_policy(ready, name, "cost") for name in ("uncontrolled", "equal-share", "optimal")]
    return ready, runs, [score(ready, run) for run in runs]


@pytest.fixture
def one_stay(make_stage):
    """make(name, arrival, departure, kwh): the small site with a single stay at A1 on 29 March."""

    def make(name, arrival, departure, kwh):
        row = f"{name},A1,d,car,2025-03-29T{arrival}+01:00,2025-03-29T{departure}+01:00,{kwh},\n"
        return make_stage(sessions=HEAD + row)

    return make


@pytest.fixture
def empty_stage(make_stage):
    """The small site without any session."""
    return make_stage(sessions=HEAD)


@pytest.fixture(scope="session")
def community():
    """(stage, run) of the packaged apartment block under equal shares."""
    ready = stage(load_scenario(EXAMPLES / "community" / "scenario.toml"))
    return ready, run_policy(ready, "equal-share", "cost")
