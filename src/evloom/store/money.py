"""Tariffs and contracts with their versions, and who has which: from these comes what a session is billed by.

A tariff says what energy costs when; a contract says what a driver pays. Both are documents (`market.document`) in versions: a new one
holds from an instant, the old ones stay. `assign` says which contract a driver, a site or the whole organisation has, and which tariff
a site or the organisation has. Packaged names (`market.named`, `market.named_contracts`) can be assigned without storing anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from sqlalchemy import Connection, RowMapping, insert, select

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.market.contract import ByTariff, Contract
from evloom.market.document import contract_of_document, tariff_of_document
from evloom.market.named import NAMED_TARIFFS
from evloom.market.named_contracts import NAMED_CONTRACTS
from evloom.market.offer import SCOPES, Assigned, Named, Offer, Scope, assigned_at, version_at, with_tax_of
from evloom.market.stay import clock_only, energy_only
from evloom.market.tariff import TouTariff
from evloom.store import people
from evloom.store.tables.money import assignment, terms_version

Kind = Literal["tariff", "contract"]
KINDS: tuple[Kind, ...] = ("tariff", "contract")
DOCUMENT_MAX = 262_144
_PACKAGED: Mapping[Kind, Mapping[str, object]] = {"tariff": NAMED_TARIFFS, "contract": NAMED_CONTRACTS}
_PAST_S = 60.0


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and when: actor as the audit log names it ("user:ID"), "billing" for the platform itself."""

    actor: str
    now_s: float
    remote: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a tariff or contract; number 0 is a packaged one. from_s 0 holds from always."""

    org_id: str
    kind: Kind
    terms_id: str
    version: int
    from_s: float
    document: Mapping[str, object]
    created_at_s: float
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A document to be kept. from_s None: at once, and a first version for sessions of the past as well."""

    org_id: str
    terms_id: str
    document: Mapping[str, object]
    from_s: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class NewAssignment:
    """Who shall have what. scope "driver", "site" or "organisation"; terms_id "" takes back.

    from_s None: at once; for a site or organisation for which nothing was said so far, sessions of the past as well.
    """

    org_id: str
    kind: Kind
    scope: Scope
    subject: str
    terms_id: str
    from_s: float | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """For whom prices are asked: ids, "" for none; zone is the clock of the site."""

    org_id: str
    site_id: str = ""
    driver_id: str = ""
    zone: str = "UTC"


def create_tariff_version(conn: Connection, new: NewVersion, by: By) -> Version:
    """Check a tariff document and keep it as the next version. Raises InputError with every finding."""
    return _create(conn, "tariff", new, by)


def create_contract_version(conn: Connection, new: NewVersion, by: By) -> Version:
    """Check a contract document and keep it as the next version. Raises InputError with every finding."""
    return _create(conn, "contract", new, by)


def check_document(kind: Kind, document: Mapping[str, object]) -> TouTariff | Contract:
    """What a document says, without keeping it. Raises InputError with every finding."""
    return tariff_of_document(document) if kind == "tariff" else contract_of_document(document)


def versions(conn: Connection, org_id: str, kind: Kind, terms_id: str) -> list[Version]:
    """All versions of a tariff or contract by number; a packaged name has one, number 0; [] for an id that is not known."""
    if terms_id in _PACKAGED[kind]:
        return [Version(org_id, kind, terms_id, 0, 0.0, {"name": terms_id}, 0.0, "packaged")]
    table = terms_version
    query = select(table).where(table.c.org_id == org_id, table.c.kind == kind, table.c.terms_id == terms_id).order_by(table.c.version)
    return [_version(row) for row in conn.execute(query).mappings()]


def listed(conn: Connection, org_id: str, kind: Kind) -> list[Version]:
    """The newest version of every tariff or contract of an organisation, by id, then the packaged ones."""
    table = terms_version
    query = select(table).where(table.c.org_id == org_id, table.c.kind == kind).order_by(table.c.terms_id, table.c.version)
    newest = {row["terms_id"]: _version(row) for row in conn.execute(query).mappings()}
    packaged = [version for name in _PACKAGED[kind] for version in versions(conn, org_id, kind, name)]
    return [*newest.values(), *packaged]


