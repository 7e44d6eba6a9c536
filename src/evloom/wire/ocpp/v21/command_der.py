"""Grid rules (DER) in the words of OCPP 2.1."""

from evloom.pile.der import DerControl, DerCurve
from evloom.wire.ocpp.phrase import Payload, Unsupported, given, when


def der_payload(control: DerControl) -> Payload:
    """The request that sets a rule."""
    part = _part(control)
    if len(part) != 1:
        raise Unsupported(f"a rule of kind {control.kind} needs one part (a curve, a droop, ...), it has {len(part)}")
    return {"isDefault": control.default, "controlId": control.control_id, "controlType": control.kind, **part}


def _part(control: DerControl) -> Payload:
    span = given(startTime=when(control.starts_at_s), duration=control.length_s)
    timed = {"priority": control.priority, **span}
    parts: Payload = {}
    if control.curve is not None:
        parts["curve"] = {**timed, **_curve(control.curve)}
    if control.enter_service is not None:
        parts["enterService"] = {"priority": control.priority, **_enter_service(control)}
    if control.power_factor is not None:
        name = "fixedPFAbsorb" if control.kind == "FixedPFAbsorb" else "fixedPFInject"
        parts[name] = {**timed, "displacement": control.power_factor.displacement, "excitation": control.power_factor.excitation}
    if control.reactive is not None:
        parts["fixedVar"] = {**timed, "setpoint": control.reactive.setpoint, "unit": control.reactive.unit}
    if control.droop is not None:
        parts["freqDroop"] = {**timed, **_droop(control)}
    if control.gradient is not None:
        gradient = control.gradient
        parts["gradient"] = {"priority": control.priority, "gradient": gradient.gradient, "softGradient": gradient.soft_gradient}
    if control.discharge is not None:
        share, trip = control.discharge.share, control.discharge.trip
        curve = None if trip is None else {"priority": control.priority, **_curve(trip)}
        percent = None if share is None else share * 100.0
        parts["limitMaxDischarge"] = {**timed, **given(pctMaxDischargePower=percent, powerMonitoringMustTrip=curve)}
    return parts


def _curve(curve: DerCurve) -> Payload:
    hysteresis = given(
        hysteresisHigh=curve.hysteresis_high,
        hysteresisLow=curve.hysteresis_low,
        hysteresisDelay=curve.hysteresis_delay_s,
        hysteresisGradient=curve.hysteresis_gradient,
    )
    reactive = given(vRef=curve.v_ref, autonomousVRefEnable=curve.autonomous_v_ref, autonomousVRefTimeConstant=curve.autonomous_v_ref_s)
    trips = given(hv10MinMeanValue=curve.mean_trip_v, hv10MinMeanTripDelay=curve.mean_trip_delay_s, powerDuringCessation=curve.cessation)
    return given(
        curveData=[{"x": point.x, "y": point.y} for point in curve.points],
        yUnit=curve.y_unit,
        responseTime=curve.response_s,
        hysteresis=hysteresis or None,
        reactivePowerParams=reactive or None,
        voltageParams=trips or None,
    )


def _enter_service(control: DerControl) -> Payload:
    enter = control.enter_service
    return (
        {}
        if enter is None
        else given(
            highVoltage=enter.high_v_percent_of_nominal,
            lowVoltage=enter.low_v_percent_of_nominal,
            highFreq=enter.high_hz,
            lowFreq=enter.low_hz,
            delay=enter.delay_s,
            randomDelay=enter.random_delay_s,
            rampRate=enter.ramp_s,
        )
    )


def _droop(control: DerControl) -> Payload:
    droop = control.droop
    return (
        {}
        if droop is None
        else {
            "overFreq": droop.over_hz,
            "underFreq": droop.under_hz,
            "overDroop": droop.over_droop,
            "underDroop": droop.under_droop,
            "responseTime": droop.response_s,
        }
    )
