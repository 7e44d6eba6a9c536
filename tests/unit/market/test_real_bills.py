"""Bills that were really charged, computed again by the bill engine from contracts.

Ticino (AIL, Lugano, first half of 2017). The stations' printed tariff texts are of a later date than these bills: a station
whose text says 0 CHF/h while charging was billed 0.50 CHF/h. What the bills themselves obey, from 7 February 2017 on, at
every station and hour, is CONTRACT below. The end of charging is not recorded; the parking fee gives it (fee / 0.50 CHF/h),
and the penalty is then a second, independent figure that the contract must hit.

Georgia (workplace programme, 2014-2015): free for four hours, then 1 USD/h in whole five-minute steps, 0.50 USD at least.
"""

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from evloom.kernel.timegrid import epoch_s
from evloom.market.bill import Bill, Line, LineKind, MeterSeries, Visit, session_bill, settle
from evloom.market.contract import Agreement, Contract, Counts, TimeFee
from evloom.market.period import Period
from evloom.market.place import Place
from evloom.market.tariff import Terms, TouTariff, tou_tariff

D = Decimal
CENT = D("0.01")
Row = dict[str, str]
DataDir = Callable[[str], Path]

PARKING = TimeFee("parking", D("0.50"), Counts.CHARGING)
PENALTY = TimeFee("penalty", D("2.00"), Counts.AFTER_CHARGING)
CONTRACT = partial(Contract, "AIL 2017", "CHF", time_fees=(PARKING, PENALTY))
# CHF per kWh found in the bills: up to about 4 kW, about 11 kW and above that; the second three for customers with a 0.20 discount.
ENERGY_PRICES = [D(p) for p in ("0.42", "0.46", "0.50", "0.22", "0.26", "0.30")]
AGREEMENT = Agreement("CHF", D("0.90"), (("Anderer", D(1)),))

FOUR_HOURS_FREE = TimeFee("over four hours", D("1.00"), Counts.CONNECTED, free_h=D(4), fee_min=D("0.50"))
WORKPLACE = Contract("workplace", "USD", energy=D(0), time_fees=(FOUR_HOURS_FREE,))


def clock_only(currency: str, zone: str) -> TouTariff:
    """These contracts price energy themselves; the tariff lends the clock."""
    return tou_tariff(Terms("clock", currency, ZoneInfo(zone)), [Period("all", 0, 1440, 0.0)], Place("clock", "", lambda _: None))


def money(text: str) -> Decimal:
    return D(text or "0")


@pytest.fixture
def ticino(data_dir: DataDir) -> list[Row]:
    with (data_dir("sessions_billed_ticino") / "ticino_ail_2017_h1.csv").open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["Debit"]]


def begin(row: Row) -> datetime:
    """Both date forms are month first: 02/26/2017 and 02.04.17 (the folder's notes prove it by the order of the log)."""
    form = "%m/%d/%Y %H:%M" if "/" in row["BeginDate"] else "%m.%d.%y %H:%M"
    return datetime.strptime(f"{row['BeginDate']} {row['BeginHour']}", form).replace(tzinfo=ZoneInfo("Europe/Zurich"))


def parked_s(row: Row) -> float:
    return float(row["Duration"])


def bill_again(row: Row, price: Decimal, charging_s: float) -> Bill:
    start_s = epoch_s(begin(row))
    end_s = start_s + parked_s(row)
    kwh = float(row["PowerConsumption"]) / 1000.0
    meter = MeterSeries(np.array([start_s, max(start_s + charging_s, start_s + 1.0)]), np.array([kwh]))
    visit = Visit(row["ChargeLogId"], start_s, end_s, start_s + min(charging_s, parked_s(row)))
    return session_bill(CONTRACT(energy=price), clock_only("CHF", "Europe/Zurich"), visit, meter)


def time_amount(bill: Bill, label: str) -> Decimal:
    return sum((line.amount for line in bill.lines if line.label == label), start=D(0))


def since_february(ticino: list[Row]) -> list[Row]:
    return [row for row in ticino if begin(row) >= datetime(2017, 2, 7, tzinfo=ZoneInfo("Europe/Zurich"))]


