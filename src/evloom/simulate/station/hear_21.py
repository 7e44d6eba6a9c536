"""What a virtual station of OCPP 2.1 does with the calls that 2.0.1 does not know: tariffs, V2X, grid rules, battery swap, streams."""

from collections.abc import Callable

from evloom.simulate.station import acts
from evloom.simulate.station.connection import Said
from evloom.simulate.station.hear_2 import status, yes
from evloom.simulate.station.station import ACCEPTED, Station
from evloom.wire.ocpp.phrase import given, when
from evloom.wire.ocpp.v201.command_profile import read_period

DER_REPORTS = {
    "enterService": ("enterService", False),
    "gradient": ("gradient", False),
    "fixedPFAbsorb": ("fixedPF", True),
    "fixedPFInject": ("fixedPF", True),
    "fixedVar": ("fixedVar", True),
    "freqDroop": ("freqDroop", True),
    "limitMaxDischarge": ("limitMaxDischarge", True),
    "curve": ("curve", True),
}
"""Part of a rule: its name inside a report, and whether the report says default and superseded."""


def _tariff(station: Station, said: Said) -> Said:
    evses = [said["evseId"]] if said["evseId"] else list(station.bays)
    for evse in evses:
        station.memory.tariffs[evse] = said["tariff"]
    return status(ACCEPTED)


def _change_tariff(station: Station, said: Said) -> Said:
    bay = acts.running(station, said["transactionId"])
    if bay is None:
        return status("TxNotFound")
    held = station.memory.tariffs.get(bay.evse)
    if held is not None and held["currency"] != said["tariff"]["currency"]:
        return status("NoCurrencyChange")
    return status(ACCEPTED)


def _clear_tariffs(station: Station, said: Said) -> Said:
    held = {evse: tariff["tariffId"] for evse, tariff in station.memory.tariffs.items() if said.get("evseId") in (None, evse)}
    results = []
    for name in said.get("tariffIds", sorted(set(held.values()))):
        evses = [evse for evse, tariff_id in held.items() if tariff_id == name]
        for evse in evses:
            del station.memory.tariffs[evse]
        results.append({"tariffId": name, "status": ACCEPTED if evses else "NoTariff"})
    return {"clearTariffsResult": results or [{"status": "NoTariff"}]}


def _tariffs(station: Station, said: Said) -> Said:
    held: dict[str, list[int]] = {}
    for evse, tariff in station.memory.tariffs.items():
        if said["evseId"] in (0, evse):
            held.setdefault(tariff["tariffId"], []).append(evse)
    if not held:
        return status("NoTariff")
    listed = [{"tariffId": name, "tariffKind": "DefaultTariff", "evseIds": evses} for name, evses in held.items()]
    return {"status": ACCEPTED, "tariffAssignments": listed}


def _dynamic(station: Station, said: Said) -> Said:
    number = said["chargingProfileId"]
    profile = next((item.profile for item in station.book.installed if item.profile.profile_id == number), None)
    if profile is None or station.spec.manners.rejects_profiles:
        return status(acts.REJECTED, "UnknownProfile")
    period = read_period(said["scheduleUpdate"], "A" if profile.schedule.unit == "A" else "W")
    done = station.book.update(number, period, station.says_s())
    station.settle()
    return yes(done, "NotDynamic")


def _priority(station: Station, said: Said) -> Said:
    bay = acts.running(station, said["transactionId"])
    if bay is None or bay.transaction is None:
        return status(acts.REJECTED, "TxNotFound")
    if said["activate"] and not station.book.has_priority(bay.evse):
        return status("NoProfile")
    bay.transaction.is_priority = said["activate"]
    station.settle()
    return status(ACCEPTED)


def _signal(station: Station, said: Said) -> Said:
    station.memory.signal = said["signal"]
    return status(ACCEPTED)