def assign(conn: Connection, new: NewAssignment, by: By) -> int:
    """Say who has which contract or tariff from when; returns the number of the assignment. Raises InputError with every finding."""
    found = []
    rows = assignments(conn, new.org_id, new.kind)
    before = [a for a in rows if (a.scope, a.subject) == (new.scope, new.subject)]
    spoken = before or new.scope == "driver" or [a for a in rows if a.scope == "organisation"]
    if new.kind not in KINDS or new.scope not in SCOPES or (new.kind == "tariff" and new.scope == "driver"):
        allowed = "contract for driver, site or organisation; tariff for site or organisation"
        found.append(_finding("money.scope", "scope", f"{new.kind} for {new.scope}", allowed, "a driver has a contract, a site a tariff"))
    if not new.subject or len(new.subject) > 255:
        found.append(_finding("money.subject", "subject", new.subject[:40] or "(empty)", "an id", "say whose it is"))
    if new.terms_id and not versions(conn, new.org_id, new.kind, new.terms_id):
        found.append(_finding("money.unknown-terms", "terms_id", new.terms_id[:80], f"a {new.kind} that is kept", "create it first"))
    from_s = _from_s(by.now_s if new.from_s is None and spoken else new.from_s, bool(before), by.now_s, found)
    if found:
        raise InputError(found)
    row = {name: getattr(new, name) for name in ("org_id", "kind", "scope", "subject", "terms_id")}
    query = insert(assignment).values(**row, from_s=from_s, created_at_s=by.now_s, actor=by.actor).returning(assignment.c.number)
    number: int = conn.execute(query).scalar_one()
    _audit(conn, new.org_id, f"{new.kind}.assign", f"{new.scope}:{new.subject}", by, {**row, "from_s": from_s})
    return number


def assignments(conn: Connection, org_id: str, kind: Kind) -> list[Assigned]:
    """All assignments of an organisation in the order in which they were made."""
    query = select(assignment).where(assignment.c.org_id == org_id, assignment.c.kind == kind).order_by(assignment.c.number)
    return [Assigned(row.scope, row.subject, row.terms_id, row.from_s, row.number) for row in conn.execute(query)]


def offer_at(conn: Connection, who: Who, instant_s: float) -> Offer:
    """What a session that starts at an instant is billed by.

    Contract: the driver's, else the site's, else the organisation's, else energy only at the tariff's price. Tariff: the site's, else
    the organisation's. Raises InputError with code "money.no-tariff" where a price is needed and none holds.
    """
    tariff_version = _holding(conn, who, "tariff", instant_s)
    tariff = None if tariff_version is None else _tariff(_text(tariff_version[1].document))
    held = _holding(conn, who, "contract", instant_s)
    if held is None and tariff is not None:
        contract, named, scope = energy_only(tariff), Named("", 0, 0.0), SCOPES[-1]
    elif held is not None:
        scope, version = held
        contract, named = _contract(_text(version.document)), Named(version.terms_id, version.version, version.from_s)
        contract = contract if tariff is None else with_tax_of(contract, version.document, tariff)
    if tariff is None and (held is None or any(isinstance(rule, ByTariff) for rule in (contract.energy, contract.v2g))):
        value = f"site {who.site_id or '(none)'} of organisation {who.org_id or '(none)'}"
        advice = "assign a tariff to the site or to the organisation; sessions are billed as soon as one holds for their start"
        raise InputError([_finding("money.no-tariff", "tariff", value, "a tariff that holds at the start of the session", advice)])
    if tariff_version is None or tariff is None:
        return Offer(contract, clock_only(contract.currency, _zone(who.zone)), named, Named("", 0, 0.0), scope)
    priced = tariff_version[1]
    return Offer(contract, tariff, named, Named(priced.terms_id, priced.version, priced.from_s), scope)


def tariff_at(conn: Connection, who: Who, instant_s: float) -> TouTariff | None:
    """The tariff that holds for a site at an instant, the one that its sessions are billed by; None where none is assigned."""
    held = _holding(conn, who, "tariff", instant_s)
    return None if held is None else _tariff(_text(held[1].document))


def tariff_document_at(conn: Connection, who: Who, instant_s: float) -> dict[str, object] | None:
    """The document of that tariff, as the table [tariff] of a scenario."""
    held = _holding(conn, who, "tariff", instant_s)
    return None if held is None else dict(held[1].document)


def offer_of_versions(conn: Connection, org_id: str, contract: Named, tariff: Named, who: Who) -> Offer:
    """The offer that a bill names, for correcting it by the rules that it was made by."""
    priced = _numbered(conn, org_id, "tariff", tariff)
    agreed = _numbered(conn, org_id, "contract", contract)
    prices = None if priced is None else _tariff(_text(priced.document))
    if agreed is not None:
        rules = _contract(_text(agreed.document))
        rules = rules if prices is None else with_tax_of(rules, agreed.document, prices)
    elif prices is not None:
        rules = energy_only(prices)
    else:
        return offer_at(conn, who, 0.0)
    return Offer(rules, prices or clock_only(rules.currency, _zone(who.zone)), contract, tariff, SCOPES[-1])


