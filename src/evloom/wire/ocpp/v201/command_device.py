"""What we say to a station of OCPP 2.0.1 or 2.1 as a device: variables, reports, watches, firmware, logs, networks, vendors' data."""

from json import loads

from evloom.pile import command as say
from evloom.wire.ocpp.phrase import Payload, Phrase, Teller, Unsupported, given, when

NETWORK_VERSIONS = {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP20"}
"""Names of versions in a network profile of 2.0.1, which cannot name 2.1 (its edition 3 writes OCPP20 for 2.0.1)."""


def component_payload(variable: say.Variable) -> Payload:
    """The component of a variable."""
    evse = None if variable.evse is None else given(id=variable.evse, connectorId=variable.connector)
    return given(name=variable.component, instance=variable.component_instance, evse=evse)


def _variable(variable: say.Variable) -> Payload | None:
    return given(name=variable.name, instance=variable.instance) if variable.name else None


def _both(variable: say.Variable) -> Payload:
    return given(component=component_payload(variable), variable=_variable(variable))


def _read(command: say.ReadVariables) -> Phrase:
    if not command.variables:
        raise Unsupported("OCPP 2.x is asked for variables by name; AskReport asks for all of them")
    data = [{**_both(variable), "attributeType": variable.attribute} for variable in command.variables]
    return "GetVariables", {"getVariableData": data}


def _write(command: say.WriteVariables) -> Phrase:
    data = [
        {**_both(setting.variable), "attributeType": setting.variable.attribute, "attributeValue": setting.value}
        for setting in command.settings
    ]
    return "SetVariables", {"setVariableData": data}


def _report(command: say.AskReport) -> Phrase:
    if command.base:
        return "GetBaseReport", {"requestId": command.request, "reportBase": command.base}
    wanted = tuple(_both(variable) for variable in command.variables)
    return "GetReport", given(requestId=command.request, componentVariable=wanted, componentCriteria=command.criteria)


def _monitor(monitor: say.Monitor) -> Payload:
    stream = given(interval=monitor.interval_s, values=monitor.n_value)
    return {
        **_both(monitor.variable),
        **given(
            id=monitor.monitor_id,
            transaction=True if monitor.in_transaction else None,
            value=monitor.value,
            type=monitor.kind,
            severity=monitor.severity,
            periodicEventStream=stream or None,
        ),
    }


def _set_monitors(command: say.SetMonitors) -> Phrase:
    return "SetVariableMonitoring", {"setMonitoringData": [_monitor(monitor) for monitor in command.monitors]}


def _monitors(command: say.AskMonitors) -> Phrase:
    wanted = tuple(_both(variable) for variable in command.variables)
    return "GetMonitoringReport", given(requestId=command.request, componentVariable=wanted, monitoringCriteria=command.criteria)


def _firmware(command: say.UpdateFirmware) -> Phrase:
    firmware = given(
        location=command.location,
        retrieveDateTime=when(command.retrieve_at_s),
        installDateTime=when(command.install_at_s),
        signingCertificate=command.certificate,
        signature=command.signature,
    )
    tries = given(retries=command.retries, retryInterval=command.retry_s)
    return "UpdateFirmware", {"requestId": command.request, "firmware": firmware, **tries}


def _publish(command: say.PublishFirmware) -> Phrase:
    return "PublishFirmware", given(
        requestId=command.request,
        location=command.location,
        checksum=command.checksum,
        retries=command.retries,
        retryInterval=command.retry_s,
    )


def _log(command: say.AskLog) -> Phrase:
    log = given(remoteLocation=command.location, oldestTimestamp=when(command.from_s), latestTimestamp=when(command.to_s))
    tries = given(retries=command.retries, retryInterval=command.retry_s)
    return "GetLog", {"requestId": command.request, "logType": f"{command.kind}Log", "log": log, **tries}


def network_payload(command: say.SetNetwork, versions: dict[str, str]) -> Phrase:
    """A network profile, with the names of versions that the station's own version has."""
    if command.version not in versions:
        raise Unsupported(f"a network profile of this station can name {', '.join(versions)}, not {command.version}")
    data = given(
        ocppVersion=versions[command.version],
        ocppTransport="JSON",
        ocppCsmsUrl=command.url,
        messageTimeout=command.timeout_s,
        securityProfile=command.security_profile,
        ocppInterface=command.interface,
        identity=command.identity,
        basicAuthPassword=command.password,
    )
    return "SetNetworkProfile", {"configurationSlot": command.slot, "connectionData": data}


def _custom(command: say.CustomData) -> Phrase:
    data = loads(command.data) if command.json and command.data is not None else command.data
    return "DataTransfer", given(vendorId=command.vendor, messageId=command.message, data=data)


DEVICE_TELLERS: dict[type, Teller] = {
    say.ReadVariables: _read,
    say.WriteVariables: _write,
    say.AskReport: _report,
    say.SetMonitors: _set_monitors,
    say.ClearMonitors: lambda command: ("ClearVariableMonitoring", {"id": list(command.monitor_ids)}),
    say.SetMonitoringBase: lambda command: ("SetMonitoringBase", {"monitoringBase": command.base}),
    say.SetMonitoringLevel: lambda command: ("SetMonitoringLevel", {"severity": command.severity}),
    say.AskMonitors: _monitors,
    say.UpdateFirmware: _firmware,
    say.PublishFirmware: _publish,
    say.UnpublishFirmware: lambda command: ("UnpublishFirmware", {"checksum": command.checksum}),
    say.AskLog: _log,
    say.SetNetwork: lambda command: network_payload(command, NETWORK_VERSIONS),
    say.CustomData: _custom,
}
"""What makes the request of each command to a device."""
