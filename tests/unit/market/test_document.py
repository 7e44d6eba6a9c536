"""Documents of tariffs and contracts: read exactly, refused with every fault at once."""

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from evloom.kernel.errors import InputError
from evloom.market.contract import ByTariff, Counts, DayWindow, TimeFee
from evloom.market.document import contract_of_document, tariff_of_document
from evloom.market.named import named_tariff
from evloom.market.named_contracts import NAMED_CONTRACTS

D = Decimal
DAY = {"category": "day", "start": "06:00", "end": "22:00", "price_per_kwh": 0.9}
NIGHT = {"category": "night", "start": "22:00", "end": "06:00", "price_per_kwh": 0.4}
TARIFF: dict[str, object] = {"currency": "CNY", "zone": "Asia/Shanghai", "periods": [DAY, NIGHT]}
CONTRACT: dict[str, object] = {"name": "orderly", "currency": "CNY", "service_price_per_kwh": "0.40"}


def faults(read: Callable[[dict[str, object]], object], document: dict[str, object]) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as error:
        read(document)
    assert all(finding.advice and finding.allowed for finding in error.value.findings)
    return [(finding.code, finding.field) for finding in error.value.findings]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"currency": None}, [("tariff.currency", "currency")]),
        ({"currency": "yuan"}, [("tariff.currency", "currency")]),
        ({"zone": "Mars/Olympus"}, [("tariff.zone", "zone")]),
        ({"periods": [DAY]}, [("tariff.hole", "periods"), ("tariff.hole", "periods")]),
        ({"periods": [DAY, NIGHT, {**DAY, "start": "21:00", "end": "22:00"}]}, [("tariff.overlap", "periods")]),
        ({"periods": [{**DAY, "price_per_kwh": -0.1}, NIGHT]}, [("tariff.negative-price", "periods[0].price_per_kwh")]),
        ({"periods": [{**DAY, "price_per_kwh": "0,9"}, NIGHT]}, [("tariff.price-not-a-number", "periods[0].price_per_kwh")]),
        ({"periods": [{**DAY, "months": [0, 13]}, NIGHT]}, [("tariff.months", "periods[0].months")]),
        ({"periods": "<script>"}, [("tariff.periods", "periods")]),
        ({"file": "/etc/passwd"}, [("tariff.unknown-key", "file")]),
        ({"colour": "red"}, [("tariff.unknown-key", "colour")]),
        ({"negative_prices": "yes"}, [("tariff.flag", "negative_prices")]),
        ({"tax_share": 6}, [("tariff.number", "tax_share")]),
    ],
)
def test_a_tariff_with_a_fault(change: dict[str, object], expected: list[tuple[str, str]]) -> None:
    document = {key: value for key, value in {**TARIFF, **change}.items() if value is not None}
    assert faults(tariff_of_document, document) == expected


def test_all_faults_of_a_tariff_are_told_at_once() -> None:
    document: dict[str, object] = {"zone": "?", "periods": [{**DAY, "price_per_kwh": -1}, {**NIGHT, "days": "Sunday"}]}
    assert [code for code, _ in faults(tariff_of_document, document)] == [
        "tariff.negative-price",
        "tariff.currency",
        "tariff.zone",
        "tariff.days",
    ]


def test_a_packaged_tariff_by_its_name() -> None:
    assert tariff_of_document({"name": "zhejiang-jiaxing-2025"}).periods == named_tariff("zhejiang-jiaxing-2025").periods


def test_prices_below_zero_where_they_are_meant() -> None:
    tariff = tariff_of_document({**TARIFF, "periods": [{**DAY, "price_per_kwh": -0.1}, NIGHT], "negative_prices": True})
    assert min(p.price_per_kwh for p in tariff.periods) == -0.1


