"""What people have stations do: one click, a variable, a profile, a message of their own; and what was said over the wire."""

import json
from typing import Any

from starlette.responses import Response

from evloom.serve.api import attention, commands
from evloom.serve.api.commands import CommandView
from evloom.serve.api.problem import Fault, Problem, wrong
from evloom.serve.console.forms import Form, body_of, instant_text, refused, typed
from evloom.serve.console.page import Page, go, page, part
from evloom.serve.console.pages.stations import bays_of, detail_of, frame_of
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import LOOK, OPERATE

WAIT_S = "8"
"""How long a click waits for the station's answer."""
LATER_S = 600.0
"""How long an order to a station that is away is to be sent when it comes back."""
SENT = ("SetChargingProfile", "ClearChargingProfile", "UpdateDynamicSchedule")

_WORDS = {
    "unlock": "Unlock the cable",
    "reset": "Restart when free",
    "reset-now": "Restart at once",
    "unavailable": "Make unavailable",
    "available": "Make available",
    "status": "Ask for its status",
    "start": "Start charging",
    "report": "Ask for all variables",
    "clear-profiles": "Clear all profiles",
}


def command_of(visit: Visit) -> dict[str, Any]:
    """The command that a click asks for. Raises Problem 422 for none that we know."""
    do, form = str(visit.form.get("do", "")), visit.form
    text = str(form.get("evse", "") or "0")
    if not text.isdecimal() or len(text) > 5:
        raise wrong(Fault("input.wrong", "evse", text[:50], "int >= 0", "correct it"))
    evse = int(text)
    known: dict[str, dict[str, Any]] = {
        "unlock": {"command": "Unlock", "evse": evse or 1},
        "reset": {"command": "Reset", "when": "OnIdle"},
        "reset-now": {"command": "Reset", "when": "Immediate"},
        "unavailable": {"command": "ChangeAvailability", "operative": False, "evse": evse},
        "available": {"command": "ChangeAvailability", "operative": True, "evse": evse},
        "status": {"command": "Trigger", "what": "StatusNotification", "evse": evse},
        "start": {"command": "StartCharging", "token": {"token": str(form.get("token", "")).strip()}, "evse": evse or None},
        "report": {"command": "AskReport", "request": int(visit.now_s) % 1_000_000},
        "clear-profiles": {"command": "ClearProfile"},
    }
    if do not in known:
        raise wrong(Fault("input.wrong", "do", do[:50], ", ".join(known), "choose one"))
    if do == "start" and not known[do]["token"]["token"]:
        raise wrong(Fault("input.missing", "token", "", "a value", "say whose token starts it"))
    return known[do]


async def act(visit: Visit) -> Response:
    """One click."""
    detail = await detail_of(visit)
    station = detail.station
    body = {"command": command_of(visit), "valid_s": commands.VALID_S if station.connected else LATER_S}
    path = {"station_id": station.station_id}
    said = await visit.do(commands.order, path=path, query={"wait_s": WAIT_S if station.connected else "0"}, body=body)
    return await told(visit, _WORDS.get(str(visit.form.get("do")), ""), said, f"/stations/{station.station_id}")


async def told(visit: Visit, what: str, said: CommandView, back: str) -> Response:
    """What came of an order: a line on the page, or the page anew."""
    if not visit.by_htmx:
        return go(back, "sent")
    words, kind = outcome(visit, said)
    return await part(visit, "part_said.html", kind=kind, words=f"{said.station_id}: {visit.t(what)}: {words}")


def outcome(visit: Visit, said: CommandView) -> tuple[str, str]:
    """The state of a command in words, and how it looks."""
    if said.state == "answered":
        accepted = bool(said.result.get("accepted"))
        status = visit.t(str(said.result.get("status", "")))
        info = str(said.result.get("detail", {}).get("info", "") or said.result.get("detail", {}).get("reason", ""))
        return f"{status} ({info})" if info else status, "" if accepted else "bad"
    if said.state in ("failed", "expired"):
        return f"{visit.t(said.state)}{': ' if said.error else ''}{visit.t(said.error)}", "bad"
    if said.state == "queued":
        return visit.t("kept; it is sent as soon as the station is connected"), "warn"
    return visit.t("sent; no answer yet"), "warn"


async def raw(visit: Visit) -> Response:
    """A message of one's own."""
    detail = await detail_of(visit)
    try:
        payload = json.loads(str(visit.form.get("payload", "")) or "{}")
    except (ValueError, RecursionError):
        payload = None
    try:
        if not isinstance(payload, dict):
            raise wrong(Fault("input.wrong", "payload", str(visit.form.get("payload"))[:100], "a JSON object", "correct it"))
        body = {"action": str(visit.form.get("action", "")).strip(), "payload": payload}
        query = {"wait_s": WAIT_S if detail.station.connected else "0"}
        said = await visit.do(commands.order_raw, path={"station_id": detail.station.station_id}, query=query, body=body)
    except Problem as problem:
        return await _messages(visit, Form(), refused(visit.form, problem), problem.status)
    return await _messages(visit, Form(), Form(typed(visit.form)), 200, said)


