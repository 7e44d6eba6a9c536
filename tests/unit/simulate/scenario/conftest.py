"""A small scenario on disk that tests change one thing of."""

import pytest

SCENARIO = """\
name = "small"
policies = ["uncontrolled", "optimal"]

[time]
zone = "Asia/Shanghai"
from = 2025-06-02
to = 2025-06-04

[site]
voltage_v = 220

[transformer]
rating_kva = 100

[[limit]]
id = "board"
max_kw = 30

[[base_load]]
profile = "apartment-block"
peak_kw = 50

[[pile]]
id = "A{n}"
count = 3
rating_kw = 7.04
node = "board"

[[pile]]
id = "B"
rating_kw = 22
phases = 3

[sessions]
file = "sessions.csv"

[tariff]
name = "zhejiang-jiaxing-2025"

[carbon]
constant_kg_per_kwh = 0.582
source = "China 2023"
"""

SESSIONS = """\
session_id,evse_id,driver_id,arrival,departure,energy_kwh
s1,A1,d1,2025-06-02T18:00+08:00,2025-06-03T07:00+08:00,12
s2,A2,d2,2025-06-02T19:30+08:00,2025-06-03T08:00+08:00,20.5
s3,B,d3,2025-06-03T09:00+08:00,2025-06-03T11:00+08:00,15
s4,,d1,2025-06-03T18:10+08:00,2025-06-03T23:00+08:00,9
s5,A3,d4,2025-06-03T20:00+08:00,2025-06-04T07:00+08:00,11
"""


@pytest.fixture
def scenario_file(tmp_path):
    """write(old, new, ...): the small scenario with each `old` text replaced by `new`; returns its path."""

    def write(*change, sessions=SESSIONS):
        text = SCENARIO
        for old, new in zip(change[::2], change[1::2], strict=True):
            assert text.count(old) >= 1, old
            text = text.replace(old, new, 1)
        (tmp_path / "sessions.csv").write_text(sessions, encoding="utf-8")
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
