"""The bill of one session: every rule by hand, and what must hold for all bills."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid, epoch_s, from_epoch_s
from evloom.market.bill import Bill, LineKind, MeterSeries, Visit, session_bill
from evloom.market.contract import ByTariff, Contract, Counts, DayWindow, TimeFee
from evloom.market.named import named_tariff
from evloom.market.tariff import Terms, series_tariff

D = Decimal
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZHEJIANG = named_tariff("zhejiang-jiaxing-2025")
ORDERLY = Contract("orderly", "CNY", service_per_kwh=D("0.40"), tax_share=D("0.06"))


def at(hour: float, day: int = 2) -> float:
    return epoch_s(datetime(2025, 6, day, tzinfo=SHANGHAI)) + hour * 3600.0


def meter(*edges_and_kwh: float, day: int = 2) -> MeterSeries:
    """hour, kWh, hour, kWh, ..., hour"""
    return MeterSeries(np.array([at(h, day) for h in edges_and_kwh[::2]]), np.array(edges_and_kwh[1::2]))


def amounts(bill: Bill) -> list[tuple[str, str, str]]:
    return [(line.label, f"{line.quantity.normalize():f}", f"{line.amount}") for line in bill.lines]


def test_energy_by_period_service_and_tax() -> None:
    bill = session_bill(ORDERLY, ZHEJIANG, Visit("s1", at(18), at(23)), meter(18, 14.0, 20, 7.0, 21, 3.5, 21.5))
    # 18-19 peak 7 kWh, 19-21 sharp 14 kWh, 21-21:30 peak 3.5 kWh
    assert amounts(bill) == [
        ("energy peak", "10.5", "9.46"),
        ("energy sharp", "14", "16.89"),
        ("service", "24.5", "9.80"),
        ("tax", "36.15", "2.17"),
    ]
    assert bill.total == D("38.32")
    assert bill.findings == ()


def test_tax_inside_the_prices_is_stated_not_added() -> None:
    contract = Contract("x", "CNY", energy=D("1.06"), tax_share=D("0.06"), tax_included=True)
    bill = session_bill(contract, ZHEJIANG, Visit("s1", at(1), at(2)), meter(1, 10.0, 2))
    assert (bill.total, bill.tax_within) == (D("10.60"), D("0.60"))
    assert "of which tax" in bill.text()


def test_v2g_earns_by_period_and_bears_no_tax() -> None:
    contract = Contract("v2g", "CNY", v2g=ByTariff(D("1.5")), tax_share=D("0.06"))
    bill = session_bill(contract, ZHEJIANG, Visit("s1", at(12), at(21)), meter(12, 20.0, 13, 0.0, 18.5, -10.0, 19.5, 0.0, 21))
    assert amounts(bill) == [
        ("energy valley", "20", "7.57"),
        ("V2G credit peak", "5", "-6.76"),
        ("V2G credit sharp", "5", "-9.05"),
        ("tax", "7.57", "0.45"),
    ]
    assert bill.total == D("-7.79")
    assert bill.amount_of(LineKind.V2G_CREDIT) == D("-15.81")


def test_one_credit_price_or_none() -> None:
    for v2g, credit in ((D("0.80"), D("-4.00")), (None, D("0.00"))):
        bill = session_bill(Contract("c", "CNY", v2g=v2g), ZHEJIANG, Visit("s", at(1), at(2)), meter(1, -5.0, 2))
        assert bill.total == credit


def fee(**changes: object) -> Contract:
    rules: dict[str, object] = {"label": "overstay", "price_per_h": D(2), "counts": Counts.AFTER_CHARGING, **changes}
    return Contract("c", "CNY", energy=D(0), time_fees=(TimeFee(**rules),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("contract", "amount"),
    [
        (fee(), "28.00"),  # 18:00 to 08:00
        (fee(free_h=D("0.5")), "27.00"),
        (fee(window=DayWindow(420, 1320)), "10.00"),  # 18-22 and 7-8
        (fee(window=DayWindow(420, 1320), free_h=D(4)), "2.00"),
        (fee(window=DayWindow(420, 1320), free_h=D(14)), "0.00"),
        (fee(counts=Counts.CHARGING), "4.00"),
        (fee(counts=Counts.CONNECTED), "32.00"),
        (fee(counts=Counts.CONNECTED, free_h=D("15.9"), fee_min=D("0.50")), "0.50"),
        (fee(counts=Counts.CONNECTED, free_h=D(16), fee_min=D("0.50")), "0.00"),
        (fee(fee_max=D("20")), "20.00"),
        (fee(step_s=3600 * 4), "24.00"),  # 14 h hold three whole steps of 4 h
        (fee(step_s=3600), "28.00"),
    ],
)
def test_time_fees(contract: Contract, amount: str) -> None:
    bill = session_bill(contract, ZHEJIANG, Visit("s", at(16), at(8, 3)), meter(16, 11.0, 18, 0.0, 24))
    assert bill.amount_of(LineKind.TIME) == D(amount)


def test_a_given_end_of_charging_goes_before_the_meter() -> None:
    visit = Visit("s", at(16), at(20), charging_end_s=at(19))
    assert session_bill(fee(), ZHEJIANG, visit, meter(16, 11.0, 18)).total == D("2.00")


def test_no_energy_is_charged_by_the_rules_and_named() -> None:
    contract = Contract("c", "CNY", session_fee=D("1.00"))
    bill = session_bill(contract, ZHEJIANG, Visit("s", at(1), at(2)), meter(1, 0.0, 2))
    assert bill.total == D("1.00")
    assert [(f.code, f.severity) for f in bill.findings] == [("bill.zero-energy", "warning")]
    assert "1.00 CNY" in bill.findings[0].advice


def test_no_energy_may_be_waived() -> None:
    contract = Contract("c", "CNY", session_fee=D("1.00"), tax_share=D("0.06"), waived_if_no_energy=True)
    bill = session_bill(contract, ZHEJIANG, Visit("s", at(1), at(2)), MeterSeries(np.array([at(1)]), np.zeros(0)))
    assert (bill.lines, bill.total) == ((), D("0.00"))
    assert "waived" in bill.findings[0].advice


def test_energy_outside_the_visit_is_billed_and_named() -> None:
    bill = session_bill(ORDERLY, ZHEJIANG, Visit("s", at(1), at(2)), meter(1, 5.0, 3))
    assert [f.code for f in bill.findings] == ["bill.energy-outside-visit"]
    assert bill.energy_kwh == D(5)


def test_what_cannot_be_billed_says_everything_that_is_wrong() -> None:
    series = MeterSeries(np.array([at(1), at(3), at(2)]), np.array([np.nan, np.inf]))
    contract = Contract("c", "EUR")
    with pytest.raises(InputError) as caught:
        session_bill(contract, ZHEJIANG, Visit("s", at(2), at(1)), series)
    codes = ["bill.ends-before-start", "bill.energy-not-a-number", "bill.energy-not-a-number", "bill.meter-times", "bill.currency"]
    assert [f.code for f in caught.value.findings] == codes
    with pytest.raises(InputError) as caught:
        session_bill(ORDERLY, ZHEJIANG, Visit("s", at(1), at(2), at(3)), meter(1, 1.0, 2))
    assert [f.code for f in caught.value.findings] == ["bill.charging-end"]
    with pytest.raises(ValueError, match="need 2 edges"):
        MeterSeries(np.zeros(3), np.zeros(1))


def test_a_clock_change_inside_a_session() -> None:
    """Berlin, 26 October 2025: 00:00 to 06:00 on the wall is seven hours; each price gets the hours that passed."""
    zone = ZoneInfo("Europe/Berlin")
    grid = TimeGrid(datetime(2025, 10, 25, 22, tzinfo=ZoneInfo("UTC")), 3600, 7)
    tariff = series_tariff(
        Terms("s", "EUR", zone), Signal("day-ahead", "EUR/kWh", grid, np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])), "p"
    )
    edges_s = np.array([grid.start_s, grid.start_s + 7 * 3600.0])
    bill = session_bill(Contract("c", "EUR"), tariff, Visit("s", *edges_s), MeterSeries(edges_s, np.array([7.0])))
    assert [line.amount for line in bill.lines] == [D(k) for k in range(1, 8)]
    parking = TimeFee("parking", D(1), Counts.CONNECTED, window=DayWindow(0, 360))
    bill = session_bill(Contract("c", "EUR", time_fees=(parking,)), tariff, Visit("s", *edges_s), MeterSeries(edges_s, np.array([7.0])))
    assert bill.amount_of(LineKind.TIME) == D("7.00")


def test_yen_have_no_cents() -> None:
    bill = session_bill(Contract("c", "JPY", energy=D("31.5")), ZHEJIANG, Visit("s", at(1), at(2)), meter(1, 1.0, 2))
    assert bill.total == D(32)


# One watt-hour is what meters resolve; quarter-hours fit every border of the tariff or miss it by known parts.
series_kwh = st.lists(st.integers(-5000, 11000), min_size=1, max_size=30)
full = Contract(
    "full",
    "CNY",
    service_per_kwh=D("0.35"),
    session_fee=D("0.5"),
    time_fees=(
        TimeFee("parking", D("1.5"), Counts.CONNECTED, free_h=D("0.25")),
        TimeFee("overstay", D("3"), Counts.AFTER_CHARGING, window=DayWindow(420, 1320)),
    ),
    v2g=ByTariff(),
    tax_share=D("0.06"),
)


def bill_of(start_s: float, step_s: float, kwh: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Bill:
    edges_s = start_s + step_s * np.arange(len(kwh) + 1, dtype=np.float64)
    return session_bill(full, ZHEJIANG, Visit("s", start_s, float(edges_s[-1]) + 7200.0), MeterSeries(edges_s, kwh))


@settings(max_examples=60)
@given(st.integers(1_700_000_000, 1_800_000_000), st.sampled_from([60, 437, 900, 3600]), series_kwh)
def test_lines_add_up(start_s: int, step_s: int, wh: list[int]) -> None:
    kwh = np.array(wh) / 1000.0
    bill = bill_of(float(start_s), step_s, kwh)
    assert bill.total == sum(line.amount for line in bill.lines)
    assert all(line.amount == line.amount.quantize(D("0.01")) for line in bill.lines)
    assert all(abs(line.amount - line.quantity * line.unit_price) <= D("0.005") for line in bill.lines)
    assert float(bill.energy_kwh) == pytest.approx(np.maximum(kwh, 0.0).sum(), abs=1e-5)
    credited = sum((line.quantity for line in bill.lines if line.kind is LineKind.V2G_CREDIT), start=D(0))
    assert float(credited) == pytest.approx(np.maximum(-kwh, 0.0).sum(), abs=1e-5)


@settings(max_examples=60)
@given(st.integers(1_700_000_000, 1_800_000_000), series_kwh, st.sampled_from([2, 4, 8]))
def test_finer_intervals_charge_the_same(start_s: int, wh: list[int], parts: int) -> None:
    kwh = np.array(wh) / 1000.0
    coarse = bill_of(float(start_s), 1800.0, kwh)
    fine = bill_of(float(start_s), 1800.0 / parts, np.repeat(kwh / parts, parts))
    assert [(a.kind, a.label, a.unit_price) for a in coarse.lines] == [(a.kind, a.label, a.unit_price) for a in fine.lines]
    for one, other in zip(coarse.lines, fine.lines, strict=True):
        # A millionth of a kWh apart at most: sums of float64 differ in their last digit, which can fall on a rounding border.
        assert abs(one.quantity - other.quantity) <= (D("0.000001") if one.unit != "CNY" else D("0.02"))
        assert abs(one.amount - other.amount) <= D("0.01")


@settings(max_examples=30)
@given(st.integers(1_700_000_000, 1_800_000_000), st.lists(st.integers(1, 11000), min_size=1, max_size=20))
def test_the_bill_agrees_with_pricing_minute_by_minute(start_s: int, wh: list[int]) -> None:
    """A second way to the energy cost: the tariff's own vector of prices on a grid of seconds, no segments, no Decimal."""
    kwh = np.array(wh) / 1000.0
    grid = TimeGrid(from_epoch_s(float(start_s)), 1, 900 * len(kwh))
    cost = float((np.repeat(kwh / 900.0, 900) * ZHEJIANG.price_on(grid)).sum())
    bill = bill_of(float(start_s), 900.0, kwh)
    lines = sum(1 for line in bill.lines if line.kind is LineKind.ENERGY)
    assert float(bill.amount_of(LineKind.ENERGY)) == pytest.approx(cost, abs=0.005 * lines + 1e-4)
