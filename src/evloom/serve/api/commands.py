"""Commands to stations: durable ones with a state, and questions that are answered at once."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.pile.command import AskComposite, Command, Raw, ReadVariables, Setting, StopCharging, Variable, WriteVariables
from evloom.serve.api import cursor, hidden
from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import Fault, conflict, missing, wrong
from evloom.serve.api.sessions import SessionPath, found_session
from evloom.serve.api.shape import UNSET, Id, Input, Instant, Line, Page, Paging, StationId, changes, given, of_row
from evloom.serve.api.stations import StationPath, found_station
from evloom.serve.people.roles import LOOK, OPERATE, OWN
from evloom.store import views
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING, Scope
from evloom.wire.ocpp.command import Outcome, from_json

VALID_S = 60.0
ASK_TIMEOUT_S = 30.0
State = Literal["queued", "sent", "answered", "failed", "expired"]
NeutralCommand = Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Command"})]


class CommandPath(Input):
    """Which command."""

    command_id: Id


class Wait(Input):
    """How long to wait for the station's answer; ask again for more."""

    wait_s: Annotated[float, Meta(ge=0, le=10)] = 0.0


class OrderHeaders(Input, rename={"idempotency_key": "Idempotency-Key"}):
    """The same key gives the first command again, whatever happened to the answer."""

    idempotency_key: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:-]+$(?!\n)")] | UnsetType = UNSET


class Order(Input):
    """A command in our words. valid_s: for how long it is to be sent where the station is not connected."""

    command: NeutralCommand
    valid_s: Annotated[float, Meta(ge=1, le=604_800)] = VALID_S


class RawOrder(Input):
    """A command as OCPP has it: the action and its payload, checked against the schema of the station's version."""

    action: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9]+$(?!\n)")]
    payload: dict[str, Any] = msgspec.field(default_factory=dict)
    valid_s: Annotated[float, Meta(ge=1, le=604_800)] = VALID_S


class CommandQuery(Paging):
    """Which commands."""

    station_id: StationId | UnsetType = UNSET
    state: State | UnsetType = UNSET
    action: Line | UnsetType = UNSET


class CommandView(msgspec.Struct):
    """A command: body what was asked, result what the station answered (accepted, status, detail), error why it failed."""

    command_id: str
    station_id: str
    action: str
    body: dict[str, Any]
    state: State
    deadline: Instant
    created_at: Instant
    result: dict[str, Any]
    error: str
    gateway: str
    actor: str
    sent_at: Instant | None = None
    answered_at: Instant | None = None


class CompositeQuestion(Input):
    """What all profiles together allow an EVSE, for so long."""

    evse: Annotated[int, Meta(ge=0, le=10_000)] = 0
    length_s: Annotated[int, Meta(ge=60, le=604_800)] = 86_400
    unit: Literal["", "A", "kW"] = ""


Word = Annotated[str, Meta(max_length=50, pattern=r"^[^\u0000-\u001f\u007f]*$(?!\n)")]


class VariableName(Input):
    """A variable of a component, or a configuration key of 1.6 (its name alone)."""

    name: Annotated[str, Meta(min_length=1, max_length=50, pattern=r"^[^\u0000-\u001f\u007f]+$(?!\n)")]
    component: Word = ""
    instance: Word = ""
    component_instance: Word = ""
    evse: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    connector: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    attribute: Literal["Actual", "Target", "MinSet", "MaxSet"] = "Actual"


class Reading(Input):
    """Which variables to read; none in 1.6: every key."""

    variables: Annotated[list[VariableName], Meta(max_length=100)] = msgspec.field(default_factory=list)


class NewValue(Input):
    """A variable and its new value."""

    variable: VariableName
    value: Annotated[str, Meta(max_length=1000, pattern=r"^[^\u0000]*$")]


class Writing(Input):
    """Which variables to write."""

    values: Annotated[list[NewValue], Meta(min_length=1, max_length=100)]


class Answer(msgspec.Struct):
    """What a station answered. status also: NotConnected, Timeout, Closed, Unsupported, or the error code it sent."""

    accepted: bool
    status: str
    detail: dict[str, Any]


async def list_commands(call: Call, query: CommandQuery) -> Page[CommandView]:
    """Commands, the latest first."""
    after = cursor.read(query.cursor, (float, str))
    wanted = changes(query, "limit", "cursor")
    rows, last = await call.read(lambda conn: views.command_page(conn, call.scope, after, query.limit, wanted))
    return Page([_view(row) for row in rows], cursor.following(last))


async def read_command(call: Call, path: CommandPath, query: Wait) -> CommandView:
    """One command; wait_s waits for its end."""
    row = await call.read(lambda conn: _found(conn, call.scope, path.command_id))
    return await _waited(call, row["command_id"], query.wait_s)


