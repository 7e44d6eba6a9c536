"""What `tools.ocpp_messages` knows of the schemas in the package `ocpp`: read, given names, freed of doubles."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

Field = tuple[str, str, dict[str, Any], bool]
"""attribute, name on the wire, schema, whether it is required"""

ALIASES = {"CsChargingProfiles": "ChargingProfile", "LocalAuthorizationList": "AuthorizationData"}
"""1.6 gives some data types no name, or the name of the property: the name that the standard's text has."""

WIDER = {("v16", "Unit"): "Hertz is missing from the units of StopTransaction, though Frequency is among its measurands"}
"""Choices that differ between two messages of one version by an oversight: both get all the words."""

ATTRIBUTES = {"prioritizedEMAIDs": "prioritized_emaids", "evDurationLevel1DCInjection": "ev_duration_level1_dc_injection"}
KEPT = ("type", "format", "maxLength", "minItems", "maxItems", "minimum", "maximum")


def _actions(direction: str, **blocks: str) -> dict[str, tuple[str, str]]:
    return {action: (direction, block) for block, names in blocks.items() for action in names.split()}


_V16 = {
    **_actions(
        "cs",
        Core="Authorize BootNotification Heartbeat MeterValues StartTransaction StatusNotification StopTransaction",
        FirmwareManagement="DiagnosticsStatusNotification FirmwareStatusNotification",
        Security="LogStatusNotification SecurityEventNotification SignCertificate SignedFirmwareStatusNotification",
    ),
    **_actions(
        "csms",
        Core="ChangeAvailability ChangeConfiguration ClearCache GetConfiguration "
        "RemoteStartTransaction RemoteStopTransaction Reset UnlockConnector",
        FirmwareManagement="GetDiagnostics UpdateFirmware",
        LocalAuthListManagement="GetLocalListVersion SendLocalList",
        Reservation="CancelReservation ReserveNow",
        SmartCharging="ClearChargingProfile GetCompositeSchedule SetChargingProfile",
        RemoteTrigger="TriggerMessage",
        Security="CertificateSigned DeleteCertificate ExtendedTriggerMessage GetInstalledCertificateIds GetLog "
        "InstallCertificate SignedUpdateFirmware",
    ),
    **_actions("both", Core="DataTransfer"),
}
_V201 = {
    **_actions(
        "cs",
        A="SecurityEventNotification SignCertificate",
        B="BootNotification NotifyReport",
        C="Authorize",
        E="TransactionEvent",
        G="Heartbeat StatusNotification",
        H="ReservationStatusUpdate",
        J="MeterValues",
        K="ClearedChargingLimit NotifyChargingLimit NotifyEVChargingNeeds NotifyEVChargingSchedule ReportChargingProfiles",
        L="FirmwareStatusNotification PublishFirmwareStatusNotification",
        M="Get15118EVCertificate GetCertificateStatus",
        N="LogStatusNotification NotifyCustomerInformation NotifyEvent NotifyMonitoringReport",
        O="NotifyDisplayMessages",
    ),
    **_actions(
        "csms",
        A="CertificateSigned",
        B="GetBaseReport GetReport GetVariables Reset SetNetworkProfile SetVariables",
        C="ClearCache",
        D="GetLocalListVersion SendLocalList",
        E="GetTransactionStatus",
        F="RequestStartTransaction RequestStopTransaction TriggerMessage UnlockConnector",
        G="ChangeAvailability",
        H="CancelReservation ReserveNow",
        I="CostUpdated",
        K="ClearChargingProfile GetChargingProfiles GetCompositeSchedule SetChargingProfile",
        L="PublishFirmware UnpublishFirmware UpdateFirmware",
        M="DeleteCertificate GetInstalledCertificateIds InstallCertificate",
        N="ClearVariableMonitoring CustomerInformation GetLog GetMonitoringReport "
        "SetMonitoringBase SetMonitoringLevel SetVariableMonitoring",
        O="ClearDisplayMessage GetDisplayMessages SetDisplayMessage",
    ),
    **_actions("both", P="DataTransfer"),
}
_V21 = {
    **_V201,
    **_actions(
        "cs",
        C="VatNumberValidation",
        I="NotifySettlement",
        K="NotifyPriorityCharging PullDynamicScheduleUpdate",
        M="GetCertificateChainStatus",
        N="ClosePeriodicEventStream NotifyPeriodicEventStream OpenPeriodicEventStream",
        R="NotifyDERAlarm NotifyDERStartStop ReportDERControl",
        S="BatterySwap",
    ),
    **_actions(
        "csms",
        C="NotifyWebPaymentStarted",
        I="ChangeTransactionTariff ClearTariffs GetTariffs SetDefaultTariff",
        K="UpdateDynamicSchedule UsePriorityCharging",
        N="AdjustPeriodicEventStream GetPeriodicEventStream",
        Q="AFRRSignal NotifyAllowedEnergyTransfer",
        R="ClearDERControl GetDERControl SetDERControl",
        S="RequestBatterySwap",
    ),
}
ACTIONS: dict[str, dict[str, tuple[str, str]]] = {"v16": _V16, "v201": _V201, "v21": _V21}
"""Who asks ("cs" the station, "csms" us, "both") and the functional block (the profile in 1.6): the chapters of the standard."""


