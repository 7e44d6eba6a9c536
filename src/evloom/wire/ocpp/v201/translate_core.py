"""OCPP 2.0.1, what stations say of themselves, their transactions and tokens. 2.1 has the same fields and uses this too."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET, UnsetType

from evloom.pile.station import MeterSeen, Noted, StationBooted, StatusSeen, TransactionSaid
from evloom.wire.ocpp.noted import body_of
from evloom.wire.ocpp.repeat import digest
from evloom.wire.ocpp.spoken import (
    AskBoot,
    AskFollow,
    AskMeter,
    AskToken,
    CertificateHash,
    Dated,
    Heard,
    Spoken,
    once_each,
)
from evloom.wire.ocpp.v201 import messages as m
from evloom.wire.ocpp.v201.translate_meter import samples

PHASES = {"Started": "started", "Updated": "updated", "Ended": "ended"}


def whole(value: int | UnsetType) -> int | None:
    """The number, None where it was not sent."""
    return None if value is UNSET else value


def boot(heard: Heard[m.BootNotificationRequest]) -> Spoken:
    """BootNotification."""
    station = heard.message.charging_station
    booted = StationBooted(
        vendor=station.vendor_name,
        model=station.model,
        serial=station.serial_number or "",
        firmware=station.firmware_version or "",
        reason=heard.message.reason,
        iccid=(station.modem.iccid or "") if station.modem else "",
        imsi=(station.modem.imsi or "") if station.modem else "",
    )
    return Spoken(ask=AskBoot(booted))


def heartbeat(_heard: Heard[m.HeartbeatRequest]) -> Spoken:
    """Heartbeat."""
    return Spoken()


def certificate_hash(data: m.OCSPRequestDataType) -> CertificateHash:
    """A certificate by its hashes."""
    return CertificateHash(data.hash_algorithm, data.issuer_name_hash, data.issuer_key_hash, data.serial_number, data.responder_url)


def authorize(heard: Heard[m.AuthorizeRequest]) -> Spoken:
    """Authorize: a token, perhaps with a contract certificate."""
    message = heard.message
    hashes = tuple(certificate_hash(data) for data in message.iso15118_certificate_hash_data or ())
    return Spoken(ask=AskToken(message.id_token.id_token, message.id_token.type, message.certificate or "", hashes))


def status(heard: Heard[m.StatusNotificationRequest]) -> Spoken:
    """StatusNotification."""
    message = heard.message
    word = message.connector_status
    seen = StatusSeen(message.evse_id, message.connector_id, word, detail=word)
    return Spoken((Dated(seen, heard.at(message.timestamp)),))


def transaction(heard: Heard[m.TransactionEventRequest]) -> Spoken:
    """TransactionEvent, the hot path."""
    message = heard.message
    info, evse, token = message.transaction_info, message.evse, message.id_token
    at_s = heard.at(message.timestamp)
    counted = "seqNo" not in heard.invented and message.seq_no >= 0  # some count nothing and send -1 always
    found, odd = samples(message.meter_value, "TransactionEvent", heard.at) if message.meter_value else ((), ())
    said = TransactionSaid(
        transaction=info.transaction_id,
        phase=PHASES[message.event_type],
        seq=message.seq_no if counted else -1,
        evse=evse.id if evse else 0,
        connector=(evse.connector_id or 0) if evse else 0,
        trigger=message.trigger_reason,
        charging_state=info.charging_state or "",
        token=token.id_token if token else "",
        token_type=token.type if token else "",
        samples=found,
        reason=(info.stopped_reason or "Local") if message.event_type == "Ended" else "",
        offline=bool(message.offline),
        remote_start=whole(info.remote_start_id),
        reservation=whole(message.reservation_id),
        number_of_phases=whole(message.number_of_phases_used),
        cable_max_a=None if message.cable_max_current is UNSET else float(message.cable_max_current),
    )
    number = str(message.seq_no) if counted else f":{said.phase}:{at_s:.3f}:{digest(heard.payload)}"
    ask = AskFollow(said, at_s, f"{info.transaction_id}:{number}")
    return Spoken(once_each(odd, heard.known_s) if odd else (), ask)


def meter(heard: Heard[m.MeterValuesRequest]) -> Spoken:
    """MeterValues, which in 2.x belong to no transaction: those of the EVSE while it charges say what it draws all the same."""
    message = heard.message
    found, odd = samples(message.meter_value, "MeterValues", heard.at)
    at_s = max((heard.at(value.timestamp) for value in message.meter_value), default=heard.known_s)
    key = f":meter:{message.evse_id}:{at_s:.3f}:{digest(heard.payload)}"
    entries = once_each(odd, heard.known_s)
    if message.evse_id > 0:
        said = TransactionSaid("", "updated", evse=message.evse_id, trigger="MeterValueClock", samples=found)
        return Spoken(entries, AskMeter(message.evse_id, said, at_s, key, registers=False))
    return Spoken((*entries, Dated(MeterSeen(0, found), at_s, key)))


def noted(what: str) -> Callable[[Heard[Any]], Spoken]:
    """What makes a note of a message that asks nothing."""

    def note(heard: Heard[Any]) -> Spoken:
        message = heard.message
        evse = getattr(message, "evse_id", UNSET)
        return Spoken((Dated(Noted(what, 0 if evse is UNSET else evse, body_of(message)), heard.known_s),))

    return note


def noted_at(what: str, field: str) -> Callable[[Heard[Any]], Spoken]:
    """What makes a note of a message that says when it happened, and is the same when it is said again."""

    def note(heard: Heard[Any]) -> Spoken:
        at_s = heard.at(getattr(heard.message, field))
        key = f"{what}:{at_s:.3f}:{digest(heard.payload)}"
        return Spoken((Dated(Noted(what, body=body_of(heard.message)), at_s, key),))

    return note
