"""Which version and whose contract holds at an instant, and what a kWh costs by the hour."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from evloom.kernel.timegrid import epoch_s, from_epoch_s
from evloom.market.contract import ByTariff, Contract
from evloom.market.named import named_tariff
from evloom.market.offer import Assigned, Named, Scope, assigned_at, price_by_hour, version_at, with_tax_of
from evloom.market.period import Period
from evloom.market.place import Place
from evloom.market.tariff import Terms, TouTariff, tou_tariff

D = Decimal
SHANGHAI = ZoneInfo("Asia/Shanghai")
TARIFF = named_tariff("zhejiang-jiaxing-2025")
WHO: dict[Scope, str] = {"driver": "d1", "site": "s1", "organisation": "o"}


@pytest.mark.parametrize(("at_s", "expected"), [(-1.0, None), (0.0, 1), (99.0, 1), (100.0, 3), (250.0, 3), (300.0, 4)])
def test_the_version_that_began_last_holds(at_s: float, expected: int | None) -> None:
    """Version 3 takes the place of 2, which was to begin at the same instant; 4 begins later."""
    versions = [Named("t", 1, 0.0), Named("t", 2, 100.0), Named("t", 3, 100.0), Named("t", 4, 300.0)]
    found = version_at(versions, at_s)
    assert (found.version if found else None) == expected


def test_driver_before_site_before_organisation() -> None:
    rows = [
        Assigned("organisation", "o", "standard", 0.0, 1),
        Assigned("site", "s1", "orderly", 100.0, 2),
        Assigned("driver", "d1", "v2g", 200.0, 3),
        Assigned("driver", "d1", "", 300.0, 4),
        Assigned("driver", "d2", "other", 0.0, 5),
    ]
    found = [assigned_at(rows, WHO, at_s) for at_s in (50.0, 150.0, 250.0, 350.0)]
    assert [a.terms_id if a else "" for a in found] == ["standard", "orderly", "v2g", "orderly"]
    assert assigned_at(rows, {"driver": "", "site": "", "organisation": "x"}, 350.0) is None


def test_a_driver_without_an_id_has_no_contract() -> None:
    assert assigned_at([Assigned("driver", "", "free", 0.0, 1)], {"driver": "", "organisation": "o"}, 1.0) is None


def test_prices_of_a_day_by_the_hour() -> None:
    contract = Contract("v2g", "CNY", service_per_kwh=D("0.40"), v2g=ByTariff(D("1.2")), tax_share=D("0.06"))
    rows = price_by_hour(contract, TARIFF, epoch_s(datetime(2025, 6, 2, 18, 40, tzinfo=SHANGHAI)), 24)
    assert len(rows) == 24
    assert [from_epoch_s(r.start_s).astimezone(SHANGHAI).hour for r in rows] == [*range(18, 24), *range(18)]
    assert (rows[0].category, rows[0].energy_per_kwh, rows[0].total_per_kwh) == ("peak", D("0.9014"), D("1.3014") * D("1.06"))
    assert (rows[1].category, rows[1].v2g_per_kwh) == ("sharp", D("1.2064") * D("1.2"))
    assert sum(r.category == "valley" for r in rows) == 12


def test_a_change_within_an_hour_gives_a_row_of_its_own() -> None:
    place = Place("t", "", lambda _: None)
    half = tou_tariff(Terms("t", "EUR", ZoneInfo("UTC")), [Period("a", 0, 390, 0.1), Period("b", 390, 1440, 0.3)], place)
    rows = price_by_hour(Contract("x", "EUR", tax_share=D("0.2"), tax_included=True), half, 6 * 3600.0, 1)
    assert [(r.start_s, r.category, r.total_per_kwh) for r in rows] == [(21600.0, "a", D("0.1")), (23400.0, "b", D("0.3"))]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_days_on_which_the_clock_changes(day: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    flat = tou_tariff(Terms("t", "EUR", zone), [Period("a", 0, 1440, 0.1)], Place("t", "", lambda _: None))
    rows = price_by_hour(Contract("x", "EUR"), flat, epoch_s(datetime.fromisoformat(day).replace(tzinfo=zone)), hours)
    assert len(rows) == hours
    last = from_epoch_s(rows[-1].start_s + 3600.0).astimezone(zone)
    assert (last.hour, last.day) == (0, int(day[-2:]) + 1 if day != "2025-03-30" else 31)


def taxed(tax_share: float) -> TouTariff:
    terms = Terms("t", "EUR", ZoneInfo("UTC"), tax_share=tax_share)
    return tou_tariff(terms, [Period("a", 0, 1440, 0.1)], Place("t", "", lambda _: None))


def test_a_contract_silent_about_tax_bears_the_tariff_s() -> None:
    contract = Contract("x", "EUR")
    assert with_tax_of(contract, {"name": "x"}, taxed(0.19)).tax_share == D("0.19")
    assert with_tax_of(contract, {"name": "x", "tax_share": 0}, taxed(0.19)).tax_share == 0
