"""Sites: the list, a new one, and the editor: tree of limits, piles, tariff, contract, limits from outside, meters of the building."""

from decimal import Decimal
from typing import Any, get_args, get_type_hints
from zoneinfo import available_timezones

import msgspec
from starlette.responses import Response

from evloom.kernel.errors import InputError
from evloom.market.contract import Contract
from evloom.market.document import contract_of_document
from evloom.market.named import NAMED_TARIFFS
from evloom.market.offer import price_by_hour
from evloom.serve.api import sites, stations, steering, terms
from evloom.serve.api.problem import Problem, of_findings
from evloom.serve.config import Control
from evloom.serve.console.forms import Form, body_of, refused, typed
from evloom.serve.console.page import Page, go, page, part
from evloom.serve.console.rows import rows_of
from evloom.serve.console.site_form import changed_rows, form_of_plan, placed, plan_of_form
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import LOOK, OPERATE, SITE
from evloom.serve.site.build import built
from evloom.serve.site.plan import ROOT, EvsePlan, SitePlan

ZONES = sorted(available_timezones())
POLICIES: tuple[str, ...] = get_args(get_type_hints(Control)["policy"])
HOURS = 24


async def listed(visit: Visit) -> Response:
    """All sites."""
    return await page(
        visit, "sites.html", visit.t("Sites"), sites=list((await visit.sites()).values()), may_make=visit.may(sites.create_site)
    )


async def new(visit: Visit) -> Response:
    """A form for a new site."""
    own = visit.platform.config.site
    form = Form({"zone": own.zone, "currency": own.currency, "voltage_v": f"{own.voltage_v:g}", "max_kw": f"{own.limit_kw:g}"})
    return await page(visit, "site_new.html", visit.t("Make a site"), form=form, zones=ZONES)


async def create(visit: Visit) -> Response:
    """Make a site."""
    try:
        made = await visit.do(sites.create_site, body=body_of(sites.NewSite, visit.form))
    except Problem as problem:
        return await page(
            visit, "site_new.html", visit.t("Make a site"), status=problem.status, form=refused(visit.form, problem), zones=ZONES
        )
    return go(f"/sites/{made.site_id}", "made")


async def edit(visit: Visit) -> Response:
    """The editor."""
    return await _editor(visit, None, 200)


async def _editor(visit: Visit, form: Form | None, status: int, **others: Form) -> Response:
    """The editor; forms that are given are shown as they stand, the rest as it is kept."""
    site_id = visit.path("site_id")
    path = {"site_id": site_id}
    site = await visit.do(sites.read_site, path=path)
    plan = await visit.do(sites.read_plan, path=path)
    etag = visit.etag
    own = form or form_of_plan(plan)
    own.values.setdefault("etag", etag)
    assigned = {kind: await _assigned(visit, site_id, kind) for kind in ("tariff", "contract")}
    live = visit.platform.live
    return await page(
        visit, "site.html", site.name, site.zone, status, site=site, plan=plan, form=own, piles=others.get("piles"),
        limits=await visit.do(sites.list_limits, path=path), limit_form=others.get("limit", Form()).named("limit"),
        load_form=others.get("load", Form()).named("load"), terms_form=others.get("terms", Form()).named("terms"), assigned=assigned,
        tariffs=(await visit.maybe(terms.list_tariffs, None)), contracts=(await visit.maybe(terms.list_contracts, None)),
        prices=await _prices(visit, plan), zones=ZONES, policies=POLICIES, packaged=sorted(NAMED_TARIFFS),
        nodes=["site", *(limit.id for limit in plan.limits)], may_edit=visit.may(sites.put_plan), may_operate=visit.may(sites.change_site),
        board=None if live is None else live.board(site_id),
        meters=[meter for meter in visit.platform.config.meters if meter.site in ("", site_id)], newest=etag,
    )  # fmt: skip


