"""What a virtual station of OCPP 2.0.1 or 2.1 does with the calls of a central system about charging."""

from collections.abc import Callable

from evloom.pile.profile import TX
from evloom.simulate.station import acts
from evloom.simulate.station.connection import Said
from evloom.simulate.station.hear_16 import composite_of
from evloom.simulate.station.station import ACCEPTED, Station
from evloom.wire.ocpp.phrase import Phrase, epoch, given, when
from evloom.wire.ocpp.v201.command_profile import profile_payload, read_profile
from evloom.wire.ocpp.version import Version


def status(word: str, reason: str = "") -> Said:
    """An answer with a status, and the reason where it has one."""
    return given(status=word, statusInfo={"reasonCode": reason[:20]} if reason else None)


def yes(done: bool, reason: str = "") -> Said:
    """Accepted, or rejected for a reason."""
    return status(ACCEPTED) if done else status(acts.REJECTED, reason)


def _start(station: Station, said: Said) -> Said:
    token = said["idToken"]
    group = said.get("groupIdToken", {}).get("idToken", "")
    profile = read_profile(said["chargingProfile"]) if "chargingProfile" in said else None
    begun = acts.start(station, (said.get("evseId"), (token["idToken"], token["type"], group)), said["remoteStartId"], profile)
    return yes(begun, "NotAvailable")


def _stop(station: Station, said: Said) -> Said:
    return yes(acts.stop(station, said["transactionId"]), "TxNotFound")


def _availability(station: Station, said: Said) -> Said:
    return status(acts.availability(station, said["operationalStatus"] == "Operative", said.get("evse", {}).get("id", 0)))


def _trigger(station: Station, said: Said) -> Said:
    evse = said.get("evse", {}).get("id", 0)
    if evse and evse not in station.bays:
        return status(acts.REJECTED, "UnknownEvse")
    bays = [station.bays[evse]] if evse else list(station.bays.values())
    what = said["requestedMessage"]
    running = [bay for bay in bays if bay.transaction is not None]
    csr = {"csr": acts.certificate_request()}
    said_by: dict[str, list[Phrase]] = {
        "BootNotification": [station.words.boot("Triggered")],
        "Heartbeat": [("Heartbeat", {})],
        "MeterValues": [station.words.meter(bay, station.read(bay)) for bay in bays],
        "StatusNotification": [phrase for bay in bays if (phrase := station.words.status(bay, station.says_s()))],
        "FirmwareStatusNotification": [("FirmwareStatusNotification", {"status": "Idle"})],
        "LogStatusNotification": [("LogStatusNotification", {"status": "Idle"})],
        "SignChargingStationCertificate": [("SignCertificate", {**csr, "certificateType": "ChargingStationCertificate"})],
        "SignV2GCertificate": [("SignCertificate", {**csr, "certificateType": "V2GCertificate"})],
        "SignCombinedCertificate": [("SignCertificate", csr)],
        "TransactionEvent": [],
    }
    phrases = said_by.get(what)
    if phrases is None or (what == "TransactionEvent" and not running):
        return status("NotImplemented" if phrases is None else acts.REJECTED)
    for phrase in phrases:
        station.tell(phrase)
    for bay in running if what == "TransactionEvent" else []:
        if bay.transaction is not None:
            station.put(station.words.updated(bay, bay.transaction, "Trigger", station.read(bay)))
    return status(ACCEPTED)


def _reserve(station: Station, said: Said) -> Said:
    return status(acts.reserve(station, said["id"], said.get("evseId", 0), epoch(said["expiryDateTime"]) or 0.0, said))


def _set_profile(station: Station, said: Said) -> Said:
    profile = read_profile(said["chargingProfile"])
    if profile.purpose == TX and not profile.transaction:  # 2.x K01.FR.03; without one it comes with a remote start alone
        return status(acts.REJECTED, "MissingParam")
    refusal = acts.set_profile(station, said["evseId"], profile)
    return yes(not refusal, refusal)


