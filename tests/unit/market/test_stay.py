"""From what is known of a session to its bill, or to why it is held; and what a correction changes."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.timegrid import epoch_s
from evloom.market.bill import LineKind
from evloom.market.contract import ByTariff, Contract, Counts, TimeFee
from evloom.market.document import tariff_of_document
from evloom.market.guard import GuardRules
from evloom.market.named import named_tariff
from evloom.market.offer import Named, Offer
from evloom.market.receipt import Notes, masked, receipt_of
from evloom.market.stay import Correction, Stay, clock_only, corrected, drafted, energy_only, so_far

D = Decimal
T0 = 1_748_858_400.0  # 2025-06-02 18:00 in Jiaxing
HOUR_S = 3600.0
RULES = GuardRules()
TARIFF = named_tariff("zhejiang-jiaxing-2025")
OVERSTAY = TimeFee("overstay", D("2.00"), Counts.AFTER_CHARGING, free_h=D("0.5"))
CONTRACT = Contract("orderly", "CNY", service_per_kwh=D("0.40"), time_fees=(OVERSTAY,), v2g=ByTariff(), tax_share=D("0.06"))
OFFER = Offer(CONTRACT, TARIFF, Named("orderly", 2, 0.0), Named("jx", 1, 0.0), "driver")

# 7 kW from 18:00 to 20:00, then connected until 22:00.
STAY = Stay(
    "A:1",
    station_id="A",
    token="04A2B9C1",
    started_s=T0,
    ended_s=T0 + 4 * HOUR_S,
    known_s=T0 + 4 * HOUR_S,
    begin_kwh=1000.0,
    end_kwh=1014.0,
    samples=tuple((T0 + 900.0 * k, 1000.0 + min(1.75 * k, 14.0)) for k in range(1, 16)),
    rating_kw=7.4,
)


def test_energy_is_split_where_the_price_changes() -> None:
    draft = drafted(STAY, OFFER, RULES)
    assert draft.bill is not None
    energy = {line.category: (line.quantity, line.amount) for line in draft.bill.lines if line.kind is LineKind.ENERGY}
    assert energy == {"peak": (D("7.000000"), D("6.31")), "sharp": (D("7.000000"), D("8.44"))}
    assert [(use.category, use.charged_kwh) for use in draft.uses] == [("peak", 7.0), ("sharp", 7.0)]


def test_overstay_begins_when_the_car_stops_drawing_and_never_while_we_hold_it_back() -> None:
    free, ours = drafted(STAY, OFFER, RULES), drafted(replace(STAY, held_back=True), OFFER, RULES)
    assert free.bill is not None
    assert ours.bill is not None
    assert free.bill.amount_of(LineKind.TIME) == D("3.00")  # 20:00 to 22:00 less half an hour
    assert ours.bill.amount_of(LineKind.TIME) == D("0.00")


def test_what_is_given_back_in_the_same_intervals_is_credited() -> None:
    given = ((T0, 5.0), (T0 + 2 * HOUR_S, 5.0), (T0 + 3 * HOUR_S, 7.0), (T0 + 4 * HOUR_S, 7.0))
    draft = drafted(replace(STAY, given=given), OFFER, RULES)
    assert draft.bill is not None
    assert [(line.category, line.amount) for line in draft.bill.lines if line.kind is LineKind.V2G_CREDIT] == [("sharp", D("-2.41"))]
    assert sum(use.given_kwh for use in draft.uses) == pytest.approx(2.0)
    assert receipt_of(draft, draft.bill, OFFER, Notes()).given_kwh == D("2.000")


@given(st.lists(st.floats(0.0, 1.8), min_size=1, max_size=60), st.floats(0.0, 1e5))
def test_the_energy_lines_sum_to_the_registers(steps: list[float], first: float) -> None:
    """Whatever the readings: to the watt-hour thousandth, nothing is lost between the prices."""
    kwh = [round(first, 3)]
    for step in steps:
        kwh.append(round(kwh[-1] + step, 3))
    end_s = T0 + 900.0 * len(steps)
    samples = tuple((T0 + 900.0 * k, value) for k, value in enumerate(kwh))
    stay = replace(STAY, ended_s=end_s, known_s=end_s, begin_kwh=kwh[0], end_kwh=kwh[-1], samples=samples)
    draft = drafted(stay, OFFER, RULES)
    assert draft.bill is not None
    assert draft.bill.energy_kwh == pytest.approx(D(repr(kwh[-1])) - D(repr(kwh[0])), abs=D("0.000001"))
    assert draft.bill.total == sum((line.amount for line in draft.bill.lines), start=D(0))


def test_a_doubtful_session_is_held_until_corrected() -> None:
    bad = replace(STAY, begin_kwh=0.0)
    held = drafted(bad, OFFER, RULES)
    assert held.bill is None
    assert [finding.code for finding in held.findings] == ["guard.begin-at-zero"]
    assert drafted(bad, OFFER, RULES, accepted=True).bill is None  # nobody can accept that as it stands
    mended = drafted(corrected(bad, Correction("pile's display", begin_kwh=1000.0)), OFFER, RULES, accepted=True)
    whole = drafted(STAY, OFFER, RULES)
    assert mended.bill is not None
    assert whole.bill is not None
    assert mended.bill.lines == whole.bill.lines


def test_a_code_of_the_station_can_be_accepted_by_a_person() -> None:
    odd = replace(STAY, suspect=(("clock", "its clock was off"),))
    assert drafted(odd, OFFER, RULES).bill is None
    accepted = drafted(corrected(odd, Correction("looked at it")), OFFER, RULES, accepted=True)
    assert accepted.bill is not None
    gap = replace(STAY, samples=())
    assert [f.code for f in drafted(gap, OFFER, RULES).findings] == ["guard.gap"]
    told = drafted(gap, OFFER, RULES, accepted=True)
    assert [(f.code, f.severity, f.advice) for f in told.findings] == [("guard.gap", "warning", "accepted by a person")]


def test_times_and_registers_can_be_set_right() -> None:
    lost = replace(STAY, started_s=T0 - 20 * 365 * 86400.0, begin_kwh=None)
    mended = corrected(lost, Correction("camera", started_s=T0 + HOUR_S, begin_kwh=1007.0))
    draft = drafted(mended, OFFER, RULES, accepted=True)
    assert draft.bill is not None
    assert draft.bill.energy_kwh == D("7.000000")
    assert draft.stay.started_s == T0 + HOUR_S


def test_no_currency_in_common_holds_the_session() -> None:
    draft = drafted(STAY, replace(OFFER, contract=Contract("x", "EUR")), RULES)
    assert draft.bill is None
    assert [finding.code for finding in draft.findings] == ["bill.currency"]


def test_cost_so_far_knows_no_overstay() -> None:
    running = replace(STAY, ended_s=None, end_kwh=1014.0)
    early, late = (so_far(running, OFFER, T0 + hours * HOUR_S) for hours in (2.0, 3.5))
    assert early.total == late.total == D("21.57")
    assert so_far(replace(running, begin_kwh=None, end_kwh=None, samples=()), OFFER, T0 + 60.0).total == 0


def test_contracts_without_a_tariff_of_their_own() -> None:
    fixed = Offer(
        Contract("fixed", "EUR", energy=D("0.50")), clock_only("EUR", "Europe/Berlin"), Named("f", 1, 0.0), Named("", 0, 0.0), "site"
    )
    draft = drafted(STAY, fixed, RULES)
    assert draft.bill is not None
    assert draft.bill.total == D("7.00")
    assert energy_only(TARIFF).v2g == ByTariff()


def test_a_session_that_runs_has_no_bill() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        drafted(replace(STAY, ended_s=None), OFFER, RULES)


@pytest.mark.parametrize(("token", "shown"), [("04A2B9C1", "****B9C1"), ("ABCD", "ABCD"), ("", "")])
def test_a_token_is_shown_by_its_end(token: str, shown: str) -> None:
    assert masked(replace(STAY, token=token)) == shown


@pytest.mark.parametrize(("day", "night_kwh"), [("2025-03-30", 5.0), ("2025-10-26", 7.0), ("2025-06-01", 6.0)])
def test_nights_on_which_the_clock_changes(day: str, night_kwh: float) -> None:
    """One kWh an hour from local midnight to six: five, seven or six hours of night really passed."""
    zone = "Europe/Berlin"
    start_s = epoch_s(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)))
    periods = [
        {"category": "night", "start": "00:00", "end": "06:00", "price_per_kwh": 0.2},
        {"category": "day", "start": "06:00", "end": "24:00", "price_per_kwh": 0.4},
    ]
    tariff = tariff_of_document({"currency": "EUR", "zone": zone, "periods": periods})
    end_s = start_s + 8 * HOUR_S
    samples = tuple((start_s + 900.0 * k, 0.25 * k) for k in range(33))
    stay = Stay("A:1", started_s=start_s, ended_s=end_s, known_s=end_s, begin_kwh=0.0, end_kwh=8.0, samples=samples, rating_kw=7.4)
    draft = drafted(stay, replace(OFFER, contract=Contract("x", "EUR"), tariff=tariff), RULES)
    assert [(use.category, use.charged_kwh) for use in draft.uses] == [("night", night_kwh), ("day", 8.0 - night_kwh)]