async def save(visit: Visit) -> Response:
    """Save the document, add or drop a row, or show what it would cost."""
    op, site_id = str(visit.form.get("op", "save")), visit.path("site_id")
    if op.startswith(("add-", "drop-")):
        return await _editor(visit, changed_rows(visit.form, op), 200)
    try:
        body = plan_of_form(visit.form, site_id)
        etag = str(visit.form.get("etag", ""))
        headers = {"If-Match": etag} if etag and op != "overwrite" else {}
        await visit.do(sites.put_plan, path={"site_id": site_id}, headers=headers, body=body)
    except Problem as problem:
        if problem.status not in (409, 412, 422):
            raise
        return await _editor(visit, refused(visit.form, placed(problem, visit.form)), problem.status)
    return go(f"/sites/{site_id}", "saved")


async def preview(visit: Visit) -> Response:
    """What the tariff in the form costs by the hour, before it is saved."""
    site_id = visit.path("site_id")
    site = await visit.do(sites.read_site, path={"site_id": site_id})
    try:
        plan = msgspec.convert({**plan_of_form(visit.form, site_id), "evse": []}, SitePlan, strict=False)
        prices, faults = await _prices(visit, plan), []
    except InputError as error:
        prices, faults = [], list(placed(of_findings(error.findings), visit.form).findings)
    except Problem as problem:
        prices, faults = [], list(problem.findings)
    return await part(visit, "site_prices.html", site.zone, prices=prices, faults=faults, currency=str(visit.form.get("currency", "")))


async def _prices(visit: Visit, plan: SitePlan) -> list[Any]:
    """The price by hour of a document's tariff, with what the site's contract makes of it. Raises InputError for a tariff that is none."""
    tariff = built(msgspec.structs.replace(plan, evse=())).tariff
    if tariff is None:
        return []
    contract = await _contract(visit, plan.site_id) or Contract("energy only", tariff.terms.currency)
    return list(price_by_hour(contract, tariff, visit.now_s, HOURS))


async def _contract(visit: Visit, site_id: str) -> Contract | None:
    """The contract of the site, where one is assigned to it and can be read."""
    name = await _assigned(visit, site_id, "contract")
    versions = await visit.maybe(terms.read_contract, [], path={"terms_id": name}) if name else []
    try:
        return contract_of_document(versions[-1].document) if versions else None
    except InputError:
        return None


async def _assigned(visit: Visit, site_id: str, kind: str) -> str:
    """Id of the tariff or contract that the site has now, "" for none."""
    rows = await visit.maybe(terms.list_assignments, [], query={"kind": kind})
    begun = [row for row in rows if row.scope == "site" and row.subject == site_id and row.holds_from.timestamp() <= visit.now_s]
    return max(begun, key=lambda row: (row.holds_from, row.number)).terms_id if begun else ""


async def assign(visit: Visit) -> Response:
    """Say which tariff and contract sessions of the site are billed by."""
    site_id = visit.path("site_id")
    try:
        for kind in ("tariff", "contract"):
            wanted = str(visit.form.get(kind, ""))
            if wanted != await _assigned(visit, site_id, kind):
                body = {"kind": kind, "scope": "site", "subject": site_id, "terms_id": wanted}
                await visit.do(terms.assign, body=body)
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _editor(visit, None, problem.status, terms=refused(visit.form, problem))
    return go(f"/sites/{site_id}", "saved")


async def save_piles(visit: Visit) -> Response:
    """What each EVSE can be set to and where it hangs: every row that was changed."""
    site_id, form = visit.path("site_id"), visit.form
    plan = await visit.do(sites.read_plan, path={"site_id": site_id})
    there = {(evse.station, str(evse.evse)): evse for evse in plan.evse}
    faults, values = [], typed(form)
    for k in rows_of(values, "evse"):
        start = f"evse[{k}]."
        row = {key.removeprefix(start): value.strip() for key, value in values.items() if key.startswith(start)}
        evse = there.get((row.get("station", ""), row.get("evse", "")))
        body = None if evse is None else _pile(row, evse)
        if evse is None or body is None:
            continue
        try:
            await visit.do(stations.put_evse, path={"station_id": evse.station, "evse": str(evse.evse)}, body=body)
        except Problem as problem:
            faults += [msgspec.structs.replace(fault, field=f"{start}{fault.field}") for fault in problem.findings]
    if faults:
        said = Form(values, faults, visit.t("Rows that are right were saved.")).named("piles")
        return await _editor(visit, None, 422, piles=said)
    return go(f"/sites/{site_id}", "saved")


