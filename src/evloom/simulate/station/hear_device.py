"""What a virtual station of OCPP 2.0.1 or 2.1 does with the calls of a central system about the device itself."""

from collections.abc import Callable

from evloom.simulate.station import acts
from evloom.simulate.station.connection import Said
from evloom.simulate.station.hear_2 import status, yes
from evloom.simulate.station.hear_16 import fits_kind
from evloom.simulate.station.memory import Variable
from evloom.simulate.station.station import ACCEPTED, Station
from evloom.wire.ocpp.phrase import given, when
from evloom.wire.ocpp.version import Version

PER_REPORT = 10


def _get_variables(station: Station, said: Said) -> Said:
    return {"getVariableResult": [_got(station, item) for item in said["getVariableData"]]}


def _found(station: Station, item: Said) -> tuple[Variable | None, str]:
    """The variable that an item names, and the status where it is none."""
    found = station.memory.by_name(item["component"]["name"], item["variable"]["name"])
    if found is None:
        return None, "UnknownVariable" if station.memory.knows_component(item["component"]["name"]) else "UnknownComponent"
    if item.get("attributeType", "Actual") != "Actual":
        return None, "NotSupportedAttributeType"
    return found, ""


def _got(station: Station, item: Said) -> Said:
    found, word = _found(station, item)
    if found is not None and found.name == "BasicAuthPassword":
        found, word = None, acts.REJECTED
    named = given(component=item["component"], variable=item["variable"], attributeType=item.get("attributeType"))
    return {**named, "attributeStatus": word or ACCEPTED, **({} if found is None else {"attributeValue": found.value})}


def _set_variables(station: Station, said: Said) -> Said:
    return {"setVariableResult": [_put(station, item) for item in said["setVariableData"]]}


def _put(station: Station, item: Said) -> Said:
    found, word = _found(station, item)
    if found is not None:
        if found.readonly or not fits_kind(found.kind, item["attributeValue"]):
            word = acts.REJECTED
        else:
            found.value, word = item["attributeValue"], ACCEPTED
    named = given(component=item["component"], variable=item["variable"], attributeType=item.get("attributeType"))
    return {**named, "attributeStatus": word}


def _base_report(station: Station, said: Said) -> Said:
    wanted = [each for each in station.memory.variables if said["reportBase"] != "ConfigurationInventory" or not each.readonly]
    return _report(station, said["requestId"], wanted)


def _some_report(station: Station, said: Said) -> Said:
    asked = said.get("componentVariable")
    if asked is None:
        return _report(station, said["requestId"], station.memory.variables)
    wanted = [each for each in station.memory.variables if any(_is_asked(each, item) for item in asked)]
    return _report(station, said["requestId"], wanted) if wanted else status("EmptyResultSet")


def _is_asked(variable: Variable, item: Said) -> bool:
    name = item.get("variable", {}).get("name", variable.name)
    return bool(item["component"]["name"] == variable.component and name == variable.name)


def _report(station: Station, request: int, wanted: list[Variable]) -> Said:
    async def report() -> None:
        for first in range(0, len(wanted), PER_REPORT):
            said = {
                "requestId": request,
                "generatedAt": when(station.says_s()),
                "seqNo": first // PER_REPORT,
                "tbc": first + PER_REPORT < len(wanted),
                "reportData": [_reported(each) for each in wanted[first : first + PER_REPORT]],
            }
            await station.ask_quietly("NotifyReport", said)

    station.later(report())
    return status(ACCEPTED)


def _reported(variable: Variable) -> Said:
    return {
        "component": {"name": variable.component},
        "variable": given(name=variable.name, instance=variable.instance),
        "variableAttribute": [{"value": variable.value, "mutability": "ReadOnly" if variable.readonly else "ReadWrite"}],
        "variableCharacteristics": {"dataType": variable.kind, "supportsMonitoring": True},
    }


