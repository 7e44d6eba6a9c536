"""What we say to stations as devices: variables, firmware, logs, certificates, watches, connections, what they know of customers."""

from dataclasses import dataclass

from evloom.pile.command_parts import Certificate, Monitor, Setting, Token, Variable


@dataclass(frozen=True, slots=True)
class ReadVariables:
    """Read variables or configuration keys; in 1.6 none means all."""

    variables: tuple[Variable, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteVariables:
    """Write variables (2.x), or one configuration key (1.6)."""

    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class AskReport:
    """Have a station report its variables (1.6: answer its configuration).

    base "FullInventory", "ConfigurationInventory" or "SummaryInventory"; "" asks for `variables` (name "" = all of the component)
    and criteria "Active", "Available", "Enabled", "Problem"
    """

    request: int
    base: str = "FullInventory"
    variables: tuple[Variable, ...] = ()
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateFirmware:
    """Install firmware. certificate (PEM) and signature (base64) make it a signed update."""

    request: int
    location: str
    retrieve_at_s: float
    install_at_s: float | None = None
    certificate: str = ""
    signature: str = ""
    retries: int | None = None
    retry_s: int | None = None


@dataclass(frozen=True, slots=True)
class PublishFirmware:
    """Have a local controller fetch firmware and offer it to the stations behind it (2.x); checksum MD5 in hexadecimal."""

    request: int
    location: str
    checksum: str
    retries: int | None = None
    retry_s: int | None = None


@dataclass(frozen=True, slots=True)
class UnpublishFirmware:
    """Have a local controller no longer offer firmware (2.x)."""

    checksum: str


@dataclass(frozen=True, slots=True)
class AskLog:
    """Have a station upload a log: kind "Diagnostics", "Security" or "DataCollector" (2.1).

    extended: in 1.6 ask by GetLog of the security extension also for diagnostics, which are asked for by GetDiagnostics otherwise
    """

    request: int
    kind: str
    location: str
    from_s: float | None = None
    to_s: float | None = None
    retries: int | None = None
    retry_s: int | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True)
class InstallCertificate:
    """Install a root certificate (PEM): kind "CSMSRoot", "ManufacturerRoot", "V2GRoot", "MORoot", "OEMRoot"."""

    kind: str
    pem: str


@dataclass(frozen=True, slots=True)
class DeleteCertificate:
    """Take an installed certificate off a station."""

    certificate: Certificate


@dataclass(frozen=True, slots=True)
class AskCertificates:
    """Ask which certificates are installed, by kinds as in InstallCertificate and "V2GChain"; none means all (1.6 needs one)."""

    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GiveCertificate:
    """Give a station the signed certificate it asked for (PEM, leaf first): kind "ChargingStation", "V2G", "V2G20"."""

    chain: str
    kind: str = "ChargingStation"
    request: int | None = None


@dataclass(frozen=True, slots=True)
class SetMonitors:
    """Watch variables (2.x)."""

    monitors: tuple[Monitor, ...]


@dataclass(frozen=True, slots=True)
class ClearMonitors:
    """Stop watches by their ids (2.x)."""

    monitor_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetMonitoringBase:
    """Have the watches of the factory ("FactoryDefault"), those wired in ("HardWiredOnly") or all of them ("All") (2.x)."""

    base: str


@dataclass(frozen=True, slots=True)
class SetMonitoringLevel:
    """Be told only of what is at least so severe: 0 danger .. 9 debug (2.x)."""

    severity: int


@dataclass(frozen=True, slots=True)
class AskMonitors:
    """Have a station report its watches (2.x); criteria "ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"."""

    request: int
    variables: tuple[Variable, ...] = ()
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskCustomer:
    """Have a station report, or forget, what it knows of a customer (2.x): by token, by its certificate or by a name of ours."""

    request: int
    report: bool
    clear: bool
    token: Token | None = None
    certificate: Certificate | None = None
    customer: str = ""


@dataclass(frozen=True, slots=True)
class SetNetwork:
    """Write a profile of how a station connects to us (2.x) into a slot. version "ocpp1.6", "ocpp2.0.1", "ocpp2.1"."""

    slot: int
    url: str
    version: str
    security_profile: int
    timeout_s: int = 30
    interface: str = "Wired0"
    identity: str = ""
    password: str = ""
