"""Organisations, and the audit log."""

import msgspec
from msgspec import UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change, new_id
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import missing
from evloom.serve.api.shape import UNSET, Id, Input, Instant, Line, Name, Page, Paging, changes, of_row
from evloom.serve.people.roles import ADMIN, ALL, OFFICE
from evloom.store import people
from evloom.store.connection import Connection, Row


class OrgPath(Input):
    """Which organisation."""

    org_id: Id


class Organisation(msgspec.Struct):
    """An organisation: what is its own, others do not see."""

    org_id: str
    name: str


class NewOrganisation(Input):
    """An organisation; org_id is chosen where it is left out."""

    name: Name
    org_id: Id | UnsetType = UNSET


class OrganisationChange(Input):
    """Its new name."""

    name: Name


class AuditQuery(Paging):
    """Which lines: of whom, of what action, on what."""

    actor: Line | UnsetType = UNSET
    action: Line | UnsetType = UNSET
    subject: Line | UnsetType = UNSET


class AuditLine(msgspec.Struct):
    """A line of the audit log. Digests are SHA-256 of what was there before and after, "" where nothing was."""

    audit_id: int
    at: Instant
    org_id: str
    actor: str
    action: str
    subject: str
    before_digest: str
    after_digest: str
    remote: str
    request_id: str


async def list_organisations(call: Call, query: Paging) -> Page[Organisation]:
    """Organisations: an administrator sees all, everybody else one's own."""
    after = cursor.read(query.cursor, (str,))
    rows, last = await call.read(lambda conn: people.organisations(conn, call.scope, after, query.limit))
    return Page([of_row(Organisation, row) for row in rows], cursor.following(last))


async def read_organisation(call: Call, path: OrgPath) -> Organisation:
    """One organisation."""
    return of_row(Organisation, await call.read(lambda conn: _found(conn, call, path.org_id)))


async def create_organisation(call: Call, body: NewOrganisation) -> Organisation:
    """Make an organisation; one of the same id gets the new name."""
    org_id = new_id("org") if isinstance(body.org_id, UnsetType) else body.org_id

    def make(conn: Connection) -> Change[None]:
        before = people.organisation_of(conn, call.scope, org_id)
        people.put_organisation(conn, org_id, body.name)
        return Change(None, before, {"name": body.name}, org_id)

    await call.change("organisation.create", org_id, make)
    call.made(f"/api/v1/organisations/{org_id}")
    return Organisation(org_id, body.name)


async def change_organisation(call: Call, path: OrgPath, body: OrganisationChange) -> Organisation:
    """Rename an organisation."""

    def change(conn: Connection) -> Change[Organisation]:
        before = _found(conn, call, path.org_id)
        people.put_organisation(conn, path.org_id, body.name)
        return Change(Organisation(path.org_id, body.name), before, {"name": body.name}, path.org_id)

    return await call.change("organisation.change", path.org_id, change)


async def read_audit_log(call: Call, query: AuditQuery) -> Page[AuditLine]:
    """The audit log, newest first."""
    after = cursor.read(query.cursor, (int,))
    wanted = changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: people.audit_page(conn, call.scope, after, query.limit, **wanted))
    return Page([of_row(AuditLine, row) for row in rows], cursor.following(last))


def _found(conn: Connection, call: Call, org_id: str) -> Row:
    row = people.organisation_of(conn, call.scope, org_id)
    if row is None:
        raise missing("organisation", org_id)
    return row


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_organisations, "GET /organisations", "organisations", ALL),
    endpoint(create_organisation, "POST /organisations", "organisations", ADMIN, status=201),
    endpoint(read_organisation, "GET /organisations/{org_id}", "organisations", ALL),
    endpoint(change_organisation, "PATCH /organisations/{org_id}", "organisations", ADMIN),
    endpoint(read_audit_log, "GET /audit", "audit", OFFICE),
)
