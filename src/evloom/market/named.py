"""Tariffs that ship with the product, each a table of facts with its source and date."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from evloom.market.period import ALL_MONTHS, Days, Period
from evloom.market.place import Place
from evloom.market.tariff import DemandCharge, Terms, TouTariff, tou_tariff

# (category, start hour, end hour, price per kWh)
_Hours = tuple[tuple[str, int, int, float], ...]


@dataclass(frozen=True, slots=True)
class NamedTariff:
    """Facts as published. `blocks` are (season, months, days, hours); prices per kWh in `currency`, before tax unless noted."""

    currency: str
    zone: str
    source: str
    date: str
    note: str
    blocks: tuple[tuple[str, frozenset[int], Days, _Hours], ...]
    demand_per_kw_month: float | None = None


_SUMMER = frozenset({6, 7, 8, 9})
_WINTER = ALL_MONTHS - _SUMMER

NAMED_TARIFFS: dict[str, NamedTariff] = {
    "zhejiang-jiaxing-2025": NamedTariff(
        currency="CNY",
        zone="Asia/Shanghai",
        source="time-of-use table of the Jiaxing charging-transaction data set, Scientific Data 2025, figshare 28182251",
        date="2025",
        note="with a valley at noon; the source names no levels (valley, peak, sharp are ours) and does not speak of tax",
        blocks=(
            (
                "all",
                ALL_MONTHS,
                "all",
                (
                    ("valley", 0, 8, 0.3784),
                    ("peak", 8, 11, 0.9014),
                    ("valley", 11, 13, 0.3784),
                    ("peak", 13, 19, 0.9014),
                    ("sharp", 19, 21, 1.2064),
                    ("peak", 21, 22, 0.9014),
                    ("valley", 22, 24, 0.3784),
                ),
            ),
        ),
    ),
    "sce-tou-ev-4-2019": NamedTariff(
        currency="USD",
        zone="America/Los_Angeles",
        source="Southern California Edison, Schedule TOU-EV-4 (sheet CE141-12), as tabulated by acnportal (sce_tou_ev_4_march_2019.json)",
        date="2019-03-01",
        note="demand charge on the highest 15 minutes of the month; public holidays are not told apart",
        blocks=(
            (
                "summer",
                _SUMMER,
                "weekdays",
                (
                    ("off-peak", 23, 8, 0.05623),
                    ("mid-peak", 8, 12, 0.0925),
                    ("on-peak", 12, 18, 0.26668),
                    ("mid-peak", 18, 23, 0.0925),
                ),
            ),
            ("summer", _SUMMER, "weekend", (("off-peak", 0, 24, 0.05623),)),
            (
                "winter",
                _WINTER,
                "weekdays",
                (
                    ("off-peak", 23, 8, 0.06087),
                    ("mid-peak", 8, 12, 0.07492),
                    ("on-peak", 12, 18, 0.0869),
                    ("mid-peak", 18, 23, 0.07492),
                ),
            ),
            ("winter", _WINTER, "weekend", (("off-peak", 0, 24, 0.06087),)),
        ),
        demand_per_kw_month=15.51,
    ),
}


def named_terms(name: str) -> Terms:
    """The terms of a packaged tariff. Raises KeyError for an unknown name."""
    facts = NAMED_TARIFFS[name]
    demand = None if facts.demand_per_kw_month is None else DemandCharge(facts.demand_per_kw_month)
    return Terms(name, facts.currency, ZoneInfo(facts.zone), demand, source=f"{facts.source}, {facts.date}")


def named_periods(name: str) -> list[Period]:
    """The periods of a packaged tariff. Raises KeyError for an unknown name."""
    return [
        Period(category, start * 60, end * 60, price, months, days, season)
        for season, months, days, hours in NAMED_TARIFFS[name].blocks
        for category, start, end, price in hours
    ]


def named_tariff(name: str) -> TouTariff:
    """A packaged tariff by its name, a key of NAMED_TARIFFS. Raises KeyError for an unknown name."""
    return tou_tariff(named_terms(name), named_periods(name), Place(name, "", lambda _: None))
