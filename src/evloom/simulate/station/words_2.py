"""What a virtual station of OCPP 2.0.1 or 2.1 says."""

from collections.abc import Callable

from evloom.pile.station import Sample
from evloom.simulate.station.bay import Bay, Transaction
from evloom.simulate.station.connection import Said
from evloom.simulate.station.outbox import Word
from evloom.simulate.station.spec import StationSpec
from evloom.simulate.station.words_16 import UNITS
from evloom.wire.ocpp.phrase import Phrase, given, when


class Words2:
    """Messages of 2.x.

    is_offline tells whether there is no link; now_s is the station's clock; on_answer gets the answer to a word of a transaction
    """

    def __init__(
        self,
        spec: StationSpec,
        is_offline: Callable[[], bool],
        now_s: Callable[[], float],
        on_answer: Callable[[Bay, Transaction, Said], None],
    ) -> None:
        self._spec = spec
        self._is_offline = is_offline
        self._now_s = now_s
        self._on_answer = on_answer

    def boot(self, reason: str) -> Phrase:
        """BootNotification."""
        spec = self._spec
        station = {"vendorName": spec.vendor, "model": spec.model, "serialNumber": spec.station_id[:25], "firmwareVersion": spec.firmware}
        return "BootNotification", {"reason": reason, "chargingStation": station}

    def status(self, bay: Bay | None, at_s: float) -> Phrase | None:
        """StatusNotification of the one connector of an EVSE."""
        if bay is None:
            return None
        word = self.status_word(bay)
        return "StatusNotification", {"timestamp": when(at_s), "connectorStatus": word, "evseId": bay.evse, "connectorId": 1}

    def status_word(self, bay: Bay) -> str:
        """Status of a connector."""
        if bay.faulted:
            return "Faulted"
        if bay.plugged or bay.transaction is not None:
            return "Occupied"
        if not bay.operative:
            return "Unavailable"
        return "Reserved" if bay.reservation is not None else "Available"

    def authorize(self, token: str, token_type: str) -> Phrase:
        """Authorize."""
        return "Authorize", {"idToken": {"idToken": token, "type": token_type}}

    def authorized(self, answer: Said) -> tuple[str, str]:
        """Of Authorize or TransactionEvent."""
        info = answer.get("idTokenInfo", {})
        return info.get("status", "Accepted"), info.get("groupIdToken", {}).get("idToken", "")

    def started(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """TransactionEvent Started."""
        more = given(reservationId=bay.reservation, remoteStartId=None)
        return [self._event("Started", bay, transaction, trigger, {**more, "idToken": _token(transaction)}, samples)]

    def updated(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """TransactionEvent Updated."""
        return [self._event("Updated", bay, transaction, trigger, {}, samples)]

    def ended(self, bay: Bay, transaction: Transaction, why: tuple[str, str], samples: tuple[Sample, ...]) -> list[Word]:
        """TransactionEvent Ended; the token is named where it ended the transaction."""
        more = {"idToken": _token(transaction)} if why[0] == "StopAuthorized" else {}
        return [self._event("Ended", bay, transaction, why[0], {**more, "reason": why[1]}, samples)]

    def _event(self, phase: str, bay: Bay, transaction: Transaction, trigger: str, more: Said, samples: tuple[Sample, ...]) -> Word:
        reason = more.pop("reason", None)
        since_s = transaction.charging_since_s
        at_s = samples[0].at_s if samples else self._now_s()
        said = given(
            eventType=phase,
            timestamp=when(at_s),
            triggerReason=trigger,
            seqNo=transaction.seq,
            offline=True if self._is_offline() else None,
            numberOfPhasesUsed=bay.n_phase or None,
            evse={"id": bay.evse, "connectorId": 1},
            meterValue=[meter_value(samples)] if samples else None,
            transactionInfo=given(
                transactionId=transaction.number,
                chargingState=transaction.state,
                timeSpentCharging=None if since_s is None else round(at_s - since_s),
                stoppedReason=reason,
                remoteStartId=transaction.remote_start,
            ),
            **more,
        )
        transaction.seq += 1
        return Word("TransactionEvent", lambda: said, lambda answer: self._on_answer(bay, transaction, answer))

    def meter(self, bay: Bay, samples: tuple[Sample, ...]) -> Phrase:
        """MeterValues."""
        return "MeterValues", {"evseId": bay.evse, "meterValue": [meter_value(samples)]}


def _token(transaction: Transaction) -> Said:
    return {"idToken": transaction.token, "type": transaction.token_type}


def meter_value(samples: tuple[Sample, ...]) -> Said:
    """Samples of one instant."""
    return {"timestamp": when(samples[0].at_s), "sampledValue": [_sampled(sample) for sample in samples]}


def _sampled(sample: Sample) -> Said:
    unit, factor = UNITS[sample.measurand.partition(".")[0]]
    return given(
        value=round(sample.value * factor, 1),
        context=sample.context,
        measurand=sample.measurand,
        unitOfMeasure={"unit": unit},
        phase=sample.phase,
        location=sample.location,
    )
