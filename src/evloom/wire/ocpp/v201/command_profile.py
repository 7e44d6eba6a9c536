"""Charging profiles in the words of OCPP 2.0.1 and 2.1, both ways; what 2.1 alone has is written where it was said."""

from typing import Any

from evloom.pile.profile import ChargingProfile, FrequencyPoint, Period, Schedule, SignalPoint
from evloom.wire.ocpp.phrase import Payload, epoch, from_rate, given, rate, rate_unit, when, whole


def profile_payload(profile: ChargingProfile) -> Payload:
    """A charging profile."""
    return given(
        id=profile.profile_id,
        stackLevel=profile.stack_level,
        chargingProfilePurpose=profile.purpose,
        chargingProfileKind=profile.kind,
        recurrencyKind=profile.recurrency,
        validFrom=when(profile.valid_from_s),
        validTo=when(profile.valid_to_s),
        transactionId=profile.transaction,
        chargingSchedule=[_schedule(schedule) for schedule in profile.schedules],
        maxOfflineDuration=whole(profile.offline_max_s),
        invalidAfterOfflineDuration=True if profile.offline_ends else None,
        dynUpdateInterval=whole(profile.update_every_s),
        dynUpdateTime=when(profile.updated_at_s),
    )


def _schedule(schedule: Schedule) -> Payload:
    above = None
    if schedule.above_soc is not None and schedule.above_soc_ceiling is not None:
        above = {"soc": round(schedule.above_soc * 100.0), "limit": rate(schedule.above_soc_ceiling, schedule.unit)}
    return given(
        id=schedule.schedule_id,
        startSchedule=when(schedule.start_at_s),
        duration=whole(schedule.length_s),
        chargingRateUnit=rate_unit(schedule.unit),
        minChargingRate=rate(schedule.least, schedule.unit),
        chargingSchedulePeriod=[_period(period, schedule.unit) for period in schedule.periods],
        limitAtSoC=above,
        useLocalTime=True if schedule.local_time else None,
        randomizedDelay=whole(schedule.delay_max_s),
        powerTolerance=rate(schedule.tolerance, schedule.unit),
    )


def _period(period: Period, unit: str) -> Payload:
    return given(
        startPeriod=whole(period.start_s),
        limit=rate(period.ceiling, unit),
        limit_L2=rate(period.ceiling_l2, unit),
        limit_L3=rate(period.ceiling_l3, unit),
        numberPhases=period.n_phase,
        phaseToUse=period.phase,
        dischargeLimit=rate(period.floor, unit),
        dischargeLimit_L2=rate(period.floor_l2, unit),
        dischargeLimit_L3=rate(period.floor_l3, unit),
        setpoint=rate(period.setpoint, unit),
        setpoint_L2=rate(period.setpoint_l2, unit),
        setpoint_L3=rate(period.setpoint_l3, unit),
        setpointReactive=rate(period.reactive, unit),
        setpointReactive_L2=rate(period.reactive_l2, unit),
        setpointReactive_L3=rate(period.reactive_l3, unit),
        preconditioningRequest=period.precondition,
        evseSleep=period.sleep,
        v2xBaseline=rate(period.baseline_kw, "kW"),
        operationMode=period.mode,
        v2xFreqWattCurve=tuple({"frequency": at.frequency_hz, "power": rate(at.power_kw, "kW")} for at in period.by_frequency),
        v2xSignalWattCurve=tuple({"signal": at.signal, "power": rate(at.power_kw, "kW")} for at in period.by_signal),
    )


def read_profile(payload: dict[str, Any]) -> ChargingProfile:
    """The profile that a payload, valid by its schema, holds: what `profile_payload` writes."""
    return ChargingProfile(
        profile_id=payload["id"],
        purpose=payload["chargingProfilePurpose"],
        stack_level=payload["stackLevel"],
        kind=payload["chargingProfileKind"],
        schedules=tuple(_read_schedule(item) for item in payload["chargingSchedule"]),
        recurrency=payload.get("recurrencyKind", ""),
        valid_from_s=epoch(payload.get("validFrom")),
        valid_to_s=epoch(payload.get("validTo")),
        transaction=payload.get("transactionId", ""),
        offline_max_s=payload.get("maxOfflineDuration"),
        offline_ends=payload.get("invalidAfterOfflineDuration", False),
        update_every_s=payload.get("dynUpdateInterval"),
        updated_at_s=epoch(payload.get("dynUpdateTime")),
    )


def _read_schedule(payload: dict[str, Any]) -> Schedule:
    unit = payload["chargingRateUnit"]
    above = payload.get("limitAtSoC")
    return Schedule(
        unit="A" if unit == "A" else "kW",
        periods=tuple(read_period(item, unit) for item in payload["chargingSchedulePeriod"]),
        schedule_id=payload["id"],
        start_at_s=epoch(payload.get("startSchedule")),
        length_s=payload.get("duration"),
        least=from_rate(payload.get("minChargingRate"), unit),
        above_soc=None if above is None else above["soc"] / 100.0,
        above_soc_ceiling=None if above is None else from_rate(above["limit"], unit),
        local_time=payload.get("useLocalTime", False),
        delay_max_s=payload.get("randomizedDelay"),
        tolerance=from_rate(payload.get("powerTolerance"), unit),
    )


def read_period(payload: dict[str, Any], unit: str) -> Period:
    """A period of a schedule in A or W; of an update of a dynamic schedule too, which starts at once."""

    def value(name: str) -> float | None:
        return from_rate(payload.get(name), unit)

    return Period(
        start_s=float(payload.get("startPeriod", 0)),
        ceiling=value("limit"),
        n_phase=payload.get("numberPhases"),
        phase=payload.get("phaseToUse"),
        floor=value("dischargeLimit"),
        setpoint=value("setpoint"),
        reactive=value("setpointReactive"),
        ceiling_l2=value("limit_L2"),
        ceiling_l3=value("limit_L3"),
        floor_l2=value("dischargeLimit_L2"),
        floor_l3=value("dischargeLimit_L3"),
        setpoint_l2=value("setpoint_L2"),
        setpoint_l3=value("setpoint_L3"),
        reactive_l2=value("setpointReactive_L2"),
        reactive_l3=value("setpointReactive_L3"),
        mode=payload.get("operationMode", ""),
        baseline_kw=from_rate(payload.get("v2xBaseline"), "W"),
        by_frequency=tuple(FrequencyPoint(at["frequency"], at["power"] / 1000.0) for at in payload.get("v2xFreqWattCurve", ())),
        by_signal=tuple(SignalPoint(at["signal"], at["power"] / 1000.0) for at in payload.get("v2xSignalWattCurve", ())),
        precondition=payload.get("preconditioningRequest"),
        sleep=payload.get("evseSleep"),
    )
