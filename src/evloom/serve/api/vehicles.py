"""Vehicles: by which tokens they are known at a pile, whose they are, what is known of their battery."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change, needs_driver, needs_org
from evloom.serve.api.drivers import BatteryKwh
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import conflict, missing
from evloom.serve.api.shape import (
    UNSET,
    Id,
    IdOrNone,
    Input,
    Instant,
    Line,
    Page,
    Paging,
    Text,
    TokenId,
    VehicleId,
    changes,
    of_row,
)
from evloom.serve.people.roles import OFFICE, OPERATE, OWN
from evloom.store import batteries
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING

ChemistryOrNone = Literal["", "NMC", "LFP", "Na"]
CapacityAh = Annotated[float, Meta(gt=0, le=5000, description="Rated capacity of the battery, Ah")]
PackIdOrNone = Annotated[str, Meta(max_length=128, pattern=r"^[^\u0000-\u001f\u007f/?#%\\]*$(?!\n)")]
Tokens = Annotated[
    list[TokenId],
    Meta(max_length=50, description="Cards, EVCCIDs, MAC addresses by which the vehicle is known at a pile; its VIN needs none"),
]


class VehiclePath(Input):
    """Which vehicle."""

    vehicle_id: VehicleId


class VehicleQuery(Paging):
    """Vehicles of a driver."""

    driver_id: Id | UnsetType = UNSET


class NewVehicle(Input):
    """A vehicle. pack_id is said where the battery does not follow from telemetry; what is left out follows from it too."""

    vehicle_id: VehicleId
    org_id: Id | UnsetType = UNSET
    name: Line = ""
    driver_id: IdOrNone = ""
    tokens: Tokens = msgspec.field(default_factory=list)
    pack_id: PackIdOrNone = ""
    chemistry: ChemistryOrNone = ""
    capacity_ah: CapacityAh | None = None
    battery_kwh: BatteryKwh | None = None
    note: Text = ""


class VehicleChange(Input):
    """What is to change of a vehicle. Another chemistry or capacity has its battery looked at anew."""

    name: Line | UnsetType = UNSET
    driver_id: IdOrNone | UnsetType = UNSET
    tokens: Tokens | UnsetType = UNSET
    pack_id: PackIdOrNone | UnsetType = UNSET
    chemistry: ChemistryOrNone | UnsetType = UNSET
    capacity_ah: CapacityAh | UnsetType | None = UNSET
    battery_kwh: BatteryKwh | UnsetType | None = UNSET
    note: Text | UnsetType = UNSET


class Vehicle(msgspec.Struct):
    """A vehicle."""

    vehicle_id: str
    org_id: str
    name: str
    driver_id: str
    tokens: list[str]
    pack_id: str
    chemistry: str
    note: str
    created_at: Instant
    capacity_ah: float | None = None
    battery_kwh: float | None = None


async def list_vehicles(call: Call, query: VehicleQuery) -> Page[Vehicle]:
    """Vehicles."""
    after, wanted = cursor.read(query.cursor, (str,)), changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: batteries.vehicle_page(conn, call.scope, after, query.limit, wanted))
    return Page([_view(row) for row in rows], cursor.following(last))


async def read_vehicle(call: Call, path: VehiclePath) -> Vehicle:
    """One vehicle."""
    return _view(await call.read(lambda conn: _found(conn, call, path.vehicle_id)))


async def create_vehicle(call: Call, body: NewVehicle) -> Vehicle:
    """Register a vehicle; batteries of which telemetry came belong to its organisation from then on."""
    org_id, values = call.org_for(body.org_id), _columns(changes(body, "vehicle_id", "org_id"))

    def make(conn: Connection) -> Change[Vehicle]:
        needs_org(conn, org_id)
        needs_driver(conn, org_id, body.driver_id)
        if batteries.vehicle_of(conn, EVERYTHING, body.vehicle_id) is not None:
            raise conflict("vehicle-taken", "there is such a vehicle already")
        batteries.put_vehicle(conn, body.vehicle_id, {**values, "org_id": org_id, "created_at_s": call.now_s})
        row = _found(conn, call, body.vehicle_id)
        return Change(_view(row), None, row, org_id)

    made = await call.change("vehicle.create", body.vehicle_id, make)
    call.made(f"/api/v1/vehicles/{quote(body.vehicle_id)}")
    await _known(call, made, bool(body.chemistry or body.capacity_ah))
    return made


async def change_vehicle(call: Call, path: VehiclePath, body: VehicleChange) -> Vehicle:
    """Change a vehicle."""
    values = _columns(changes(body))

    def change(conn: Connection) -> Change[Vehicle]:
        before = _found(conn, call, path.vehicle_id)
        needs_driver(conn, before["org_id"], values.get("driver_id", ""))
        batteries.put_vehicle(conn, path.vehicle_id, values)
        after = _found(conn, call, path.vehicle_id)
        return Change(_view(after), before, after, before["org_id"])

    made = await call.change("vehicle.change", path.vehicle_id, change)
    await _known(call, made, not values.keys().isdisjoint({"chemistry", "capacity_ah"}))
    return made


async def remove_vehicle(call: Call, path: VehiclePath) -> None:
    """Remove a vehicle; its battery and the battery's warnings stay."""

    def remove(conn: Connection) -> Change[None]:
        before = _found(conn, call, path.vehicle_id)
        batteries.drop_vehicle(conn, path.vehicle_id)
        return Change(None, before, None, before["org_id"])

    await call.change("vehicle.remove", path.vehicle_id, remove)
    if call.platform.care is not None:
        call.platform.care.piles.again()


async def _known(call: Call, vehicle: Vehicle, is_about_battery: bool) -> None:
    """Something else is known of a vehicle: at the piles at once; the doctor looks at its batteries anew where it is about them."""
    care = call.platform.care
    if care is None:
        return
    care.piles.again()
    if care.doctor is not None and is_about_battery:
        rows, _ = await call.read(lambda conn: batteries.battery_page(conn, EVERYTHING, None, 20, {"vehicle_id": vehicle.vehicle_id}))
        await care.doctor.vehicle_changed([row["pack_id"] for row in rows])


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    return values | ({"tokens": msgspec.json.encode(values["tokens"]).decode()} if "tokens" in values else {})


def _view(row: Row) -> Vehicle:
    return of_row(Vehicle, row, "tokens")


def _found(conn: Connection, call: Call, vehicle_id: str) -> Row:
    row = batteries.vehicle_of(conn, call.scope, vehicle_id)
    if row is None:
        raise missing("vehicle", vehicle_id)
    return row


TAG = "vehicles"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_vehicles, "GET /vehicles", TAG, OFFICE | OWN),
    endpoint(create_vehicle, "POST /vehicles", TAG, OPERATE, 409, status=201),
    endpoint(read_vehicle, "GET /vehicles/{vehicle_id}", TAG, OFFICE | OWN),
    endpoint(change_vehicle, "PATCH /vehicles/{vehicle_id}", TAG, OPERATE, 409),
    endpoint(remove_vehicle, "DELETE /vehicles/{vehicle_id}", TAG, OPERATE),
)
