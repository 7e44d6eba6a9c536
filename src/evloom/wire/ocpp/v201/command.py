"""What we say to a station of OCPP 2.0.1, and what 2.1 says in the same words: commands to requests.

A field that 2.1 alone has is written where it was said; the messages of 2.0.1 then refuse it.
"""

from evloom.pile import command as say
from evloom.wire.ocpp.phrase import CERTIFICATE_KINDS, Payload, Phrase, Teller, Unsupported, given, rate_unit, when
from evloom.wire.ocpp.v16.command import hash_data
from evloom.wire.ocpp.v201.command_device import DEVICE_TELLERS
from evloom.wire.ocpp.v201.command_profile import profile_payload


def token_payload(token: say.Token | None) -> Payload | None:
    """A token in the words of 2.x."""
    return None if token is None else {"idToken": token.token, "type": token.token_type}


def _start(command: say.StartCharging) -> Phrase:
    return "RequestStartTransaction", given(
        evseId=command.evse,
        remoteStartId=command.remote_start,
        idToken=token_payload(command.token),
        groupIdToken=token_payload(command.group),
        chargingProfile=None if command.profile is None else profile_payload(command.profile),
    )


def _stop(command: say.StopCharging) -> Phrase:
    return "RequestStopTransaction", {"transactionId": command.transaction}


def _unlock(command: say.Unlock) -> Phrase:
    return "UnlockConnector", {"evseId": command.evse, "connectorId": command.connector}


def _reset(command: say.Reset) -> Phrase:
    return "Reset", given(type=command.when, evseId=command.evse)


def _evse(evse: int, connector: int) -> Payload | None:
    return given(id=evse, connectorId=connector or None) if evse else None


def _availability(command: say.ChangeAvailability) -> Phrase:
    status = "Operative" if command.operative else "Inoperative"
    return "ChangeAvailability", given(operationalStatus=status, evse=_evse(command.evse, command.connector))


def _trigger(command: say.Trigger) -> Phrase:
    what = "CustomTrigger" if command.custom else command.what
    evse = _evse(command.evse, command.connector)
    return "TriggerMessage", given(requestedMessage=what, evse=evse, customTrigger=command.custom)


def _reserve(command: say.Reserve) -> Phrase:
    return "ReserveNow", given(
        id=command.reservation,
        expiryDateTime=when(command.expires_at_s),
        idToken=token_payload(command.token),
        groupIdToken=token_payload(command.group),
        evseId=command.evse,
        connectorType=command.connector_type,
    )


def _cancel(command: say.CancelReservation) -> Phrase:
    return "CancelReservation", {"reservationId": command.reservation}


def _set_profile(command: say.SetProfile) -> Phrase:
    return "SetChargingProfile", {"evseId": command.evse, "chargingProfile": profile_payload(command.profile)}


def _clear_profile(command: say.ClearProfile) -> Phrase:
    criteria = given(evseId=command.evse, chargingProfilePurpose=command.purpose, stackLevel=command.stack_level)
    return "ClearChargingProfile", given(chargingProfileId=command.profile_id, chargingProfileCriteria=criteria or None)


def _profiles(command: say.AskProfiles) -> Phrase:
    criterion = given(
        chargingProfilePurpose=command.purpose,
        stackLevel=command.stack_level,
        chargingProfileId=command.profile_ids,
        chargingLimitSource=command.sources,
    )
    return "GetChargingProfiles", given(requestId=command.request, evseId=command.evse, chargingProfile=criterion)


def _composite(command: say.AskComposite) -> Phrase:
    unit = rate_unit(command.unit)
    return "GetCompositeSchedule", given(evseId=command.evse, duration=command.length_s, chargingRateUnit=unit)


def _local_list(command: say.SendLocalList) -> Phrase:
    payload: Payload = {"versionNumber": command.version, "updateType": "Full" if command.full else "Differential"}
    if command.tokens:
        payload["localAuthorizationList"] = [_local_token(entry) for entry in command.tokens]
    return "SendLocalList", payload


def _local_token(entry: say.LocalToken) -> Payload:
    info = given(
        status=entry.status,
        cacheExpiryDateTime=when(entry.expires_at_s),
        groupIdToken=token_payload(entry.group),
        language1=entry.language,
    )
    return given(idToken=token_payload(entry.token), idTokenInfo=info if entry.status else None)


def _install(command: say.InstallCertificate) -> Phrase:
    return "InstallCertificate", {"certificateType": _certificate_kind(command.kind), "certificate": command.pem}


def _certificate_kind(kind: str) -> str:
    if kind not in CERTIFICATE_KINDS:
        raise Unsupported(f"kinds of certificates are {', '.join(CERTIFICATE_KINDS)}, not {kind}")
    return CERTIFICATE_KINDS[kind]


def _delete(command: say.DeleteCertificate) -> Phrase:
    return "DeleteCertificate", {"certificateHashData": hash_data(command.certificate)}


def _certificates(command: say.AskCertificates) -> Phrase:
    return "GetInstalledCertificateIds", given(certificateType=tuple(_certificate_kind(kind) for kind in command.kinds))


def _give(command: say.GiveCertificate) -> Phrase:
    return "CertificateSigned", given(
        certificateChain=command.chain, certificateType=f"{command.kind}Certificate", requestId=command.request
    )


def _set_message(command: say.SetMessage) -> Phrase:
    message = command.message
    return "SetDisplayMessage", {
        "message": given(
            id=message.message_id,
            priority=message.priority,
            state=message.state,
            startDateTime=when(message.starts_at_s),
            endDateTime=when(message.ends_at_s),
            transactionId=message.transaction,
            message=given(format=message.form, language=message.language, content=message.text),
        )
    }


def _messages(command: say.AskMessages) -> Phrase:
    return "GetDisplayMessages", given(requestId=command.request, id=command.message_ids, priority=command.priority, state=command.state)


def _customer(command: say.AskCustomer) -> Phrase:
    return "CustomerInformation", given(
        requestId=command.request,
        report=command.report,
        clear=command.clear,
        idToken=token_payload(command.token),
        customerCertificate=None if command.certificate is None else hash_data(command.certificate),
        customerIdentifier=command.customer,
    )


TELLERS: dict[type, Teller] = {
    **DEVICE_TELLERS,
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
    say.AskProfiles: _profiles,
    say.AskComposite: _composite,
    say.SendLocalList: _local_list,
    say.AskLocalListVersion: lambda _: ("GetLocalListVersion", {}),
    say.ClearCache: lambda _: ("ClearCache", {}),
    say.InstallCertificate: _install,
    say.DeleteCertificate: _delete,
    say.AskCertificates: _certificates,
    say.GiveCertificate: _give,
    say.SetMessage: _set_message,
    say.ClearMessage: lambda command: ("ClearDisplayMessage", {"id": command.message_id}),
    say.AskMessages: _messages,
    say.ShowCost: lambda command: ("CostUpdated", {"totalCost": command.total, "transactionId": command.transaction}),
    say.AskCustomer: _customer,
    say.AskTransaction: lambda command: ("GetTransactionStatus", given(transactionId=command.transaction)),
}
"""What makes the request of each command that 2.0.1 can say."""
