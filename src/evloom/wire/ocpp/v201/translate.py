"""OCPP 2.0.1: what a station says in our words, and our answers in its."""

from collections.abc import Callable
from typing import Any

from evloom.wire.ocpp.base import Message
from evloom.wire.ocpp.spoken import Answer, Heard, Replied, Spoken
from evloom.wire.ocpp.v201 import translate_car as car
from evloom.wire.ocpp.v201 import translate_core as core
from evloom.wire.ocpp.v201.catalog import REQUESTS
from evloom.wire.ocpp.v201.translate_answer import ANSWERS
from evloom.wire.ocpp.v201.translate_event import event

SAID: dict[str, Callable[[Heard[Any]], Spoken]] = {
    "Authorize": core.authorize,
    "BootNotification": core.boot,
    "DataTransfer": car.transfer,
    "Get15118EVCertificate": car.contract,
    "GetCertificateStatus": car.ocsp,
    "Heartbeat": core.heartbeat,
    "MeterValues": core.meter,
    "NotifyEVChargingNeeds": car.needs,
    "NotifyEVChargingSchedule": car.planned,
    "NotifyEvent": event,
    "SecurityEventNotification": core.noted_at("SecurityEventNotification", "timestamp"),
    "SignCertificate": car.sign,
    "StatusNotification": core.status,
    "TransactionEvent": core.transaction,
    **{
        what: core.noted(what)
        for what in (
            "ClearedChargingLimit",
            "FirmwareStatusNotification",
            "LogStatusNotification",
            "NotifyChargingLimit",
            "NotifyCustomerInformation",
            "NotifyDisplayMessages",
            "NotifyMonitoringReport",
            "NotifyReport",
            "PublishFirmwareStatusNotification",
            "ReportChargingProfiles",
            "ReservationStatusUpdate",
        )
    },
}


def said(action: str, heard: Heard[Any]) -> Spoken:
    """A request in our words. Raises KeyError for an action that stations do not ask."""
    return SAID[action](heard)


def answer(action: str, given: Answer | None, now_s: float) -> Message:
    """The answer to a request: `given` by its ask, None where nothing was asked."""
    make = ANSWERS.get(action)
    if make is not None:
        return make(Replied(given, now_s))
    response = REQUESTS[action].response
    assert response is not None
    return response()
