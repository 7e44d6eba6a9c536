"""What a charging station says, in our words: the same for every protocol and version.

A station has EVSE (numbers from 1), each with one or more connectors. In 1.6 a connector is an EVSE with one connector. EVSE 0 is the
station itself. Instants are seconds since the epoch; happened_at is what the station's own clock says, and may be wrong by years. These
are the entries of the platform's log (`store.log`): names and fields are kept for ever, so fields are only added, with a default.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a meter.

    at_s        when it was measured, by the station's clock
    measurand   name by OCPP, e.g. "Energy.Active.Import.Register", "Power.Active.Import", "SoC"
    value       in our units whatever the station sent: kWh, kW, kvar, kvarh, kVA, A, V, Hz, degrees Celsius; SoC as a fraction 0..1
    phase       "", "L1", "L2", "L3", "N", "L1-N", ...; location "Outlet", "Inlet", "Body", "Cable", "EV"
    context     "Sample.Periodic", "Transaction.Begin", "Transaction.End", "Sample.Clock", "Trigger", "Interruption.Begin", "Other"
    signed      the signed meter value as it came, "" without one
    """

    at_s: float
    measurand: str
    value: float
    phase: str = ""
    location: str = "Outlet"
    context: str = "Sample.Periodic"
    signed: str = ""


@dataclass(frozen=True, slots=True)
class StationConnected:
    """A station's link is up. protocol "ocpp1.6", "ocpp2.0.1", "ocpp2.1"; security profile 0..3."""

    protocol: str
    remote: str = ""
    security_profile: int = 0
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class StationDisconnected:
    """A station's link is down; reason in words."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class StationBooted:
    """BootNotification and what was answered: status "Accepted", "Pending" or "Rejected"."""

    vendor: str
    model: str
    serial: str = ""
    firmware: str = ""
    reason: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial: str = ""
    status: str = "Accepted"


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """StatusNotification, or NotifyEvent of AvailabilityState.

    status is of 2.x for every version: "Available", "Occupied", "Reserved", "Unavailable", "Faulted"; detail is the word that was sent
    ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing" of 1.6), error and vendor_error what is wrong, "" for nothing.
    """

    evse: int
    connector: int
    status: str
    detail: str = ""
    error: str = ""
    info: str = ""
    vendor_error: str = ""


@dataclass(frozen=True, slots=True)
class TransactionSaid:
    """One word of a transaction: StartTransaction, StopTransaction, MeterValues of a transaction (1.6) or TransactionEvent (2.x).

    transaction    the id: the station's in 2.x, ours as text in 1.6
    phase          "started", "updated" or "ended"
    seq            sequence number by the station in 2.x; -1 where there is none
    trigger        trigger reason by OCPP 2.x ("Authorized", "CablePluggedIn", "MeterValuePeriodic", ...), "" unknown
    charging_state "Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle", "" unknown
    token          id of the token, token_type by OCPP ("" unknown); group the group it belongs to (master pass)
    register_kwh   import register of this word (begin or end register of 1.6), NaN-free: None where not sent
    reason         why it ended, "" where it did not
    offline        it happened while the link was down
    remote_start, reservation   numbers of ours that it refers to, None without one
    number_of_phases, cable_max_a   None where not sent
    marks          codes of what is known to be wrong with this word beyond its content ("id_invalid", "unknown", ...)
    """

    transaction: str
    phase: str
    seq: int = -1
    evse: int = 0
    connector: int = 0
    trigger: str = ""
    charging_state: str = ""
    token: str = ""
    token_type: str = ""
    group: str = ""
    register_kwh: float | None = None
    samples: tuple[Sample, ...] = field(default=())
    reason: str = ""
    offline: bool = False
    remote_start: int | None = None
    reservation: int | None = None
    number_of_phases: int | None = None
    cable_max_a: float | None = None
    marks: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class MeterSeen:
    """Meter values outside a transaction."""

    evse: int
    samples: tuple[Sample, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class NeedsSeen:
    """What the car says it needs (NotifyEVChargingNeeds): energies at the inlet in kWh, powers in kW (unsigned), None where not said.

    departure_s      epoch seconds; transfer mode by OCPP ("AC_single_phase", "DC", "AC_BPT", "DC_BPT", ...)
    energy_min_kwh, energy_max_kwh   V2X: least and most the car wants or can take; negative least = it can give
    """

    evse: int
    mode: str
    departure_s: float | None = None
    wanted_kwh: float | None = None
    energy_min_kwh: float | None = None
    energy_max_kwh: float | None = None
    charge_max_kw: float | None = None
    discharge_max_kw: float | None = None
    current_min_a: float | None = None
    soc: float | None = None
    battery_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """Everything else that a station says and that is kept: what by OCPP ("FirmwareStatusNotification", "NotifyReport",
    "SecurityEventNotification", "NotifyDERAlarm", "BatterySwap", ...), body its content in our units as JSON text."""

    what: str
    evse: int = 0
    body: str = "{}"


@dataclass(frozen=True, slots=True)
class Deviated:
    """The station broke its protocol and was understood all the same, or in part: one entry for each message.

    action the message, rule the repair or quarantine that was applied, field where, value as it came (cut to 200 characters)
    """

    action: str
    rule: str
    field: str
    value: str
    advice: str = ""


StationEvent = (
    StationConnected | StationDisconnected | StationBooted | StatusSeen | TransactionSaid | MeterSeen | NeedsSeen | Noted | Deviated
)
