"""What we say to a station of OCPP 1.6J (with its security extension): commands to requests."""

from evloom.pile import command as say
from evloom.wire.ocpp.phrase import Payload, Phrase, Teller, Unsupported, given, rate_unit, when
from evloom.wire.ocpp.v16.command_profile import PURPOSES, profile_payload, transaction_number

CERTIFICATE_USES = {"CSMSRoot": "CentralSystemRootCertificate", "ManufacturerRoot": "ManufacturerRootCertificate"}
EXTENDED_TRIGGERS = {"SignChargingStationCertificate": "SignChargePointCertificate", "LogStatusNotification": "LogStatusNotification"}


def _start(command: say.StartCharging) -> Phrase:
    profile = None if command.profile is None else profile_payload(command.profile)
    return "RemoteStartTransaction", given(connectorId=command.evse, idTag=command.token.token, chargingProfile=profile)


def _stop(command: say.StopCharging) -> Phrase:
    return "RemoteStopTransaction", {"transactionId": transaction_number(command.transaction)}


def _unlock(command: say.Unlock) -> Phrase:
    return "UnlockConnector", {"connectorId": command.evse}


def _reset(command: say.Reset) -> Phrase:
    kind = {"OnIdle": "Soft", "Immediate": "Hard"}.get(command.when)
    if command.evse or kind is None:
        raise Unsupported("OCPP 1.6 resets a station as a whole, now or when it is idle")
    return "Reset", {"type": kind}


def _availability(command: say.ChangeAvailability) -> Phrase:
    return "ChangeAvailability", {"connectorId": command.evse, "type": "Operative" if command.operative else "Inoperative"}


def _trigger(command: say.Trigger) -> Phrase:
    extended = command.extended or command.what in EXTENDED_TRIGGERS
    action = "ExtendedTriggerMessage" if extended else "TriggerMessage"
    return action, given(requestedMessage=EXTENDED_TRIGGERS.get(command.what, command.what), connectorId=command.evse or None)


def _reserve(command: say.Reserve) -> Phrase:
    return "ReserveNow", given(
        connectorId=command.evse or 0,
        expiryDate=when(command.expires_at_s),
        idTag=command.token.token,
        parentIdTag=None if command.group is None else command.group.token,
        reservationId=command.reservation,
    )


def _cancel(command: say.CancelReservation) -> Phrase:
    return "CancelReservation", {"reservationId": command.reservation}


def _set_profile(command: say.SetProfile) -> Phrase:
    return "SetChargingProfile", {"connectorId": command.evse, "csChargingProfiles": profile_payload(command.profile)}


def _clear_profile(command: say.ClearProfile) -> Phrase:
    purpose = PURPOSES.get(command.purpose, command.purpose)
    return "ClearChargingProfile", given(
        id=command.profile_id, connectorId=command.evse, chargingProfilePurpose=purpose, stackLevel=command.stack_level
    )


def _composite(command: say.AskComposite) -> Phrase:
    unit = rate_unit(command.unit)
    return "GetCompositeSchedule", given(connectorId=command.evse, duration=command.length_s, chargingRateUnit=unit)


def _read(command: say.ReadVariables) -> Phrase:
    return "GetConfiguration", {"key": [variable.name for variable in command.variables]} if command.variables else {}


def _write(command: say.WriteVariables) -> Phrase:
    if len(command.settings) != 1:
        raise Unsupported("OCPP 1.6 changes one configuration key at a time")
    setting = command.settings[0]
    return "ChangeConfiguration", {"key": setting.variable.name, "value": setting.value}


def _report(command: say.AskReport) -> Phrase:
    return "GetConfiguration", {"key": [variable.name for variable in command.variables]} if command.variables else {}


def _local_list(command: say.SendLocalList) -> Phrase:
    payload: Payload = {"listVersion": command.version, "updateType": "Full" if command.full else "Differential"}
    if command.tokens or command.full:
        payload["localAuthorizationList"] = [_local_token(entry) for entry in command.tokens]
    return "SendLocalList", payload


