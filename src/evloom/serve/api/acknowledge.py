"""What people do about what needs attention: acknowledge a warning, register a token that was refused."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from evloom.serve.api.attention import Kind, list_warnings
from evloom.serve.api.call import Call, Change, new_id
from evloom.serve.api.endpoint import Endpoint, endpoint
from evloom.serve.api.problem import missing
from evloom.serve.api.shape import Id, Input, Instant, Line, of_row
from evloom.serve.people.roles import LOOK, OFFICE, SITE
from evloom.store import attention, registry
from evloom.store.connection import Connection, Row
from evloom.store.scope import EVERYTHING
from evloom.wire.ocpp.refused import ACTIONS, refused_token

LISTED = 1000
REFUSALS = 200
Subject = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f]+$(?!\n)")]


class AckPath(Input):
    """Which acknowledgement."""

    ack_id: Id


class NewAcknowledgement(Input):
    """A warning by its kind and subject, as GET /warnings has them, and a remark. One of a battery has a request of its own."""

    kind: Literal["offline", "fault", "pending", "suspect-session", "held-bill", "astray"]
    subject: Subject
    note: Line = ""


class Acknowledgement(msgspec.Struct):
    """Somebody has seen to a warning. It holds until the warning begins anew."""

    ack_id: str
    kind: Kind
    subject: str
    at: Instant
    actor: str
    note: str


class RefusedToken(msgspec.Struct):
    """A token that a station was told to refuse and that nobody has registered, or that is not accepted: how often, and when last."""

    token: str
    token_type: str
    status: str
    station_id: str
    at: Instant
    count: int
    registered: bool


async def list_acknowledgements(call: Call) -> list[Acknowledgement]:
    """Warnings that were acknowledged, the latest first."""
    rows = await call.read(lambda conn: attention.acknowledgements(conn, call.scope, LISTED))
    return [of_row(Acknowledgement, row) for row in rows]


async def acknowledge(call: Call, body: NewAcknowledgement) -> Acknowledgement:
    """Acknowledge a warning: somebody has seen to it."""
    found = next((one for one in await list_warnings(call) if (one.kind, one.subject) == (body.kind, body.subject)), None)
    if found is None:
        raise missing("warning", f"{body.kind} {body.subject}")
    now_s, actor = call.now_s, call.caller.actor

    def keep(conn: Connection) -> Change[Acknowledgement]:
        site = registry.site_of(conn, EVERYTHING, found.site_id) if found.site_id else None
        org_id = site["org_id"] if site is not None else call.caller.org_id
        row: Row = {"ack_id": new_id("ack"), "org_id": org_id, "site_id": found.site_id, "kind": body.kind, "subject": body.subject}
        row |= {"at_s": now_s, "actor": actor, "note": body.note}
        attention.acknowledge(conn, row)
        return Change(of_row(Acknowledgement, row), None, row, org_id)

    made = await call.change("warning.acknowledge", f"{body.kind}/{body.subject}", keep)
    call.made(f"/api/v1/acknowledgements/{made.ack_id}")
    return made


async def take_back_acknowledgement(call: Call, path: AckPath) -> None:
    """Take an acknowledgement back."""

    def drop(conn: Connection) -> Change[None]:
        before = attention.acknowledgement_of(conn, call.scope, path.ack_id)
        if before is None:
            raise missing("acknowledgement", path.ack_id)
        attention.take_back(conn, path.ack_id)
        return Change(None, before, None, before["org_id"])

    await call.change("warning.acknowledge-back", path.ack_id, drop)


async def list_refused_tokens(call: Call) -> list[RefusedToken]:
    """Tokens that stations were told to refuse lately, by the message log: often a card that somebody forgot to register."""

    def read(conn: Connection) -> list[RefusedToken]:
        found: dict[tuple[str, str], RefusedToken] = {}
        for row, question in attention.refusals(conn, call.scope, ACTIONS, REFUSALS):
            one = refused_token(question, row["text"])
            if one is None or not one.token:
                continue
            known = found.get((one.token, one.token_type))
            if known is not None:
                known.count += 1
                continue
            there = registry.token_of(conn, call.scope, one.token, one.token_type)
            if there is None or there["status"] != "Accepted":
                about = {"station_id": row["station_id"], "at_s": row["at_s"], "count": 1, "registered": there is not None}
                found[one.token, one.token_type] = of_row(RefusedToken, {**about, **_named(one)})
        return list(found.values())

    return await call.read(read)


def _named(one: object) -> Row:
    return {name: getattr(one, name) for name in ("token", "token_type", "status")}


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(list_acknowledgements, "GET /acknowledgements", "warnings", LOOK),
    endpoint(acknowledge, "POST /acknowledgements", "warnings", SITE, 404, status=201),
    endpoint(take_back_acknowledgement, "DELETE /acknowledgements/{ack_id}", "warnings", SITE),
    endpoint(list_refused_tokens, "GET /refused-tokens", "tokens", OFFICE),
)
