"""What a station is told of prices, so that it can show and count them itself (block I of OCPP 2.1). Our bills are made by `market`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PriceWhen:
    """Conditions under which a price holds; "" and None hold always. Times "HH:MM" and dates "YYYY-MM-DD" are local at the station.

    days "Monday".. "Sunday"; evse_kind "AC" or "DC"; brand, recognition of a payment card
    """

    from_time: str = ""
    to_time: str = ""
    days: tuple[str, ...] = ()
    from_date: str = ""
    to_date: str = ""
    evse_kind: str = ""
    energy_min_kwh: float | None = None
    energy_max_kwh: float | None = None
    current_min_a: float | None = None
    current_max_a: float | None = None
    power_min_kw: float | None = None
    power_max_kw: float | None = None
    stay_min_s: int | None = None
    stay_max_s: int | None = None
    charging_min_s: int | None = None
    charging_max_s: int | None = None
    idle_min_s: int | None = None
    idle_max_s: int | None = None
    brand: str = ""
    recognition: str = ""


@dataclass(frozen=True, slots=True)
class OfferedPrice:
    """An amount without tax, per kWh, per minute or at once, as the place says where it stands."""

    amount: float
    when: PriceWhen | None = None


@dataclass(frozen=True, slots=True)
class OfferedTax:
    """A tax on prices: its name and its rate as a fraction."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class TariffOffer:
    """A tariff as a station knows it. taxes are on every price; least and most bound the total, without tax."""

    tariff_id: str
    currency: str
    per_kwh: tuple[OfferedPrice, ...] = ()
    per_minute_charging: tuple[OfferedPrice, ...] = ()
    per_minute_idle: tuple[OfferedPrice, ...] = ()
    fixed: tuple[OfferedPrice, ...] = ()
    per_minute_reserved: tuple[OfferedPrice, ...] = ()
    fixed_reservation: tuple[OfferedPrice, ...] = ()
    taxes: tuple[OfferedTax, ...] = ()
    least: float | None = None
    most: float | None = None
    text: str = ""
    language: str = ""
    valid_from_s: float | None = None