def test_ticino_debit_is_energy_plus_parking_plus_penalty(ticino: list[Row]) -> None:
    assert len(ticino) == 822
    for row in ticino:
        parts = {
            (LineKind.ENERGY, "energy"): money(row["quota elettricità"]),
            (LineKind.TIME, "parking"): money(row["Parking fee"]),
            (LineKind.TIME, "penalty"): money(row["Penalty"]),
        }
        lines = tuple(Line(kind, label, D(1), "", amount, amount) for (kind, label), amount in parts.items())
        assert abs(Bill(row["ChargeLogId"], "AIL 2017", "CHF", lines).total - money(row["Debit"])) <= CENT


def test_ticino_payout(ticino: list[Row]) -> None:
    """90 % rounded half up hits all 822 payouts to the cent (rounding half to even misses 31).

    No session of type 'Anderer' was billed in this half-year, so its 100 % is a rule we were told, not one we measured.
    """
    assert "Anderer" not in {row["TransactionType"] for row in ticino}
    for row in ticino:
        assert settle(money(row["Debit"]), row["TransactionType"], AGREEMENT).payout == money(row["Net Payout"])
    assert settle(D("7.13"), "Anderer", AGREEMENT).payout == D("7.13")


def test_ticino_parking_follows_from_the_time(ticino: list[Row]) -> None:
    """Without a penalty the car charged to the end: 0.50 CHF/h of the whole stay. 652 of 656 bills to the cent."""
    rows = [row for row in since_february(ticino) if not money(row["Penalty"])]
    right = [abs(time_amount(bill_again(row, D(0), parked_s(row)), "parking") - money(row["Parking fee"])) <= CENT for row in rows]
    assert len(rows) == 656
    assert sum(right) == 652
    missed = [row for row, ok in zip(rows, right, strict=True) if not ok]
    assert all(row["Parking fee"] in ("0", "") for row in missed)  # four were not charged at all


def test_ticino_penalty_follows_from_time_and_parking(ticino: list[Row]) -> None:
    """A parking fee known to half a cent gives the end of charging to 36 s, which is 2 cents of penalty: all 131 bills."""
    rows = [row for row in since_february(ticino) if money(row["Penalty"])]
    assert len(rows) == 131
    for row in rows:
        charging_s = float(money(row["Parking fee"]) / PARKING.price_per_h) * 3600.0
        again = bill_again(row, D(0), charging_s)
        assert abs(time_amount(again, "parking") - money(row["Parking fee"])) <= CENT
        assert abs(time_amount(again, "penalty") - money(row["Penalty"])) <= D("0.03")


def test_ticino_energy_at_six_prices(ticino: list[Row]) -> None:
    """One of six prices per kWh gives the energy amount to the cent in 693 of 787 bills (399 of 487 above 2 kWh, where it tells).

    The rest lie between two of them, as they must when the price depends on power and the power changed in the session
    (no meter series was published); four lie outside, at 0.046, 0.218, 0.550 and 0.585 CHF/kWh, and are not explained.
    """
    rows = since_february(ticino)
    matched, matched_large, outside = 0, 0, []
    for row in rows:
        amount, kwh = money(row["quota elettricità"]), D(row["PowerConsumption"]) / 1000
        bills = [bill_again(row, price, 1.0).amount_of(LineKind.ENERGY) for price in ENERGY_PRICES]
        hit = any(abs(bill - amount) <= CENT for bill in bills)
        matched += hit
        matched_large += hit and kwh > 2
        if not (min(ENERGY_PRICES) * kwh - CENT <= amount <= max(ENERGY_PRICES) * kwh + CENT):
            outside.append(round(float(amount / kwh), 3))
    large = sum(1 for row in rows if float(row["PowerConsumption"]) > 2000.0)
    assert (len(rows), matched, large, matched_large) == (787, 693, 487, 399)
    assert sorted(outside) == [0.046, 0.218, 0.55, 0.585]