def _set_monitors(station: Station, said: Said) -> Said:
    results = []
    for item in said["setMonitoringData"]:
        number = item.get("id", max(station.memory.monitors, default=0) + 1)
        found = station.memory.by_name(item["component"]["name"], item["variable"]["name"])
        named = {name: item[name] for name in ("component", "variable", "type", "severity")}
        if found is None:
            results.append({**named, "status": "UnknownVariable"})
            continue
        station.memory.monitors[number] = item
        if "periodicEventStream" in item:
            station.later(_open_stream(station, number, item["periodicEventStream"]))
        results.append({**named, "id": number, "status": ACCEPTED})
    return {"setMonitoringResult": results}


async def _open_stream(station: Station, monitor: int, params: Said) -> None:
    """Offer a periodic event stream for a monitor and, when it is wanted, send its values."""
    stream = {"id": monitor, "params": params, "variableMonitoringId": monitor}
    answer = await station.ask_quietly("OpenPeriodicEventStream", {"constantStreamData": stream})
    if answer is None or answer.get("status") != ACCEPTED:
        return
    station.memory.streams[monitor] = stream
    while monitor in station.memory.streams:
        every_s = float(station.memory.streams[monitor]["params"].get("interval") or 60.0)
        await station.clock.sleep(every_s)
        item = station.memory.monitors.get(monitor)
        if item is None:
            station.memory.streams.pop(monitor, None)
            await station.ask_quietly("ClosePeriodicEventStream", {"id": monitor})
            return
        found = station.memory.by_name(item["component"]["name"], item["variable"]["name"])
        value = "" if found is None else found.value
        data = {"data": [{"t": 0.0, "v": value}], "id": monitor, "pending": 0, "basetime": when(station.says_s())}
        await station.send("NotifyPeriodicEventStream", data)


def _clear_monitors(station: Station, said: Said) -> Said:
    results = []
    for number in said["id"]:
        known = station.memory.monitors.pop(number, None) is not None
        results.append({"id": number, "status": ACCEPTED if known else "NotFound"})
    return {"clearMonitoringResult": results}


def _monitors(station: Station, said: Said) -> Said:
    held = list(station.memory.monitors.items())

    async def report() -> None:
        monitors = []
        for number, item in held:
            kind = {"eventNotificationType": "CustomMonitor"} if station.spec.version is Version.V21 else {}
            plain = {"id": number, "transaction": item.get("transaction", False), "value": item["value"]}
            watch = {**plain, "type": item["type"], "severity": item["severity"], **kind}
            monitors.append({"component": item["component"], "variable": item["variable"], "variableMonitoring": [watch]})
        said_back = {"requestId": said["requestId"], "seqNo": 0, "generatedAt": when(station.says_s()), "monitor": monitors}
        await station.ask_quietly("NotifyMonitoringReport", said_back)

    if not held:
        return status("EmptyResultSet")
    station.later(report())
    return status(ACCEPTED)


def _firmware(station: Station, said: Said) -> Said:
    firmware = said["firmware"]
    signed = "signature" in firmware
    if signed and "BEGIN CERTIFICATE" not in firmware.get("signingCertificate", ""):
        return status("InvalidCertificate")
    statuses = acts.SIGNED_FLOW if signed else acts.FIRMWARE_FLOW
    station.later(acts.flow(station, "FirmwareStatusNotification", statuses, said["requestId"]))
    return status(ACCEPTED)


def _publish(station: Station, said: Said) -> Said:
    async def publish() -> None:
        for word in ("Downloading", "Downloaded", "Published"):
            await station.clock.sleep(acts.STEP_S)
            more = {"location": [said["location"]]} if word == "Published" else {}
            await station.ask_quietly("PublishFirmwareStatusNotification", {"status": word, "requestId": said["requestId"], **more})

    station.later(publish())
    return status(ACCEPTED)