def test_a_whole_contract() -> None:
    contract = contract_of_document(
        {
            "name": " V2G ",
            "currency": "CNY",
            "energy_tariff_share": 0.95,
            "service_price_per_kwh": 0.1,
            "session_fee": "1.00",
            "tax_share": "0.06",
            "tax_included": True,
            "v2g_price_per_kwh": "1.2",
            "waived_if_no_energy": True,
            "time_fees": [
                {"label": "overstay", "price_per_h": 2, "free_h": "0.25", "window_from": "07:00", "window_to": "22:00", "fee_max": 20}
            ],
        }
    )
    assert (contract.name, contract.energy, contract.v2g) == ("V2G", ByTariff(D("0.95")), D("1.2"))
    assert contract.service_per_kwh == D("0.1")  # as it was written, not its binary neighbour
    window = DayWindow(420, 1320)
    assert contract.time_fees == (TimeFee("overstay", D(2), Counts.AFTER_CHARGING, free_h=D("0.25"), fee_max=D(20), window=window),)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"currency": None}, "contract.currency", "currency"),
        ({"currency": 3}, "contract.currency", "currency"),
        ({"name": ""}, "contract.name", "name"),
        ({"service_price_per_kwh": -1}, "contract.negative-price", "service_price_per_kwh"),
        ({"service_price_per_kwh": "NaN"}, "contract.number", "service_price_per_kwh"),
        ({"service_price_per_kwh": 1e300}, "contract.number", "service_price_per_kwh"),
        ({"service_price_per_kwh": True}, "contract.number", "service_price_per_kwh"),
        ({"session_fee": "0.005"}, "contract.minor-unit", "session_fee"),
        ({"tax_share": 1.5}, "contract.number", "tax_share"),
        ({"tax_included": "no"}, "contract.flag", "tax_included"),
        ({"v2g_tariff_share": 1, "v2g_price_per_kwh": 1}, "contract.two-prices", "v2g_price_per_kwh"),
        ({"time_fees": {}}, "contract.time-fees", "time_fees"),
        ({"time_fees": [{"label": "x"}]}, "contract.number", "time_fees[0].price_per_h"),
        ({"time_fees": [{"label": "", "price_per_h": 1}]}, "contract.label", "time_fees[0].label"),
        ({"time_fees": [{"label": "x", "price_per_h": 1, "counts": "always"}]}, "contract.counts", "time_fees[0].counts"),
        ({"time_fees": [{"label": "x", "price_per_h": 1, "step_s": -5}]}, "contract.step", "time_fees[0].step_s"),
        ({"time_fees": [{"label": "x", "price_per_h": 1, "window_from": "25:00"}]}, "contract.time", "time_fees[0].window_from"),
        ({"time_fees": [{"label": "x", "price_per_h": 1, "fee_min": 3, "fee_max": 2}]}, "contract.fee-bounds", "time_fees[0].fee_min"),
        ({"tarif": "x"}, "contract.unknown-key", "tarif"),
    ],
)
def test_a_contract_with_a_fault(change: dict[str, object], code: str, field: str) -> None:
    document = {key: value for key, value in {**CONTRACT, **change}.items() if value is not None}
    assert faults(contract_of_document, document) == [(code, field)]


@pytest.mark.parametrize("name", NAMED_CONTRACTS)
def test_packaged_contracts_are_right(name: str) -> None:
    assert contract_of_document({"name": name}) == contract_of_document(dict(NAMED_CONTRACTS[name]))


def _province(folder: Path, province: str, season: str) -> list[dict[str, object]]:
    with (folder / "cn_tou_2024_UNVERIFIED.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["province"] == province and row["season"] in (season, "all")]
    return [{**{k: row[k] for k in ("category", "start", "end")}, "price_per_kwh": row["price_cny_per_kwh"]} for row in rows]


def test_published_tables_as_documents(data_dir: Callable[[str], Path]) -> None:
    """The Jiaxing table is whole; Guangdong outside summer has no price from 15:00 to 17:00, and is refused with that."""
    folder = data_dir("tariffs_china")
    with (folder / "zhejiang_jiaxing_tou.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [(*row["period"].split("-"), float(row["price_cny_per_kwh"])) for row in csv.DictReader(file)]
    periods = [{"category": f"{price}", "start": start, "end": end, "price_per_kwh": price} for start, end, price in rows]
    tariff = tariff_of_document({**TARIFF, "periods": periods})
    assert sorted({p.price_per_kwh for p in tariff.periods}) == [0.3784, 0.9014, 1.2064]
    with pytest.raises(InputError) as error:
        tariff_of_document({**TARIFF, "periods": _province(folder, "Guangdong", "non-summer")})
    assert [(f.code, f.value[:11]) for f in error.value.findings] == [("tariff.hole", "15:00-17:00")]
    whole = tariff_of_document({**TARIFF, "periods": _province(folder, "Guangdong", "summer")})
    assert {p.category for p in whole.periods} == {"sharp", "peak", "flat", "valley"}
