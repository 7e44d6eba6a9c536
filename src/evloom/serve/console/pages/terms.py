"""Tariffs and contracts in versions, bills and receipts."""

import json
from typing import Any

from starlette.datastructures import FormData
from starlette.responses import Response

from evloom.kernel.errors import InputError
from evloom.market.contract import Contract, Counts
from evloom.market.document import tariff_of_document
from evloom.market.named import NAMED_TARIFFS, named_periods, named_terms
from evloom.market.named_contracts import NAMED_CONTRACTS
from evloom.market.offer import HourPrice, price_by_hour
from evloom.market.period import ALL_MONTHS, clock_text, months_text
from evloom.serve.api import money, terms
from evloom.serve.api.problem import Fault, Problem, wrong
from evloom.serve.console.forms import Form, instant_text, refused, typed
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.rows import rows_of
from evloom.serve.console.site_form import changed_rows, fields_of_tariff, tariff_of_form
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import LOOK, OFFICE, OPERATE

NUMBERS = (
    "energy_tariff_share",
    "energy_price_per_kwh",
    "service_price_per_kwh",
    "session_fee",
    "tax_share",
    "v2g_tariff_share",
    "v2g_price_per_kwh",
)
FLAGS = ("tax_included", "waived_if_no_energy")
FEE = ("label", "price_per_h", "counts", "free_h", "step_s", "fee_min", "fee_max", "window_from", "window_to")
STATES = ("held", "review", "unpriced", "billed", "void")
LISTS = {"tariff": terms.list_tariffs, "contract": terms.list_contracts}
READS = {"tariff": terms.read_tariff, "contract": terms.read_contract}
PUTS = {"tariff": terms.put_tariff, "contract": terms.put_contract}


def kind_of(visit: Visit) -> str:
    """What the address is about."""
    return "tariff" if visit.request.url.path.startswith("/tariffs") else "contract"


async def listed(visit: Visit) -> Response:
    """All of a kind, and a form for a new one."""
    kind = kind_of(visit)
    found = await visit.do(LISTS[kind])
    return await page(
        visit, "terms.html", visit.t("Tariffs") if kind == "tariff" else visit.t("Contracts"), found=found.items, kind=kind,
        may_edit=visit.may(PUTS[kind]),
    )  # fmt: skip


async def open_new(visit: Visit) -> Response:
    """To the form for a new one of the name that was typed."""
    return go(f"/{kind_of(visit)}s/{str(visit.form.get('terms_id', '')).strip() or 'new'}")


async def one(visit: Visit) -> Response:
    """One, with its versions; a name that is not there yet is a form for it."""
    kind = kind_of(visit)
    versions = await visit.maybe(READS[kind], [], path={"terms_id": visit.path("terms_id")})
    source = versions
    if not versions and visit.query.get("from"):
        source = await visit.maybe(READS[kind], [], path={"terms_id": visit.query["from"]})
    return await _one(visit, versions, form_of(kind, source[-1].document) if source else _fresh(kind, visit), 200)


def _fresh(kind: str, visit: Visit) -> Form:
    own = visit.platform.config.site
    if kind == "tariff":
        return changed_rows(FormData([("currency", own.currency), ("zone", own.zone)]), "add-period")
    return Form({"name": visit.path("terms_id"), "currency": own.currency, "energy_tariff_share": "1"})


async def _one(visit: Visit, versions: list[terms.Terms], form: Form, status: int) -> Response:
    kind = kind_of(visit)
    form.values.setdefault("etag", f'"{versions[-1].version}"' if versions else '"0"')
    prices = _prices(versions[-1].document, visit.now_s) if versions and kind == "tariff" else []
    return await page(
        visit, "term.html", visit.path("terms_id"), status=status, kind=kind, terms_id=visit.path("terms_id"), versions=versions, form=form,
        counts=[count.value for count in Counts], prices=prices, may_edit=visit.may(PUTS[kind]),
    )  # fmt: skip


def _prices(document: dict[str, Any], now_s: float) -> list[HourPrice]:
    """The price by hour of a tariff that is kept."""
    try:
        tariff = tariff_of_document(document)
    except InputError:
        return []
    return list(price_by_hour(Contract("energy only", tariff.terms.currency), tariff, now_s, 24))


