"""Hours of the day across clock changes, minor units, and dividing a debit."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.timegrid import epoch_s
from evloom.market.bill import settle
from evloom.market.contract import Agreement, DayWindow, minor_unit

ZURICH = ZoneInfo("Europe/Zurich")


def at(*when: int) -> float:
    return epoch_s(datetime(*when, tzinfo=ZURICH))  # type: ignore[arg-type, misc]  # year, month, day, hour, minute


@pytest.mark.parametrize(
    ("window", "start", "end", "hours"),
    [
        (DayWindow(420, 1320), (2017, 6, 5, 20, 0), (2017, 6, 6, 8, 0), 3.0),
        (DayWindow(1320, 360), (2017, 6, 5, 23, 0), (2017, 6, 6, 12, 0), 7.0),
        (DayWindow(1320, 360), (2017, 6, 5, 1, 0), (2017, 6, 5, 2, 0), 1.0),
        (DayWindow(420, 1320), (2017, 6, 5, 0, 0), (2017, 6, 9, 0, 0), 60.0),
        (DayWindow(0, 360), (2017, 3, 26, 0, 0), (2017, 3, 27, 0, 0), 5.0),
        (DayWindow(0, 360), (2017, 10, 29, 0, 0), (2017, 10, 30, 0, 0), 7.0),
        (DayWindow(420, 1320), (2017, 6, 5, 8, 0), (2017, 6, 5, 7, 0), 0.0),
    ],
)
def test_hours_in_a_window(window: DayWindow, start: tuple[int, ...], end: tuple[int, ...], hours: float) -> None:
    assert window.overlap_s(at(*start), at(*end), ZURICH) == pytest.approx(hours * 3600.0)


@given(st.integers(0, 1439), st.integers(1, 1440), st.floats(0, 2e9), st.floats(0, 5e5))
def test_a_window_and_the_rest_of_the_day_make_the_whole(start: int, end: int, start_s: float, length_s: float) -> None:
    if start % 1440 == end % 1440:
        return
    parts = [DayWindow(start, end), DayWindow(end % 1440, start)]
    seconds = sum(window.overlap_s(start_s, start_s + length_s, ZoneInfo("Asia/Shanghai")) for window in parts)
    assert seconds == pytest.approx(length_s, abs=1e-3)


def test_minor_units() -> None:
    assert [minor_unit(c) for c in ("CNY", "CHF", "JPY", "KWD")] == [Decimal("0.01"), Decimal("0.01"), Decimal(1), Decimal("0.001")]


@given(st.decimals(0, 10_000, places=2), st.decimals(0, 1, places=3))
def test_a_settlement_loses_no_cent(debit: Decimal, share: Decimal) -> None:
    parts = settle(debit, "A", Agreement("CHF", share, (("B", Decimal(1)),)))
    assert parts.payout + parts.kept == debit
    assert parts.payout == parts.payout.quantize(Decimal("0.01"))
    assert settle(debit, "B", Agreement("CHF", share, (("B", Decimal(1)),))).payout == debit
