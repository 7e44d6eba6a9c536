"""OCPP 1.6J: what a station says in our words, and our answers in its."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from evloom.pile.station import Deviated, MeterSeen, Noted, StationBooted, StatusSeen, TransactionSaid
from evloom.wire.ocpp.base import Message, instant
from evloom.wire.ocpp.noted import body_of
from evloom.wire.ocpp.repeat import digest
from evloom.wire.ocpp.spoken import (
    Answer,
    AskBegin,
    AskBoot,
    AskFollow,
    AskMeter,
    AskSign,
    AskState,
    AskToken,
    AskTransfer,
    Dated,
    Decided,
    Followed,
    Heard,
    Replied,
    Spoken,
    Verdict,
    Welcome,
    once_each,
)
from evloom.wire.ocpp.v16 import messages as m
from evloom.wire.ocpp.v16.catalog import REQUESTS
from evloom.wire.ocpp.v16.translate_meter import samples

OCCUPIED = frozenset({"Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing"})
"""Words of 1.6 for what 2.x calls Occupied."""

CHARGING_STATES = {
    "Preparing": "EVConnected",
    "Charging": "Charging",
    "SuspendedEV": "SuspendedEV",
    "SuspendedEVSE": "SuspendedEVSE",
    "Finishing": "EVConnected",
}
"""Status of a connector to the charging state that 2.x has for the transaction there."""

PARENT_MAX = 20
"""A parentIdTag has at most this many characters."""


def said(action: str, heard: Heard[Any]) -> Spoken:
    """A request in our words. Raises KeyError for an action that stations do not ask."""
    return _SAID[action](heard)


def answer(action: str, given: Answer | None, now_s: float) -> Message:
    """The answer to a request: `given` by its ask, None where nothing was asked."""
    make = _ANSWERS.get(action)
    if make is not None:
        return make(Replied(given, now_s))
    response = REQUESTS[action].response
    assert response is not None
    return response()


def _boot(heard: Heard[m.BootNotificationRequest]) -> Spoken:
    message = heard.message
    booted = StationBooted(
        vendor=message.charge_point_vendor,
        model=message.charge_point_model,
        serial=message.charge_point_serial_number or message.charge_box_serial_number or "",
        firmware=message.firmware_version or "",
        iccid=message.iccid or "",
        imsi=message.imsi or "",
        meter_type=message.meter_type or "",
        meter_serial=message.meter_serial_number or "",
    )
    return Spoken(ask=AskBoot(booted))


def _heartbeat(_heard: Heard[m.HeartbeatRequest]) -> Spoken:
    return Spoken()


def _authorize(heard: Heard[m.AuthorizeRequest]) -> Spoken:
    return Spoken(ask=AskToken(heard.message.id_tag))


def _status(heard: Heard[m.StatusNotificationRequest]) -> Spoken:
    message = heard.message
    at_s = heard.at(message.timestamp) if message.timestamp else heard.known_s
    word = message.status
    seen = StatusSeen(
        evse=message.connector_id,
        connector=min(message.connector_id, 1),
        status="Occupied" if word in OCCUPIED else word,
        detail=word,
        error="" if message.error_code == "NoError" else message.error_code,
        info=message.info or "",
        vendor_error=message.vendor_error_code or "",
    )
    state = CHARGING_STATES.get(word, "")
    return Spoken((Dated(seen, at_s),), AskState(message.connector_id, state, at_s) if state and message.connector_id else None)


def _register(heard: Heard[Any], watt_hours: int, field: str) -> tuple[float | None, tuple[Deviated, ...]]:
    """A register in kWh; some stations send -1 for one that they do not know, and that stands too where they sent none."""
    if watt_hours >= 0:
        return watt_hours / 1000.0, ()
    if field in heard.invented:
        return None, ()
    action = "StartTransaction" if field == "meterStart" else "StopTransaction"
    return None, (Deviated(action, "register_negative", field, str(watt_hours), "send the meter's register, which is 0 or more"),)


def _start(heard: Heard[m.StartTransactionRequest]) -> Spoken:
    message = heard.message
    at_s = heard.at(message.timestamp)
    register_kwh, odd = _register(heard, message.meter_start, "meterStart")
    begun = TransactionSaid(
        transaction="",
        phase="started",
        evse=message.connector_id,
        connector=min(message.connector_id, 1),
        trigger="Authorized",
        token=message.id_tag,
        register_kwh=register_kwh,
        reservation=None if message.reservation_id is UNSET else message.reservation_id,
    )
    key = f"start:{message.connector_id}:{at_s:.3f}:{message.meter_start}:{message.id_tag}{heard.mark}"
    return Spoken(once_each(odd, heard.known_s), AskBegin(begun, at_s, key))


def _stop(heard: Heard[m.StopTransactionRequest]) -> Spoken:
    message = heard.message
    at_s = heard.at(message.timestamp)
    found, odd = samples(message.transaction_data or (), "StopTransaction", heard.at)
    register_kwh, unknown = _register(heard, message.meter_stop, "meterStop")
    ended = TransactionSaid(
        transaction=str(message.transaction_id),
        phase="ended",
        token=message.id_tag or "",
        register_kwh=register_kwh,
        samples=found,
        reason=message.reason or "Local",
    )
    key = f"{message.transaction_id}:stop:{at_s:.3f}:{digest(heard.payload)}"
    return Spoken(once_each((*odd, *unknown), heard.known_s), AskFollow(ended, at_s, key, numbered=True))


def _meter(heard: Heard[m.MeterValuesRequest]) -> Spoken:
    message = heard.message
    found, odd = samples(message.meter_value, "MeterValues", heard.at)
    at_s = max((heard.at(value.timestamp) for value in message.meter_value), default=heard.known_s)
    transaction = "" if message.transaction_id is UNSET else str(message.transaction_id)
    word = TransactionSaid(
        transaction=transaction,
        phase="updated",
        evse=message.connector_id,
        connector=min(message.connector_id, 1),
        trigger="MeterValuePeriodic",
        samples=found,
    )
    key = f"{transaction}:meter:{message.connector_id}:{at_s:.3f}:{digest(heard.payload)}"
    entries = once_each(odd, heard.known_s)
    if transaction:
        return Spoken(entries, AskFollow(word, at_s, key, numbered=True))
    if message.connector_id > 0:
        return Spoken(entries, AskMeter(message.connector_id, word, at_s, key))
    return Spoken((*entries, Dated(MeterSeen(0, found), at_s, key)))


def _transfer(heard: Heard[m.DataTransferRequest]) -> Spoken:
    message = heard.message
    noted = Dated(Noted("DataTransfer", body=body_of(message)), heard.known_s)
    return Spoken((noted,), AskTransfer(message.vendor_id, message.message_id or "", message.data or ""))


def _sign(heard: Heard[m.SignCertificateRequest]) -> Spoken:
    message = heard.message
    return Spoken((Dated(Noted("SignCertificate", body=body_of(message)), heard.known_s),), AskSign(message.csr))


def _security(heard: Heard[m.SecurityEventNotificationRequest]) -> Spoken:
    message = heard.message
    at_s = heard.at(message.timestamp)
    key = f"security:{at_s:.3f}:{digest(heard.payload)}"
    return Spoken((Dated(Noted("SecurityEventNotification", body=body_of(message)), at_s, key),))


def _noted(what: str) -> Callable[[Heard[Any]], Spoken]:
    return lambda heard: Spoken((Dated(Noted(what, body=body_of(heard.message)), heard.known_s),))


_SAID: dict[str, Callable[[Heard[Any]], Spoken]] = {
    "Authorize": _authorize,
    "BootNotification": _boot,
    "DataTransfer": _transfer,
    "DiagnosticsStatusNotification": _noted("DiagnosticsStatusNotification"),
    "FirmwareStatusNotification": _noted("FirmwareStatusNotification"),
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _noted("LogStatusNotification"),
    "MeterValues": _meter,
    "SecurityEventNotification": _security,
    "SignCertificate": _sign,
    "SignedFirmwareStatusNotification": _noted("SignedFirmwareStatusNotification"),
    "StartTransaction": _start,
    "StatusNotification": _status,
    "StopTransaction": _stop,
}


_WORDS: dict[str, m.IdTagInfoStatus] = {
    "Accepted": "Accepted",
    "Blocked": "Blocked",
    "Expired": "Expired",
    "ConcurrentTx": "ConcurrentTx",
}
"""Verdicts that 1.6 has a word for; every other one is Invalid."""


def id_tag_info(verdict: Verdict) -> m.IdTagInfo:
    """A verdict as 1.6 has it."""
    return m.IdTagInfo(
        status=_WORDS.get(verdict.status, "Invalid"),
        expiry_date=UNSET if verdict.expiry_s is None else instant(verdict.expiry_s),
        parent_id_tag=verdict.group if 0 < len(verdict.group) <= PARENT_MAX else UNSET,
    )


def _boot_answer(reply: Replied) -> Message:
    given: Welcome = reply.given
    return m.BootNotificationResponse(status=given.status, current_time=instant(reply.now_s), interval=given.interval_s)  # type: ignore[arg-type]


def _heartbeat_answer(reply: Replied) -> Message:
    return m.HeartbeatResponse(current_time=instant(reply.now_s))


def _authorize_answer(reply: Replied) -> Message:
    given: Verdict = reply.given
    return m.AuthorizeResponse(id_tag_info=id_tag_info(given))


def _start_answer(reply: Replied) -> Message:
    given: Followed = reply.given
    return m.StartTransactionResponse(id_tag_info=id_tag_info(given.verdict or Verdict()), transaction_id=given.number)


def _stop_answer(reply: Replied) -> Message:
    given: Followed = reply.given
    return m.StopTransactionResponse(id_tag_info=id_tag_info(given.verdict) if given.verdict else UNSET)


def _transfer_answer(reply: Replied) -> Message:
    given: Decided = reply.given
    return m.DataTransferResponse(status=given.status)  # type: ignore[arg-type]


def _sign_answer(reply: Replied) -> Message:
    given: Decided = reply.given
    return m.SignCertificateResponse(status=given.status)  # type: ignore[arg-type]


_ANSWERS: dict[str, Callable[[Replied], Message]] = {
    "Authorize": _authorize_answer,
    "BootNotification": _boot_answer,
    "DataTransfer": _transfer_answer,
    "Heartbeat": _heartbeat_answer,
    "SignCertificate": _sign_answer,
    "StartTransaction": _start_answer,
    "StopTransaction": _stop_answer,
}
