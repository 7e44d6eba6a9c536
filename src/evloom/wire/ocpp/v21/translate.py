"""OCPP 2.1: what a station says in our words, and our answers in its."""

from collections.abc import Callable
from typing import Any

from evloom.wire.ocpp.base import Message
from evloom.wire.ocpp.spoken import Answer, Heard, Replied, Spoken
from evloom.wire.ocpp.v21 import translate_car as car
from evloom.wire.ocpp.v21.catalog import REQUESTS
from evloom.wire.ocpp.v21.translate_answer import ANSWERS
from evloom.wire.ocpp.v201 import translate as older
from evloom.wire.ocpp.v201 import translate_core as core

SAID: dict[str, Callable[[Heard[Any]], Spoken]] = {
    **older.SAID,
    "BatterySwap": car.swap,
    "ClosePeriodicEventStream": core.noted("ClosePeriodicEventStream"),
    "GetCertificateChainStatus": car.chain,
    "NotifyDERAlarm": car.alarm,
    "NotifyDERStartStop": car.der,
    "NotifyEVChargingNeeds": car.needs,
    "NotifyPeriodicEventStream": car.streamed,
    "NotifyPriorityCharging": core.noted("NotifyPriorityCharging"),
    "NotifySettlement": car.settled,
    "OpenPeriodicEventStream": car.stream,
    "PullDynamicScheduleUpdate": car.dynamic,
    "ReportDERControl": core.noted("ReportDERControl"),
    "VatNumberValidation": car.vat,
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