def _log(station: Station, said: Said) -> Said:
    station.later(acts.flow(station, "LogStatusNotification", acts.LOG_FLOW, said["requestId"]))
    return {"status": ACCEPTED, "filename": f"{station.spec.station_id}.log"}


def _certificates(station: Station, said: Said) -> Said:
    kinds = said.get("certificateType")
    chains = [
        {"certificateType": each["kind"], "certificateHashData": each["hashes"]}
        for each in station.memory.certificates
        if kinds is None or each["kind"] in kinds
    ]
    return {"status": ACCEPTED, "certificateHashDataChain": chains} if chains else status("NotFound")


def _set_message(station: Station, said: Said) -> Said:
    message = said["message"]
    number = message.get("transactionId")
    if number is not None and acts.running(station, number) is None:
        return status("UnknownTransaction")
    station.memory.messages[message["id"]] = message
    return status(ACCEPTED)


def _messages(station: Station, said: Said) -> Said:
    found = [
        message
        for message in station.memory.messages.values()
        if message["id"] in said.get("id", [message["id"]])
        and message["priority"] == said.get("priority", message["priority"])
        and message.get("state") == said.get("state", message.get("state"))
    ]
    if not found:
        return status("Unknown")
    station.later(station.ask_quietly("NotifyDisplayMessages", {"requestId": said["requestId"], "messageInfo": found}))
    return status(ACCEPTED)


def _customer(station: Station, said: Said) -> Said:
    token = said.get("idToken", {}).get("idToken", "")
    known = [word for word, held in (("cache", station.memory.cache), ("list", station.memory.local_list)) if token in held]
    if said["clear"]:
        station.memory.cache.pop(token, None)
        station.memory.local_list.pop(token, None)
    data = f"{token}: {', '.join(known) or 'nothing'}"[:512]
    payload = {"requestId": said["requestId"], "seqNo": 0, "generatedAt": when(station.says_s()), "data": data}
    if said["report"]:
        station.later(station.ask_quietly("NotifyCustomerInformation", payload))
    return status(ACCEPTED)


def _network(station: Station, said: Said) -> Said:
    station.memory.networks[said["configurationSlot"]] = said["connectionData"]
    return status(ACCEPTED)


def _transfer(station: Station, said: Said) -> Said:
    if said["vendorId"] != station.spec.vendor:
        return status("UnknownVendorId")
    return given(status=ACCEPTED, data=said.get("data"))


def _clear_message(station: Station, said: Said) -> Said:
    return status(ACCEPTED if station.memory.messages.pop(said["id"], None) is not None else "Unknown")


HEARD: dict[str, Callable[[Station, Said], Said]] = {
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "GetBaseReport": _base_report,
    "GetReport": _some_report,
    "SetVariableMonitoring": _set_monitors,
    "ClearVariableMonitoring": _clear_monitors,
    "GetMonitoringReport": _monitors,
    "SetMonitoringBase": lambda _station, _said: status(ACCEPTED),
    "SetMonitoringLevel": lambda _, said: yes(said["severity"] <= 9, "InvalidSeverity"),
    "UpdateFirmware": _firmware,
    "PublishFirmware": _publish,
    "UnpublishFirmware": lambda _station, _said: {"status": "NoFirmware"},
    "GetLog": _log,
    "InstallCertificate": lambda station, said: status(acts.install_certificate(station, said["certificateType"], said["certificate"])),
    "DeleteCertificate": lambda station, said: status(acts.delete_certificate(station, said["certificateHashData"])),
    "GetInstalledCertificateIds": _certificates,
    "CertificateSigned": lambda _, said: yes("BEGIN CERTIFICATE" in said["certificateChain"], "InvalidCertificate"),
    "SetDisplayMessage": _set_message,
    "GetDisplayMessages": _messages,
    "ClearDisplayMessage": _clear_message,
    "CustomerInformation": _customer,
    "SetNetworkProfile": _network,
    "DataTransfer": _transfer,
}
"""What answers each call."""
