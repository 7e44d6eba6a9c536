"""What a virtual station remembers beside its bays: settings, tokens, reservations, certificates, messages, tariffs, rules of the grid."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Variable:
    """A setting under its 1.6 name and its 2.x component and name; values are text as OCPP has them."""

    key: str
    component: str
    name: str
    value: str
    readonly: bool = False
    kind: str = "string"
    instance: str = ""


def settings(heartbeat_s: float, meter_s: float, n_bay: int, discharges: bool) -> list[Variable]:
    """The settings of a station as it leaves the factory."""
    return [
        Variable("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", f"{heartbeat_s:g}", kind="integer"),
        Variable("MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval", f"{meter_s:g}", kind="integer"),
        Variable("ClockAlignedDataInterval", "AlignedDataCtrlr", "Interval", "0", kind="integer"),
        Variable("NumberOfConnectors", "ChargingStation", "EVSECount", str(n_bay), True, "integer"),
        Variable("LocalAuthListEnabled", "LocalAuthListCtrlr", "Enabled", "true", kind="boolean"),
        Variable("LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "false", kind="boolean"),
        Variable("LocalAuthorizeOffline", "AuthCtrlr", "LocalAuthorizeOffline", "true", kind="boolean"),
        Variable("AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true", kind="boolean"),
        Variable("AuthorizationCacheEnabled", "AuthCacheCtrlr", "Enabled", "true", kind="boolean"),
        Variable("AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart", "false", kind="boolean"),
        Variable("StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId", "true", kind="boolean"),
        Variable("StopTransactionOnEVSideDisconnect", "TxCtrlr", "StopTxOnEVSideDisconnect", "true", kind="boolean"),
        Variable("ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut", "120", kind="integer"),
        Variable("TransactionMessageAttempts", "OCPPCommCtrlr", "MessageAttempts", "3", kind="integer", instance="TransactionEvent"),
        Variable("ChargeProfileMaxStackLevel", "SmartChargingCtrlr", "ProfileStackLevel", "10", True, "integer"),
        Variable("ChargingScheduleMaxPeriods", "SmartChargingCtrlr", "PeriodsPerSchedule", "64", True, "integer"),
        Variable("MaxChargingProfilesInstalled", "SmartChargingCtrlr", "Entries", "20", True, "integer", "ChargingProfiles"),
        Variable("ChargingScheduleAllowedChargingRateUnit", "SmartChargingCtrlr", "RateUnit", "Current,Power", True, "MemberList"),
        Variable("SupportedFeatureProfiles", "SmartChargingCtrlr", "Available", _FEATURES, True),
        Variable("AuthorizationKey", "SecurityCtrlr", "BasicAuthPassword", ""),
        Variable("SecurityProfile", "SecurityCtrlr", "SecurityProfile", "0", True, "integer"),
        Variable("SupportsDynamicProfiles", "SmartChargingCtrlr", "SupportsDynamicProfiles", "true", True, "boolean"),
        Variable("V2XEnabled", "V2XChargingCtrlr", "Enabled", "true" if discharges else "false", True, "boolean"),
        Variable("CostAvailable", "TariffCostCtrlr", "Available", "true", True, "boolean", "Cost"),
        Variable("CostEnabled", "TariffCostCtrlr", "Enabled", "true", kind="boolean", instance="Cost"),
        Variable("Currency", "TariffCostCtrlr", "Currency", "CNY"),
        Variable("TxStartPoint", "TxCtrlr", "TxStartPoint", "Authorized", True, "MemberList"),
        Variable("TxStopPoint", "TxCtrlr", "TxStopPoint", "Authorized,EVConnected", True, "MemberList"),
    ]


_FEATURES = "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"


@dataclass
class Memory:
    """The rest of a station's memory, in the words of its version where it only has to give them back."""

    variables: list[Variable]
    list_version: int = 0
    local_list: dict[str, tuple[str, str]] = field(default_factory=dict)
    cache: dict[str, tuple[str, str]] = field(default_factory=dict)
    reservations: dict[int, dict[str, Any]] = field(default_factory=dict)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    tariffs: dict[int, dict[str, Any]] = field(default_factory=dict)
    der: dict[str, dict[str, Any]] = field(default_factory=dict)
    monitors: dict[int, dict[str, Any]] = field(default_factory=dict)
    streams: dict[int, dict[str, Any]] = field(default_factory=dict)
    networks: dict[int, dict[str, Any]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    signal: int = 0

    def number(self, key: str) -> float:
        """A setting as a number, 0 where it is none."""
        try:
            return float(self.value(key))
        except ValueError:
            return 0.0

    def is_on(self, key: str) -> bool:
        """A setting as yes or no."""
        return self.value(key).lower() == "true"

    def value(self, key: str) -> str:
        """A setting by its 1.6 name, "" where there is none."""
        found = self.by_key(key)
        return "" if found is None else found.value

    def by_key(self, key: str) -> Variable | None:
        """A setting by its 1.6 name, which is read without regard to case."""
        return next((variable for variable in self.variables if variable.key.lower() == key.lower()), None)

    def by_name(self, component: str, name: str) -> Variable | None:
        """A setting by its component and name in 2.x."""
        wanted = (component.lower(), name.lower())
        return next((each for each in self.variables if (each.component.lower(), each.name.lower()) == wanted), None)

    def knows_component(self, component: str) -> bool:
        """Whether there is such a component."""
        return any(variable.component.lower() == component.lower() for variable in self.variables)

    def locally(self, token: str) -> tuple[str, str] | None:
        """Status and group of a token by the local list, then the cache; None where neither knows it."""
        if self.is_on("LocalAuthListEnabled") and token in self.local_list:
            return self.local_list[token]
        return self.cache.get(token) if self.is_on("AuthorizationCacheEnabled") else None