def _clear_profile(station: Station, said: Said) -> Said:
    by = said.get("chargingProfileCriteria", {})
    purpose, level = by.get("chargingProfilePurpose", ""), by.get("stackLevel")
    return status(acts.clear_profiles(station, said.get("chargingProfileId"), by.get("evseId"), purpose, level))


def _profiles(station: Station, said: Said) -> Said:
    by = said["chargingProfile"]
    fitting = [
        item
        for item in station.book.installed
        if said.get("evseId") in (None, item.evse)
        and by.get("chargingProfilePurpose", item.profile.purpose) == item.profile.purpose
        and by.get("stackLevel", item.profile.stack_level) == item.profile.stack_level
        and item.profile.profile_id in by.get("chargingProfileId", [item.profile.profile_id])
        and "CSO" in by.get("chargingLimitSource", ["CSO"])
    ]

    async def report() -> None:
        for left, item in zip(range(len(fitting) - 1, -1, -1), fitting, strict=True):
            payload = {
                "requestId": said["requestId"],
                "chargingLimitSource": "CSO",
                "evseId": item.evse,
                "chargingProfile": [profile_payload(item.profile)],
            }
            await station.ask_quietly("ReportChargingProfiles", {**payload, "tbc": left > 0})

    station.later(report())
    return status(ACCEPTED if fitting else "NoProfiles")


def _composite(station: Station, said: Said) -> Said:
    found = composite_of(station, said["evseId"], said.get("chargingRateUnit"), float(said["duration"]))
    if found is None:
        return status(acts.REJECTED, "UnknownEvse")
    unit, listed, now_s = found
    if station.spec.version is Version.V201:
        listed = [{name: each[name] for name in ("startPeriod", "limit", "numberPhases") if name in each} for each in listed]
    schedule = {"evseId": said["evseId"], "duration": said["duration"], "scheduleStart": when(now_s), "chargingRateUnit": unit}
    return {"status": ACCEPTED, "schedule": {**schedule, "chargingSchedulePeriod": listed}}


def _local_list(station: Station, said: Said) -> Said:
    entries = []
    for item in said.get("localAuthorizationList", []):
        info = item.get("idTokenInfo", {})
        entries.append((item["idToken"]["idToken"], info.get("status", ""), info.get("groupIdToken", {}).get("idToken", "")))
    return status(acts.change_list(station, said["versionNumber"], said["updateType"] == "Full", entries))


def _clear_cache(station: Station, _said: Said) -> Said:
    station.memory.cache.clear()
    return status(ACCEPTED)


def _transaction(station: Station, said: Said) -> Said:
    number = said.get("transactionId")
    waiting = len(station.outbox) > 0
    if number is None:
        return {"messagesInQueue": waiting}
    return {"messagesInQueue": waiting, "ongoingIndicator": acts.running(station, number) is not None}


def _cost(station: Station, said: Said) -> Said:
    station.memory.costs[said["transactionId"]] = said["totalCost"]
    return {}


def _reset(station: Station, said: Said) -> Said:
    if "evseId" in said:
        return status(acts.REJECTED, "NotSupported")
    return status(acts.reset(station, said["type"] == "Immediate"))


HEARD: dict[str, Callable[[Station, Said], Said]] = {
    "RequestStartTransaction": _start,
    "RequestStopTransaction": _stop,
    "UnlockConnector": lambda station, said: status(acts.unlock(station, said["evseId"])),
    "Reset": _reset,
    "ChangeAvailability": _availability,
    "TriggerMessage": _trigger,
    "ReserveNow": _reserve,
    "CancelReservation": lambda station, said: status(acts.cancel(station, said["reservationId"])),
    "SetChargingProfile": _set_profile,
    "ClearChargingProfile": _clear_profile,
    "GetChargingProfiles": _profiles,
    "GetCompositeSchedule": _composite,
    "SendLocalList": _local_list,
    "GetLocalListVersion": lambda station, _: {"versionNumber": station.memory.list_version},
    "ClearCache": _clear_cache,
    "GetTransactionStatus": _transaction,
    "CostUpdated": _cost,
}
"""What answers each call."""
