"""Batteries: the fleet, the worst first; one battery with its warnings, its cells, its health and its value; vehicles."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from evloom.serve.api import batteries, drivers, vehicles
from evloom.serve.api.batteries import BatteryDetail, BatteryWarning, WarningDetail
from evloom.serve.api.problem import Problem
from evloom.serve.console.forms import Form, body_of, of_struct, refused
from evloom.serve.console.page import Page, go, page
from evloom.serve.console.series import cells_chart, days_chart, evidence_chart
from evloom.serve.console.shown import path_part
from evloom.serve.console.visit import Visit
from evloom.serve.people.roles import OFFICE, OPERATE

CHEMISTRIES = ("", "NMC", "LFP", "Na")
WARNINGS_MAX = "500"


@dataclass(frozen=True, slots=True)
class Told:
    """A warning as it is shown: its details, and its plot."""

    detail: WarningDetail
    chart: dict[str, Any] | None

    @property
    def warning(self) -> BatteryWarning:
        """The warning itself."""
        return self.detail.warning


def _query(visit: Visit) -> dict[str, str]:
    return {name: visit.query[name] for name in ("cursor", "level") if visit.query.get(name)}


async def listed(visit: Visit) -> Response:
    """The fleet, the worst first."""
    found = await visit.do(batteries.list_batteries, query=_query(visit))
    told = await visit.do(batteries.list_battery_warnings, query={"open": "true", "limit": WARNINGS_MAX})
    worst: dict[str, BatteryWarning] = {}
    for one in told.items:
        before = worst.get(one.pack_id)
        if before is None or batteries.LEVELS.index(one.level) > batteries.LEVELS.index(before.level):
            worst[one.pack_id] = one
    return await page(
        visit, "batteries.html", visit.t("Batteries"), found=found, worst=worst, levels=batteries.LEVELS, names=await _names(visit),
        level=visit.query.get("level", ""), hears=visit.platform.care is not None and visit.platform.care.telemetry is not None,
    )  # fmt: skip


async def _names(visit: Visit) -> dict[str, str]:
    """Names of vehicles by id."""
    found = await visit.do(vehicles.list_vehicles, query={"limit": "500"})
    return {one.vehicle_id: one.name for one in found.items if one.name}


async def one(visit: Visit) -> Response:
    """One battery."""
    detail = await visit.do(batteries.read_battery, path={"pack_id": visit.path("pack_id")})
    zone = await visit.zone()
    shown = [one for one in detail.warnings if one.closed is None]
    told = [await _told(visit, one, zone) for one in shown]
    suspects = {one.cell for one in shown if one.cell is not None}
    names = await _names(visit)
    return await page(
        visit, "battery.html", detail.battery.pack_id, zone, detail=detail, battery=detail.battery, now=detail.now, told=told, names=names,
        closed=[one for one in detail.warnings if one.closed is not None], cells=cells_chart(detail.now, suspects),
        days=_days(detail, zone, visit), card=detail.card, may_acknowledge=visit.may(batteries.acknowledge_battery_warning),
    )  # fmt: skip


def _days(detail: BatteryDetail, zone: str, visit: Visit) -> dict[str, Any] | None:
    return None if detail.now is None else days_chart(detail.now.get("days") or {}, zone, visit.t)


async def _told(visit: Visit, warning: BatteryWarning, zone: str) -> Told:
    detail = await visit.do(batteries.read_battery_warning, path={"warning_id": warning.warning_id})
    return Told(detail, evidence_chart(detail.evidence, zone, visit.t))


async def to_battery(visit: Visit) -> Response:
    """From a warning to its battery."""
    detail = await visit.do(batteries.read_battery_warning, path={"warning_id": visit.path("warning_id")})
    return go(f"/batteries/{path_part(detail.warning.pack_id)}")


async def see_to(visit: Visit) -> Response:
    """Acknowledge a warning."""
    path = {"warning_id": visit.path("warning_id")}
    done = await visit.do(batteries.acknowledge_battery_warning, path=path, body={"note": str(visit.form.get("note", "")).strip()})
    return go(f"/batteries/{path_part(done.pack_id)}", "acknowledged")


async def fleet(visit: Visit) -> Response:
    """All vehicles that are registered."""
    return await _fleet(visit, Form({"vehicle_id": visit.query.get("vehicle_id", "")}), 200)


async def _fleet(visit: Visit, form: Form, status: int) -> Response:
    query = {"cursor": visit.query["cursor"]} if visit.query.get("cursor") else {}
    found = await visit.do(vehicles.list_vehicles, query=query)
    return await page(
        visit, "vehicles.html", visit.t("Vehicles"), status=status, found=found, form=form, people=await _people(visit),
        chemistries=CHEMISTRIES, may_edit=visit.may(vehicles.create_vehicle),
    )  # fmt: skip


async def _people(visit: Visit) -> dict[str, str]:
    found = await visit.do(drivers.list_drivers, query={"limit": "500"})
    return {driver.driver_id: driver.name for driver in found.items}


async def create(visit: Visit) -> Response:
    """Register a vehicle."""
    try:
        made = await visit.do(vehicles.create_vehicle, body=body_of(vehicles.NewVehicle, visit.form))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _fleet(visit, refused(visit.form, problem), problem.status)
    return go(f"/vehicles/{path_part(made.vehicle_id)}", "made")


async def vehicle(visit: Visit) -> Response:
    """One vehicle."""
    return await _vehicle(visit, None, 200)


async def _vehicle(visit: Visit, form: Form | None, status: int) -> Response:
    found = await visit.do(vehicles.read_vehicle, path={"vehicle_id": visit.path("vehicle_id")})
    own = await visit.do(batteries.list_batteries, query={"vehicle_id": found.vehicle_id})
    return await page(
        visit, "vehicle.html", found.name or found.vehicle_id, status=status, vehicle=found, form=form or of_struct(found),
        batteries=own.items, people=await _people(visit), chemistries=CHEMISTRIES, may_edit=visit.may(vehicles.create_vehicle),
    )  # fmt: skip


async def change(visit: Visit) -> Response:
    """Change a vehicle."""
    path = {"vehicle_id": visit.path("vehicle_id")}
    try:
        await visit.do(vehicles.change_vehicle, path=path, body=body_of(vehicles.VehicleChange, visit.form))
    except Problem as problem:
        if problem.status not in (409, 422):
            raise
        return await _vehicle(visit, refused(visit.form, problem), problem.status)
    return go(f"/vehicles/{path_part(path['vehicle_id'])}", "saved")


async def remove(visit: Visit) -> Response:
    """Remove a vehicle."""
    await visit.do(vehicles.remove_vehicle, path={"vehicle_id": visit.path("vehicle_id")})
    return go("/vehicles", "removed")


PAGES = (
    Page("GET", "/batteries", listed, OFFICE),
    Page("GET", "/batteries/{pack_id}", one, OFFICE),
    Page("GET", "/battery-warnings/{warning_id}", to_battery, OFFICE),
    Page("POST", "/battery-warnings/{warning_id}/acknowledge", see_to, OPERATE),
    Page("GET", "/vehicles", fleet, OFFICE),
    Page("POST", "/vehicles", create, OPERATE),
    Page("GET", "/vehicles/{vehicle_id}", vehicle, OFFICE),
    Page("POST", "/vehicles/{vehicle_id}", change, OPERATE),
    Page("POST", "/vehicles/{vehicle_id}/remove", remove, OPERATE),
)
