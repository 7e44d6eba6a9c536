"""What is said of the platform itself: its health, its metrics, its own description, its events."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from evloom.serve.api.call import Call
from evloom.serve.api.endpoint import Blob, Endpoint, Stream, endpoint
from evloom.serve.api.events import HEARTBEAT_S
from evloom.serve.api.problem import Problem
from evloom.serve.api.shape import UNSET, Input
from evloom.serve.metrics import MEDIA, TOPICS
from evloom.serve.people.roles import LOOK, OFFICE
from evloom.store import people
from evloom.store.errors import StoreError

READY_S = 3.0
_TOPIC = "|".join(TOPICS)


class Health(msgspec.Struct):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct):
    """Each part, "ok" or what is wrong with it."""

    status: Literal["ok"]
    parts: dict[str, str]


class EventQuery(Input):
    """Which topics, joined by commas; all where it is left out."""

    topics: Annotated[str, Meta(max_length=100, pattern=rf"^({_TOPIC})(,({_TOPIC}))*$(?!\n)")] | UnsetType = UNSET


class EventHeaders(Input, rename={"last_event_id": "Last-Event-ID"}):
    """Where to go on, as browsers send it by themselves."""

    last_event_id: Annotated[str, Meta(max_length=60, pattern=r"^[A-Za-z0-9-]*$(?!\n)")] = ""


async def healthz(call: Call) -> Health:  # noqa: ARG001  a handler takes its call
    """The process lives."""
    return Health()


async def readyz(call: Call) -> Readiness:
    """The platform can work: the database answers, the chargers' side listens."""
    platform = call.platform
    parts = {"database": await _database(call), "gateway": "ok"}
    gateway = platform.gateway
    if gateway is None or not (gateway.port or gateway.tls_port):
        parts["gateway"] = "not listening"
    if any(state != "ok" for state in parts.values()):
        raise Problem(503, "not-ready", "; ".join(f"{name}: {state}" for name, state in parts.items()))
    return Readiness("ok", parts)


async def _database(call: Call) -> str:
    try:
        await asyncio.wait_for(call.read(people.administrators), READY_S)
    except TimeoutError:
        return f"no answer within {READY_S:.0f} s"
    except StoreError as error:
        return str(error)
    return "full: nothing new is kept" if call.platform.db.is_full else "ok"


async def metrics(call: Call) -> Blob:
    """Counters and gauges for Prometheus; from this machine without a key."""
    return Blob(call.platform.metrics.text(), MEDIA)


async def openapi(call: Call) -> dict[str, Any]:
    """This document."""
    return call.platform.document


async def events(call: Call, query: EventQuery, headers: EventHeaders) -> Stream:
    """What happens, as it happens (server-sent events).

    With `Accept: text/event-stream`, as browsers send it, the stream has no end; with any other it ends where nothing more is there, so
    that it can be polled. Last-Event-ID goes on where a connection broke off; `event: missed` says that some are no longer there,
    `event: dropped` that the reader was too slow and is let go. A comment comes every 15 s.
    """
    topics = frozenset(TOPICS) if isinstance(query.topics, UnsetType) else frozenset(query.topics.split(","))
    heartbeat_s = HEARTBEAT_S if "text/event-stream" in call.accept else 0.0
    return Stream(call.platform.events.listen(call.caller, topics, headers.last_event_id, heartbeat_s))


TAG = "platform"
ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(healthz, "GET //healthz", TAG, None),
    endpoint(readyz, "GET //readyz", TAG, None),
    endpoint(metrics, "GET //metrics", TAG, OFFICE, media=(MEDIA,), loopback=True),
    endpoint(openapi, "GET //api/openapi.json", TAG, None),
    endpoint(events, "GET /events", TAG, LOOK, media=("text/event-stream",)),
)
