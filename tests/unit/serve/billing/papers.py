"""A receipt with everything on it, for the tests of page, paper and sheet."""

from dataclasses import replace
from decimal import Decimal

from evloom.market.contract import ByTariff, Contract, Counts, TimeFee
from evloom.market.guard import GuardRules
from evloom.market.named import named_tariff
from evloom.market.offer import Named, Offer
from evloom.market.receipt import Notes, Receipt, receipt_of
from evloom.market.stay import Stay, drafted

T0 = 1_748_858_400.0  # 2025-06-02 18:00 in Jiaxing
D = Decimal
OFFER = Offer(
    Contract(
        "V2G 有序",
        "CNY",
        service_per_kwh=D("0.40"),
        session_fee=D("1.00"),
        time_fees=(TimeFee("overstay", D("2.00"), Counts.AFTER_CHARGING, free_h=D("0.25")),),
        v2g=ByTariff(D("1.2")),
        tax_share=D("0.06"),
    ),
    named_tariff("zhejiang-jiaxing-2025"),
    Named("v2g", 3, 0.0),
    Named("zhejiang-jiaxing-2025", 0, 0.0),
    "driver",
)
STAY = Stay(
    "JX-007:88213",
    org_name="浙江晚电充电",
    site_name="嘉兴南湖 B2",
    zone="Asia/Shanghai",
    station_id="JX-007",
    evse=2,
    token="04A2B9C1D2E3F4",
    driver_id="d1",
    driver_name="王小明 <b>&",
    started_s=T0,
    ended_s=T0 + 36_000.0,
    known_s=T0 + 36_100.0,
    begin_kwh=12_345.678,
    end_kwh=12_372.878,
    samples=tuple((T0 + 900.0 * k, 12_345.678 + min(k, 16) * 1.7) for k in range(1, 40)),
    given=((T0, 50.0), (T0 + 10_800.0, 50.0), (T0 + 12_600.0, 51.5)),
    rating_kw=7.0,
    discharge_rating_kw=7.0,
    signed=("OCMF|{}|<script>",),
)
WHY = "Transformer 250 kVA bound until 21:40; you leave at 07:00."


def full() -> Receipt:
    """Number 123: energy at two prices, service, session fee, overstay, V2G credit, tax."""
    draft = drafted(STAY, OFFER, GuardRules())
    assert draft.bill is not None
    made = receipt_of(draft, draft.bill, OFFER, Notes((WHY,), "SOH 94 %"))
    return replace(made, number=123, issued_s=T0 + 40_000.0)


def credit() -> Receipt:
    """Number 124: ten back of number 123."""
    bare = replace(full(), lines=(), uses=(), signed=(), notes=Notes(), warnings=())
    return replace(bare, kind="credit", number=124, refers_to=123, reason="cable was dirty", total=D("-10.00"))
