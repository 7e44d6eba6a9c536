"""Batteries of vehicles that send telemetry: how they are, what the doctor warns of, who has taken notice."""

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.diagnose.advice import TEXTS, text
from evloom.serve.api import cursor
from evloom.serve.api.call import Call, Change
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import conflict, missing
from evloom.serve.api.shape import UNSET, Input, Instant, Line, PackId, Page, Paging, VehicleId, changes, instant, of_row
from evloom.serve.bus import Happening
from evloom.serve.doctor.events import BatteryWarned
from evloom.serve.people.roles import OFFICE, OPERATE, OWN, Roles
from evloom.store import batteries, warnings
from evloom.store.connection import Connection, Row

SEE: Roles = OFFICE | OWN
Level = Literal["none", "watch", "inspect", "stop"]
LEVELS: tuple[Level, ...] = ("none", "watch", "inspect", "stop")
WarningId = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f/?#%\\]+$(?!\n)")]


class BatteryPath(Input):
    """Which battery."""

    pack_id: PackId


class BatteryQuery(Paging):
    """Of which vehicle; of which level at least."""

    vehicle_id: VehicleId | UnsetType = UNSET
    level: Level | UnsetType = UNSET


class WarningPath(Input):
    """Which warning."""

    warning_id: WarningId


class WarningQuery(Paging):
    """Which warnings: open or closed ones, of a level, of a battery, vehicle or cause, acknowledged or not."""

    open: bool | UnsetType = UNSET
    acknowledged: bool | UnsetType = UNSET
    level: Literal["watch", "inspect", "stop"] | UnsetType = UNSET
    cause: Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[a-z-]+$(?!\n)")] | UnsetType = UNSET
    pack_id: PackId | UnsetType = UNSET
    vehicle_id: VehicleId | UnsetType = UNSET


class TakenNotice(Input):
    """A remark with which a warning is acknowledged."""

    note: Line = ""


class Share(msgspec.Struct):
    """What is known of a figure: it is below p10 and above p90 with a tenth each."""

    p10: float
    p50: float
    p90: float


class Battery(msgspec.Struct):
    """A battery. level is that of its open warnings; severity 1 is the limit of `inspect`; soc as its management said last; soh of its
    capacity; first and last by the vehicle's clock, known by ours."""

    pack_id: str
    org_id: str
    vehicle_id: str
    chemistry: str
    n_cell: int
    n_probe: int
    level: str
    severity: float
    days: int
    n_frame: int
    first: Instant
    last: Instant
    known: Instant
    capacity_ah: float | None = None
    soc: float | None = None
    soh: Share | None = None


class _Soh(msgspec.Struct):
    soh: Share | None = None


class BatteryStay(msgspec.Struct):
    """A vehicle that a battery was in, from when on."""

    vehicle_id: str
    since: Instant


class BatteryDetail(msgspec.Struct):
    """A battery with everything that is known of it.

    now      readings of the last frame (cell_v, probe_c; null where they cannot be taken at their word), charge of each cell against the
             pack (shares of the capacity), and how that spread day by day
    health   as `diagnose` gives it; what it cannot tell is null there, and named in `missing`
    card     what the battery is worth: its numbers (`card`), and its lines in English and Chinese (`en`, `zh`)
    vehicles where it was, the latest first
    """

    battery: Battery
    now: dict[str, Any] | None
    health: dict[str, Any] | None
    card: dict[str, Any] | None
    vehicles: list[BatteryStay]
    warnings: list["BatteryWarning"]


class Cause(msgspec.Struct):
    """What may be the matter, and how likely."""

    cause: str
    probability: float


class BatteryWarning(msgspec.Struct):
    """A warning. cell and probe count from 0; instants are those of the frames that showed it, but for `acknowledged`."""

    warning_id: str
    pack_id: str
    vehicle_id: str
    level: str
    causes: list[Cause]
    severity: float
    cell: int | None
    probe: int | None
    first_seen: Instant
    last_seen: Instant
    opened: Instant
    updated: Instant
    closed: Instant | None
    acknowledged: Instant | None
    acknowledged_by: str
    note: str
    leak_a: float


class EvidenceLine(msgspec.Struct):
    """A line of an evidence plot."""

    name: str
    unit: str
    at: list[Instant]
    value: list[float | None]


class TwoTexts(msgspec.Struct):
    """A text in English and Chinese."""

    en: str
    zh: str


class BatteryEvent(msgspec.Struct):
    """Something that happened to a warning: opened, updated, acknowledged, closed."""

    kind: str
    at: Instant
    level: str
    severity: float
    cause: str
    actor: str
    note: str


class WarningDetail(msgspec.Struct):
    """A warning with its evidence, what to expect and to do, what to measure next, what the data cannot tell, and its history."""

    warning: BatteryWarning
    evidence: list[EvidenceLine]
    expected: TwoTexts
    advice: list[TwoTexts]
    measure_next: list[TwoTexts]
    missing: list[TwoTexts]
    history: list[BatteryEvent]


async def list_batteries(call: Call, query: BatteryQuery) -> Page[Battery]:
    """Batteries, the worst first."""
    after, wanted = cursor.read(query.cursor, (float, str)), changes(query, "limit", "cursor", "level")
    if not isinstance(query.level, UnsetType):
        wanted["level_min"] = LEVELS.index(query.level)
    rows, last = await call.read(lambda conn: batteries.battery_page(conn, call.scope, after, query.limit, wanted))
    return Page([_battery(row) for row in rows], cursor.following(last))