def _set_der(station: Station, said: Said) -> Said:
    if not any(bay.spec.discharge_max_kw > 0.0 for bay in station.bays.values()):
        return status("NotSupported")
    same = [
        number
        for number, held in station.memory.der.items()
        if held["controlType"] == said["controlType"] and held["isDefault"] == said["isDefault"] and number != said["controlId"]
    ]
    for number in same:
        station.memory.der[number]["superseded"] = True
    station.memory.der[said["controlId"]] = dict(said)
    if not said["isDefault"]:
        started = given(controlId=said["controlId"], started=True, timestamp=when(station.says_s()), supersededIds=tuple(same))
        station.tell(("NotifyDERStartStop", started))
    return given(status=ACCEPTED, supersededIds=tuple(same))


def _fits(held: Said, said: Said) -> bool:
    default = said.get("isDefault") in (None, held["isDefault"])
    kind = said.get("controlType") in (None, held["controlType"])
    return default and kind and said.get("controlId") in (None, held["controlId"])


def _get_der(station: Station, said: Said) -> Said:
    found = [held for held in station.memory.der.values() if _fits(held, said)]
    if not found:
        return status("NotFound")

    async def report() -> None:
        lists: Said = {}
        for held in found:
            part = next(name for name in DER_REPORTS if name in held)
            name, timed = DER_REPORTS[part]
            row = {name: held[part], "id": held["controlId"]}
            if timed:
                row |= {"isDefault": held["isDefault"], "isSuperseded": held.get("superseded", False)}
            if part == "curve":
                row["curveType"] = held["controlType"]
            lists.setdefault(part, []).append(row)
        await station.ask_quietly("ReportDERControl", {"requestId": said["requestId"], **lists})

    station.later(report())
    return status(ACCEPTED)


def _clear_der(station: Station, said: Said) -> Said:
    gone = [number for number, held in station.memory.der.items() if _fits(held, said)]
    for number in gone:
        del station.memory.der[number]
    return status(ACCEPTED if gone else "NotFound")


def _swap(station: Station, said: Said) -> Said:
    """A driver brings an empty battery and takes a full one."""

    async def swap() -> None:
        token, request = said["idToken"], said["requestId"]
        for event, soc in (("BatteryIn", 20.0), ("BatteryOut", 90.0)):
            await station.clock.sleep(30.0)
            battery = {"evseId": min(station.bays), "serialNumber": f"B{int(station.rng.integers(10**6)):06}", "soC": soc, "soH": 95.0}
            payload = {"batteryData": [battery], "eventType": event, "idToken": token, "requestId": request}
            await station.ask_quietly("BatterySwap", payload)

    station.later(swap())
    return status(ACCEPTED)


def _adjust_stream(station: Station, said: Said) -> Said:
    stream = station.memory.streams.get(said["id"])
    if stream is None:
        return status(acts.REJECTED, "UnknownStream")
    stream["params"] = said["params"]
    return status(ACCEPTED)


def _streams(station: Station, _said: Said) -> Said:
    return given(constantStreamData=tuple(station.memory.streams.values()))


def _allow(station: Station, said: Said) -> Said:
    return yes(acts.running(station, said["transactionId"]) is not None, "TxNotFound")


HEARD: dict[str, Callable[[Station, Said], Said]] = {
    "SetDefaultTariff": _tariff,
    "ChangeTransactionTariff": _change_tariff,
    "ClearTariffs": _clear_tariffs,
    "GetTariffs": _tariffs,
    "NotifyAllowedEnergyTransfer": _allow,
    "UpdateDynamicSchedule": _dynamic,
    "UsePriorityCharging": _priority,
    "AFRRSignal": _signal,
    "SetDERControl": _set_der,
    "GetDERControl": _get_der,
    "ClearDERControl": _clear_der,
    "RequestBatterySwap": _swap,
    "AdjustPeriodicEventStream": _adjust_stream,
    "GetPeriodicEventStream": _streams,
    "NotifyWebPaymentStarted": lambda _station, _said: {},
}
"""What answers each call."""
