"""Charging profiles in the words of OCPP 1.6, both ways."""

from typing import Any

from evloom.pile.profile import STATION_MAX, TX, TX_DEFAULT, ChargingProfile, Period, Schedule
from evloom.wire.ocpp.phrase import Payload, Unsupported, epoch, from_rate, given, rate, rate_unit, when, whole

PURPOSES = {STATION_MAX: "ChargePointMaxProfile", TX_DEFAULT: "TxDefaultProfile", TX: "TxProfile"}
_OURS = {theirs: ours for ours, theirs in PURPOSES.items()}


def transaction_number(transaction: str) -> int:
    """A transaction as 1.6 has it: the whole number that we gave it."""
    try:
        return int(transaction)
    except ValueError:
        raise Unsupported(f"transactions of OCPP 1.6 are whole numbers, not {transaction!r}") from None


def profile_payload(profile: ChargingProfile) -> Payload:
    """A charging profile as 1.6 has it, without setpoints, discharging and what else it does not know."""
    if profile.purpose not in PURPOSES or profile.kind == "Dynamic" or len(profile.schedules) != 1:
        raise Unsupported(f"OCPP 1.6 has no {profile.kind} profile of purpose {profile.purpose} with {len(profile.schedules)} schedules")
    return given(
        chargingProfileId=profile.profile_id,
        transactionId=transaction_number(profile.transaction) if profile.transaction else None,
        stackLevel=profile.stack_level,
        chargingProfilePurpose=PURPOSES[profile.purpose],
        chargingProfileKind=profile.kind,
        recurrencyKind=profile.recurrency,
        validFrom=when(profile.valid_from_s),
        validTo=when(profile.valid_to_s),
        chargingSchedule=_schedule(profile.schedule),
    )


def _schedule(schedule: Schedule) -> Payload:
    return given(
        duration=whole(schedule.length_s),
        startSchedule=when(schedule.start_at_s),
        chargingRateUnit=rate_unit(schedule.unit),
        chargingSchedulePeriod=[_period(period, schedule.unit) for period in schedule.periods],
        minChargingRate=rate(schedule.least, schedule.unit),
    )


def _period(period: Period, unit: str) -> Payload:
    if period.ceiling is None or period.setpoint is not None or period.floor is not None or period.mode not in ("", "ChargingOnly"):
        raise Unsupported("OCPP 1.6 knows limits of charging alone: no setpoints, no discharging")
    return given(startPeriod=whole(period.start_s), limit=rate(period.ceiling, unit), numberPhases=period.n_phase)


def read_profile(payload: dict[str, Any]) -> ChargingProfile:
    """The profile that a payload, valid by its schema, holds: what `profile_payload` writes."""
    transaction = payload.get("transactionId")
    return ChargingProfile(
        profile_id=payload["chargingProfileId"],
        purpose=_OURS[payload["chargingProfilePurpose"]],
        stack_level=payload["stackLevel"],
        kind=payload["chargingProfileKind"],
        schedules=(_read_schedule(payload["chargingSchedule"]),),
        recurrency=payload.get("recurrencyKind", ""),
        valid_from_s=epoch(payload.get("validFrom")),
        valid_to_s=epoch(payload.get("validTo")),
        transaction="" if transaction is None else str(transaction),
    )


def _read_schedule(payload: dict[str, Any]) -> Schedule:
    unit = payload["chargingRateUnit"]
    return Schedule(
        unit="A" if unit == "A" else "kW",
        periods=tuple(
            Period(float(item["startPeriod"]), ceiling=from_rate(item["limit"], unit), n_phase=item.get("numberPhases"))
            for item in payload["chargingSchedulePeriod"]
        ),
        start_at_s=epoch(payload.get("startSchedule")),
        length_s=payload.get("duration"),
        least=from_rate(payload.get("minChargingRate"), unit),
    )