def _numbered(conn: Connection, org_id: str, kind: Kind, named: Named) -> Version | None:
    known = versions(conn, org_id, kind, named.terms_id) if named.terms_id else []
    return next((version for version in known if version.version == named.version), None)


def _holding(conn: Connection, who: Who, kind: Kind, instant_s: float) -> tuple[Scope, Version] | None:
    subjects: dict[Scope, str] = {"driver": who.driver_id, "site": who.site_id, "organisation": who.org_id}
    rows = assignments(conn, who.org_id, kind)
    while (assigned := assigned_at(rows, subjects, instant_s)) is not None:
        known = versions(conn, who.org_id, kind, assigned.terms_id)
        best = version_at([Named(v.terms_id, v.version, v.from_s) for v in known], instant_s)
        if best is not None:
            return assigned.scope, next(v for v in known if v.version == best.version)
        rows.remove(assigned)  # its first version holds only later: what was assigned before still does
    return None


def _create(conn: Connection, kind: Kind, new: NewVersion, by: By) -> Version:
    found: list[Finding] = []
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", new.terms_id):
        allowed = "1 to 64 letters, digits, '.', '_' or '-'"
        found.append(_finding("money.id", "terms_id", new.terms_id[:80] or "(empty)", allowed, "choose a short id"))
    elif new.terms_id in _PACKAGED[kind]:
        found.append(_finding("money.packaged", "terms_id", new.terms_id, "an id of your own", "a packaged one cannot be changed: copy it"))
    try:
        check_document(kind, new.document)
    except InputError as error:
        found += error.findings
    before = versions(conn, new.org_id, kind, new.terms_id)
    from_s = _from_s(new.from_s, bool(before), by.now_s, found)
    text = "" if found else _text(new.document)
    if len(text) > DOCUMENT_MAX:
        found.append(_finding("money.document", "document", f"{len(text)} bytes", f"at most {DOCUMENT_MAX} bytes", "make it shorter"))
    if found:
        raise InputError(found)
    version = Version(new.org_id, kind, new.terms_id, len(before) + 1, from_s, new.document, by.now_s, by.actor, new.note[:500])
    row = {name: getattr(version, name) for name in Version.__dataclass_fields__}
    conn.execute(insert(terms_version).values(**{**row, "document": text}))
    _audit(conn, new.org_id, f"{kind}.version", f"{new.terms_id}:{version.version}", by, row)
    return version


def _audit(conn: Connection, org_id: str, action: str, subject: str, by: By, after: object) -> None:
    people.note(conn, people.Note(by.now_s, org_id, by.actor, action, subject, None, after, by.remote, by.request_id))


def _from_s(from_s: float | None, later: bool, now_s: float, found: list[Finding]) -> float:
    """When it begins to hold. What is not the first may not begin in the past: sessions there may be billed already."""
    if from_s is None:
        return now_s if later else 0.0
    if not 0.0 <= from_s < 1e11:
        found.append(_finding("money.instant", "from_s", repr(from_s), "epoch seconds", "give an instant"))
    elif later and from_s < now_s - _PAST_S:
        advice = "let it begin now or later; what was billed wrongly is put right by a refund or a correction"
        found.append(_finding("money.in-the-past", "from_s", f"{now_s - from_s:.0f} s ago", "now or later", advice))
    return from_s


def _finding(code: str, name: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(code, "refused", "money", None, name, value, allowed, advice)


def _version(row: RowMapping) -> Version:
    values = {name: row[name] for name in Version.__dataclass_fields__}
    return Version(**{**values, "document": msgspec.json.decode(row["document"], type=dict[str, object])})


def _text(document: Mapping[str, object]) -> str:
    return msgspec.json.encode(document).decode()


@lru_cache(maxsize=256)
def _tariff(text: str) -> TouTariff:
    return tariff_of_document(msgspec.json.decode(text, type=dict[str, object]))


@lru_cache(maxsize=256)
def _contract(text: str) -> Contract:
    return contract_of_document(msgspec.json.decode(text, type=dict[str, object]))


def _zone(zone: str) -> str:
    try:
        return str(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"
