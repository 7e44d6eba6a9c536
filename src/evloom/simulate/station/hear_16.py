"""What a virtual station of OCPP 1.6 does with the calls of a central system."""

from collections.abc import Callable

from evloom.pile.profile_composite import Allowed
from evloom.simulate.station import acts
from evloom.simulate.station.connection import Said
from evloom.simulate.station.station import ACCEPTED, Station
from evloom.wire.ocpp.phrase import Phrase, epoch, given, rate, when
from evloom.wire.ocpp.v16.command_profile import PURPOSES, read_profile


def _status(word: str) -> Said:
    return {"status": word}


def _yes(done: bool) -> Said:
    return _status(ACCEPTED if done else acts.REJECTED)


def _start(station: Station, said: Said) -> Said:
    profile = read_profile(said["chargingProfile"]) if "chargingProfile" in said else None
    return _yes(acts.start(station, (said.get("connectorId"), (said["idTag"], "", "")), None, profile))


def _stop(station: Station, said: Said) -> Said:
    return _yes(acts.stop(station, str(said["transactionId"])))


def _trigger(station: Station, said: Said) -> Said:
    what, connector = said["requestedMessage"], said.get("connectorId", 0)
    if connector and connector not in station.bays:
        return _status(acts.REJECTED)
    bays = [station.bays[connector]] if connector else list(station.bays.values())
    said_by: dict[str, list[Phrase]] = {
        "BootNotification": [station.words.boot("Triggered")],
        "Heartbeat": [("Heartbeat", {})],
        "MeterValues": [station.words.meter(bay, station.read(bay)) for bay in bays],
        "StatusNotification": [phrase for bay in bays if (phrase := station.words.status(bay, station.says_s()))],
        "FirmwareStatusNotification": [("FirmwareStatusNotification", {"status": "Idle"})],
        "DiagnosticsStatusNotification": [("DiagnosticsStatusNotification", {"status": "Idle"})],
        "LogStatusNotification": [("LogStatusNotification", {"status": "Idle"})],
        "SignChargePointCertificate": [("SignCertificate", {"csr": acts.certificate_request()})],
    }
    for phrase in said_by[what]:
        station.tell(phrase)
    return _status(ACCEPTED)


def _reserve(station: Station, said: Said) -> Said:
    return _status(acts.reserve(station, said["reservationId"], said["connectorId"], epoch(said["expiryDate"]) or 0.0, said))


def _set_profile(station: Station, said: Said) -> Said:
    refusal = acts.set_profile(station, said["connectorId"], read_profile(said["csChargingProfiles"]))
    return _status({"": ACCEPTED, "UnsupportedRequest": "NotSupported"}.get(refusal, acts.REJECTED))


def _clear_profile(station: Station, said: Said) -> Said:
    ours = {theirs: purpose for purpose, theirs in PURPOSES.items()}.get(said.get("chargingProfilePurpose", ""), "")
    return _status(acts.clear_profiles(station, said.get("id"), said.get("connectorId"), ours, said.get("stackLevel")))


def _composite(station: Station, said: Said) -> Said:
    found = composite_of(station, said["connectorId"], said.get("chargingRateUnit"), float(said["duration"]))
    if found is None:
        return _status(acts.REJECTED)
    unit, listed, now_s = found
    schedule = {"duration": said["duration"], "chargingRateUnit": unit, "chargingSchedulePeriod": listed}
    return {"status": ACCEPTED, "connectorId": said["connectorId"], "scheduleStart": when(now_s), "chargingSchedule": schedule}


def composite_of(station: Station, evse: int, unit: str | None, length_s: float) -> tuple[str, list[Said], float] | None:
    """Unit, periods and start of the composite schedule of an EVSE, or (0) of the station, which is in W; None for an unknown one."""
    now_s = station.says_s()
    if evse == 0:
        whole = station.book.whole_schedule(list(station.bays.values()), station.spec.rating_kw, now_s, length_s)
        return "W", periods(whole, "W", now_s), now_s
    bay = station.bays.get(evse)
    if bay is None:
        return None
    chosen = unit or ("W" if bay.spec.dc else "A")
    return chosen, periods(station.book.schedule(bay, "A" if chosen == "A" else "kW", now_s, length_s), chosen, now_s), now_s


def periods(allowed: tuple[Allowed, ...], unit: str, now_s: float) -> list[Said]:
    """A composite schedule in the words of every version; what 2.1 alone has is there only where it was said."""
    ours = "A" if unit == "A" else "kW"
    return [
        given(
            startPeriod=round(item.at_s - now_s),
            limit=rate(item.ceiling, ours),
            numberPhases=item.n_phase,
            dischargeLimit=rate(item.floor, ours),
            setpoint=rate(item.setpoint, ours),
            operationMode=item.mode,
        )
        for item in allowed
    ]