async def order(call: Call, path: StationPath, query: Wait, headers: OrderHeaders, body: Order) -> CommandView:
    """Order something of a station.

    The command is kept, sent when the station is connected, and expires when `valid_s` passes before that. With `wait_s` the answer comes
    with the station's own where it is there in time; else look with `GET /commands/{command_id}`.
    """
    try:
        command = from_json(msgspec.json.encode(body.command))
    except (ValueError, TypeError) as error:
        name = str(body.command.get("command", ""))[:100]
        raise wrong(Fault("command.wrong", "command", name, "a command as the OpenAPI document has it", str(error))) from None
    return await _ordered(call, path.station_id, command, (body.valid_s, query.wait_s, given(headers.idempotency_key, "")))


async def order_raw(call: Call, path: StationPath, query: Wait, headers: OrderHeaders, body: RawOrder) -> CommandView:
    """Send an OCPP message of one's own to a station."""
    command = Raw(body.action, msgspec.json.encode(body.payload).decode())
    return await _ordered(call, path.station_id, command, (body.valid_s, query.wait_s, given(headers.idempotency_key, "")))


async def stop_session(call: Call, path: SessionPath, query: Wait) -> CommandView:
    """Stop a charging session from afar."""
    row = await call.read(lambda conn: found_session(conn, call, path.session_id))
    if row["ended_at_s"] is not None:
        raise conflict("session-ended", "this session has ended")
    return await _kept(call, row["station_id"], StopCharging(row["transaction"]), (VALID_S, query.wait_s, ""))


async def ask_composite(call: Call, path: StationPath, body: CompositeQuestion) -> Answer:
    """Ask a station what all its profiles together allow an EVSE."""
    return await _asked(call, path.station_id, AskComposite(body.evse, body.length_s, body.unit))


async def read_variables(call: Call, path: StationPath, body: Reading) -> Answer:
    """Read variables (2.x) or configuration keys (1.6) of a station."""
    return await _asked(call, path.station_id, ReadVariables(tuple(_variable(name) for name in body.variables)))


async def write_variables(call: Call, path: StationPath, body: Writing) -> Answer:
    """Write variables or configuration keys of a station."""
    settings = tuple(Setting(_variable(new.variable), new.value) for new in body.values)
    answer = await _asked(call, path.station_id, WriteVariables(settings))
    await call.note("variables.write", path.station_id, after=[(s.variable.name, s.value) for s in settings])
    return answer


def _variable(name: VariableName) -> Variable:
    return Variable(**{field: getattr(name, field) for field in name.__struct_fields__})


async def _asked(call: Call, station_id: str, command: Command) -> Answer:
    await call.read(lambda conn: found_station(conn, call, station_id))
    outcome = await call.commands.quick(station_id, command, ASK_TIMEOUT_S)
    return answer_of(outcome)


def answer_of(outcome: Outcome) -> Answer:
    """An outcome as it is shown."""
    return Answer(outcome.accepted, outcome.status, outcome.detail)


async def _ordered(call: Call, station_id: str, command: Command, how: tuple[float, float, str]) -> CommandView:
    await call.read(lambda conn: found_station(conn, call, station_id))
    return await _kept(call, station_id, command, how)


async def _kept(call: Call, station_id: str, command: Command, how: tuple[float, float, str]) -> CommandView:
    valid_s, wait_s, key = how
    named = f"{call.caller.org_id}:{key}" if key else None
    actor = call.caller.actor
    command_id = await call.commands.order(station_id, command, deadline_s=call.now_s + valid_s, key=named, actor=actor)
    await call.note("command.order", station_id, after={"command_id": command_id, "command": type(command).__name__})
    call.made(f"/api/v1/commands/{command_id}")
    return await _waited(call, command_id, wait_s)


async def _waited(call: Call, command_id: str, wait_s: float) -> CommandView:
    if wait_s > 0.0:
        await call.commands.wait(command_id, wait_s)
    return _view(await call.read(lambda conn: _found(conn, EVERYTHING, command_id)))


def _found(conn: Connection, scope: Scope, command_id: str) -> Row:
    row = views.command_of(conn, scope, command_id)
    if row is None:
        raise missing("command", command_id)
    return row


def _view(row: Row) -> CommandView:
    body = hidden.in_document(msgspec.json.decode(row["body"]))
    return of_row(CommandView, {**row, "result": row["result"] or "{}"}, "result", body=body)


TAG = "commands"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_commands, "GET /commands", TAG, LOOK),
    endpoint(read_command, "GET /commands/{command_id}", TAG, LOOK),
    endpoint(order, "POST /stations/{station_id}/commands", TAG, OPERATE, 409, status=201),
    endpoint(order_raw, "POST /stations/{station_id}/commands/raw", TAG, OPERATE, 409, status=201),
    endpoint(stop_session, "POST /sessions/{session_id}/stop", TAG, OWN, 409, status=201),
    endpoint(ask_composite, "POST /stations/{station_id}/composite", "profiles", OPERATE),
    endpoint(read_variables, "POST /stations/{station_id}/variables/read", "variables", OPERATE),
    endpoint(write_variables, "POST /stations/{station_id}/variables", "variables", OPERATE),
)
