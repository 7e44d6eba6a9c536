"""Contracts as scenario files write them."""

import tomllib
from decimal import Decimal

import pytest

from evloom.kernel.errors import InputError
from evloom.market.contract import ByTariff, Contract, Counts, DayWindow, TimeFee
from evloom.market.contract_mapping import contract_from_mapping

D = Decimal


def read(toml: str) -> Contract:
    return contract_from_mapping(tomllib.loads(toml), "s.toml", lambda path: 9 if path.endswith("counts") else None)


def test_the_shortest_contract_passes_the_tariff_on() -> None:
    assert read('currency = "CNY"') == Contract("contract", "CNY")


def test_every_rule_can_be_written_and_prices_stay_as_written() -> None:
    contract = read(
        'name = "v2g"\ncurrency = "CNY"\nenergy_tariff_share = 0.9\nservice_per_kwh = 0.35\nsession_fee = 1\nv2g_price_per_kwh = 0.8\n'
        "tax_share = 0.06\ntax_included = true\nwaived_if_no_energy = true\n"
        '[[time_fees]]\nlabel = "overstay"\nprice_per_h = 2.1\ncounts = "after-charging"\nfree_h = 0.25\nstep_s = 300\nfee_min = 0.5\n'
        'fee_max = 30\nstart = "07:00"\nend = 22:00:00\n[[time_fees]]\nprice_per_h = 0.1\n'
    )
    overstay = TimeFee("overstay", D("2.1"), Counts.AFTER_CHARGING, D("0.25"), 300, D("0.5"), D(30), DayWindow(420, 1320))
    parking = TimeFee("connected", D("0.1"), Counts.CONNECTED)
    assert contract == Contract("v2g", "CNY", ByTariff(D("0.9")), D("0.35"), D(1), (overstay, parking), D("0.8"), D("0.06"), True, True)
    assert str(contract.service_per_kwh) == "0.35"


@pytest.mark.parametrize(
    ("toml", "codes"),
    [
        ("", ["contract.currency"]),
        ('currency = "CNY"\nservice = 1', ["contract.unknown-key"]),
        ('currency = "CNY"\nservice_per_kwh = nan\nsession_fee = "1"\ntax_share = 6', ["contract.number"] * 3),
        ('currency = "CNY"\ntax_included = "yes"', ["contract.flag"]),
        ('currency = "CNY"\nenergy_price_per_kwh = 1\nenergy_tariff_share = 1', ["contract.two-prices"]),
        ('currency = "CNY"\ntime_fees = 3', ["contract.time-fees"]),
        (
            'currency = "CNY"\n[[time_fees]]\nprice_per_h = 1\nfee_min = 3\nfee_max = 2\nstart = "7"',
            ["contract.fee-bounds", *["contract.time"] * 2],
        ),
        ('currency = "CNY"\n[[time_fees]]\nlabel = "x"\nstep_s = 0.5\ncolour = 1', ["contract.unknown-key", *["contract.number"] * 2]),
    ],
)
def test_all_mistakes_at_once(toml: str, codes: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read(toml)
    assert [f.code for f in caught.value.findings] == codes


def test_a_mistake_in_a_fee_points_at_its_line() -> None:
    with pytest.raises(InputError) as caught:
        read('currency = "CNY"\n[[time_fees]]\nprice_per_h = 1\ncounts = "parked"')
    (finding,) = caught.value.findings
    assert (finding.row, finding.field, finding.value) == (9, "contract.time_fees[0].counts", "parked")
    assert finding.allowed == "connected | charging | after-charging"


def test_a_window_of_the_whole_day_is_no_window() -> None:
    assert read('currency = "CNY"\n[[time_fees]]\nprice_per_h = 1\nstart = "00:00"\nend = "24:00"').time_fees[0].window is None
