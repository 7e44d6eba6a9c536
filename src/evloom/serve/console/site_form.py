"""The document of a site as a form: from its parts to fields, from fields to its parts, and its findings to the fields they are about."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from starlette.datastructures import FormData

from evloom.dispatch.objective import parse_objective
from evloom.kernel.errors import InputError
from evloom.serve.api.problem import Fault, Problem, of_findings
from evloom.serve.api.reading import read_struct
from evloom.serve.console.forms import Form, body_of, typed
from evloom.serve.console.rows import rows_of
from evloom.serve.console.shown import plain
from evloom.serve.site.build import built
from evloom.serve.site.plan import GuardPlan, LimitPlan, SitePlan

SHARES = ("margin",)
GUARD_SHARES = ("soc_min", "soc_max")
OWN = (
    *("name", "zone", "max_kw", "source", "voltage_v", "currency", "phase_max_a", "export_max_kw", "margin", "policy", "objective"),
    *("step_s", "horizon_h", "carbon_kg_per_kwh"),
)
LIMIT = ("id", "parent", "max_kw", "phase_max_a", "export_max_kw", "source")
GUARD = ("soc_min", "soc_max", "daily_kwh", "yearly_kwh", "yearly_cycles", "source")
PERIOD = ("category", "start", "end", "price_per_kwh", "months", "days")
TERMS = ("demand_per_kw_month", "demand_interval_s", "export_price_per_kwh")
NEW_PERIODS = (("peak", "08:00", "22:00", "0.90", "all", "all"), ("valley", "22:00", "08:00", "0.40", "all", "all"))


def form_of_plan(plan: SitePlan) -> Form:
    """The fields of a document."""
    values = {name: plain(getattr(plan, name)) for name in OWN}
    values["margin"] = plain(round(100.0 * plan.margin, 9))
    for k, limit in enumerate(plan.limits):
        values |= {f"limits[{k}].{name}": plain(getattr(limit, name)) for name in LIMIT}
    if plan.guard is not None:
        values |= {f"guard.{name}": _guard_text(name, getattr(plan.guard, name)) for name in GUARD}
    return Form(values | fields_of_tariff(plan.tariff))


def _guard_text(name: str, value: Any) -> str:
    return plain(round(100.0 * value, 9)) if name in GUARD_SHARES and value is not None else plain(value)


def fields_of_tariff(tariff: Mapping[str, object] | None) -> dict[str, str]:
    """The fields of a tariff; `tariff.kind` says where its prices come from: none, flat, periods, or a packaged one by its name."""
    if tariff is None:
        return {"tariff.kind": "none"}
    values = {f"tariff.{name}": plain(tariff[name]) for name in (*TERMS, "price_per_kwh") if name in tariff}
    if "tax_share" in tariff:
        values["tariff.tax_share"] = plain(round(100.0 * float(str(tariff["tax_share"])), 9))
    periods = tariff.get("periods")
    if isinstance(periods, Sequence) and not isinstance(periods, str):
        values["tariff.kind"] = "periods"
        for k, period in enumerate(periods):
            if isinstance(period, Mapping):
                values |= {
                    f"tariff.periods[{k}].{name}": _listed(period.get(name, "all" if name in ("months", "days") else "")) for name in PERIOD
                }
    elif "price_per_kwh" in tariff:
        values["tariff.kind"] = "flat"
    else:
        values["tariff.kind"] = str(tariff.get("name", "none"))
    return values


def _listed(value: object) -> str:
    return ",".join(str(part) for part in value) if isinstance(value, list | tuple) else plain(value)


def changed_rows(form: FormData, op: str) -> Form:
    """The form as it was typed, with a row more or less: "add-limit", "drop-limit-2", "add-period", "drop-period-0"."""
    values = typed(form)
    values.pop("op", None)
    what, _, rest = op.partition("-")
    name, _, number = rest.partition("-")
    start = {"limit": "limits", "period": "tariff.periods"}.get(name, "")
    rows = rows_of(values, start) if start else []
    if what == "drop" and number.isdecimal():
        values = {key: value for key, value in values.items() if not key.startswith(f"{start}[{int(number)}].")}
    elif what == "add" and name == "limit":
        k = max(rows, default=-1) + 1
        values |= {f"limits[{k}].{field}": "site" if field == "parent" else "" for field in LIMIT}
    elif what == "add" and name == "period":
        values["tariff.kind"] = "periods"
        k = max(rows, default=-1) + 1
        fresh = NEW_PERIODS if not rows else (("", "", "", "", "all", "all"),)
        for number_, row in enumerate(fresh):
            values |= {f"tariff.periods[{k + number_}].{field}": text for field, text in zip(PERIOD, row, strict=True)}
    return Form(values)


def plan_of_form(form: FormData, site_id: str) -> dict[str, Any]:
    """What the fields say, as the body of the document. Raises Problem 422 with what is wrong in any field."""
    faults: list[Fault] = []
    body = {"site_id": site_id, **body_of(SitePlan, form, percent=SHARES)}
    limits = []
    for k in rows_of(form, "limits"):
        row = body_of(LimitPlan, _inner(form, f"limits[{k}]."))
        limits.append(_checked(LimitPlan, row, f"limits[{k}]", faults))
    body["limits"] = limits
    guard = body_of(GuardPlan, _inner(form, "guard."), percent=GUARD_SHARES)
    asked = {name: value for name, value in guard.items() if value not in (None, "") and name != "source"}
    body["guard"] = _checked(GuardPlan, {**asked, "source": guard.get("source") or "site"}, "guard", faults) if asked else None
    body["tariff"] = tariff_of_form(form)
    faults += _of_objective(str(body.get("objective", "")))
    _checked(SitePlan, {**body, "limits": [], "guard": None}, "", faults)
    if faults:
        raise Problem(422, "wrong-input", "", [_as_typed(fault, form) for fault in (*faults, *_of_the_rest(body))])
    return body


def _of_objective(text: str) -> list[Fault]:
    """What is wrong with an objective."""
    try:
        parse_objective(text)
    except InputError as error:
        return [Fault(one.code, "objective", one.value, one.allowed, one.advice) for one in error.findings]
    return []


def _of_the_rest(body: dict[str, Any]) -> list[Fault]:
    """Findings of a document in which some fields are no values at all: what can be said of the others, so that all is said at once."""
    limits = [_sound(LimitPlan, row) for row in body["limits"]]
    own = _sound(SitePlan, {**body, "guard": None, "limits": [], "objective": "cost"})
    sound = {**own, "limits": [row for row in limits if "id" in row]}
    try:
        built(msgspec.convert({"max_kw": 1.0, **sound}, SitePlan, strict=False))
    except InputError as error:
        return list(of_findings(error.findings).findings)
    return []


def _sound(kind: type[msgspec.Struct], row: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row that are values."""
    found = {}
    for one in msgspec.structs.fields(kind):
        if one.encode_name in row:
            with suppress(msgspec.ValidationError):
                found[one.encode_name] = msgspec.convert(row[one.encode_name], one.type, strict=False)
    return found


