"""Who may charge: one set of rules for all versions. Pure.

A token is told by its text, in upper or lower case (OCPP compares without case), and by its type where the station sends one: 1.6 does
not, and readers of 2.x disagree about the kinds of RFID cards, so these count as one kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evloom.store.desk import TokenRow
from evloom.wire.ocpp.spoken import Verdict

CARDS = frozenset({"", "ISO14443", "ISO15693", "Local", "Central"})
"""Types of tokens that stations mix up: cards, and what was started from here for one."""

NO_TOKEN = "NoAuthorization"
"""Type of 2.x for a station with a start button and without a reader."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A token as a station shows it, and what for.

    begins   it begins a transaction (2.0.1 C: ConcurrentTx is said then only, as a driver may want to stop)
    busy     it has another transaction that runs
    ordered  we have told this station to charge for it
    """

    token: str
    token_type: str = ""
    begins: bool = False
    busy: bool = False
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class TokenRules:
    """unknown: "accept" or "refuse"; concurrent: one token may run several transactions."""

    unknown: str = "refuse"
    concurrent: bool = True


def row_for(rows: Sequence[TokenRow], token_type: str) -> TokenRow | None:
    """The registered token that is meant: one of the same type, else one of a type that is the same kind."""
    same = [row for row in rows if row.token_type == token_type]
    kind = [row for row in rows if not token_type or not row.token_type or {row.token_type, token_type} <= CARDS]
    return next(iter([*same, *kind]), None)


def judge(shown: Shown, rows: Sequence[TokenRow], rules: TokenRules, now_s: float) -> Verdict:
    """Whether the token may charge, with what the station is to keep of it."""
    if shown.token_type == NO_TOKEN:
        return Verdict()
    row = row_for(rows, shown.token_type)
    if row is None:
        known = shown.ordered or rules.unknown == "accept"
        if known and shown.begins and shown.busy and not rules.concurrent:
            return Verdict("ConcurrentTx")
        return Verdict("Accepted" if known else "Unknown")
    status = _status(row, shown, rules, now_s)
    return Verdict(status, row.expiry_s, row.group_id, row.language)


def _status(row: TokenRow, shown: Shown, rules: TokenRules, now_s: float) -> str:
    if row.status != "Accepted":
        return row.status
    if row.expiry_s is not None and row.expiry_s <= now_s:
        return "Expired"
    if shown.begins and row.master:
        return "Invalid"  # a master pass ends the transactions of others and begins none (2.0.1 C16)
    if shown.begins and shown.busy and not rules.concurrent:
        return "ConcurrentTx"
    return "Accepted"


@dataclass(frozen=True, slots=True)
class Stopping:
    """A token that ends a transaction: its group, and whether it is a master pass."""

    token: str
    group: str = ""
    master: bool = False


def may_stop(token: str, group: str, stopping: Stopping) -> bool:
    """Whether the transaction that `token` of `group` has begun may be ended by `stopping`: the same, its group, or a master pass."""
    same = stopping.token.casefold() == token.casefold()
    return same or (group != "" and stopping.group == group) or stopping.master
