"""Conformance cards: for each version every message of the standard, and whether we handle it.

done      from a station: understood, kept and answered as the standard has it; to one: a command of ours says it, and its answer is read
to do     not yet
exempt    never in full, for the reason given; a station that sends it is answered all the same

A test holds this against the catalogues, the desk and the commands.
"""

from typing import NamedTuple

from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.version import Version

DONE, TO_DO, EXEMPT = "done", "to do", "exempt"

_CONTRACT = "a contract certificate comes from a mobility operator's service, and none is connected: answered Failed with that reason"
_VAT = "no register of VAT numbers is connected: answered NotConfirmed"
_EXEMPT = {
    Version.V16: {},
    Version.V201: {"Get15118EVCertificate": _CONTRACT},
    Version.V21: {"Get15118EVCertificate": _CONTRACT, "VatNumberValidation": _VAT},
}
_TO_DO: dict[Version, frozenset[str]] = {version: frozenset() for version in Version}
_16 = """
Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ChangeConfiguration ClearCache ClearChargingProfile
DataTransfer DeleteCertificate DiagnosticsStatusNotification ExtendedTriggerMessage FirmwareStatusNotification GetCompositeSchedule
GetConfiguration GetDiagnostics GetInstalledCertificateIds GetLocalListVersion GetLog Heartbeat InstallCertificate LogStatusNotification
MeterValues RemoteStartTransaction RemoteStopTransaction ReserveNow Reset SecurityEventNotification SendLocalList SetChargingProfile
SignCertificate SignedFirmwareStatusNotification SignedUpdateFirmware StartTransaction StatusNotification StopTransaction TriggerMessage
UnlockConnector UpdateFirmware
"""
_201 = """
Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage
ClearVariableMonitoring ClearedChargingLimit CostUpdated CustomerInformation DataTransfer DeleteCertificate FirmwareStatusNotification
GetBaseReport GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDisplayMessages GetInstalledCertificateIds
GetLocalListVersion GetLog GetMonitoringReport GetReport GetTransactionStatus GetVariables Heartbeat InstallCertificate
LogStatusNotification MeterValues NotifyChargingLimit NotifyCustomerInformation NotifyDisplayMessages NotifyEVChargingNeeds
NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport PublishFirmware PublishFirmwareStatusNotification
ReportChargingProfiles RequestStartTransaction RequestStopTransaction ReservationStatusUpdate ReserveNow Reset
SecurityEventNotification SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile
SetVariableMonitoring SetVariables SignCertificate StatusNotification TransactionEvent TriggerMessage UnlockConnector UnpublishFirmware
UpdateFirmware
"""
_21 = f"""
{_201}
AFRRSignal AdjustPeriodicEventStream BatterySwap ChangeTransactionTariff ClearDERControl ClearTariffs ClosePeriodicEventStream
GetCertificateChainStatus GetDERControl GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyDERAlarm NotifyDERStartStop
NotifyPeriodicEventStream NotifyPriorityCharging NotifySettlement NotifyWebPaymentStarted OpenPeriodicEventStream
PullDynamicScheduleUpdate ReportDERControl RequestBatterySwap SetDERControl SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging
"""
_DONE = {version: frozenset(text.split()) for version, text in ((Version.V16, _16), (Version.V201, _201), (Version.V21, _21))}
_ASKS = {"cs": "station", "csms": "platform", "both": "either"}


class Row(NamedTuple):
    """A message on a card: who asks ("station", "platform", "either"), its functional block, its state, and why where it is exempt."""

    action: str
    asks: str
    block: str
    state: str
    reason: str = ""


def card(version: Version) -> tuple[Row, ...]:
    """The card of a version. ValueError when it leaves out a message of the standard, has one that is none, or has one twice."""
    exempt, to_do, done = _EXEMPT[version], _TO_DO[version], _DONE[version]
    named = [*exempt, *to_do, *done]
    if sorted(named) != sorted(catalog(version)):
        raise ValueError(
            f"{version.value}: the card and the messages of the standard differ by {sorted(set(named) ^ set(catalog(version)))}"
        )
    rows = []
    for action, entry in sorted(catalog(version).items()):
        state = EXEMPT if action in exempt else TO_DO if action in to_do else DONE
        rows.append(Row(action, _ASKS[entry.direction], entry.block, state, exempt.get(action, "")))
    return tuple(rows)
