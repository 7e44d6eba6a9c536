"""Tariffs and contracts in versions, and who has which."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import version as versions
from evloom.serve.api.call import Call, needs_driver, needs_org
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import missing
from evloom.serve.api.shape import UNSET, Id, Input, Instant, Line, Page, instant, seconds
from evloom.serve.api.stations import needs_site
from evloom.serve.api.tell import prices_changed
from evloom.serve.api.version import IfMatch
from evloom.serve.people.roles import LOOK, OPERATE
from evloom.store import money
from evloom.store.connection import Connection
from evloom.store.money import Kind

TermsId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)")]


class TermsPath(Input):
    """Which tariff or contract."""

    terms_id: TermsId


class OrgQuery(Input):
    """Whose; for administrators, else one's own."""

    org_id: Id | UnsetType = UNSET


class NewTerms(Input):
    """A document (docs/bill.md) and from when it holds: left out, a first version always, a later one from now on."""

    document: dict[str, Any]
    holds_from: Instant | UnsetType = UNSET
    note: Line = ""


class Terms(msgspec.Struct):
    """One version of a tariff or contract; version 0 is a packaged one."""

    org_id: str
    kind: Kind
    terms_id: str
    version: int
    holds_from: Instant
    document: dict[str, Any]
    created_at: Instant
    actor: str
    note: str


class AssignmentQuery(OrgQuery):
    """Of tariffs or of contracts."""

    kind: Kind = "contract"


class NewAssignment(Input):
    """Who is to have what. scope "driver", "site" or "organisation"; terms_id "" takes it back."""

    kind: Kind
    scope: Literal["driver", "site", "organisation"]
    subject: Id
    terms_id: Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$(?!\n)")]
    holds_from: Instant | UnsetType = UNSET
    org_id: Id | UnsetType = UNSET


class Assignment(msgspec.Struct):
    """Who has what from when."""

    number: int
    kind: Kind
    scope: str
    subject: str
    terms_id: str
    holds_from: Instant


async def list_tariffs(call: Call, query: OrgQuery) -> Page[Terms]:
    """Tariffs: the newest version of each, and the packaged ones."""
    return await _listed(call, "tariff", query)


async def list_contracts(call: Call, query: OrgQuery) -> Page[Terms]:
    """Contracts: the newest version of each, and the packaged ones."""
    return await _listed(call, "contract", query)


async def read_tariff(call: Call, path: TermsPath, query: OrgQuery) -> list[Terms]:
    """All versions of a tariff, the newest last; ETag names it."""
    return await _versions(call, "tariff", path, query)


async def read_contract(call: Call, path: TermsPath, query: OrgQuery) -> list[Terms]:
    """All versions of a contract, the newest last; ETag names it."""
    return await _versions(call, "contract", path, query)


async def put_tariff(call: Call, path: TermsPath, query: OrgQuery, headers: IfMatch, body: NewTerms) -> Terms:
    """Add a version of a tariff. What is wrong with the document comes back as findings."""
    made = await _put(call, "tariff", (path.terms_id, call.org_for(query.org_id)), headers, body)
    prices_changed(call)
    return made


async def put_contract(call: Call, path: TermsPath, query: OrgQuery, headers: IfMatch, body: NewTerms) -> Terms:
    """Add a version of a contract. What is wrong with the document comes back as findings."""
    return await _put(call, "contract", (path.terms_id, call.org_for(query.org_id)), headers, body)


async def list_assignments(call: Call, query: AssignmentQuery) -> list[Assignment]:
    """Who has which contract or tariff, in the order in which it was said."""
    org_id = call.org_for(query.org_id)
    rows = await call.read(lambda conn: money.assignments(conn, org_id, query.kind))
    return [Assignment(row.number, query.kind, row.scope, row.subject, row.terms_id, instant(row.from_s)) for row in rows]


async def assign(call: Call, body: NewAssignment) -> Assignment:
    """Say which contract a driver, a site or the organisation has, or which tariff a site or the organisation has."""
    org_id, by = call.org_for(body.org_id), call.by
    from_s = None if isinstance(body.holds_from, UnsetType) else seconds(body.holds_from)
    new = money.NewAssignment(org_id, body.kind, body.scope, body.subject, body.terms_id, from_s)

    def make(conn: Connection) -> Assignment:
        needs_org(conn, org_id)
        if body.scope == "driver":
            needs_driver(conn, org_id, body.subject)
        elif body.scope == "site":
            needs_site(conn, org_id, body.subject)
        else:
            needs_org(conn, body.subject)
        number = money.assign(conn, new, by)
        row = next(row for row in money.assignments(conn, org_id, body.kind) if row.number == number)
        return Assignment(number, body.kind, row.scope, row.subject, row.terms_id, instant(row.from_s))

    made = await call.platform.db.write(make)
    call.audited = True
    prices_changed(call)
    return made


async def _listed(call: Call, kind: Kind, query: OrgQuery) -> Page[Terms]:
    org_id = call.org_for(query.org_id)
    rows = await call.read(lambda conn: money.listed(conn, org_id, kind))
    return Page([_terms(row) for row in rows])


async def _versions(call: Call, kind: Kind, path: TermsPath, query: OrgQuery) -> list[Terms]:
    org_id = call.org_for(query.org_id)
    rows = await call.read(lambda conn: money.versions(conn, org_id, kind, path.terms_id))
    if not rows:
        raise missing(kind, path.terms_id)
    call.out["ETag"] = versions.tag(rows[-1].version)
    return [_terms(row) for row in rows]


async def _put(call: Call, kind: Kind, name: tuple[str, str], headers: IfMatch, body: NewTerms) -> Terms:
    terms_id, org_id = name
    by = call.by
    from_s = None if isinstance(body.holds_from, UnsetType) else seconds(body.holds_from)
    new = money.NewVersion(org_id, terms_id, body.document, from_s, body.note)
    create = money.create_tariff_version if kind == "tariff" else money.create_contract_version

    def make(conn: Connection) -> money.Version:
        needs_org(conn, org_id)
        rows = money.versions(conn, org_id, kind, terms_id)
        versions.check(headers, rows[-1].version if rows else 0)
        return create(conn, new, by)

    made = await call.platform.db.write(make)
    call.audited = True
    call.out["ETag"] = versions.tag(made.version)
    return _terms(made)


def _terms(row: money.Version) -> Terms:
    holds, made = instant(row.from_s), instant(row.created_at_s)
    return Terms(row.org_id, row.kind, row.terms_id, row.version, holds, dict(row.document), made, row.actor, row.note)


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_tariffs, "GET /tariffs", "tariffs", LOOK),
    endpoint(read_tariff, "GET /tariffs/{terms_id}", "tariffs", LOOK, 304),
    endpoint(put_tariff, "PUT /tariffs/{terms_id}", "tariffs", OPERATE, 409, 412),
    endpoint(list_contracts, "GET /contracts", "contracts", LOOK),
    endpoint(read_contract, "GET /contracts/{terms_id}", "contracts", LOOK, 304),
    endpoint(put_contract, "PUT /contracts/{terms_id}", "contracts", OPERATE, 409, 412),
    endpoint(list_assignments, "GET /assignments", "contracts", LOOK),
    endpoint(assign, "POST /assignments", "contracts", OPERATE, 409, status=201),
)
