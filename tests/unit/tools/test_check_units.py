"""The unit check finds names without a unit, and leaves alone what only looks like one."""

import pytest

from tools.check_units import check_file


def words(text, path="src/evloom/pile/sample.py"):
    return [fault.text for fault in check_file(path, text)]


def field(line, beside=""):
    return f"from dataclasses import dataclass\n@dataclass\nclass Sample:\n    {line}\n{beside}"


@pytest.mark.parametrize(
    ("name", "annotation", "advice"),
    [
        ("power", "float", "_kw"),
        ("power_max", "float", "_kw"),
        ("max_power", "float", "_kw"),
        ("base_load", "NDArray[np.float64]", "_kw"),
        ("limit", "Float", "_kw"),
        ("energy_total", "float | None", "_kwh"),
        ("capacity", "float", "_kwh"),
        ("charge_current", "float", "_a"),
        ("voltage", "int", "_v"),
        ("duration", "int", "_s or _h"),
        ("step", "float", "_s or _h"),
        ("cell_temperature", "Float", "_c"),
        ("price", "Decimal", "_per_kwh"),
        ("rate", "float", "_per_"),
    ],
)
def test_quantity_without_unit_is_found_in_fields_and_parameters(name, annotation, advice):
    in_field = words(field(f"{name}: {annotation}"))
    in_parameter = words(f"def f({name}: {annotation}) -> None: ...")
    assert len(in_field) == len(in_parameter) == 1
    assert advice in in_field[0]
    assert f"field {name}" in in_field[0]
    assert f"parameter {name}" in in_parameter[0]


@pytest.mark.parametrize(
    "line",
    [
        "power_max_kw: float",
        "energy_kwh: Float",
        "price_per_kwh: float",
        "demand_price_per_kw_month: float",
        "c_rate: float",
        "load: Signal",
        "limit: LimitTree",
        "policy_price: str",
        "step: int",
        "power_factor: float",
        "load_share: float",
        "soc_floor: float",
        "priority: float",
        "n_hours: int",
        "arrival: datetime",
    ],
)
def test_right_names_pass(line):
    assert words(field(line)) == []


def test_money_needs_a_currency_beside_it():
    assert "currency" in words(field("cost: float"))[0]
    assert words(field("cost: float", beside="    currency: str\n")) == []
    assert words(field("unit_price: Decimal", beside="    unit: str\n")) == []
    assert words("def solve(cost: Float) -> None: ...") == []  # the solver's cost vector


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("soc_percent", "fraction"),
        ("meter_w", "_kw"),
        ("meter_wh", "_kwh"),
        ("current_ma", "_a"),
        ("stay_minutes", "_s"),
        ("stay_hours", "_h"),
        ("rating_mw", "_kw"),
        ("power_kw_max", "power_max_kw"),
    ],
)
def test_foreign_units_are_found_outside_wire_only(name, advice):
    text = f"def f({name}: float) -> None: ..."
    found = words(text)
    assert len(found) == 1
    assert advice in found[0]
    assert words(text, path="src/evloom/wire/ocpp/v16/translate.py") == []


def test_min_after_a_word_of_time_says_nothing():
    assert "step_s for a time span, step_min_s for the least" in words(field("step_min: int"))[0]
    assert words(field("current_min_a: float")) == []


def test_a_quantity_without_any_unit_is_found_in_wire_too():
    assert len(words("def f(power: float) -> None: ...", path="src/evloom/wire/ocpp/v16/translate.py")) == 1


def test_an_instant_bears_no_unit():
    assert "datetime carries its own unit" in words(field("arrival_s: datetime"))[0]
    assert words(field("arrival_s: float")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "power = meter.read()",
        "self.energy = 3.0",
        "first, power = pair",
        "for energy in energies: pass",
        "total = sum(power for power in powers)",
        "if (voltage := read()): pass",
        "POWER_MAX = 7.0",
        "power: float = 7.0",
    ],
)
def test_assigned_names_are_looked_at(statement):
    assert len(words(f"class A:\n    def f(self):\n        {statement}\n")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "current = queue.pop()",
        "step = 3",
        "for step in range(3): pass",
        "limit = tree.root",
        "power_kw = 7.0",
        "energy = 'Energy'",
        "enough_power = x > 3",
        "power = f'{x} kW'",
    ],
)
def test_everyday_words_are_left_alone_as_local_names(statement):
    assert words(f"def f():\n    {statement}\n") == []


def test_property_is_a_field_and_a_method_is_not():
    text = "class A:\n    @property\n    def power(self) -> float: ...\n    def energy(self) -> float: ...\n"
    assert [fault.line for fault in check_file("src/evloom/pile/sample.py", text)] == [3]
