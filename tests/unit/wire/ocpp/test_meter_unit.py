import pytest

from evloom.wire.ocpp.meter_unit import converted, number


@pytest.mark.parametrize(
    ("value", "measurand", "unit", "ours", "odd"),
    [
        (1500.0, "Energy.Active.Import.Register", "", 1.5, False),
        (1.5, "Energy.Active.Import.Register", "kWh", 1.5, False),
        (1.5, "Energy.Active.Export.Register", "KWH", 1.5, False),
        (7000.0, "Power.Active.Import", "W", 7.0, False),
        (7000.0, "Power.Active.Import", "Wh", 7.0, True),
        (7.0, "Power.Offered", "kW", 7.0, False),
        (500.0, "Power.Reactive.Import", "var", 0.5, False),
        (0.97, "Power.Factor", "", 0.97, False),
        (16000.0, "Current.Import", "mA", 16.0, False),
        (0.4, "Voltage", "kV", 400.0, False),
        (55.0, "SoC", "", 0.55, False),
        (55.0, "SoC", "Percent", 0.55, False),
        (50.0, "Frequency", "Hertz", 50.0, False),
        (300.0, "Temperature", "K", pytest.approx(26.85), False),
        (212.0, "Temperature", "Fahrenheit", pytest.approx(100.0), False),
        (21.0, "Temperature", "Celcius", 21.0, False),
        (1200.0, "RPM", "", 1200.0, False),
        (60_000.0, "EnergyRequest.Target", "Wh", 60.0, False),
        (80.0, "Display.TargetSOC", "Percent", 0.8, False),
        (90.0, "Display.RemainingTimeToTargetSOC", "s", 90.0, False),
        (2.0, "Energy.Active.Import.Register", "MWh", 2000.0, False),
        (1.0, "Current.Import", "x" * 1000, 1.0, True),
    ],
)
def test_everything_becomes_ours(value, measurand, unit, ours, odd):
    assert converted(value, measurand, unit) == (ours, odd)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("-3", -3.0),
        ("1e3", 1000.0),
        ("230,4", 230.4),
        ("16.0 A", 16.0),
        ("7.2kW", 7.2),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("n/a", None),
    ],
)
def test_numbers_as_stations_write_them(text, value):
    assert number(text) == value