def schema_folder(folder: str) -> Path:
    """Where the package `ocpp` keeps the schemas of a version."""
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / folder / "schemas"


def schemas(folder: str) -> dict[str, dict[str, Any]]:
    """Name of the message ("AuthorizeRequest", "AuthorizeResponse") to its schema, as it is."""
    found = {}
    for path in sorted(schema_folder(folder).glob("*.json")):
        name = path.stem if path.stem.endswith(("Request", "Response")) else f"{path.stem}Request"
        found[name] = json.loads(path.read_text(encoding="utf-8-sig"))
    return found


@dataclass
class Model:
    """The data types of one version under their names, those before others that need them."""

    structs: dict[str, list[Field]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)

    def request_of(self, action: str) -> str:
        """Name of the type that asks."""
        return f"{action}Request"

    def response_of(self, action: str) -> str | None:
        """Name of the type that answers, None where nothing does."""
        return f"{action}Response" if f"{action}Response" in self.structs else None


def attribute_of(given: str) -> str:
    """Our name of a property: evseId gives evse_id, dischargeLimit_L2 discharge_limit_l2."""
    if given in ATTRIBUTES:
        return ATTRIBUTES[given]
    words = re.sub(r"(?<=[a-z0-9])([A-Z])|(?<!^)(?<!_)([A-Z])(?=[a-z])", lambda match: "_" + match.group(0), given)
    return re.sub(r"_+", "_", words).lower()


class _Reader:
    """Walks the schemas of one version and gives every object and every choice a name."""

    def __init__(self, folder: str, model: Model) -> None:
        self.folder = folder
        self.model = model
        self.definitions: dict[str, Any] = {}

    def message(self, name: str, schema: dict[str, Any]) -> None:
        """One file."""
        self.definitions = schema.get("definitions", {})
        self._struct(name, schema)

    def _struct(self, name: str, schema: dict[str, Any]) -> str:
        required = schema.get("required", [])
        ordered = sorted(schema.get("properties", {}).items(), key=lambda item: (item[0] not in required, item[0] == "customData"))
        fields = [(attribute_of(given), given, self._plain(name, given, inner), given in required) for given, inner in ordered]
        return self._named(self.model.structs, name, fields)

    def _plain(self, owner: str, given: str, schema: dict[str, Any]) -> dict[str, Any]:
        """A property's schema with every object and choice replaced by its name."""
        hint = given[0].upper() + given[1:]
        if "$ref" in schema:
            hint = schema["$ref"].rpartition("/")[2]
            schema = self.definitions[hint]
            owner = ""
        if schema.get("type") == "array":
            return {**{key: schema[key] for key in KEPT if key in schema}, "items": self._plain(owner, given, schema["items"])}
        if hint == "CustomDataType":
            return {"struct": "CustomData"}
        if schema.get("type") == "object":
            return {"struct": self._struct(ALIASES.get(hint, hint), schema)}
        if "enum" in schema:
            return {"choice": self._choice(owner, hint, schema["enum"])}
        return {key: schema[key] for key in KEPT if key in schema}

    def _choice(self, owner: str, hint: str, values: list[str]) -> str:
        short = re.sub(r"(Request)$", "", owner)
        name = hint if hint.endswith("Type") and not owner else (f"{short}{hint}" if hint in ("Status", "Type", "Kind") else hint)
        known = self.model.choices.get(name)
        if known is not None and (self.folder, name) in WIDER:
            known += [value for value in values if value not in known]
            return name
        if known is not None and sorted(known) != sorted(values):
            name = f"{short}{hint}"
        if known is None or name not in self.model.choices:
            self.model.choices[name] = list(values)
        assert sorted(self.model.choices[name]) == sorted(values), name
        return name

    @staticmethod
    def _named(table: dict[str, list[Field]], name: str, fields: list[Field]) -> str:
        known = table.setdefault(name, fields)
        if sorted(known, key=str) != sorted(fields, key=str):
            raise ValueError(f"two data types are called {name}: {known} and {fields}")
        return name


@cache
def model_of(folder: str) -> Model:
    """All data types of a version."""
    model = Model()
    reader = _Reader(folder, model)
    for name, schema in schemas(folder).items():
        if folder != "v16" and not name.endswith(("Request", "Response")):
            name = f"{name}Request"
        reader.message(name, schema)
    model.actions = sorted(name.removesuffix("Request") for name in model.structs if name.endswith("Request"))
    if wrong := set(model.actions) ^ set(ACTIONS[folder]):
        raise ValueError(f"{folder}: actions without a direction, or directions without an action: {sorted(wrong)}")
    return model
