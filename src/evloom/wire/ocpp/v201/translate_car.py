"""OCPP 2.0.1, what stations ask on behalf of the car and of certificates. 2.1 adds to it in `v21.translate_car`."""

from msgspec import UNSET, UnsetType

from evloom.pile.station import NeedsSeen, Noted
from evloom.wire.ocpp.base import seconds
from evloom.wire.ocpp.noted import body_of
from evloom.wire.ocpp.spoken import (
    AskContract,
    AskNeeds,
    AskOcsp,
    AskPlanned,
    AskSign,
    AskTransfer,
    Dated,
    Heard,
    Spoken,
)
from evloom.wire.ocpp.v201 import messages as m
from evloom.wire.ocpp.v201.translate_core import certificate_hash

PHASES = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3, "AC_BPT": 3, "AC_BPT_DER": 3, "AC_DER": 3}
"""Phases that a transfer mode uses at most."""

SIGN_KINDS = {"ChargingStationCertificate": "ChargingStation", "V2GCertificate": "V2G", "V2G20Certificate": "V2G20"}


def kilo(value: float | UnsetType) -> float | None:
    """W or Wh as kW or kWh, None where not sent."""
    return None if value is UNSET else value / 1000.0


def fraction(value: float | UnsetType) -> float | None:
    """Percent as a fraction, None where not sent."""
    return None if value is UNSET else value / 100.0


def needs_of(evse: int, needs: m.ChargingNeedsType) -> NeedsSeen:
    """What a car says it needs. AC: powers from current and voltage; DC: as said, else from current and voltage."""
    departure_s = seconds(needs.departure_time) if needs.departure_time else None
    mode = needs.requested_energy_transfer
    ac, dc = needs.ac_charging_parameters, needs.dc_charging_parameters
    if dc:
        power_kw = kilo(dc.ev_max_power)
        return NeedsSeen(
            evse,
            mode,
            departure_s,
            wanted_kwh=kilo(dc.energy_amount),
            charge_max_kw=dc.ev_max_current * dc.ev_max_voltage / 1000.0 if power_kw is None else power_kw,
            soc=fraction(dc.state_of_charge),
            battery_kwh=kilo(dc.ev_energy_capacity),
        )
    if ac:
        power_kw = ac.ev_max_current * ac.ev_max_voltage * PHASES.get(mode, 1) / 1000.0
        return NeedsSeen(
            evse,
            mode,
            departure_s,
            wanted_kwh=ac.energy_amount / 1000.0,
            charge_max_kw=power_kw,
            current_min_a=float(ac.ev_min_current),
        )
    return NeedsSeen(evse, mode, departure_s)


def needs(heard: Heard[m.NotifyEVChargingNeedsRequest]) -> Spoken:
    """NotifyEVChargingNeeds."""
    message = heard.message
    seen = needs_of(message.evse_id, message.charging_needs)
    full = Noted("NotifyEVChargingNeeds", message.evse_id, body_of(message))
    return Spoken((Dated(seen, heard.known_s), Dated(full, heard.known_s)), AskNeeds(seen))


def planned(heard: Heard[m.NotifyEVChargingScheduleRequest]) -> Spoken:
    """NotifyEVChargingSchedule."""
    message = heard.message
    full = Noted("NotifyEVChargingSchedule", message.evse_id, body_of(message))
    return Spoken((Dated(full, heard.known_s),), AskPlanned(message.evse_id, message.charging_schedule.id))


def transfer(heard: Heard[m.DataTransferRequest]) -> Spoken:
    """DataTransfer."""
    message = heard.message
    data = "" if message.data is UNSET else str(message.data)
    return Spoken(
        (Dated(Noted("DataTransfer", body=body_of(message)), heard.known_s),),
        AskTransfer(message.vendor_id, message.message_id or "", data),
    )


def sign(heard: Heard[m.SignCertificateRequest]) -> Spoken:
    """SignCertificate."""
    message = heard.message
    kind = SIGN_KINDS[message.certificate_type or "ChargingStationCertificate"]
    request = getattr(message, "request_id", UNSET)  # of 2.1
    return Spoken(
        (Dated(Noted("SignCertificate", body=body_of(message)), heard.known_s),),
        AskSign(message.csr, kind, None if request is UNSET else request),
    )


def ocsp(heard: Heard[m.GetCertificateStatusRequest]) -> Spoken:
    """GetCertificateStatus."""
    return Spoken(ask=AskOcsp(certificate_hash(heard.message.ocsp_request_data)))


def contract(heard: Heard[m.Get15118EVCertificateRequest]) -> Spoken:
    """Get15118EVCertificate. The car's request is evidence in the raw frame."""
    message = heard.message
    emaids = getattr(message, "prioritized_emaids", UNSET)  # of 2.1
    note = Noted("Get15118EVCertificate", body=body_of(message))
    ask = AskContract(message.action, message.iso15118_schema_version, message.exi_request, tuple(emaids or ()))
    return Spoken((Dated(note, heard.known_s),), ask)
