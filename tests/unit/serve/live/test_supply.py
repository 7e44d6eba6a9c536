"""What a current means in power is read from the meters."""

import pytest

from evloom.pile.station import Sample
from evloom.serve.live.supply import believed, voltage_of


def samples(*rows: tuple[str, float, str]) -> list[Sample]:
    return [Sample(0.0, measurand, value, phase=phase) for measurand, value, phase in rows]


@pytest.mark.parametrize(
    ("rows", "voltage_v"),
    [
        ([("Voltage", 221.0, "L1-N"), ("Voltage", 225.0, "L2-N")], 223.0),
        ([("Voltage", 231.0, "")], 231.0),
        ([("Voltage", 400.0, "L1-L2")], 230.94),
        ([("Power.Active.Import", 6.6, ""), *(("Current.Import", 10.0, line) for line in ("L1", "L2", "L3"))], 220.0),
        ([("Power.Active.Import", 0.3, ""), ("Current.Import", 1.0, "L1")], None),  # too little to tell
        ([("Power.Active.Import", 6.6, ""), ("Current.Import", 30.0, "")], None),  # of one conductor, or of all together?
        ([("Power.Active.Import", 6.6, "")], None),
        ([], None),
    ],
)  # fmt: skip
def test_voltage_by_readings(rows, voltage_v):
    found = voltage_of(samples(*rows))
    assert found is None if voltage_v is None else found == pytest.approx(voltage_v, abs=0.01)


@pytest.mark.parametrize(
    ("measured_v", "counted_v"), [(230.5, 230.0), (232.0, 232.0), (227.5, 230.0), (220.0, 220.0), (120.0, 230.0), (None, 230.0)]
)
def test_a_rise_is_believed_sooner_than_a_fall_and_nonsense_never(measured_v, counted_v):
    assert believed(230.0, measured_v, 230.0) == counted_v
