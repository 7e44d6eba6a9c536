"""The table of a fleet in the terminal."""

from evloom.plan.battery.output import Row
from evloom.plan.battery.table import MOST_NAME, table_text


def row(name: str) -> Row:
    return Row(name, name, "NMC", 96, "watch", "V_3", "unknown", 0.8, 0.9, 1.7e9, 1, 1.7e9, 1.71e9, 30, 5000, None, "B", (), (), "")


def test_long_and_odd_names_keep_their_row() -> None:
    told = table_text([row("x" * 300), row("car\n\x1b[31m7"), row("car-8")]).splitlines()
    assert len(told) == 4
    assert max(len(line) for line in told) < MOST_NAME + 80
    assert not any("\x1b" in line for line in told)
    assert any(line.startswith("car-8") for line in told)