def tariff_of_form(form: Mapping[str, Any]) -> dict[str, object] | None:
    """The tariff that the fields describe, as the table [tariff] of a scenario."""
    kind = str(form.get("tariff.kind", "none"))
    if kind == "none":
        return None
    terms: dict[str, object] = {name: _number(text) for name in TERMS if (text := str(form.get(f"tariff.{name}", "")).strip())}
    if tax := str(form.get("tariff.tax_share", "")).strip():
        share = _number(tax)
        terms["tax_share"] = share / 100.0 if isinstance(share, float) else share
    if kind == "flat":
        return {**terms, "price_per_kwh": _number(str(form.get("tariff.price_per_kwh", "")).strip())}
    if kind != "periods":
        return {"name": kind, **terms}
    rows = []
    for k in rows_of(form, "tariff.periods"):
        texts = {name: str(form.get(f"tariff.periods[{k}].{name}", "")).strip() for name in PERIOD}
        rows.append({**texts, "price_per_kwh": _number(texts["price_per_kwh"])})
    return {**terms, "periods": rows}


def placed(problem: Problem, form: FormData) -> Problem:
    """Findings of the document, each at the field of the form that it is about."""
    values = typed(form)
    rows = rows_of(values, "limits")
    periods = rows_of(values, "tariff.periods")

    def at(fault: Fault) -> Fault:
        name = fault.field
        if fault.code == "site.duplicate-node":
            name = next((f"limits[{k}].id" for k in reversed(rows) if values.get(f"limits[{k}].id") == fault.value), "limits")
        elif fault.code == "site.no-way-to-root":
            name = next(
                (f"limits[{k}].parent" for k in rows if values.get(f"limits[{k}].id") == fault.value.partition(" below ")[0]), "limits"
            )
        elif fault.code.startswith("objective."):
            name = "objective"
        elif fault.code == "tariff.prices":
            name = "tariff.kind"
        elif name.startswith("tariff.periods["):
            number, _, rest = name.removeprefix("tariff.periods[").partition("].")
            name = f"tariff.periods[{periods[int(number)]}].{rest}" if number.isdecimal() and int(number) < len(periods) else name
        elif fault.code.startswith("tariff.") and name not in values:
            name = "tariff.kind"
        elif fault.code.startswith("site.") and name not in values:
            name = fault.code.removeprefix("site.")
        return msgspec.structs.replace(fault, field=name)

    return Problem(problem.status, problem.code, problem.detail, [at(fault) for fault in problem.findings], problem.headers)


def _inner(form: FormData, prefix: str) -> FormData:
    """The fields of a part, without what stands before their names."""
    return FormData([(key.removeprefix(prefix), value) for key, value in form.multi_items() if key.startswith(prefix)])


def _checked(kind: type[msgspec.Struct], row: dict[str, Any], where: str, faults: list[Fault]) -> dict[str, Any]:
    try:
        read_struct(kind, row, where, strict=False)
    except Problem as problem:
        faults += problem.findings
    return row


def _as_typed(fault: Fault, form: FormData) -> Fault:
    """A fault of a field in percent, told as it was typed."""
    if fault.field in SHARES or fault.field.removeprefix("guard.") in GUARD_SHARES:
        most = "50" if fault.field == "margin" else "100"
        return Fault(fault.code, fault.field, str(form.get(fault.field, "")), f"0 to {most} %", "correct it")
    return fault


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
