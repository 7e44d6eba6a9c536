"""Our answers where 2.1 has more to say than 2.0.1."""

from collections.abc import Callable
from typing import Any, cast

from msgspec import UNSET, UnsetType

from evloom.wire.ocpp.base import Message, instant
from evloom.wire.ocpp.spoken import ChainStatus, Decided, Dynamic, Followed, Limits, Receipt, Replied, VatStatus
from evloom.wire.ocpp.v21 import messages as m
from evloom.wire.ocpp.v201 import translate_answer as older

EMPTY = m.TransactionEventResponse()


def status_info(reason: str, info: str = "") -> m.StatusInfoType | UnsetType:
    """Why, where there is a why."""
    return m.StatusInfoType(reason_code=reason[:20], additional_info=info[:1024] or UNSET) if reason else UNSET


def _watts(power_kw: float | None) -> float | UnsetType:
    return UNSET if power_kw is None else round(power_kw * 1000.0, 1)


def limits(given: Limits | None) -> m.TransactionLimitType | UnsetType:
    """What bounds a transaction; percent and Wh."""
    if given is None or given == Limits():
        return UNSET
    return m.TransactionLimitType(
        max_cost=UNSET if given.cost_max is None else given.cost_max,
        max_energy=_watts(given.energy_max_kwh),
        max_time=UNSET if given.duration_max_s is None else round(given.duration_max_s),
        max_so_c=UNSET if given.soc_max is None else round(given.soc_max * 100.0),
    )


def transaction(reply: Replied) -> Message:
    """TransactionEvent: verdict, cost so far, limits."""
    given: Followed = reply.given
    if given.verdict is None and given.cost is None and given.limits is None:
        return EMPTY
    return m.TransactionEventResponse(
        total_cost=UNSET if given.cost is None else given.cost,
        id_token_info=cast(Any, older.id_token_info(given.verdict)) if given.verdict else UNSET,
        transaction_limit=limits(given.limits),
    )


def needs(reply: Replied) -> Message:
    """NotifyEVChargingNeeds."""
    given: Decided = reply.given
    return m.NotifyEVChargingNeedsResponse(status=cast(Any, given.status), status_info=status_info(given.reason, given.info))


def dynamic(reply: Replied) -> Message:
    """PullDynamicScheduleUpdate. OCPP counts what is given back as negative, as we do."""
    given: Dynamic = reply.given
    if not given.given:
        return m.PullDynamicScheduleUpdateResponse(
            status="Rejected", status_info=status_info("NoProfile", "nothing is steered by this profile")
        )
    update = m.ChargingScheduleUpdateType(
        limit=_watts(given.limit_kw),
        discharge_limit=UNSET if given.discharge_limit_kw is None else -abs(round(given.discharge_limit_kw * 1000.0, 1)),
        setpoint=_watts(given.setpoint_kw),
    )
    return m.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=update)


def chain(reply: Replied) -> Message:
    """GetCertificateChainStatus: one status for each certificate that was asked about."""
    given: ChainStatus = reply.given
    asked = given.asked
    return m.GetCertificateChainStatusResponse(
        certificate_status=[
            m.CertificateStatusType(
                certificate_hash_data=m.CertificateHashDataType(
                    hash_algorithm=cast(Any, one.algorithm),
                    issuer_name_hash=one.issuer_name,
                    issuer_key_hash=one.issuer_key,
                    serial_number=one.serial,
                ),
                source=cast(Any, source),
                status=cast(Any, status),
                next_update=instant(given.next_update_s),
            )
            for one, source, status in zip(asked.hashes, asked.sources, given.statuses, strict=True)
        ]
    )


def settled(reply: Replied) -> Message:
    """NotifySettlement."""
    given: Receipt = reply.given
    return m.NotifySettlementResponse(receipt_url=given.url[:2000] or UNSET, receipt_id=given.number[:50] or UNSET)


def vat(reply: Replied) -> Message:
    """VatNumberValidation."""
    given: VatStatus = reply.given
    company = given.company
    return m.VatNumberValidationResponse(
        vat_number=given.number,
        status="Accepted" if company else "Rejected",
        evse_id=UNSET if given.evse is None else given.evse,
        status_info=status_info(given.reason, given.info),
        company=m.AddressType(
            name=company.name[:50],
            address1=company.address[:100],
            city=company.city[:100],
            country=company.country[:50],
            postal_code=company.postal_code[:20] or UNSET,
        )
        if company
        else UNSET,
    )


def stream(reply: Replied) -> Message:
    """OpenPeriodicEventStream."""
    given: Decided = reply.given
    return m.OpenPeriodicEventStreamResponse(status=cast(Any, given.status), status_info=status_info(given.reason, given.info))


ANSWERS: dict[str, Callable[[Replied], Message]] = {
    **older.ANSWERS,
    "GetCertificateChainStatus": chain,
    "NotifyEVChargingNeeds": needs,
    "NotifySettlement": settled,
    "OpenPeriodicEventStream": stream,
    "PullDynamicScheduleUpdate": dynamic,
    "TransactionEvent": transaction,
    "VatNumberValidation": vat,
}
"""Answers that say something; the others are empty."""