@pytest.fixture
def georgia(data_dir: DataDir) -> list[Row]:
    with (data_dir("sessions_workplace_georgia") / "workplace_2014-11_2015-10.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def instant_s(text: str) -> float:
    """Years are written 0014 and 0015. Only lengths matter here; no zone is given, so the clock is taken as UTC."""
    return epoch_s(datetime.strptime(f"2{text[1:]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC))


def workplace_bill(row: Row, contract: Contract, stay_s: float | None = None) -> Decimal:
    start_s = instant_s(row["created"])
    end_s = instant_s(row["ended"]) if stay_s is None else start_s + stay_s
    meter = MeterSeries(np.array([start_s, max(end_s, start_s + 1.0)]), np.array([float(row["kwhTotal"])]))
    return session_bill(contract, clock_only("USD", "UTC"), Visit(row["sessionId"], start_s, max(end_s, start_s)), meter).total


def test_georgia_fees(georgia: list[Row]) -> None:
    """Within 0.11 USD on 358 of 379 paid sessions (94.5 %), and nothing for any of the 3,016 that were free."""
    paid = [row for row in georgia if D(row["dollars"])]
    near = sum(abs(workplace_bill(row, WORKPLACE) - D(row["dollars"])) <= D("0.11") for row in paid)
    assert (len(paid), near) == (379, 358)
    free = [row for row in georgia if not D(row["dollars"])]
    assert len(free) == 3016
    assert all(workplace_bill(row, WORKPLACE) == 0 for row in free)


def test_georgia_counted_whole_steps_of_five_minutes(georgia: list[Row]) -> None:
    """Every fee is a multiple of 1/12 USD; counting whole five-minute steps hits 317 of 379 to the cent, to the second only 199."""
    paid = [row for row in georgia if D(row["dollars"])]
    assert all(abs(float(row["dollars"]) * 12 - round(float(row["dollars"]) * 12)) < 0.07 for row in paid)
    steps = TimeFee("over four hours", D("1.00"), Counts.CONNECTED, free_h=D(4), step_s=300, fee_min=D("0.50"))
    contracts = (Contract("steps", "USD", energy=D(0), time_fees=(steps,)), WORKPLACE)
    exact = [sum(abs(workplace_bill(row, contract) - D(row["dollars"])) <= CENT for row in paid) for contract in contracts]
    assert exact == [317, 199]


def test_the_session_of_55_hours_for_83_cents(georgia: list[Row]) -> None:
    """Session 2162299 stayed 55.2 h by its stamps and paid 0.83 USD; by the rule the stay costs 51.24 USD.

    It is not a cap: nine times as much was paid by others. 0.83 is what 4 h 50 min to 4 h 55 min cost, a length that the same
    driver also had on other days at this station, and 4.1 kWh fit in easily; over 55 h they would be a mean of 74 W.
    So the fee was made from a session of under 5 h, and the 'ended' stamp, two days later, is when the record was closed.
    The rule is right and the row's end is not: the engine must not bend to it.
    """
    (row,) = [row for row in georgia if row["sessionId"] == "2162299"]
    assert D(row["dollars"]) == D("0.83")
    assert workplace_bill(row, WORKPLACE) == D("51.24")
    assert max(D(other["dollars"]) for other in georgia) > 9 * D("0.83")
    for minutes in (290.0, 294.0):
        steps = TimeFee("over four hours", D("1.00"), Counts.CONNECTED, free_h=D(4), step_s=300, fee_min=D("0.50"))
        assert workplace_bill(row, Contract("steps", "USD", energy=D(0), time_fees=(steps,)), minutes * 60.0) == D("0.83")
    same = [o for o in georgia if (o["userId"], o["stationId"]) == (row["userId"], row["stationId"]) and o is not row]
    stays_h = [float(o["chargeTimeHrs"]) for o in same]
    assert len(stays_h) == 16
    assert max(stays_h) < 6.0
    assert any(4.5 < h < 5.0 for h in stays_h)
    assert float(row["kwhTotal"]) / float(row["chargeTimeHrs"]) < 0.075