async def read_battery(call: Call, path: BatteryPath) -> BatteryDetail:
    """One battery: readings, spread of its cells, health, value, warnings."""

    def read(conn: Connection) -> BatteryDetail:
        row = found_battery(conn, call, path.pack_id)
        stays = [BatteryStay(stay["vehicle_id"], instant(stay["from_s"])) for stay in batteries.stays_of(conn, path.pack_id)]
        rows, _ = warnings.warning_page(conn, call.scope, None, 100, {"pack_id": path.pack_id})
        parts = {name: msgspec.json.decode(row[name]) if row[name] else None for name in ("view", "health", "card")}
        told = [_warning(one) for one in rows]
        return BatteryDetail(_battery(row), parts["view"], parts["health"], parts["card"], stays, told)

    return await call.read(read)


async def list_warnings_of_battery(call: Call, path: BatteryPath, query: Paging) -> Page[BatteryWarning]:
    """Warnings of a battery, the latest first."""
    after = cursor.read(query.cursor, (float, str))

    def read(conn: Connection) -> Page[BatteryWarning]:
        found_battery(conn, call, path.pack_id)
        rows, last = warnings.warning_page(conn, call.scope, after, query.limit, {"pack_id": path.pack_id})
        return Page([_warning(row) for row in rows], cursor.following(last))

    return await call.read(read)


async def list_battery_warnings(call: Call, query: WarningQuery) -> Page[BatteryWarning]:
    """Warnings of the battery doctor, the latest first."""
    after, wanted = cursor.read(query.cursor, (float, str)), changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: warnings.warning_page(conn, call.scope, after, query.limit, wanted))
    return Page([_warning(row) for row in rows], cursor.following(last))


async def read_battery_warning(call: Call, path: WarningPath) -> WarningDetail:
    """One warning with its evidence, advice and history."""

    def read(conn: Connection) -> WarningDetail:
        row = _found(conn, call, path.warning_id)
        told = warnings.body_of(row)
        lines = [
            EvidenceLine(one.name, one.unit, [instant(at_s) for at_s in one.at_s], [_finite(value) for value in one.value])
            for one in told.evidence
        ]
        advice, measure, lacking = ([_said(key) for key in keys] for keys in (told.advice, told.measure_next, told.missing))
        return WarningDetail(_warning(row), lines, _said(told.expected), advice, measure, lacking, _history(conn, path.warning_id))

    return await call.read(read)


async def acknowledge_battery_warning(call: Call, path: WarningPath, body: TakenNotice) -> BatteryWarning:
    """Acknowledge a warning: somebody has taken notice. What it limits stays limited until it closes."""
    now_s = call.now_s

    def keep(conn: Connection) -> Change[Row]:
        before = _found(conn, call, path.warning_id)
        if before["closed_s"] is not None:
            raise conflict("warning-closed", "the warning is closed")
        if before["acknowledged_s"] is None:
            warnings.acknowledge(conn, before, now_s, call.caller.actor, body.note)
        after = _found(conn, call, path.warning_id)
        return Change(after, _bare(before), _bare(after), before["org_id"])

    row = await call.change("battery-warning.acknowledge", path.warning_id, keep)
    named = (row["org_id"], row["pack_id"], row["vehicle_id"], row["warning_id"], "acknowledged", row["level"], row["cause"])
    event = BatteryWarned(*named, row["cell"], row["probe"], row["severity"])
    call.platform.bus.publish(Happening("battery", row["pack_id"], event, now_s, now_s))
    return _warning(row)


def _bare(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "body"}


def _battery(row: Row) -> Battery:
    found = msgspec.json.decode(row["health"], type=_Soh).soh if row["health"] else None
    return of_row(Battery, row, level=LEVELS[row["level"]], soh=found)


def _warning(row: Row) -> BatteryWarning:
    told = warnings.body_of(row)
    causes = [Cause(name, share) for name, share in told.causes]
    return of_row(BatteryWarning, row, causes=causes, leak_a=told.leak_a)


def _history(conn: Connection, warning_id: str) -> list[BatteryEvent]:
    return [of_row(BatteryEvent, row) for row in warnings.history_of(conn, warning_id)]


def _said(key: str) -> TwoTexts:
    """The words of a key; of one that this version does not know the key itself."""
    return TwoTexts(text(key, "en"), text(key, "zh")) if key in TEXTS else TwoTexts(key, key)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def found_battery(conn: Connection, call: Call, pack_id: str) -> Row:
    """A battery's row. Raises Problem 404 where the caller sees none."""
    row = batteries.battery_of(conn, call.scope, pack_id)
    if row is None:
        raise missing("battery", pack_id)
    return row


def _found(conn: Connection, call: Call, warning_id: str) -> Row:
    row = warnings.warning_row(conn, call.scope, warning_id)
    if row is None:
        raise missing("warning", warning_id)
    return row


TAG = "batteries"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_batteries, "GET /batteries", TAG, SEE),
    endpoint(read_battery, "GET /batteries/{pack_id}", TAG, SEE),
    endpoint(list_warnings_of_battery, "GET /batteries/{pack_id}/warnings", TAG, SEE),
    endpoint(list_battery_warnings, "GET /battery-warnings", TAG, SEE),
    endpoint(read_battery_warning, "GET /battery-warnings/{warning_id}", TAG, SEE),
    endpoint(acknowledge_battery_warning, "POST /battery-warnings/{warning_id}/acknowledge", TAG, OPERATE, 409),
)
