"""What came of a command: the answer of a station, in our words. It is read leniently: an answer that breaks its schema is an answer."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec

from evloom.pile import command as say
from evloom.wire.ocpp.check import catalog
from evloom.wire.ocpp.phrase import CERTIFICATE_KINDS, from_rate
from evloom.wire.ocpp.v16.command import CERTIFICATE_USES
from evloom.wire.ocpp.version import Version

GOOD = frozenset(
    {"Accepted", "Scheduled", "RebootRequired", "Unlocked", "AcceptedCanceled", "Unpublished", "NoProfiles", "NoTariff", "EmptyResultSet"}
)
"""Words of a station that mean: done, will be done, or there was nothing of it."""
_RESULT_LISTS = ("getVariableResult", "setVariableResult", "setMonitoringResult", "clearMonitoringResult", "clearTariffsResult")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a station answered: whether it did what we asked, its word for it, and what else it said, ready for JSON.

    detail   "reason" and "info" where it said why; "values" of variables; "results" of lists; "composite"; "certificates"; else its
             fields as they came
    """

    accepted: bool
    status: str
    detail: dict[str, Any] = field(default_factory=dict)


def outcome_of(version: Version, command: say.Command, answer: bytes, action: str = "") -> Outcome:
    """The outcome of a command that a station of `version` gave this answer to. Never raises.

    action   of the request: then an answer without the status that it must have is none
    """
    try:
        said = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        return Outcome(False, "Unreadable", {"info": answer[:200].decode("utf-8", "replace")})
    results = next((said[name] for name in _RESULT_LISTS if isinstance(said.get(name), list)), None)
    if results is not None:
        return _of_list([item for item in results if isinstance(item, dict)])
    if "configurationKey" in said or "unknownKey" in said:
        return _of_configuration(said)
    if "status" not in said and _needs_status(version, action):
        return Outcome(False, "Unreadable", {"info": f"the answer has no status: {answer[:200].decode('utf-8', 'replace')}"})
    status = str(said.get("status", "Accepted"))
    return Outcome(status in GOOD, status, {**_why(said.get("statusInfo")), **_detail(version, command, said)})


@cache
def _needs_status(version: Version, action: str) -> bool:
    entry = catalog(version).get(action)
    response = entry.response if entry is not None else None
    return response is not None and any(one.encode_name == "status" and one.required for one in msgspec.structs.fields(response))


def _why(info: object) -> dict[str, Any]:
    if not isinstance(info, dict):
        return {}
    said = {"reason": info.get("reasonCode"), "info": info.get("additionalInfo")}
    return {name: value for name, value in said.items() if value}


def _detail(version: Version, command: say.Command, said: dict[str, Any]) -> dict[str, Any]:
    if isinstance(command, say.AskComposite):
        composite = _composite(said)
        return {"composite": composite} if composite else {}
    if isinstance(command, say.AskCertificates):
        return {"certificates": _certificates(version, command, said)}
    if isinstance(command, say.AskLocalListVersion):
        return {"version": said.get("listVersion", said.get("versionNumber"))}
    return {name: value for name, value in said.items() if name not in ("status", "statusInfo", "customData")}


def _of_list(results: list[dict[str, Any]]) -> Outcome:
    """Of many things some may be accepted: the word is then that of the first that was not."""
    rows = []
    bad = ""
    for item in results:
        status = str(item.get("attributeStatus", item.get("status", "")))
        bad = bad or ("" if status in GOOD else status)
        rows.append({"status": status, **_named(item), **_why(item.get("attributeStatusInfo", item.get("statusInfo")))})
    return Outcome(not bad, bad or "Accepted", {"results": rows})


def _named(item: dict[str, Any]) -> dict[str, Any]:
    named = {"value": item.get("attributeValue"), "attribute": item.get("attributeType")}
    for part in ("component", "variable"):
        whole = item.get(part)
        if isinstance(whole, dict):
            named[part] = whole.get("name")
            named[f"{part}_instance"] = whole.get("instance")
            evse = whole.get("evse")
            if isinstance(evse, dict):
                named |= {"evse": evse.get("id"), "connector": evse.get("connectorId")}
    named |= {name: item.get(name) for name in ("id", "tariffId", "type", "severity")}
    return {name: value for name, value in named.items() if value is not None}


def _of_configuration(said: dict[str, Any]) -> Outcome:
    rows = [
        {"status": "Accepted", "variable": item.get("key"), "value": item.get("value"), "readonly": bool(item.get("readonly"))}
        for item in said.get("configurationKey") or []
        if isinstance(item, dict)
    ]
    unknown = [{"status": "UnknownVariable", "variable": key} for key in said.get("unknownKey") or []]
    return Outcome(bool(rows) or not unknown, "Accepted" if rows or not unknown else "UnknownVariable", {"results": rows + unknown})


def _composite(said: dict[str, Any]) -> dict[str, Any] | None:
    """A composite schedule of either version in our units; None where there is none."""
    schedule = said.get("schedule", said.get("chargingSchedule"))
    if not isinstance(schedule, dict):
        return None
    unit = str(schedule.get("chargingRateUnit", "A"))
    rows = []
    for period in schedule.get("chargingSchedulePeriod") or []:
        if isinstance(period, dict):
            rates = {"ceiling": "limit", "floor": "dischargeLimit", "setpoint": "setpoint"}
            row = {ours: from_rate(period.get(theirs), unit) for ours, theirs in rates.items()}
            row |= {"start_s": period.get("startPeriod"), "n_phase": period.get("numberPhases"), "mode": period.get("operationMode")}
            rows.append({name: value for name, value in row.items() if value is not None})
    return {
        "starts_at": schedule.get("scheduleStart", said.get("scheduleStart", schedule.get("startSchedule"))),
        "length_s": schedule.get("duration"),
        "unit": "A" if unit == "A" else "kW",
        "periods": rows,
    }


def _certificates(version: Version, command: say.AskCertificates, said: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    kinds = {theirs: ours for ours, theirs in (CERTIFICATE_USES if version is Version.V16 else CERTIFICATE_KINDS).items()}
    for item in said.get("certificateHashData") or said.get("certificateHashDataChain") or []:
        if not isinstance(item, dict):
            continue
        data = item.get("certificateHashData", item)
        kind = kinds.get(str(item.get("certificateType")), command.kinds[0] if command.kinds else "")
        rows.append(
            {
                "kind": kind,
                "algorithm": data.get("hashAlgorithm"),
                "issuer_name_hash": data.get("issuerNameHash"),
                "issuer_key_hash": data.get("issuerKeyHash"),
                "serial_number": data.get("serialNumber"),
                "children": item.get("childCertificateHashData") or [],
            }
        )
    return rows
