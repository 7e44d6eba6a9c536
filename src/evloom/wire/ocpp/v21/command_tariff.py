"""Tariffs for stations in the words of OCPP 2.1: prices without tax, taxes in percent, powers in watts, energies in watt-hours."""

from evloom.pile.tariff_offer import OfferedPrice, PriceWhen, TariffOffer
from evloom.wire.ocpp.phrase import Payload, given, when


def tariff_payload(tariff: TariffOffer) -> Payload:
    """A tariff."""
    text = None
    if tariff.text:
        text = [given(format="UTF8", language=tariff.language, content=tariff.text)]
    return given(
        tariffId=tariff.tariff_id,
        currency=tariff.currency,
        description=text,
        energy=_prices(tariff, tariff.per_kwh, "priceKwh"),
        chargingTime=_prices(tariff, tariff.per_minute_charging, "priceMinute"),
        idleTime=_prices(tariff, tariff.per_minute_idle, "priceMinute"),
        fixedFee=_prices(tariff, tariff.fixed, "priceFixed"),
        reservationTime=_prices(tariff, tariff.per_minute_reserved, "priceMinute"),
        reservationFixed=_prices(tariff, tariff.fixed_reservation, "priceFixed"),
        minCost=None if tariff.least is None else {"exclTax": tariff.least},
        maxCost=None if tariff.most is None else {"exclTax": tariff.most},
        validFrom=when(tariff.valid_from_s),
    )


def _prices(tariff: TariffOffer, prices: tuple[OfferedPrice, ...], name: str) -> Payload | None:
    if not prices:
        return None
    listed = [_price(price, name) for price in prices]
    taxes = tuple({"type": tax.name, "tax": round(tax.share * 100.0, 6)} for tax in tariff.taxes)
    return given(prices=listed, taxRates=taxes)


def _price(price: OfferedPrice, name: str) -> Payload:
    conditions = None if price.when is None else (_conditions(price.when) or None)
    return given(**{name: price.amount}, conditions=conditions)


def _conditions(at: PriceWhen) -> Payload:
    return given(
        startTimeOfDay=at.from_time,
        endTimeOfDay=at.to_time,
        dayOfWeek=at.days,
        validFromDate=at.from_date,
        validToDate=at.to_date,
        evseKind=at.evse_kind,
        minEnergy=_thousand(at.energy_min_kwh),
        maxEnergy=_thousand(at.energy_max_kwh),
        minCurrent=at.current_min_a,
        maxCurrent=at.current_max_a,
        minPower=_thousand(at.power_min_kw),
        maxPower=_thousand(at.power_max_kw),
        minTime=at.stay_min_s,
        maxTime=at.stay_max_s,
        minChargingTime=at.charging_min_s,
        maxChargingTime=at.charging_max_s,
        minIdleTime=at.idle_min_s,
        maxIdleTime=at.idle_max_s,
        paymentBrand=at.brand,
        paymentRecognition=at.recognition,
    )


def _thousand(value: float | None) -> float | None:
    return None if value is None else value * 1000.0
