"""The endpoint table's row. Types come from the handler's own signature, so that what is documented is what is done."""

import typing
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from evloom.serve.people.roles import Roles

Handler = Callable[..., Awaitable[Any]]
PREFIX = "/api/v1"


@dataclass(frozen=True)
class Blob:
    """An answer that is no JSON: a file with its media type, and the name under which a browser keeps it."""

    content: bytes
    media: str
    name: str = ""


class Stream:
    """An answer that comes in parts, perhaps without end."""

    def __init__(self, parts: AsyncGenerator[bytes, None], media: str = "text/event-stream") -> None:
        self.parts, self.media = parts, media


@dataclass(frozen=True)
class Endpoint:
    """One method of one path.

    roles     who may; None: anybody, without a key; loopback: from this machine anybody
    path, query, headers, body   structs of the handler's arguments of those names, None where it has none
    response  what it returns; None: nothing (204)
    status    of success; media what it answers with; problems beyond those that follow from the rest
    """

    method: str
    path: str
    tag: str
    handler: Handler
    roles: Roles | None
    status: int
    media: tuple[str, ...]
    problems: frozenset[int]
    body_max: int
    loopback: bool
    arguments: dict[str, type[Any]] = field(default_factory=dict)
    response: Any = None

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0].rstrip(".")

    @property
    def description(self) -> str:
        """The rest of it."""
        return "\n".join(line.strip() for line in (self.handler.__doc__ or "").strip().splitlines()[1:]).strip()

    @property
    def name(self) -> str:
        """Unique name, the handler's."""
        return self.handler.__name__

    def statuses(self) -> dict[int, str]:
        """Every status but that of success that this endpoint may answer with, and why."""
        found = {406: "No form that the caller accepts", 429: "Too many requests", 503: "The database cannot be reached or is full"}
        if self.roles is not None:
            found |= {401: "No valid key or session", 403: "The role does not allow it, or the CSRF token is missing"}
        if self.arguments:
            found |= {422: "Something in the input is wrong; `findings` say what", 404: "There is no such thing that you may see"}
        if "body" in self.arguments:
            found |= {400: "The body is no JSON", 413: "The body is too large", 415: "The body is not declared as JSON"}
        more = {
            403: "The role does not allow it, or the CSRF token is missing",
            401: "Wrong name or password",
            404: "There is no such thing that you may see",
            409: "It is in a state that does not allow it",
            412: "It was changed since the version that If-Match names",
            304: "It has not changed",
        }
        return found | {status: more[status] for status in self.problems}


class Also(typing.TypedDict, total=False):
    """What few endpoints need: another status of success, media type, size of body, or to be open to this machine."""

    status: int
    media: tuple[str, ...]
    body_max: int
    loopback: bool


def endpoint(handler: Handler, method_path: str, tag: str, roles: Roles | None, *problems: int, **also: typing.Unpack[Also]) -> Endpoint:
    """The row for "GET /stations/{station_id}" and the function that answers it; its path is under `PREFIX`."""
    method, path = method_path.split(" ")
    hints = typing.get_type_hints(handler, include_extras=True)
    response = hints.pop("return", None)
    response = None if response is type(None) else response
    arguments: dict[str, type[Any]] = {name: hints[name] for name in ("path", "query", "headers", "body") if name in hints}
    return Endpoint(
        method,
        path[1:] if path.startswith("//") else f"{PREFIX}{path}",
        tag,
        handler,
        roles,
        also.get("status", 204 if response is None else 200),
        also.get("media", ("application/json",)),
        frozenset(problems),
        also.get("body_max", 1 << 20),
        also.get("loopback", False),
        arguments,
        response,
    )