async def messages(visit: Visit) -> Response:
    """The OCPP messages of a station."""
    return await _messages(visit, Form(), Form({"payload": "{}"}), 200)


async def _messages(visit: Visit, form: Form, own: Form, status: int, said: CommandView | None = None) -> Response:
    frame = await frame_of(visit, "messages")
    zone = await visit.zone(frame["station"].site_id)
    shown = {name: value for name in ("text", "action", "begin", "end") if (value := visit.query.get(name, "").strip())}
    query = {name: instant_text(value, zone) if name in ("begin", "end") else value for name, value in shown.items()}
    if visit.query.get("cursor"):
        query["cursor"] = visit.query["cursor"]
    form, found = Form(dict(shown)), None
    try:
        found = await visit.do(attention.search_messages, path={"station_id": frame["station"].station_id}, query=query)
    except Problem as problem:
        if problem.status != 422:
            raise
        form, status = Form(dict(shown), list(problem.findings), problem.detail), problem.status
    search = {name: value for name, value in query.items() if name != "cursor"}
    return await page(
        visit, "station_messages.html", frame["station"].station_id, zone, status, **frame, found=found, form=form, shown=shown,
        search=search, own=own.named("own"), said=None if said is None else outcome(visit, said),
        said_result=None if said is None else said.result,
    )  # fmt: skip


async def variables(visit: Visit) -> Response:
    """Variables, read and written, and what the station reported by itself."""
    return await _variables(visit, Form(), Form(), None, 200)


async def _variables(visit: Visit, reading: Form, writing: Form, answer: Any, status: int) -> Response:
    frame = await frame_of(visit, "variables")
    reports = await visit.do(attention.list_reports, path={"station_id": frame["station"].station_id}, query={"limit": "30"})
    return await page(
        visit, "station_variables.html", frame["station"].station_id, await visit.zone(frame["station"].site_id), status, **frame,
        reading=reading.named("r"), writing=writing.named("w"), answer=answer, reports=reports,
    )  # fmt: skip


async def read_variables(visit: Visit) -> Response:
    """Read one variable, or every key of 1.6."""
    name = body_of(commands.VariableName, visit.form)
    body = {"variables": [name] if name.get("name") else []}
    try:
        answer = await visit.do(commands.read_variables, path={"station_id": visit.path("station_id")}, body=body)
    except Problem as problem:
        return await _variables(visit, _flat(refused(visit.form, problem)), Form(), None, problem.status)
    return await _variables(visit, Form(typed(visit.form)), Form(), answer, 200)


async def write_variables(visit: Visit) -> Response:
    """Write one variable."""
    body = {"values": [{"variable": body_of(commands.VariableName, visit.form), "value": str(visit.form.get("value", ""))}]}
    try:
        answer = await visit.do(commands.write_variables, path={"station_id": visit.path("station_id")}, body=body)
    except Problem as problem:
        return await _variables(visit, Form(), _flat(refused(visit.form, problem)), None, problem.status)
    return await _variables(visit, Form(), Form(typed(visit.form)), answer, 200)


def _flat(form: Form) -> Form:
    """Findings of the one variable that the form has, at the form's own fields."""
    flat = [Fault(f.code, f.field.rpartition(".")[2] or f.field, f.value, f.allowed, f.advice) for f in form.faults]
    return Form(form.values, flat, form.said, form.code)


async def profiles(visit: Visit) -> Response:
    """What the loop has planned for each EVSE, what the station says that it will do, and what was sent."""
    return await _profiles(visit, None, "", 200)


async def _profiles(visit: Visit, answer: Any, evse: str, status: int) -> Response:
    frame = await frame_of(visit, "profiles")
    path, sent = {"station_id": frame["station"].station_id}, []
    for action in SENT:
        found = await visit.do(attention.search_messages, path=path, query={"action": action, "limit": "15"})
        sent += [message for message in found.items if message.direction == "out"]
    return await page(
        visit, "station_profiles.html", frame["station"].station_id, await visit.zone(frame["station"].site_id), status, **frame,
        bays=bays_of(visit, frame["station"]), sent=sorted(sent, key=lambda one: -one.frame_id)[:20], answer=answer, evse=evse,
    )  # fmt: skip


async def composite(visit: Visit) -> Response:
    """Ask what all profiles together allow."""
    body = {name: str(visit.form[name]) for name in ("evse", "length_s", "unit") if name in visit.form}
    answer = await visit.do(commands.ask_composite, path={"station_id": visit.path("station_id")}, body=body)
    return await _profiles(visit, answer, body.get("evse", ""), 200)


PAGES = (
    Page("POST", "/stations/{station_id}/act", act, OPERATE),
    Page("GET", "/stations/{station_id}/messages", messages, LOOK),
    Page("POST", "/stations/{station_id}/messages", raw, OPERATE),
    Page("GET", "/stations/{station_id}/variables", variables, LOOK),
    Page("POST", "/stations/{station_id}/variables/read", read_variables, OPERATE),
    Page("POST", "/stations/{station_id}/variables/write", write_variables, OPERATE),
    Page("GET", "/stations/{station_id}/profiles", profiles, LOOK),
    Page("POST", "/stations/{station_id}/profiles", composite, OPERATE),
)
