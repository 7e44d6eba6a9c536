"""Sites: their documents, limits set from outside."""

from typing import Annotated
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api import version as versions
from evloom.serve.api.call import Call, Change, needs_org, new_id
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, missing, wrong
from evloom.serve.api.shape import (
    UNSET,
    Id,
    Input,
    Instant,
    Line,
    Name,
    Page,
    Paging,
    PowerKw,
    changes,
    given,
    instant,
    of_row,
    seconds,
)
from evloom.serve.api.tell import limit_changed, site_changed
from evloom.serve.api.version import IfMatch
from evloom.serve.people.roles import LOOK, OPERATE, SITE
from evloom.serve.site.build import built
from evloom.serve.site.plan import ROOT, SitePlan
from evloom.serve.site.stored import default_plan, with_evses
from evloom.store import registry, sites
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING
from evloom.store.sites import SetLimit

Zone = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema={"enum": sorted(available_timezones())})]
NodeId = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\u0000-\u001f\u007f/?#%\\]+$(?!\n)")]


class SitePath(Input):
    """Which site."""

    site_id: Id


class NodePath(Input):
    """Which node of which site; "site" is the root."""

    site_id: Id
    node: NodeId


class NewSite(Input):
    """A site. max_kw: what it may draw; zone: its clock (IANA)."""

    name: Name
    zone: Zone
    max_kw: PowerKw
    site_id: Id | UnsetType = UNSET
    org_id: Id | UnsetType = UNSET
    currency: Annotated[str, Meta(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$(?!\n)")] = "CNY"
    voltage_v: Annotated[float, Meta(ge=50, le=1000)] = 230.0
    source: Line = ""


class SiteChange(Input):
    """What is to change of a site."""

    name: Name | UnsetType = UNSET
    zone: Zone | UnsetType = UNSET


class Site(msgspec.Struct):
    """A site."""

    site_id: str
    org_id: str
    name: str
    zone: str


class LimitInput(Input):
    """A limit set from outside: by the grid operator, by hand. until: left out, until it is taken back."""

    max_kw: PowerKw
    source: Line = ""
    until: Instant | UnsetType = UNSET


class SiteLimit(msgspec.Struct):
    """A limit set from outside."""

    node: str
    max_kw: float
    source: str
    since: Instant
    until: Instant | None = None


async def list_sites(call: Call, query: Paging) -> Page[Site]:
    """Sites."""
    after = cursor.read(query.cursor, (str,))
    rows, last = await call.read(lambda conn: registry.site_page(conn, call.scope, after, query.limit))
    return Page([of_row(Site, row) for row in rows], cursor.following(last))


async def read_site(call: Call, path: SitePath) -> Site:
    """One site."""
    return of_row(Site, await call.read(lambda conn: found_site(conn, call, path.site_id)))


async def create_site(call: Call, body: NewSite) -> Site:
    """Make a site with a first document: its limit at the top."""
    check_zone(body.zone)
    site_id, org_id = given(body.site_id, "") or new_id("site"), call.org_for(body.org_id)
    fixed = {"source": body.source, "currency": body.currency, "voltage_v": body.voltage_v}
    plan = SitePlan(site_id=site_id, max_kw=body.max_kw, name=body.name, zone=body.zone, **fixed)  # type: ignore[arg-type]
    now_s, actor = call.now_s, call.caller.actor

    def make(conn: Connection) -> Change[Site]:
        needs_org(conn, org_id)
        if registry.site_of(conn, EVERYTHING, site_id) is not None:
            raise conflict("site-taken", "there is a site with that id")
        registry.put_site(conn, site_id, {"org_id": org_id, "name": body.name, "zone": body.zone})
        sites.save_plan(conn, site_id, written(plan), now_s, actor)
        row = found_site(conn, call, site_id)
        return Change(of_row(Site, row), None, row, org_id)

    made = await call.change("site.create", site_id, make)
    await site_changed(call, site_id)
    call.made(f"/api/v1/sites/{site_id}")
    return made


async def change_site(call: Call, path: SitePath, body: SiteChange) -> Site:
    """Rename a site, or put it on another clock."""
    if not isinstance(body.zone, UnsetType):
        check_zone(body.zone)
    now_s, actor = call.now_s, call.caller.actor

    def change(conn: Connection) -> Change[Site]:
        before = found_site(conn, call, path.site_id)
        registry.put_site(conn, path.site_id, changes(body))
        after = found_site(conn, call, path.site_id)
        plan = msgspec.structs.replace(stored_plan(conn, call, before), name=after["name"], zone=after["zone"])
        sites.save_plan(conn, path.site_id, written(plan), now_s, actor)
        return Change(of_row(Site, after), before, after, after["org_id"])

    made = await call.change("site.change", path.site_id, change)
    await site_changed(call, path.site_id)
    return made


async def remove_site(call: Call, path: SitePath) -> None:
    """Remove a site that has no stations."""

    def remove(conn: Connection) -> Change[None]:
        before = found_site(conn, call, path.site_id)
        if count := registry.stations_at(conn, path.site_id):
            raise conflict("site-in-use", f"{count} stations stand there; move or remove them first")
        registry.drop_site(conn, path.site_id)
        return Change(None, before, None, before["org_id"])

    await call.change("site.remove", path.site_id, remove)
    await site_changed(call, path.site_id)


async def read_plan(call: Call, path: SitePath) -> SitePlan:
    """The document of a site: tree of limits, tariff, policy, with its EVSE as they are registered. ETag is its version."""

    def read(conn: Connection) -> tuple[SitePlan, int]:
        row = found_site(conn, call, path.site_id)
        return stored_plan(conn, call, row), sites.plan_version(conn, path.site_id)

    plan, version = await call.read(read)
    call.out["ETag"] = versions.tag(version)
    return plan


async def put_plan(call: Call, path: SitePath, headers: IfMatch, body: SitePlan) -> SitePlan:
    """Write the document of a site; what is wrong with it comes back as findings.

    EVSE are changed at their stations: `evse` is left out, or as it was read. Name and zone become those of the site.
    """
    if body.site_id != path.site_id:
        fault = Fault("site.other", "site_id", body.site_id[:200], path.site_id, "send the document of this site")
        raise conflict("other-site", "this is the document of another site", fault)
    check_zone(body.zone)
    now_s, actor = call.now_s, call.caller.actor

    def put(conn: Connection) -> Change[tuple[SitePlan, int]]:
        row = found_site(conn, call, path.site_id)
        version = sites.plan_version(conn, path.site_id)
        versions.check(headers, version)
        before = stored_plan(conn, call, row)
        there = before.evse
        if body.evse and body.evse != there:
            allowed = "as GET gave it, or nothing"
            raise wrong(Fault("site.evse", "evse", f"{len(body.evse)} EVSE", allowed, "change EVSE under /stations/{station_id}/evse"))
        plan = msgspec.structs.replace(body, evse=there)
        built(plan)
        registry.put_site(conn, path.site_id, {"name": body.name or row["name"], "zone": body.zone})
        number = sites.save_plan(conn, path.site_id, written(plan), now_s, actor)
        return Change((plan, number), msgspec.to_builtins(before), msgspec.to_builtins(plan), row["org_id"])

    plan, version = await call.change("site.plan", path.site_id, put)
    await site_changed(call, path.site_id)
    call.out["ETag"] = versions.tag(version)
    return plan


async def list_limits(call: Call, path: SitePath) -> list[SiteLimit]:
    """Limits set from outside that hold now or later."""
    now_s = call.now_s

    def read(conn: Connection) -> list[SiteLimit]:
        found_site(conn, call, path.site_id)
        return [_limit(limit) for limit in sites.limits_of(conn, path.site_id, now_s)]

    return await call.read(read)


async def put_limit(call: Call, path: NodePath, body: LimitInput) -> SiteLimit:
    """Set a limit of a node; running sessions feel it within one control period."""
    now_s = call.now_s
    until_s = None if isinstance(body.until, UnsetType) else seconds(body.until)
    limit = SetLimit(path.node, body.max_kw, body.source, now_s, until_s)

    def put(conn: Connection) -> Change[None]:
        row = _check_node(conn, call, path)
        before = [one for one in sites.limits_of(conn, path.site_id, now_s) if one.node == path.node]
        sites.save_limit(conn, path.site_id, limit)
        return Change(None, before or None, limit, row["org_id"])

    await call.change("site.limit", f"{path.site_id}/{path.node}", put)
    await limit_changed(call, path.site_id, path.node, body.max_kw)
    return _limit(limit)


async def remove_limit(call: Call, path: NodePath) -> None:
    """Take a limit back."""

    def remove(conn: Connection) -> Change[None]:
        row = _check_node(conn, call, path)
        sites.drop_limit(conn, path.site_id, path.node)
        return Change(None, None, None, row["org_id"])

    await call.change("site.limit-back", f"{path.site_id}/{path.node}", remove)
    await limit_changed(call, path.site_id, path.node, None)


def found_site(conn: Connection, call: Call, site_id: str) -> Row:
    """A site's row. Raises Problem 404 where the caller sees none."""
    row = registry.site_of(conn, call.scope, site_id)
    if row is None:
        raise missing("site", site_id)
    return row


def stored_plan(conn: Connection, call: Call, row: Row) -> SitePlan:
    """The document of a site with its EVSE; of a site that nobody has described yet what the settings say."""
    site_id, config = row["site_id"], call.platform.config
    body = sites.plan_body(conn, site_id)
    named = (site_id, row["name"], row["zone"])
    plan = msgspec.json.decode(body, type=SitePlan) if body is not None else default_plan(site_id, named, config)
    return with_evses(plan, sites.evses_of(conn, site_id), config)


def written(plan: SitePlan) -> str:
    """A document as it is kept: without EVSE, which have a table of their own."""
    return msgspec.json.encode(msgspec.structs.replace(plan, evse=())).decode()


def check_zone(zone: str) -> None:
    """Raises Problem 422 for a time zone that does not exist."""
    if zone not in _ZONES:
        raise wrong(Fault("site.zone", "zone", zone[:100], "an IANA time zone, e.g. Asia/Shanghai", "choose one that exists"))


_ZONES = available_timezones()


def _limit(limit: SetLimit) -> SiteLimit:
    until = None if limit.until_s is None else instant(limit.until_s)
    return SiteLimit(limit.node, limit.import_max_kw, limit.source, instant(limit.since_s), until)


def _check_node(conn: Connection, call: Call, path: NodePath) -> Row:
    row = found_site(conn, call, path.site_id)
    plan = stored_plan(conn, call, row)
    if path.node not in {ROOT, *(limit.id for limit in plan.limits)}:
        raise missing("node", path.node)
    return row


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_sites, "GET /sites", "sites", LOOK),
    endpoint(create_site, "POST /sites", "sites", OPERATE, 409, status=201),
    endpoint(read_site, "GET /sites/{site_id}", "sites", LOOK),
    endpoint(change_site, "PATCH /sites/{site_id}", "sites", OPERATE),
    endpoint(remove_site, "DELETE /sites/{site_id}", "sites", OPERATE, 409),
    endpoint(read_plan, "GET /sites/{site_id}/plan", "sites", LOOK, 304),
    endpoint(put_plan, "PUT /sites/{site_id}/plan", "sites", SITE, 409, 412),
    endpoint(list_limits, "GET /sites/{site_id}/limits", "limits", LOOK),
    endpoint(put_limit, "PUT /sites/{site_id}/limits/{node}", "limits", SITE),
    endpoint(remove_limit, "DELETE /sites/{site_id}/limits/{node}", "limits", SITE),
)
