"""May this station work here? BootNotification, and what a station may say before it was accepted."""

from dataclasses import dataclass

from evloom.serve.desk.ports import DeskRules
from evloom.wire.ocpp.spoken import Welcome

WHILE_PENDING = frozenset(
    {
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "LogStatusNotification",
        "NotifyCustomerInformation",
        "NotifyDisplayMessages",
        "NotifyEvent",
        "NotifyMonitoringReport",
        "NotifyReport",
        "PublishFirmwareStatusNotification",
        "SecurityEventNotification",
        "SignCertificate",
        "SignedFirmwareStatusNotification",
        "StatusNotification",
    }
)
"""What a pending station may say, because we may have asked for it (1.6, 4.2; 2.0.1 B02): no tokens, no transactions."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How a station is met. enrol: "accepted" or "pending" where it is to be entered as such first, "" where not."""

    welcome: Welcome
    enrol: str = ""


def policy(accepted: str, rules: DeskRules) -> Policy:
    """For a station that is "accepted", "pending", "refused" or, "", unknown."""
    if accepted == "":
        enrol = {"accept": "accepted", "pending": "pending"}.get(rules.unknown_stations, "")
        return Policy(policy(enrol or "unknown", rules).welcome, enrol)
    if accepted == "accepted":
        return Policy(Welcome("Accepted", rules.heartbeat_s))
    if accepted == "pending":
        return Policy(Welcome("Pending", rules.pending_s, "NotYetAccepted"))
    return Policy(Welcome("Rejected", rules.heartbeat_s, "Refused" if accepted == "refused" else "NotRegistered"))


def refusal(accepted: str, action: str) -> str:
    """Why a station may not say this now, "" where it may. The error is SecurityError (2.0.1 B01.FR.10, B02.FR.09)."""
    if accepted == "accepted" or action == "BootNotification":
        return ""
    if accepted == "pending":
        return "" if action in WHILE_PENDING else "this station is not accepted yet: an operator has to accept it first"
    if accepted == "refused":
        return "this station was refused"
    return "this station has not been accepted: send BootNotification first"
