"""OCPP 2.1, blocks I, K, N, Q, R and S: what stations say of V2X, of control by the grid, of swapped batteries, streams and payments."""

from dataclasses import replace
from typing import Any, cast

from msgspec import UNSET, UnsetType

from evloom.pile.station import NeedsSeen, Noted
from evloom.wire.ocpp.base import seconds
from evloom.wire.ocpp.noted import body_of
from evloom.wire.ocpp.repeat import digest
from evloom.wire.ocpp.spoken import (
    AskChain,
    AskDynamic,
    AskNeeds,
    AskSettled,
    AskStream,
    AskVat,
    CertificateHash,
    Dated,
    Heard,
    Spoken,
)
from evloom.wire.ocpp.v21 import messages as m
from evloom.wire.ocpp.v201.translate_car import kilo, needs_of

V2X_PHASES = ("", "_l2", "_l3")


def _sum_kw(v2x: m.V2XChargingParametersType, name: str) -> float | None:
    """A power of a car, its phases added where it says them one by one."""
    said = [getattr(v2x, f"{name}{phase}") for phase in V2X_PHASES]
    return None if said[0] is UNSET else kilo(sum(value for value in said if value is not UNSET))


def v2x_needs_of(evse: int, needs: m.ChargingNeedsType) -> NeedsSeen:
    """What a car says it needs, with what it can give back (block Q, ISO 15118-20)."""
    seen = needs_of(evse, cast(Any, needs))
    v2x = needs.v2x_charging_parameters
    if not v2x:
        return seen
    least_kwh = kilo(v2x.ev_min_energy_request)
    give_kwh = kilo(v2x.ev_min_v2_x_energy_request)
    target_kwh = kilo(v2x.ev_target_energy_request)
    charge_kw = _sum_kw(v2x, "max_charge_power")
    return replace(
        seen,
        wanted_kwh=seen.wanted_kwh if target_kwh is None else target_kwh,
        energy_min_kwh=least_kwh if give_kwh is None else give_kwh,
        energy_max_kwh=kilo(v2x.ev_max_energy_request),
        charge_max_kw=seen.charge_max_kw if charge_kw is None else charge_kw,
        discharge_max_kw=_unsigned(_sum_kw(v2x, "max_discharge_power")),
        current_min_a=seen.current_min_a if v2x.min_charge_current is UNSET else v2x.min_charge_current,
    )


def _unsigned(value_kw: float | None) -> float | None:
    """Some cars say what they can give as a negative number."""
    return None if value_kw is None else abs(value_kw)


def needs(heard: Heard[m.NotifyEVChargingNeedsRequest]) -> Spoken:
    """NotifyEVChargingNeeds."""
    message = heard.message
    seen = v2x_needs_of(message.evse_id, message.charging_needs)
    at_s = seconds(message.timestamp) if message.timestamp else heard.known_s
    full = Noted("NotifyEVChargingNeeds", message.evse_id, body_of(message))
    return Spoken((Dated(seen, at_s), Dated(full, at_s)), AskNeeds(seen))


def dynamic(heard: Heard[m.PullDynamicScheduleUpdateRequest]) -> Spoken:
    """PullDynamicScheduleUpdate: asked every few seconds, and so not kept; what is answered is in the loop's journal."""
    return Spoken(ask=AskDynamic(heard.message.charging_profile_id))


def swap(heard: Heard[m.BatterySwapRequest]) -> Spoken:
    """BatterySwap (block S): what was put in or taken out, said once for each event however often it is sent."""
    message = heard.message
    slot = message.battery_data[0].evse_id if message.battery_data else 0
    note = Noted("BatterySwap", slot, body_of(message))
    key = f"BatterySwap:{message.request_id}:{message.event_type}:{digest(heard.payload)}"
    return Spoken((Dated(note, heard.known_s, key),))


def alarm(heard: Heard[m.NotifyDERAlarmRequest]) -> Spoken:
    """NotifyDERAlarm (block R)."""
    return _at("NotifyDERAlarm", heard, seconds(heard.message.timestamp))


def der(heard: Heard[m.NotifyDERStartStopRequest]) -> Spoken:
    """NotifyDERStartStop (block R)."""
    return _at("NotifyDERStartStop", heard, seconds(heard.message.timestamp))


def _at(what: str, heard: Heard[Any], at_s: float) -> Spoken:
    note = Noted(what, body=body_of(heard.message))
    return Spoken((Dated(note, at_s, f"{what}:{at_s:.3f}:{digest(heard.payload)}"),))


def chain(heard: Heard[m.GetCertificateChainStatusRequest]) -> Spoken:
    """GetCertificateChainStatus. Raises ValueError where no certificate is left that could be read."""
    asked = heard.message.certificate_status_requests
    if not asked:
        raise ValueError("no certificate is asked about")
    hashes = tuple(_hash(one.certificate_hash_data, one.urls[0] if one.urls else "") for one in asked)
    return Spoken(ask=AskChain(hashes, tuple(one.source for one in asked)))


def _hash(data: m.CertificateHashDataType, url: str) -> CertificateHash:
    return CertificateHash(data.hash_algorithm, data.issuer_name_hash, data.issuer_key_hash, data.serial_number, url)


def settled(heard: Heard[m.NotifySettlementRequest]) -> Spoken:
    """NotifySettlement: a payment at the terminal of the station."""
    message = heard.message
    at_s = seconds(message.settlement_time)
    note = Noted("NotifySettlement", body=body_of(message))
    key = f"NotifySettlement:{message.psp_ref}:{message.status}"
    ask = AskSettled(message.psp_ref, message.status, _decimal(message.settlement_amount), at_s, message.transaction_id or "")
    return Spoken((Dated(note, at_s, key),), ask)


def _decimal(amount: float) -> str:
    """The amount as the station wrote it: the shortest text that gives this number."""
    return format(amount, ".2f") if amount == round(amount, 2) else repr(amount)


def vat(heard: Heard[m.VatNumberValidationRequest]) -> Spoken:
    """VatNumberValidation."""
    message = heard.message
    evse = _whole(message.evse_id)
    note = Noted("VatNumberValidation", evse or 0, body_of(message))
    return Spoken((Dated(note, heard.known_s),), AskVat(message.vat_number, evse))


def _whole(value: int | UnsetType) -> int | None:
    return None if value is UNSET else value


def stream(heard: Heard[m.OpenPeriodicEventStreamRequest]) -> Spoken:
    """OpenPeriodicEventStream."""
    data = heard.message.constant_stream_data
    interval = data.params.interval
    note = Noted("OpenPeriodicEventStream", body=body_of(heard.message))
    ask = AskStream(data.id, data.variable_monitoring_id, None if interval is UNSET else float(interval), _whole(data.params.values))
    return Spoken((Dated(note, heard.known_s),), ask)


def streamed(heard: Heard[m.NotifyPeriodicEventStreamRequest]) -> Spoken:
    """NotifyPeriodicEventStream: values with their offsets from a base."""
    at_s = seconds(heard.message.basetime)
    note = Noted("NotifyPeriodicEventStream", body=body_of(heard.message))
    return Spoken((Dated(note, at_s, f"stream:{heard.message.id}:{at_s:.3f}:{digest(heard.payload)}"),))
