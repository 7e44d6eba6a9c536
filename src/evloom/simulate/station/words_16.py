"""What a virtual station of OCPP 1.6 says."""

from collections.abc import Callable

from evloom.pile.station import Sample
from evloom.simulate.station.bay import Bay, Transaction
from evloom.simulate.station.connection import Said
from evloom.simulate.station.outbox import Word
from evloom.simulate.station.spec import StationSpec
from evloom.wire.ocpp.phrase import Phrase, given, when

UNITS = {"Energy": ("Wh", 1000.0), "Power": ("W", 1000.0), "Current": ("A", 1.0), "Voltage": ("V", 1.0), "SoC": ("Percent", 100.0)}
STOP_REASONS = {"EVDisconnected", "EmergencyStop", "Local", "Other", "PowerLoss", "Reboot", "Remote", "DeAuthorized"}
"""Reasons that 1.6 shares with 2.x; of the others it has names of its own, or Other."""
OWN_REASONS = {"ImmediateReset": "HardReset", "ScheduledReset": "SoftReset", "Unlock": "UnlockCommand"}


class Words16:
    """Messages of 1.6. on_number is called when the central system has named a transaction, with its answer."""

    def __init__(self, spec: StationSpec, on_number: Callable[[Bay, Transaction, Said], None]) -> None:
        self._spec = spec
        self._on_number = on_number

    def boot(self, reason: str) -> Phrase:
        """BootNotification; 1.6 has no reason."""
        spec = self._spec
        return "BootNotification", {
            "chargePointVendor": spec.vendor,
            "chargePointModel": spec.model,
            "chargePointSerialNumber": spec.station_id[:25],
            "firmwareVersion": spec.firmware,
        }

    def status(self, bay: Bay | None, at_s: float) -> Phrase | None:
        """StatusNotification; connector 0 is the station."""
        word = "Available" if bay is None else self.status_word(bay)
        error = "OtherError" if bay is not None and bay.faulted else "NoError"
        return "StatusNotification", {
            "connectorId": 0 if bay is None else bay.evse,
            "errorCode": error,
            "status": word,
            "timestamp": when(at_s),
        }

    def status_word(self, bay: Bay) -> str:
        """Status of a connector."""
        if bay.faulted:
            return "Faulted"
        if bay.transaction is not None:
            return {"EVConnected": "Preparing", "Idle": "Finishing"}.get(bay.transaction.state, bay.transaction.state)
        if bay.plugged:
            return "Finishing" if bay.last_status not in ("", "Available", "Preparing", "Reserved", "Unavailable") else "Preparing"
        if not bay.operative:
            return "Unavailable"
        return "Reserved" if bay.reservation is not None else "Available"

    def authorize(self, token: str, token_type: str) -> Phrase:
        """Authorize."""
        return "Authorize", {"idTag": token}

    def authorized(self, answer: Said) -> tuple[str, str]:
        """Of Authorize or StartTransaction."""
        info = answer.get("idTagInfo", {})
        return info.get("status", "Invalid"), info.get("parentIdTag", "")

    def started(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """StartTransaction; its number comes with the answer."""
        said = given(
            connectorId=bay.evse,
            idTag=transaction.token,
            meterStart=_register(samples),
            reservationId=bay.reservation,
            timestamp=when(samples[0].at_s),
        )
        return [Word("StartTransaction", lambda: said, lambda answer: self._on_number(bay, transaction, answer))]

    def updated(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """MeterValues of the transaction; a charging state is a status in 1.6."""
        if not samples:
            return []
        values = [meter_value(samples)]
        return [Word("MeterValues", lambda: {"connectorId": bay.evse, "transactionId": number(transaction), "meterValue": values})]

    def ended(self, bay: Bay, transaction: Transaction, why: tuple[str, str], samples: tuple[Sample, ...]) -> list[Word]:
        """StopTransaction."""
        reason = why[1] if why[1] in STOP_REASONS else OWN_REASONS.get(why[1], "Other")
        said = given(meterStop=_register(samples), timestamp=when(samples[0].at_s), reason=reason, idTag=transaction.token)
        return [Word("StopTransaction", lambda: {**said, "transactionId": number(transaction)})]

    def meter(self, bay: Bay, samples: tuple[Sample, ...]) -> Phrase:
        """MeterValues."""
        return "MeterValues", {"connectorId": bay.evse, "meterValue": [meter_value(samples)]}


def number(transaction: Transaction) -> int:
    """A transaction by its number; -1 where the central system never named it."""
    return int(transaction.number) if transaction.number else -1


def _register(samples: tuple[Sample, ...]) -> int:
    return next(round(sample.value * 1000.0) for sample in samples if sample.measurand == "Energy.Active.Import.Register")


def meter_value(samples: tuple[Sample, ...]) -> Said:
    """Samples of one instant."""
    return {"timestamp": when(samples[0].at_s), "sampledValue": [_sampled(sample) for sample in samples]}


def _sampled(sample: Sample) -> Said:
    unit, factor = UNITS[sample.measurand.partition(".")[0]]
    value = f"{sample.value * factor:.1f}" if unit != "Wh" else f"{sample.value * factor:.0f}"
    location = sample.location if sample.location != "Outlet" else ""
    return given(value=value, context=sample.context, measurand=sample.measurand, unit=unit, phase=sample.phase, location=location)
