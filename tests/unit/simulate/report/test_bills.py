"""Bills of a run: they hold the energy of the meters, and the CSV adds up to the cent."""

import csv
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import TimeGrid
from evloom.market.bill import LineKind
from evloom.market.tariff import SeriesTariff
from evloom.simulate.bills import contract_of, meter_series, session_bills, totals, write_bills
from evloom.simulate.run import run_policy


def kwh(bill, kind):
    return float(sum((line.quantity for line in bill.lines if line.kind is kind), start=Decimal(0)))


def test_the_energy_of_every_bill_is_what_the_car_got(study):
    stage, runs, _ = study
    assert runs[2].track.out_kwh.sum() > 1.0  # else the credit below is not tested
    for run in runs:
        for row, bill in enumerate(session_bills(stage, run)):
            net_kwh = kwh(bill, LineKind.ENERGY) - kwh(bill, LineKind.V2G_CREDIT)
            assert net_kwh == pytest.approx(run.track.in_kwh[row] - run.track.out_kwh[row], abs=0.5e-6 * len(bill.lines) + 1e-9)


def test_the_meters_of_a_whole_site_sum_to_what_it_delivered(community):
    stage, run = community
    metered_kwh = sum(float(meter_series(stage, run, row).energy_kwh.sum()) for row in range(len(stage.session)))
    assert metered_kwh == pytest.approx(float((run.track.in_kwh - run.track.out_kwh).sum()), abs=1e-6)
    billed_kwh = sum(float(bill.energy_kwh) for bill in session_bills(stage, run))
    n_line = sum(len(bill.lines) for bill in session_bills(stage, run))
    assert billed_kwh == pytest.approx(metered_kwh, abs=0.5e-6 * n_line)


def test_a_bill_by_hand_over_two_prices(study):
    """Plugged in at 17:07 at 7.36 kW with 20 kWh to take: all of it before 22:00, so at the day's price, and 19 % on top."""
    stage, runs, _ = study
    bill = session_bills(stage, runs[0])[3]
    assert [(line.label, line.amount) for line in bill.lines] == [("energy day", Decimal("8.00")), ("tax", Decimal("1.52"))]
    assert bill.total == Decimal("9.52")


def test_meter_intervals_lie_inside_the_stay(study):
    stage, runs, _ = study
    for row in range(len(stage.session)):
        edges_s = meter_series(stage, runs[0], row).edges_s
        assert edges_s[0] == stage.cars.arrival_s[row]
        assert edges_s[-1] == stage.cars.departure_s[row]
        assert (np.diff(edges_s) > 0).all()


def test_without_a_contract_the_tariff_holds_in_both_directions(study):
    stage, runs, _ = study
    contract = contract_of(stage)
    assert (contract.name, contract.currency, contract.tax_share) == ("day and night", "EUR", Decimal("0.19"))
    giver = session_bills(stage, runs[2])[4]
    for line in giver.lines:
        if line.kind is LineKind.V2G_CREDIT:
            assert -line.unit_price in (Decimal("0.1"), Decimal("0.4"))


def test_the_csv_adds_up(community, tmp_path):
    stage, run = community
    path = tmp_path / "bills.csv"
    total = write_bills(path, stage, run)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [row for row in rows if row["kind"] != "total"]
    of_sessions = [row for row in rows if row["kind"] == "total" and row["session_id"]]
    assert [row["session_id"] for row in of_sessions] == stage.scenario.sessions.session_id
    assert sum(Decimal(row["amount"]) for row in lines) == sum(Decimal(row["amount"]) for row in of_sessions) == total
    assert rows[-1]["session_id"] == ""
    assert Decimal(rows[-1]["amount"]) == total
    for row in of_sessions[:20]:
        own = [Decimal(line["amount"]) for line in lines if line["session_id"] == row["session_id"]]
        assert sum(own) == Decimal(row["amount"])
    assert {row["kind"] for row in lines} == {"energy", "service"}
    assert rows[0]["arrival"].endswith("+08:00")


def test_sums_by_kind_are_those_of_the_lines(community):
    stage, run = community
    bills = session_bills(stage, run)
    by_kind = totals(bills, "CNY")
    assert sum(by_kind.values()) == sum(bill.total for bill in bills)
    assert by_kind[LineKind.SERVICE] > 0 == by_kind[LineKind.TAX]


def test_prices_that_end_too_early_are_named_for_every_session(make_stage):
    stage = make_stage()
    run = run_policy(stage, "uncontrolled", "cost")
    grid = TimeGrid(stage.grid.start, 3600, 19)  # until 19:00 of the first day: the car at A1 charges on, another comes a day later
    prices = SeriesTariff(stage.scenario.tariff.terms, Signal("price", "EUR/kWh", grid, np.full(19, 0.2)))
    cut = replace(stage, scenario=replace(stage.scenario, tariff=prices))
    with pytest.raises(InputError) as caught:
        session_bills(cut, run)
    assert [finding.code for finding in caught.value.findings] == ["tariff.series-too-short"] * 2
