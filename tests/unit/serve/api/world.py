"""A platform with a database of its own and callers of every role in two organisations, spoken to over ASGI."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette

from evloom.serve.api.headers import SecurityHeaders
from evloom.serve.api.table import api_routes
from evloom.serve.bus import Bus
from evloom.serve.config import Config
from evloom.serve.people.door import new_key
from evloom.serve.platform import Platform
from evloom.store import people, registry
from evloom.store.database import Database, opened

NOW_S = 1_790_000_000.0
ORGS = ("north", "south")
PASSWORD = "correct horse 42"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at_s = NOW_S

    def __call__(self) -> float:
        return self.at_s


class World:
    """The platform, its application, and keys: `key["north/operator"]`; "admin" is of north."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, Clock()
        self.platform = Platform(db, Bus(), Config(), self.clock)
        self.app = Starlette(routes=api_routes(self.platform))
        self.app.add_middleware(SecurityHeaders)
        self.key: dict[str, str] = {}

    async def people(self) -> None:
        """Two organisations, each with a site, a station, an EVSE, a driver with a token, and a key for every role."""
        await self.db.write(self._fill)

    def _fill(self, conn) -> None:
        for org in ORGS:
            people.put_organisation(conn, org, org)
            registry.put_site(conn, f"{org}-site", {"org_id": org, "name": org, "zone": "UTC"})
            registry.put_station(conn, f"{org}-1", {"org_id": org, "site_id": f"{org}-site", "created_at_s": NOW_S})
            registry.put_evse(conn, f"{org}-1", 1, {"rating_kw": 22.0})
            driver = {"org_id": org, "name": org, "email": "", "phone": "", "language": "", "vehicle": "", "note": "", "created_at_s": 0.0}
            people.put_driver(conn, f"{org}-driver", driver)
            token = {"org_id": org, "driver_id": f"{org}-driver"}
            registry.put_token(conn, f"{org}-card", "ISO14443", token)
            for role in ("operator", "owner", "driver", "reader", "admin"):
                self._key(conn, org, role)

    def _key(self, conn, org: str, role: str) -> None:
        key, prefix, kept = new_key()
        name = f"{org}/{role}"
        row = {
            "key_id": name.replace("/", "-"),
            "prefix": prefix,
            "key_hash": kept,
            "org_id": org,
            "name": name,
            "role": role,
            "site_ids": f'["{org}-site"]',
            "driver_id": f"{org}-driver",
            "created_at_s": NOW_S,
            "created_by": "test",
        }
        people.add_key(conn, row)
        self.key[name] = key

    @asynccontextmanager
    async def client(self, who: str = "", remote: str = "127.0.0.1"):
        """A client with the key of `who` ("north/operator"), or with none."""
        headers = {"authorization": f"Bearer {self.key[who]}"} if who else {}
        transport = httpx.ASGITransport(self.app, client=(remote, 50000))
        async with httpx.AsyncClient(transport=transport, base_url="http://evloom.test", headers=headers) as client:
            yield client


def run(folder: Path, job: Callable[[World], Awaitable[None]], *, filled: bool = True) -> None:
    """Run `job` in a fresh world."""

    async def inner() -> None:
        db = opened(f"sqlite:///{folder}/evloom.db")
        try:
            world = World(db)
            if filled:
                await world.people()
            await job(world)
        finally:
            await db.close()

    asyncio.run(inner())
