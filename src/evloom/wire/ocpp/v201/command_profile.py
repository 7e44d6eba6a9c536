"""Charging profiles in the words of OCPP 2.0.1 and 2.1; what 2.1 alone has is written where it was said."""

from evloom.pile.profile import ChargingProfile, Period, Schedule
from evloom.wire.ocpp.phrase import Payload, given, rate, rate_unit, when, whole


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