def _pile(row: dict[str, str], evse: EvsePlan) -> dict[str, Any] | None:
    """What a row says of an EVSE; None where that is what it is already."""
    texts = {name: row.get(name, "") for name in ("rating_kw", "node", "n_phase", "phase", "current_min_a", "discharge_max_kw")}
    body: dict[str, Any] = {name: text for name, text in texts.items() if text or name in ("node", "phase")}
    body |= {
        "current_step_a": evse.current_step_a or 1.0,
        "dc": row.get("dc") == "true",
        "node": "" if body["node"] == ROOT else body["node"],
    }
    return None if all(_same(value, getattr(evse, name)) for name, value in body.items()) else body


def _same(typed_value: object, kept: object) -> bool:
    if isinstance(kept, bool) or isinstance(typed_value, bool):
        return typed_value == kept
    try:
        return Decimal(str(typed_value)) == Decimal(str(kept))
    except ArithmeticError:
        return str(typed_value) == str(kept)


async def put_limit(visit: Visit) -> Response:
    """Set a limit from outside."""
    site_id = visit.path("site_id")
    zone = await visit.zone(site_id)
    node = str(visit.form.get("node", "site"))
    try:
        await visit.do(sites.put_limit, path={"site_id": site_id, "node": node}, body=body_of(sites.LimitInput, visit.form, zone))
    except Problem as problem:
        if problem.status != 422:
            raise
        return await _editor(visit, None, 422, limit=refused(visit.form, problem))
    return go(f"/sites/{site_id}", "saved")


async def drop_limit(visit: Visit) -> Response:
    """Take a limit back."""
    site_id = visit.path("site_id")
    await visit.do(sites.remove_limit, path={"site_id": site_id, "node": str(visit.form.get("node", ""))})
    return go(f"/sites/{site_id}", "removed")


async def put_load(visit: Visit) -> Response:
    """Tell a reading of the building's meter by hand."""
    site_id = visit.path("site_id")
    try:
        body = {"readings": [{"kw": str(visit.form.get("kw", "")), "node": str(visit.form.get("node", "site"))}]}
        await visit.do(steering.put_base_load, path={"site_id": site_id}, body=body)
    except Problem as problem:
        if problem.status not in (404, 422):
            raise
        faults = [msgspec.structs.replace(fault, field="kw") for fault in problem.findings]
        form = refused(visit.form, Problem(problem.status, problem.code, problem.detail, faults))
        return await _editor(visit, None, problem.status, load=form)
    return go(f"/sites/{site_id}", "saved")


async def remove(visit: Visit) -> Response:
    """Remove a site without stations."""
    try:
        await visit.do(sites.remove_site, path={"site_id": visit.path("site_id")})
    except Problem as problem:
        if problem.status != 409:
            raise
        return await _editor(visit, None, 409, terms=refused(visit.form, problem))
    return go("/sites", "removed")


PAGES = (
    Page("GET", "/sites", listed, LOOK),
    Page("GET", "/sites/new", new, OPERATE),
    Page("POST", "/sites/new", create, OPERATE),
    Page("GET", "/sites/{site_id}", edit, LOOK),
    Page("POST", "/sites/{site_id}", save, SITE),
    Page("POST", "/sites/{site_id}/preview", preview, SITE),
    Page("POST", "/sites/{site_id}/terms", assign, OPERATE),
    Page("POST", "/sites/{site_id}/piles", save_piles, OPERATE),
    Page("POST", "/sites/{site_id}/limits", put_limit, SITE),
    Page("POST", "/sites/{site_id}/limits/remove", drop_limit, SITE),
    Page("POST", "/sites/{site_id}/base-load", put_load, SITE),
    Page("POST", "/sites/{site_id}/remove", remove, OPERATE),
)
