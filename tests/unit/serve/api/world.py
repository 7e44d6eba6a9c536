"""A platform with a database of its own and callers of every role in two organisations, spoken to over ASGI."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from starlette.applications import Starlette

from evloom.diagnose.warning import Series, WarningChange
from evloom.diagnose.warning import Warning as Told
from evloom.pile.station import TransactionSaid
from evloom.pile.transaction import fold
from evloom.serve.api.headers import SecurityHeaders
from evloom.serve.api.table import api_routes
from evloom.serve.bus import Bus
from evloom.serve.config import Config, Server
from evloom.serve.people.door import new_key
from evloom.serve.platform import Platform
from evloom.store import batteries, people, registry, session_rows, warnings
from evloom.store import commands as command_rows
from evloom.store.batteries import BatterySeen
from evloom.store.commands import CommandRow
from evloom.store.database import Database, opened

NOW_S = 1_790_000_000.0
ORGS = ("north", "south")
PASSWORD = "correct horse 42"
_BARE = {"password_hash": "", "site_ids": "[]", "driver_id": "", "disabled": False, "created_at_s": NOW_S}


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at_s = NOW_S

    def __call__(self) -> float:
        return self.at_s


class World:
    """The platform, its application, and keys: `key["north/operator"]`; "admin" is of north."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.clock = db, Clock()
        self.platform = Platform(db, Bus(), Config(server=Server(data=str(folder))), self.clock)
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
            row = {
                "user_id": f"{org}-user",
                "org_id": org,
                "login": f"{org}@x",
                "name": org,
                "role": "reader",
                "password_hash": "",
                **_BARE,
            }
            people.add_user(conn, row)
            self._charge(conn, org)
            self._suspect(conn, org)
            for role in ("operator", "owner", "driver", "reader", "admin"):
                self._key(conn, org, role)

    def _charge(self, conn, org: str) -> None:
        """A session that has ended, and a command."""
        said = TransactionSaid("t1", "started", 0, 1, 1, token=f"{org}-card", token_type="ISO14443", register_kwh=1.0)
        known = fold(None, said, NOW_S, NOW_S)
        known = fold(known, TransactionSaid("t1", "ended", 1, 1, 1, register_kwh=8.0), NOW_S + 3600.0, NOW_S + 3600.0)
        known = replace(known, station_id=f"{org}-1", site_id=f"{org}-site", protocol="ocpp2.0.1")
        session_rows.save(conn, {f"{org}-1:t1": known}, {f"{org}-1:t1": (None, NOW_S + 3600.0)})
        order = CommandRow(f"{org}-command", f"{org}-1", "Reset", '{"command":"Reset"}', "answered", NOW_S, None, NOW_S)
        command_rows.add(conn, order)

    def _suspect(self, conn, org: str) -> None:
        """The driver's vehicle, its battery and a warning of it."""
        named = {"org_id": org, "name": org, "driver_id": f"{org}-driver", "tokens": f'["{org}-evcc"]', "pack_id": ""}
        batteries.put_vehicle(conn, f"{org}-vehicle", {**named, "chemistry": "", "note": "", "created_at_s": NOW_S})
        seen = BatterySeen(
            f"{org}-pack", f"{org}-vehicle", "NMC", 4, 1, 150.0, NOW_S - 9e5, NOW_S, NOW_S, 900, 10, 2, 1.2, 0.5, -1,
            '{"cell_v":[3.7,3.71,3.65,null],"probe_c":[20.0],"pack_v":14.8,"current_a":0.0,"insulation_ohm":null,"bms_level":0,"active_h":1.5,'
            '"charge":[0.0,0.001,-0.02,0.0],"days":{"at_s":[1.0,2.0],"low":[-0.01,-0.02],"p05":[-0.01,-0.02],"p95":[0.0,0.0],"high":[0.0,0.001]}}',
        )  # fmt: skip
        batteries.save(conn, seen)
        line = Series("charge of the cell", "share of the capacity", (NOW_S - 86400.0, NOW_S), (-0.01, float("nan")))
        told = Told(
            f"{org}-warning", f"{org}-vehicle", f"{org}-pack", 2, None, "inspect", (("internal-short", 0.8), ("unknown", 0.2)), 1.2,
            "charge drift", 0.02, NOW_S - 2e5, NOW_S, NOW_S - 1e5, NOW_S, evidence=(line,), expected="internal-short.expected",
            advice=("internal-short.do",), measure_next=("internal-short.measure",),
        )  # fmt: skip
        warnings.save_change(conn, WarningChange("opened", NOW_S - 1e5, told), NOW_S)

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


def run(folder: Path, job: Callable[[World], Awaitable[None]], *, filled: bool = True, url: str = "") -> None:
    """Run `job` in a fresh world, on SQLite or on the database of `url`."""

    async def inner() -> None:
        db = opened(url or f"sqlite:///{folder}/evloom.db")
        try:
            world = World(db, folder)
            if filled:
                await world.people()
            await job(world)
        finally:
            await db.close()

    asyncio.run(inner())
