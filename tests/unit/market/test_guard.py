"""What must not be billed is found, with its reason and its number; what is well is left alone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.market.contract import Contract
from evloom.market.guard import Evidence, GuardRules, doubts, gap_doubts, held
from evloom.market.named import named_tariff
from evloom.market.register import meter_series, registers

T0 = 1_748_858_400.0  # 2025-06-02 18:00 in Jiaxing
RULES = GuardRules()
HOUR_S = 3600.0
GOOD = Evidence("A:1", T0, T0 + HOUR_S, T0 + HOUR_S, registers([(T0, 100.0), (T0 + 1800.0, 103.5), (T0 + HOUR_S, 107.0)]), rating_kw=7.4)


def codes(evidence: Evidence) -> list[str]:
    return [finding.code.removeprefix("guard.") for finding in doubts(evidence, RULES)]


def read(*pairs: tuple[float, float]) -> Evidence:
    """GOOD with other readings: hours after the start, kWh."""
    return replace(GOOD, meter=registers([(T0 + hour * HOUR_S, kwh) for hour, kwh in pairs]))


def test_a_good_session_is_not_doubted() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (read((0, 100), (0.5, 103), (0.6, 99), (1, 102)), ["register-backwards"]),
        (read((0, 0), (0.25, 8841.2), (1, 8848.0)), ["begin-at-zero"]),
        (read((0, 0), (0.5, 3.0), (1, 6.0)), []),  # a register that begins at zero with each session is well
        (read((0, 100), (1, 160)), ["energy"]),
        (read((0, 100), (0.5, 100), (0.51, 107), (1, 107)), ["jump"]),
        (read((0, 100)), ["no-register"]),
        (read((0, -5), (1, 2)), ["register-value"]),
        (read((0, 100), (1, float("nan"))), ["register-value"]),
        (replace(GOOD, ended_s=T0 - 1.0), ["ends-before-start"]),
        (replace(GOOD, ended_s=float("nan")), ["ends-before-start"]),
        (replace(GOOD, started_s=T0 - 31 * 86400.0), ["too-long"]),
        (replace(GOOD, started_s=T0 - 25 * 365 * 86400.0), ["too-long"]),
        (replace(GOOD, known_s=T0 - 86400.0), ["future"]),
        (replace(GOOD, known_s=T0 + 61 * 86400.0), ["too-old"]),
        (replace(GOOD, suspect=(("clock", "the station's clock was off"),)), ["suspect"]),
    ],
)
def test_each_fault_is_named(evidence: Evidence, expected: list[str]) -> None:
    assert codes(evidence) == expected
    assert held(doubts(evidence, RULES)) == bool(expected)


def test_every_doubt_says_what_is_there_what_is_right_and_what_to_do() -> None:
    (finding,) = doubts(read((0, 100), (1, 160)), RULES)
    assert finding.text() == (
        "session A:1: refused: energy = 60.000 kWh charged in 1.00 h [guard.energy]; allowed: at most 8.340 kWh (7.4 kW x 1.1); "
        "compare with the pile's own record; release it with corrected values, or void it"
    )


def test_missing_words_only_warn() -> None:
    found = doubts(replace(GOOD, missing=3), RULES)
    assert [finding.severity for finding in found] == ["warning"]
    assert not held(found)


def test_an_unknown_rating_still_has_a_bound() -> None:
    assert codes(replace(read((0, 100), (1, 5000)), rating_kw=None)) == ["energy"]
    assert codes(replace(read((0, 100), (1, 400)), rating_kw=None)) == []


def test_what_is_given_back_has_its_own_bound() -> None:
    sold = replace(GOOD, meter=registers([(T0, 100.0), (T0 + HOUR_S, 100.0)], [(T0, 0.0), (T0 + HOUR_S, 30.0)]), discharge_rating_kw=7.0)
    assert codes(sold) == ["energy"]


@given(st.lists(st.floats(0.0, 1.8), min_size=1, max_size=40), st.floats(0.0, 1e6))
def test_a_meter_within_the_rating_is_never_doubted(steps: list[float], first: float) -> None:
    """Quarter-hours of at most 7.2 kW at a 7.4 kW pile."""
    points, total = [(T0, first)], first
    for k, step in enumerate(steps, 1):
        total += step
        points.append((T0 + 900.0 * k, total))
    end_s = T0 + 900.0 * len(steps)
    assert codes(replace(GOOD, ended_s=end_s, known_s=end_s, meter=registers(points))) == []


TARIFF = named_tariff("zhejiang-jiaxing-2025")
CONTRACT = Contract("orderly", "CNY")


def gaps(hours: Mapping[float, float]) -> list[tuple[str, str]]:
    series = meter_series(registers([(T0 + hour * HOUR_S, kwh) for hour, kwh in hours.items()]))
    return [(finding.severity, finding.value) for finding in gap_doubts("A:1", CONTRACT, TARIFF, series, RULES)]


def test_a_gap_across_prices_is_held_a_gap_at_one_price_is_not() -> None:
    (found,) = gaps({0: 100.0, 8: 130.0})  # 18:00 to 02:00 over peak, sharp and valley
    assert found == ("refused", "30.000 kWh in 1 gap(s) of up to 8.0 h across prices: 24.84 CNY in doubt")
    assert gaps({4: 100.0, 12: 130.0}) == []  # 22:00 to 06:00, all valley


def test_a_small_gap_across_prices_is_said_and_billed() -> None:
    readings = {0.25 * k: 100.0 + k for k in range(13)}
    found = gaps({**readings, 4.5: 113.0})  # 21:00 to 22:30 with one kWh
    assert [severity for severity, _ in found] == ["warning"]