def _read(station: Station, said: Said) -> Said:
    wanted = said.get("key", [])
    found = [v for v in station.memory.variables if not wanted or v.key.lower() in [key.lower() for key in wanted]]
    known = {variable.key.lower() for variable in found}
    unknown = [key for key in wanted if key.lower() not in known]
    listed = [given(key=v.key, readonly=v.readonly, value=None if v.key == "AuthorizationKey" else v.value) for v in found]
    return {"configurationKey": listed, **({"unknownKey": unknown} if unknown else {})}


def _write(station: Station, said: Said) -> Said:
    variable = station.memory.by_key(said["key"])
    if variable is None:
        return _status("NotSupported")
    if variable.readonly or not fits_kind(variable.kind, said["value"]):
        return _status(acts.REJECTED)
    variable.value = said["value"]
    return _status(ACCEPTED)


def fits_kind(kind: str, value: str) -> bool:
    """Whether a text is a value of the kind that a setting has."""
    if kind == "integer":
        return value.lstrip("-").isdigit() and int(value) >= 0
    return kind != "boolean" or value.lower() in ("true", "false")


def _local_list(station: Station, said: Said) -> Said:
    entries = [
        (item["idTag"], item.get("idTagInfo", {}).get("status", ""), item.get("idTagInfo", {}).get("parentIdTag", ""))
        for item in said.get("localAuthorizationList", [])
    ]
    return _status(acts.change_list(station, said["listVersion"], said["updateType"] == "Full", entries))


def _clear_cache(station: Station, _said: Said) -> Said:
    station.memory.cache.clear()
    return _status(ACCEPTED)


def _firmware(station: Station, _said: Said) -> Said:
    station.later(acts.flow(station, "FirmwareStatusNotification", acts.FIRMWARE_FLOW, None))
    return {}


def _signed_firmware(station: Station, said: Said) -> Said:
    if "BEGIN CERTIFICATE" not in said["firmware"]["signingCertificate"]:
        return _status("InvalidCertificate")
    station.later(acts.flow(station, "SignedFirmwareStatusNotification", acts.SIGNED_FLOW, said["requestId"]))
    return _status(ACCEPTED)


def _diagnostics(station: Station, _said: Said) -> Said:
    station.later(acts.flow(station, "DiagnosticsStatusNotification", acts.LOG_FLOW, None))
    return {"fileName": f"{station.spec.station_id}.log"}


def _log(station: Station, said: Said) -> Said:
    station.later(acts.flow(station, "LogStatusNotification", acts.LOG_FLOW, said["requestId"]))
    return {"status": ACCEPTED, "filename": f"{station.spec.station_id}.log"}


def _certificates(station: Station, said: Said) -> Said:
    found = [each["hashes"] for each in station.memory.certificates if each["kind"] == said["certificateType"]]
    return {"status": ACCEPTED, "certificateHashData": found} if found else _status("NotFound")


def _transfer(station: Station, said: Said) -> Said:
    if said["vendorId"] != station.spec.vendor:
        return _status("UnknownVendorId")
    return given(status=ACCEPTED, data=said.get("data"))


HEARD: dict[str, Callable[[Station, Said], Said]] = {
    "RemoteStartTransaction": _start,
    "RemoteStopTransaction": _stop,
    "UnlockConnector": lambda station, said: _status(acts.unlock(station, said["connectorId"])),
    "Reset": lambda station, said: _status(acts.reset(station, said["type"] == "Hard")),
    "ChangeAvailability": lambda station, said: _status(acts.availability(station, said["type"] == "Operative", said["connectorId"])),
    "TriggerMessage": _trigger,
    "ExtendedTriggerMessage": _trigger,
    "ReserveNow": _reserve,
    "CancelReservation": lambda station, said: _status(acts.cancel(station, said["reservationId"])),
    "SetChargingProfile": _set_profile,
    "ClearChargingProfile": _clear_profile,
    "GetCompositeSchedule": _composite,
    "GetConfiguration": _read,
    "ChangeConfiguration": _write,
    "SendLocalList": _local_list,
    "GetLocalListVersion": lambda station, _: {"listVersion": station.memory.list_version},
    "ClearCache": _clear_cache,
    "UpdateFirmware": _firmware,
    "SignedUpdateFirmware": _signed_firmware,
    "GetDiagnostics": _diagnostics,
    "GetLog": _log,
    "InstallCertificate": lambda station, said: _status(acts.install_certificate(station, said["certificateType"], said["certificate"])),
    "DeleteCertificate": lambda station, said: _status(acts.delete_certificate(station, said["certificateHashData"])),
    "GetInstalledCertificateIds": _certificates,
    "CertificateSigned": lambda _, said: _yes("BEGIN CERTIFICATE" in said["certificateChain"]),
    "DataTransfer": _transfer,
}
"""What answers each call."""
