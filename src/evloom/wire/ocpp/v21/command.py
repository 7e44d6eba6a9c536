"""What we say to a station of OCPP 2.1: the words of 2.0.1 and those of tariffs, V2X, grid rules, battery swap and event streams."""

from evloom.pile import command as say
from evloom.wire.ocpp.phrase import Payload, Phrase, Teller, given, rate, when
from evloom.wire.ocpp.v21.command_der import der_payload
from evloom.wire.ocpp.v21.command_tariff import tariff_payload
from evloom.wire.ocpp.v201.command import TELLERS as TELLERS_OF_201
from evloom.wire.ocpp.v201.command import token_payload
from evloom.wire.ocpp.v201.command_device import network_payload

NETWORK_VERSIONS = {"ocpp1.6": "OCPP16", "ocpp2.0.1": "OCPP201", "ocpp2.1": "OCPP21"}


def _set_tariff(command: say.SetTariff) -> Phrase:
    return "SetDefaultTariff", {"evseId": command.evse, "tariff": tariff_payload(command.tariff)}


def _change_tariff(command: say.ChangeTariff) -> Phrase:
    return "ChangeTransactionTariff", {"transactionId": command.transaction, "tariff": tariff_payload(command.tariff)}


def _allow(command: say.AllowTransfer) -> Phrase:
    modes = list(command.modes)
    return "NotifyAllowedEnergyTransfer", {"transactionId": command.transaction, "allowedEnergyTransfer": modes}


def _dynamic(command: say.UpdateDynamic) -> Phrase:
    return "UpdateDynamicSchedule", {"chargingProfileId": command.profile_id, "scheduleUpdate": update_payload(command)}


def update_payload(command: say.UpdateDynamic) -> Payload:
    """New values of a dynamic schedule, as they are pushed, or answered to PullDynamicScheduleUpdate."""
    return given(
        limit=rate(command.ceiling, command.unit),
        dischargeLimit=rate(command.floor, command.unit),
        setpoint=rate(command.setpoint, command.unit),
        setpointReactive=rate(command.reactive, command.unit),
    )


def _priority(command: say.UsePriority) -> Phrase:
    return "UsePriorityCharging", {"transactionId": command.transaction, "activate": command.active}


def _ask_der(command: say.AskDer) -> Phrase:
    return "GetDERControl", given(
        requestId=command.request, isDefault=command.default, controlType=command.kind, controlId=command.control_id
    )


def _clear_der(command: say.ClearDer) -> Phrase:
    return "ClearDERControl", given(isDefault=command.default, controlType=command.kind, controlId=command.control_id)


def _swap(command: say.SwapBattery) -> Phrase:
    return "RequestBatterySwap", {"requestId": command.request, "idToken": token_payload(command.token)}


def _stream(command: say.AdjustStream) -> Phrase:
    params = given(interval=command.interval_s, values=command.n_value)
    return "AdjustPeriodicEventStream", {"id": command.stream, "params": params}


def _clear_tariff(command: say.ClearTariff) -> Phrase:
    return "ClearTariffs", given(tariffIds=command.tariff_ids, evseId=command.evse)


def _web_payment(command: say.TellWebPayment) -> Phrase:
    return "NotifyWebPaymentStarted", {"evseId": command.evse, "timeout": command.timeout_s}


def _network(command: say.SetNetwork) -> Phrase:
    return network_payload(command, NETWORK_VERSIONS)


TELLERS: dict[type, Teller] = {
    **TELLERS_OF_201,
    say.SetNetwork: _network,
    say.SetTariff: _set_tariff,
    say.ChangeTariff: _change_tariff,
    say.ClearTariff: _clear_tariff,
    say.AskTariffs: lambda command: ("GetTariffs", {"evseId": command.evse}),
    say.AllowTransfer: _allow,
    say.UpdateDynamic: _dynamic,
    say.UsePriority: _priority,
    say.SignalFrequency: lambda command: ("AFRRSignal", {"timestamp": when(command.at_s), "signal": command.signal}),
    say.SetDer: lambda command: ("SetDERControl", der_payload(command.control)),
    say.AskDer: _ask_der,
    say.ClearDer: _clear_der,
    say.SwapBattery: _swap,
    say.AdjustStream: _stream,
    say.AskStreams: lambda _: ("GetPeriodicEventStream", {}),
    say.TellWebPayment: _web_payment,
}
"""What makes the request of each command that 2.1 can say."""
