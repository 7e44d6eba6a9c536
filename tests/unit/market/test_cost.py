"""What a load costs: energy by step, demand by local month."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.timegrid import TimeGrid
from evloom.market.cost import demand_months, energy_cost_on
from evloom.market.named import named_tariff
from evloom.market.period import Period
from evloom.market.place import Place
from evloom.market.tariff import DemandCharge, Terms, TouTariff, tou_tariff


def flat(demand: DemandCharge | None, export_price_per_kwh: float | None = None, tax_share: float = 0.0) -> TouTariff:
    terms = Terms("t", "USD", ZoneInfo("America/Los_Angeles"), demand, export_price_per_kwh, tax_share)
    return tou_tariff(terms, [Period("flat", 0, 1440, 0.30)], Place("t", "", lambda _: None))


GRID = TimeGrid(datetime(2025, 6, 1, 7, tzinfo=UTC), 900, 4)


def test_import_pays_and_export_earns() -> None:
    power_kw = np.array([8.0, -8.0, 0.0, 4.0])
    assert energy_cost_on(flat(None, 0.10), GRID, power_kw) == pytest.approx([0.6, -0.2, 0.0, 0.3])
    assert energy_cost_on(flat(None), GRID, power_kw) == pytest.approx([0.6, 0.0, 0.0, 0.3])


def test_the_demand_charge_takes_the_highest_mean_not_the_highest_moment() -> None:
    minutes = TimeGrid(GRID.start, 60, 60)
    power_kw = np.zeros(60)
    power_kw[20] = 150.0
    power_kw[30:45] = 11.0
    (month,) = demand_months(flat(DemandCharge(10.0), tax_share=0.1), minutes, power_kw)
    assert (month.year, month.month, month.at) == (2025, 6, minutes.at(30))
    assert [month.peak_kw, month.cost] == pytest.approx([11.0, 121.0])


def test_months_are_local_months() -> None:
    grid = TimeGrid(datetime(2025, 7, 1, 5, tzinfo=UTC), 3600, 4)  # 22:00 on 30 June to 02:00 on 1 July in Los Angeles
    months = demand_months(flat(DemandCharge(1.0)), grid, np.array([1.0, 5.0, 3.0, 2.0]))
    assert [m.month for m in months] == [6, 7]
    assert [m.peak_kw for m in months] == pytest.approx([5.0, 3.0])


def test_export_makes_no_demand_and_no_charge_no_months() -> None:
    (month,) = demand_months(flat(DemandCharge(1.0)), GRID, np.full(4, -5.0))
    assert month.peak_kw == 0.0
    assert demand_months(flat(None), GRID, np.ones(4)) == ()


def test_the_packaged_demand_charge() -> None:
    (month,) = demand_months(named_tariff("sce-tou-ev-4-2019"), GRID, np.array([10.0, 20.0, 5.0, 0.0]))
    assert month.cost == pytest.approx(20.0 * 15.51)


@given(st.lists(st.floats(0.0, 500.0), min_size=4, max_size=48), st.sampled_from([300, 900, 1800]))
def test_a_longer_interval_never_costs_more(power_kw: list[float], step_s: int) -> None:
    grid = TimeGrid(datetime(2025, 6, 2, tzinfo=UTC), step_s, len(power_kw))
    short, long = (demand_months(flat(DemandCharge(1.0, s)), grid, np.array(power_kw))[0].cost for s in (900, 3600))
    assert long <= short + 1e-9
    assert short <= max(power_kw) + 1e-9


def test_an_hour_cut_by_the_start_of_the_month_belongs_to_the_month_that_is_seen() -> None:
    """Kolkata is 5:30 ahead of UTC: its month begins within an hour of the UTC clock."""
    terms = Terms("t", "INR", ZoneInfo("Asia/Kolkata"), DemandCharge(1.0, 3600))
    tariff = tou_tariff(terms, [Period("flat", 0, 1440, 5.0)], Place("t", "", lambda _: None))
    grid = TimeGrid(datetime(2025, 7, 1, tzinfo=ZoneInfo("Asia/Kolkata")), 900, 6)
    (month,) = demand_months(tariff, grid, np.full(6, 8.0))
    assert (month.year, month.month) == (2025, 7)
    assert [month.peak_kw, month.cost] == pytest.approx([8.0, 8.0])