def expanded(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    """A document that only names a packaged tariff or contract, with all that the name stands for."""
    name = str(document.get("name", ""))
    if set(document) != {"name"}:
        return document
    if kind == "contract":
        return dict(NAMED_CONTRACTS.get(name, document))
    if name not in NAMED_TARIFFS:
        return document
    terms_, periods = named_terms(name), named_periods(name)
    rows = [
        {
            "category": period.category,
            "start": clock_text(period.start_minute),
            "end": clock_text(period.end_minute),
            "price_per_kwh": period.price_per_kwh,
            "months": "all" if period.months == ALL_MONTHS else months_text(period.months),
            "days": period.days,
        }
        for period in periods
    ]
    return {"currency": terms_.currency, "zone": str(terms_.zone), "periods": rows}


def form_of(kind: str, document: dict[str, Any]) -> Form:
    """The fields of a document."""
    document = expanded(kind, document)
    if kind == "tariff":
        plain = {name: str(document[name]) for name in ("currency", "zone") if name in document}
        return Form(fields_of_tariff(document) | plain)
    values = {name: str(document.get(name, "")) for name in ("name", "currency", *NUMBERS)}
    values |= {name: "true" if document.get(name) is True else "" for name in FLAGS}
    for k, fee in enumerate(document.get("time_fees", ())):
        values |= {f"time_fees[{k}].{name}": str(fee.get(name, "")) for name in FEE}
    return Form(values)


def document_of(kind: str, form: Any) -> dict[str, Any]:
    """The document that the fields describe."""
    if kind == "tariff":
        tariff = tariff_of_form(form) or {}
        named = {name: text for name in ("currency", "zone") if (text := str(form.get(name, "")).strip())}
        return tariff if "name" in tariff else {**named, **tariff}
    texts = {name: str(form.get(name, "")).strip() for name in ("name", "currency", *NUMBERS)}
    document: dict[str, Any] = {name: text for name, text in texts.items() if text}
    document |= {name: True for name in FLAGS if form.get(name) == "true"}
    fees = []
    for k in rows_of(form, "time_fees"):
        row = {name: text for name in FEE if (text := str(form.get(f"time_fees[{k}].{name}", "")).strip())}
        fees.append(row | ({"step_s": int(row["step_s"])} if row.get("step_s", "").isdecimal() else {}))
    return document | ({"time_fees": fees} if fees else {})


async def save(visit: Visit) -> Response:
    """Add a version, or a row to the form."""
    kind, op = kind_of(visit), str(visit.form.get("op", "save"))
    path = {"terms_id": visit.path("terms_id")}
    versions = await visit.maybe(READS[kind], [], path=path)
    if op in ("add-fee",) or op.startswith("drop-fee-"):
        return await _one(visit, versions, _fees(visit.form, op), 200)
    if op.startswith(("add-", "drop-")):
        return await _one(visit, versions, changed_rows(visit.form, op), 200)
    try:
        body: dict[str, Any] = {"document": _document(kind, visit.form), "note": str(visit.form.get("note", "")).strip()}
        if since := str(visit.form.get("holds_from", "")).strip():
            body["holds_from"] = instant_text(since, await visit.zone())
        await visit.do(PUTS[kind], path=path, headers={"If-Match": str(visit.form.get("etag", "*")) or "*"}, body=body)
    except Problem as problem:
        if problem.status not in (409, 412, 422):
            raise
        return await _one(visit, versions, _placed(visit.form, problem), problem.status)
    return go(f"/{kind}s/{path['terms_id']}", "saved")


def _document(kind: str, form: Any) -> dict[str, Any]:
    """The fields' document, or the one that was typed as JSON."""
    text = str(form.get("json", "")).strip()
    if not text:
        return document_of(kind, form)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise wrong(Fault("input.wrong", "json", text[:100], "a JSON object", "correct it"))
    return found


def _placed(form: Any, problem: Problem) -> Form:
    """The form with findings at its own names: those of a tariff's document lack "tariff."."""
    said = refused(form, problem)
    numbers = rows_of(form, "tariff.periods")
    placed = []
    for fault in said.faults:
        name = fault.field
        if name.startswith("periods["):
            k, _, rest = name.removeprefix("periods[").partition("].")
            name = f"tariff.periods[{numbers[int(k)]}].{rest}" if k.isdecimal() and int(k) < len(numbers) else "tariff.kind"
        elif f"tariff.{name}" in said.values:
            name = f"tariff.{name}"
        elif fault.code in ("tariff.prices", "tariff.hole", "tariff.overlap", "tariff.no-periods") or name == "periods":
            name = "tariff.kind"
        placed.append(Fault(fault.code, name, fault.value, fault.allowed, fault.advice))
    said.faults = placed
    return said


def _fees(form: Any, op: str) -> Form:
    values = typed(form)
    values.pop("op", None)
    if op == "add-fee":
        k = max(rows_of(values, "time_fees"), default=-1) + 1
        values |= {f"time_fees[{k}].{name}": "after charging" if name == "counts" else "" for name in FEE}
    else:
        start = f"time_fees[{op.rpartition('-')[2]}]."
        values = {name: value for name, value in values.items() if not name.startswith(start)}
    return Form(values)


async def bills(visit: Visit) -> Response:
    """Bills by state; held ones wait for a person. And the receipts."""
    state = visit.query.get("state", "held")
    state = state if state in STATES else "held"
    found = await visit.do(money.list_bills, query={"state": state, "limit": "200"})
    receipts = await visit.do(
        money.list_receipts, query={"limit": "50"} | ({"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {})
    )
    return await page(
        visit,
        "bills.html",
        visit.t("Bills"),
        bills=found,
        found=receipts,
        state=state,
        states=STATES,
        check=await visit.do(money.check_ledger),
    )


PAGES = (
    *(Page("GET", f"/{kind}s", listed, LOOK) for kind in ("tariff", "contract")),
    *(Page("POST", f"/{kind}s", open_new, OPERATE) for kind in ("tariff", "contract")),
    *(Page("GET", f"/{kind}s/{{terms_id}}", one, LOOK) for kind in ("tariff", "contract")),
    *(Page("POST", f"/{kind}s/{{terms_id}}", save, OPERATE) for kind in ("tariff", "contract")),
    Page("GET", "/bills", bills, OFFICE),
)
