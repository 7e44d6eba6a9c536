"""A desk over a real database, for the tests: what a station says, what it is answered, what was kept."""

import asyncio
from contextlib import asynccontextmanager

import msgspec

from evloom.serve.bus import Bus, Happening
from evloom.serve.desk.desk import Caller, Desk, DeskRules, Ports
from evloom.store import log
from evloom.store.database import opened
from evloom.store.tables.assets import site, station, token
from evloom.store.tables.operations import command
from evloom.wire.ocpp.version import Version
from tests.unit.wire.ocpp.samples import judge

V16, V201, V21 = Version.V16, Version.V201, Version.V21
FOLDERS = {V16: "v16", V201: "v201", V21: "v21"}
NOON_S = 1_900_000_000.0
NOON = "2030-03-17T17:46:40Z"


class Counter:
    """The desk, the database under it and the time."""

    def __init__(self, db, **rules):
        ports = rules.pop("ports", None)
        self.db, self.now_s = db, NOON_S
        self.told: list[Happening] = []
        bus = Bus()
        bus.listen("station", self.told.append)
        self.desk = Desk(db, bus, DeskRules(**rules), lambda: self.now_s, ports or Ports())

    async def ask(self, version, action, station_id="S", /, *, epoch=0, **payload):
        """The answer's payload, which must be valid; the code where it was refused."""
        return await self.ask_raw(version, action, msgspec.json.encode(payload), station_id, epoch=epoch)

    async def ask_raw(self, version, action, payload, station_id="S", *, epoch=0):
        reply = await self.desk.handle(Caller(station_id, version, epoch), action, payload, b'[2,"1","' + action.encode() + b'",{}]')
        if reply.code:
            assert reply.description
            return reply.code
        answer = msgspec.json.decode(reply.payload)
        judge(FOLDERS[version], f"{action}Response").validate(answer)
        return answer

    async def boot(self, version, station_id="S"):
        if version is V16:
            return await self.ask(version, "BootNotification", station_id, chargePointVendor="ACME", chargePointModel="One")
        return await self.ask(
            version, "BootNotification", station_id, reason="PowerUp", chargingStation={"model": "One", "vendorName": "ACME"}
        )

    async def kept(self, *kinds):
        """Events of the log, oldest first."""
        return [one.event for one in await self.db.read(lambda conn: log.read(conn, kinds=kinds))]

    async def add_token(self, text, token_type="", **more):
        await self.db.write(lambda conn: conn.execute(token.insert().values(token=text, token_type=token_type, **more)))

    async def set_station(self, **values):
        await self.db.write(lambda conn: conn.execute(station.update().values(**values)))
        self.desk.forget("S")

    async def add_command(self, body, state="answered", action="StartCharging"):
        row = {"command_id": body, "station_id": "S", "action": action, "body": body, "state": state, "deadline_s": 0.0, "gateway": ""}
        row |= {"created_at_s": NOON_S, "result": "{}", "error": "", "actor": ""}
        await self.db.write(lambda conn: conn.execute(command.insert().values(**row)))

    async def rows(self, table):
        return await self.db.read(lambda conn: [dict(row._mapping) for row in conn.execute(table.select())])


@asynccontextmanager
async def counter(folder, **rules):
    """A desk with one site over a database in `folder`, or over the one of the address `url`."""
    db = opened(rules.pop("url", f"sqlite:///{folder}/desk.db"))
    try:
        await db.write(lambda conn: conn.execute(site.insert().values(site_id="home", org_id="org", name="Home", zone="UTC")))
        yield Counter(db, **rules)
    finally:
        await db.close()


@asynccontextmanager
async def another(url, **rules):
    """The desk of another process over the same database."""
    db = opened(url)
    try:
        yield Counter(db, **rules)
    finally:
        await db.close()


def run(folder, story, **rules):
    """Run `story(counter)`."""

    async def main():
        async with counter(folder, **rules) as here:
            return await story(here)

    return asyncio.run(main())
