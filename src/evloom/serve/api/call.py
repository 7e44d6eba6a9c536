"""One request on its way to a handler: who asks, of which platform; and the writes that it makes, each with its line of audit."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import UnsetType

from evloom.serve.api.problem import Fault, Problem, conflict
from evloom.serve.people.roles import Caller, Role
from evloom.serve.platform import Platform
from evloom.store import people
from evloom.store.connection import Connection
from evloom.store.money import By
from evloom.store.scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from evloom.serve.commands import Commands
    from evloom.serve.live.live import Live

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What a write did: what it gives, the rows before and after, and whose they are ("" the caller's organisation)."""

    value: T
    before: object = None
    after: object = None
    org_id: str = ""
    subject: str = ""


@dataclass(slots=True)
class Call:
    """A request. `out` are headers that the handler adds to its answer; `audited` whether its line is written."""

    platform: Platform
    caller: Caller
    remote: str = ""
    agent: str = ""
    request_id: str = ""
    accept: str = ""
    out: dict[str, str] = field(default_factory=dict)
    audited: bool = False

    @property
    def scope(self) -> Scope:
        """What the caller's queries are filtered by."""
        return self.caller.scope

    @property
    def commands(self) -> "Commands":
        """The way to stations. Raises Problem 503 where this process has none."""
        if self.platform.commands is None:
            raise Problem(503, "no-gateway", "this process sends no commands")
        return self.platform.commands

    @property
    def live(self) -> "Live":
        """The loops of sites. Raises Problem 503 where this process has none."""
        if self.platform.live is None:
            raise Problem(503, "no-loop", "this process runs no loop")
        return self.platform.live

    @property
    def by(self) -> By:
        """Who writes, as the books of money want to know it."""
        return By(self.caller.actor, self.now_s, self.remote, self.request_id)

    @property
    def now_s(self) -> float:
        """The present, epoch seconds."""
        return self.platform.now_s()

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Read from the database."""
        return await self.platform.db.read(job)

    async def change(self, action: str, subject: str, job: Callable[[Connection], Change[T]]) -> T:
        """Write to the database, with a line of audit in the same transaction."""

        def run(conn: Connection) -> T:
            change = job(conn)
            people.note(conn, self._note(action, change.subject or subject, change.org_id, change.before, change.after))
            return change.value

        value = await self.platform.db.write(run)
        self.audited = True
        return value

    async def note(self, action: str, subject: str, *, org_id: str = "", before: object = None, after: object = None) -> None:
        """A line of audit for what was written elsewhere."""
        line = self._note(action, subject, org_id, before, after)
        await self.platform.db.write(lambda conn: people.note(conn, line))
        self.audited = True

    def _note(self, action: str, subject: str, org_id: str, before: object, after: object) -> people.Note:
        owner = org_id or self.caller.org_id
        return people.Note(self.now_s, owner, self.caller.actor, action, subject[:300], before, after, self.remote, self.request_id)

    def org_for(self, wanted: str | UnsetType) -> str:
        """The organisation that something new belongs to: the caller's own, or for an administrator the one that is wanted."""
        if isinstance(wanted, UnsetType) or wanted == self.caller.org_id:
            return self.caller.org_id
        if self.caller.role is not Role.ADMIN:
            raise Problem(403, "other-organisation", "you may make things in your own organisation only")
        return wanted

    def made(self, path: str) -> None:
        """Say where what was made is found."""
        self.out["Location"] = path


def new_id(kind: str) -> str:
    """A fresh id ("usr_..."), not to be guessed."""
    return f"{kind}_{secrets.token_hex(8)}"


def needs_org(conn: Connection, org_id: str) -> None:
    """Raises Problem 409 where there is no such organisation."""
    if people.organisation_of(conn, EVERYTHING, org_id) is None:
        fault = Fault("organisation.unknown", "org_id", org_id, "an organisation that is there", "make it first")
        raise conflict("no-organisation", "there is no such organisation", fault)


def needs_driver(conn: Connection, org_id: str, driver_id: str) -> None:
    """Raises Problem 409 where the organisation has no such driver; "" is nobody and always there."""
    if driver_id and people.driver_of(conn, Scope(org_id), driver_id) is None:
        fault = Fault("driver.unknown", "driver_id", driver_id, "a driver of the organisation", "make the driver first")
        raise conflict("no-driver", "there is no such driver", fault)
