"""Our answers in the messages of 2.0.1. An answer of 2.0.1 is one of 2.1 too; what 2.1 adds is in `v21.translate`."""

from collections.abc import Callable
from typing import Any, cast

from msgspec import UNSET, UnsetType

from evloom.wire.ocpp.base import Message, instant
from evloom.wire.ocpp.spoken import Decided, Followed, OcspStatus, Replied, Verdict, Welcome
from evloom.wire.ocpp.v201 import messages as m

REASON_MAX = 20
INFO_MAX = 512
MESSAGE_MAX = 512


def status_info(reason: str, info: str = "") -> m.StatusInfoType | UnsetType:
    """Why, where there is a why."""
    if not reason:
        return UNSET
    return m.StatusInfoType(reason_code=reason[:REASON_MAX], additional_info=info[:INFO_MAX] or UNSET)


def id_token_info(verdict: Verdict) -> m.IdTokenInfoType:
    """A verdict in the words of 2.x."""
    return m.IdTokenInfoType(
        status=cast(Any, verdict.status),
        cache_expiry_date_time=UNSET if verdict.expiry_s is None else instant(verdict.expiry_s),
        group_id_token=m.IdTokenType(id_token=verdict.group[:36], type="Central") if verdict.group else UNSET,
        language1=verdict.language[:8] or UNSET,
        personal_message=personal(verdict),
    )


def personal(verdict: Verdict) -> m.MessageContentType | UnsetType:
    """What the driver is shown."""
    if not verdict.message:
        return UNSET
    return m.MessageContentType(format="UTF8", content=verdict.message[:MESSAGE_MAX], language=verdict.language[:8] or UNSET)


def boot(reply: Replied) -> Message:
    """BootNotification."""
    given: Welcome = reply.given
    return m.BootNotificationResponse(
        current_time=instant(reply.now_s),
        interval=given.interval_s,
        status=cast(Any, given.status),
        status_info=status_info(given.reason),
    )


def heartbeat(reply: Replied) -> Message:
    """Heartbeat."""
    return m.HeartbeatResponse(current_time=instant(reply.now_s))


def authorize(reply: Replied) -> Message:
    """Authorize."""
    given: Verdict = reply.given
    return m.AuthorizeResponse(id_token_info=id_token_info(given), certificate_status=cast(Any, given.certificate) or UNSET)


def transaction(reply: Replied) -> Message:
    """TransactionEvent."""
    given: Followed = reply.given
    if given.verdict is None and given.cost is None:
        return NOTHING_TO_SAY
    return m.TransactionEventResponse(
        total_cost=UNSET if given.cost is None else given.cost,
        id_token_info=id_token_info(given.verdict) if given.verdict else UNSET,
    )


NOTHING_TO_SAY = m.TransactionEventResponse()


def transfer(reply: Replied) -> Message:
    """DataTransfer."""
    given: Decided = reply.given
    return m.DataTransferResponse(status=cast(Any, given.status), status_info=status_info(given.reason, given.info))


def sign(reply: Replied) -> Message:
    """SignCertificate."""
    given: Decided = reply.given
    return m.SignCertificateResponse(status=cast(Any, given.status), status_info=status_info(given.reason, given.info))


def needs(reply: Replied) -> Message:
    """NotifyEVChargingNeeds. 2.0.1 has no word for needs that get no plan of their own; they are being processed."""
    given: Decided = reply.given
    word = "Processing" if given.status == "NoChargingProfile" else given.status
    return m.NotifyEVChargingNeedsResponse(status=cast(Any, word), status_info=status_info(given.reason, given.info))


def planned(reply: Replied) -> Message:
    """NotifyEVChargingSchedule."""
    given: Decided = reply.given
    return m.NotifyEVChargingScheduleResponse(status=cast(Any, given.status), status_info=status_info(given.reason, given.info))


def ocsp(reply: Replied) -> Message:
    """GetCertificateStatus."""
    given: OcspStatus = reply.given
    if given.response:
        return m.GetCertificateStatusResponse(status="Accepted", ocsp_result=given.response)
    return m.GetCertificateStatusResponse(status="Failed", status_info=status_info(given.reason, given.info))


def contract(reply: Replied) -> Message:
    """Get15118EVCertificate."""
    given: Decided = reply.given
    return m.Get15118EVCertificateResponse(status="Failed", exi_response="", status_info=status_info(given.reason, given.info))


ANSWERS: dict[str, Callable[[Replied], Message]] = {
    "Authorize": authorize,
    "BootNotification": boot,
    "DataTransfer": transfer,
    "Get15118EVCertificate": contract,
    "GetCertificateStatus": ocsp,
    "Heartbeat": heartbeat,
    "NotifyEVChargingNeeds": needs,
    "NotifyEVChargingSchedule": planned,
    "SignCertificate": sign,
    "TransactionEvent": transaction,
}
"""Answers that say something; the others are empty."""