def _local_token(entry: say.LocalToken) -> Payload:
    if not entry.status:
        return {"idTag": entry.token.token}
    group = None if entry.group is None else entry.group.token
    return {"idTag": entry.token.token, "idTagInfo": given(expiryDate=when(entry.expires_at_s), parentIdTag=group, status=entry.status)}


def _firmware(command: say.UpdateFirmware) -> Phrase:
    tries = given(retries=command.retries, retryInterval=command.retry_s)
    if not command.signature and not command.certificate:
        return "UpdateFirmware", {"location": command.location, "retrieveDate": when(command.retrieve_at_s), **tries}
    firmware = given(
        location=command.location,
        retrieveDateTime=when(command.retrieve_at_s),
        installDateTime=when(command.install_at_s),
        signingCertificate=command.certificate,
        signature=command.signature,
    )
    return "SignedUpdateFirmware", {"requestId": command.request, "firmware": firmware, **tries}


def _log(command: say.AskLog) -> Phrase:
    tries = given(retries=command.retries, retryInterval=command.retry_s)
    from_time, to_time = when(command.from_s), when(command.to_s)
    if command.kind == "Diagnostics" and not command.extended:
        return "GetDiagnostics", {"location": command.location, **tries, **given(startTime=from_time, stopTime=to_time)}
    log = given(remoteLocation=command.location, oldestTimestamp=from_time, latestTimestamp=to_time)
    return "GetLog", {"log": log, "logType": f"{command.kind}Log", "requestId": command.request, **tries}


def _certificate_use(kind: str) -> str:
    if kind not in CERTIFICATE_USES:
        raise Unsupported(f"OCPP 1.6 knows the certificates {', '.join(CERTIFICATE_USES)}, not {kind}")
    return CERTIFICATE_USES[kind]


def _install(command: say.InstallCertificate) -> Phrase:
    return "InstallCertificate", {"certificateType": _certificate_use(command.kind), "certificate": command.pem}


def _delete(command: say.DeleteCertificate) -> Phrase:
    return "DeleteCertificate", {"certificateHashData": hash_data(command.certificate)}


def hash_data(certificate: say.Certificate) -> Payload:
    """The hashes of a certificate in the words of every version."""
    return {
        "hashAlgorithm": certificate.algorithm,
        "issuerNameHash": certificate.issuer_name_hash,
        "issuerKeyHash": certificate.issuer_key_hash,
        "serialNumber": certificate.serial_number,
    }


def _certificates(command: say.AskCertificates) -> Phrase:
    if len(command.kinds) != 1:
        raise Unsupported(f"OCPP 1.6 is asked for one kind of certificate at a time: {', '.join(CERTIFICATE_USES)}")
    return "GetInstalledCertificateIds", {"certificateType": _certificate_use(command.kinds[0])}


def _give(command: say.GiveCertificate) -> Phrase:
    if command.kind != "ChargingStation":
        raise Unsupported("OCPP 1.6 signs the certificate of the station alone")
    return "CertificateSigned", {"certificateChain": command.chain}


def _custom(command: say.CustomData) -> Phrase:
    return "DataTransfer", given(vendorId=command.vendor, messageId=command.message, data=command.data)


TELLERS: dict[type, Teller] = {
    say.StartCharging: _start,
    say.StopCharging: _stop,
    say.Unlock: _unlock,
    say.Reset: _reset,
    say.ChangeAvailability: _availability,
    say.Trigger: _trigger,
    say.Reserve: _reserve,
    say.CancelReservation: _cancel,
    say.SetProfile: _set_profile,
    say.ClearProfile: _clear_profile,
    say.AskComposite: _composite,
    say.ReadVariables: _read,
    say.WriteVariables: _write,
    say.AskReport: _report,
    say.SendLocalList: _local_list,
    say.AskLocalListVersion: lambda _: ("GetLocalListVersion", {}),
    say.ClearCache: lambda _: ("ClearCache", {}),
    say.UpdateFirmware: _firmware,
    say.AskLog: _log,
    say.InstallCertificate: _install,
    say.DeleteCertificate: _delete,
    say.AskCertificates: _certificates,
    say.GiveCertificate: _give,
    say.CustomData: _custom,
}
"""What makes the request of each command that 1.6 can say."""
