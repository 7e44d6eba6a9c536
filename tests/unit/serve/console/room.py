"""The console of a platform with people, seen by browsers that are logged in; built on the world of the API's tests."""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette

from evloom.serve.api.table import api_routes
from evloom.serve.console.page import Page
from evloom.serve.console.routes import PAGES, console_routes
from evloom.store import people
from evloom.store.database import opened
from tests.unit.serve.api.world import World

PASSWORD = "correct horse 42"
ROLES = ("admin", "operator", "owner", "driver", "reader")


class Room:
    """A world with a console, and users "north-operator" and so on, with `PASSWORD`."""

    def __init__(self, world: World) -> None:
        self.world, self.platform = world, world.platform
        self.app = Starlette(routes=[*api_routes(world.platform), *console_routes(world.platform)])

    async def users(self) -> None:
        """A user of every role in both organisations."""
        kept = await self.platform.door.hashed(PASSWORD)

        def fill(conn) -> None:
            for org in ("north", "south"):
                for role in ROLES:
                    row: dict[str, object] = {
                        "user_id": f"{org}-{role}",
                        "org_id": org,
                        "login": f"{org}-{role}",
                        "name": f"{org} {role}",
                        "role": role,
                    }
                    row |= {"password_hash": kept, "site_ids": f'["{org}-site"]', "driver_id": f"{org}-driver", "disabled": False}
                    people.add_user(conn, row | {"created_at_s": self.world.clock.at_s})

        await self.platform.db.write(fill)

    @asynccontextmanager
    async def browser(self, who: str = "", language: str = "en", remote: str = "127.0.0.1"):
        """A browser; `who` ("north-operator") is logged in."""
        transport = httpx.ASGITransport(self.app, client=(remote, 50000))
        headers = {"accept-language": language}
        async with httpx.AsyncClient(transport=transport, base_url="http://evloom.test", headers=headers) as client:
            if who:
                answer = await client.post("/login", data={"login": who, "password": PASSWORD})
                assert answer.status_code == 303, answer.text
            yield client


def run(folder: Path, job: Callable[[Room], Awaitable[None]]) -> None:
    """Run `job` in a fresh room."""

    async def inner() -> None:
        db = opened(f"sqlite:///{folder}/evloom.db")
        try:
            world = World(db, folder)
            await world.people()
            room = Room(world)
            await room.users()
            await job(room)
        finally:
            await db.close()

    asyncio.run(inner())


def path_of(row: Page, org: str = "north") -> str:
    """A page's path, filled with the names of things of an organisation."""
    names = {
        "site_id": f"{org}-site",
        "station_id": f"{org}-1",
        "session_id": f"{org}-1%3At1",
        "driver_id": f"{org}-driver",
        "token_type": "ISO14443",
        "token": f"{org}-card",
        "user_id": f"{org}-user",
        "key_id": f"{org}-reader",
        "terms_id": f"{org}-terms",
        "vehicle_id": f"{org}-vehicle",
        "pack_id": f"{org}-pack",
        "warning_id": f"{org}-warning",
    }
    return row.path.format(**names)


def csrf(text: str) -> str:
    """The token that forms of a page bear."""
    found = re.search(r'name="csrf" value="([^"]*)"', text)
    assert found
    return found[1]


async def post(client: httpx.AsyncClient, path: str, page: str = "", **fields: object) -> httpx.Response:
    """Send a form as the page at `page` (its own path) has it."""
    token = csrf((await client.get(page or path)).text)
    return await client.post(path, data={"csrf": token, **fields})


def shown(text: str) -> str:
    """The words of a page: tags and needless blanks taken out."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


READS = [row for row in PAGES if row.method == "GET" and not row.path.endswith("/live") and row.path not in ("/login", "/set-up")]
WRITES = [row for row in PAGES if row.method == "POST" and row.roles is not None]
