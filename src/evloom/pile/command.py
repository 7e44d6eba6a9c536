"""What we say to a charging station, in our words: the same for every protocol and version.

Each command is a frozen dataclass. EVSE 0 is the station itself, connector 0 every connector of an EVSE. Numbers named `request` are
ours: the station names them in what it sends later. Instants are seconds since the epoch. "" and None mean: not said. What a version
cannot say is refused by `wire.ocpp.command.request_of`, which also turns an answer into an outcome.
"""

from typing import get_args

from evloom.pile.command_charging import (
    AskComposite,
    AskLocalListVersion,
    AskMessages,
    AskProfiles,
    AskTransaction,
    CancelReservation,
    ChangeAvailability,
    ClearCache,
    ClearMessage,
    ClearProfile,
    CustomData,
    Raw,
    Reserve,
    Reset,
    SendLocalList,
    SetMessage,
    SetProfile,
    ShowCost,
    StartCharging,
    StopCharging,
    Trigger,
    Unlock,
)
from evloom.pile.command_device import (
    AskCertificates,
    AskCustomer,
    AskLog,
    AskMonitors,
    AskReport,
    ClearMonitors,
    DeleteCertificate,
    GiveCertificate,
    InstallCertificate,
    PublishFirmware,
    ReadVariables,
    SetMonitoringBase,
    SetMonitoringLevel,
    SetMonitors,
    SetNetwork,
    UnpublishFirmware,
    UpdateFirmware,
    WriteVariables,
)
from evloom.pile.command_grid import (
    AdjustStream,
    AllowTransfer,
    AskDer,
    AskStreams,
    AskTariffs,
    ChangeTariff,
    ClearDer,
    ClearTariff,
    SetDer,
    SetTariff,
    SignalFrequency,
    SwapBattery,
    TellWebPayment,
    UpdateDynamic,
    UsePriority,
)
from evloom.pile.command_parts import (
    Certificate,
    LocalToken,
    Message,
    Monitor,
    Setting,
    Token,
    Variable,
)

Command = (
    AskComposite
    | AskLocalListVersion
    | AskMessages
    | AskProfiles
    | AskTransaction
    | CancelReservation
    | ChangeAvailability
    | ClearCache
    | ClearMessage
    | ClearProfile
    | CustomData
    | Raw
    | Reserve
    | Reset
    | SendLocalList
    | SetMessage
    | SetProfile
    | ShowCost
    | StartCharging
    | StopCharging
    | Trigger
    | Unlock
    | AskCertificates
    | AskCustomer
    | AskLog
    | AskMonitors
    | AskReport
    | ClearMonitors
    | DeleteCertificate
    | GiveCertificate
    | InstallCertificate
    | PublishFirmware
    | ReadVariables
    | SetMonitoringBase
    | SetMonitoringLevel
    | SetMonitors
    | SetNetwork
    | UnpublishFirmware
    | UpdateFirmware
    | WriteVariables
    | AdjustStream
    | AllowTransfer
    | AskDer
    | AskStreams
    | AskTariffs
    | ChangeTariff
    | ClearDer
    | ClearTariff
    | SetDer
    | SetTariff
    | SignalFrequency
    | SwapBattery
    | TellWebPayment
    | UpdateDynamic
    | UsePriority
)
"""Everything that we can say."""

KINDS: dict[str, type[Command]] = {kind.__name__: kind for kind in get_args(Command)}
"""Every command by its name."""

__all__ = [
    "KINDS",
    "AdjustStream",
    "AllowTransfer",
    "AskCertificates",
    "AskComposite",
    "AskCustomer",
    "AskDer",
    "AskLocalListVersion",
    "AskLog",
    "AskMessages",
    "AskMonitors",
    "AskProfiles",
    "AskReport",
    "AskStreams",
    "AskTariffs",
    "AskTransaction",
    "CancelReservation",
    "Certificate",
    "ChangeAvailability",
    "ChangeTariff",
    "ClearCache",
    "ClearDer",
    "ClearMessage",
    "ClearMonitors",
    "ClearProfile",
    "ClearTariff",
    "Command",
    "CustomData",
    "DeleteCertificate",
    "GiveCertificate",
    "InstallCertificate",
    "LocalToken",
    "Message",
    "Monitor",
    "PublishFirmware",
    "Raw",
    "ReadVariables",
    "Reserve",
    "Reset",
    "SendLocalList",
    "SetDer",
    "SetMessage",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetMonitors",
    "SetNetwork",
    "SetProfile",
    "SetTariff",
    "Setting",
    "ShowCost",
    "SignalFrequency",
    "StartCharging",
    "StopCharging",
    "SwapBattery",
    "TellWebPayment",
    "Token",
    "Trigger",
    "Unlock",
    "UnpublishFirmware",
    "UpdateDynamic",
    "UpdateFirmware",
    "UsePriority",
    "Variable",
    "WriteVariables",
]
