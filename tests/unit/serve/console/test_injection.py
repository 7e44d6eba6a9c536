"""Text that wants to be HTML, in every field: it comes back as text, on every page."""

from html.parser import HTMLParser

import pytest

from evloom.pile.station import StationBooted, StationConnected, StatusSeen, TransactionSaid
from evloom.serve.console.page import Page
from evloom.store.frames import Frame
from evloom.store.log import LogEntry
from tests.unit.serve.console.room import READS, Room, csrf, path_of, run

EVIL = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>{{7*7}}&amp;"""
SHORT = """<b id=evil>"'{{7*7}}"""


class Reader(HTMLParser):
    """Reads a page as a browser does, and notes what does not belong into one of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag, with its attributes."""
        names = dict(attrs)
        if tag in ("img", "b", "iframe") and not (tag == "b" and not attrs):
            self.found.append(tag)
        if tag == "script" and not (names.get("src") or "").startswith("/assets/"):
            self.found.append(tag)
        self.found += [name for name in names if name.startswith("on") or name in ("style", "evil")]


def check_harmless(text: str, where: str) -> None:
    """Nothing of the text became part of the page, and no template ran it."""
    reader = Reader()
    reader.feed(text)
    assert reader.found == [], where
    assert "'&gt;49" not in text, where


async def fill(room: Room) -> None:
    """Hostile text wherever a station, a driver or an operator may put one."""
    now_s = room.world.clock.at_s
    events = [
        StationConnected("ocpp2.0.1", EVIL, 1, EVIL),
        StationBooted(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, EVIL),
        StatusSeen(1, 1, "Faulted", EVIL, EVIL, EVIL, EVIL),
        TransactionSaid("t2", "started", 0, 1, 1, token="north-card", token_type=SHORT, register_kwh=1.0, reason=EVIL),
        TransactionSaid("t2", "ended", 1, 1, 1, register_kwh=3.0, reason=EVIL),
    ]
    await room.world.db.append([LogEntry("north-1", event, now_s + k, now_s + k) for k, event in enumerate(events)])
    for text in (EVIL, f'[2,"1","Authorize",{{"idTag":"{SHORT}"}}]'.replace("\"'", "'"), '[3,"1",{"idTagInfo":{"status":"Invalid"}}]'):
        direction = "out" if text.startswith("[3") else "in"
        room.world.db.note_frame(Frame("north-1", now_s, direction, text, "Authorize"))


async def send(client, path: str, proof: str, fields: dict[str, str]):
    return await client.post(path, data={"csrf": proof, **fields})


def test_what_people_and_stations_say_stays_text(tmp_path):
    async def job(room: Room) -> None:
        await fill(room)
        async with room.browser("north-operator") as client:
            token = csrf((await client.get("/stations")).text)
            made = {
                "/drivers": {"name": EVIL, "email": EVIL, "phone": EVIL, "vehicle": EVIL},
                "/sites/new": {"name": EVIL, "zone": "UTC", "max_kw": "10", "source": EVIL},
                "/tokens": {"token": "hostile", "note": EVIL, "group_id": ""},
                "/users": {"login": "hostile", "password": "correct horse 42", "name": EVIL, "role": "reader"},
                "/api-keys": {"name": EVIL, "role": "reader"},
                "/contracts/hostile": {"op": "save", "name": EVIL, "currency": "CNY", "note": EVIL, "etag": '"0"'},
                "/sites/north-site": {"op": "save", "name": EVIL, "max_kw": "10", "zone": "UTC", "currency": "CNY", "source": EVIL,
                                      "limits[0].id": SHORT, "limits[0].parent": "site", "limits[0].source": EVIL, "tariff.kind": "none"},
                "/drivers/north-driver": {"name": EVIL, "note": EVIL},
                "/alarms/acknowledge": {"kind": "pending", "subject": EVIL, "note": EVIL},
            }  # fmt: skip
            for path, fields in made.items():
                answer = await send(client, path, token, fields)
                assert answer.status_code in (200, 303, 404, 422), (path, answer.status_code, answer.text[-1500:])
                check_harmless(answer.text, path)
            assert (await send(client, "/drivers", token, {"name": EVIL})).status_code == 303
            for row in READS:
                check_harmless((await client.get(path_of(row))).text, row.path)
            for path in ("/sessions/north-1%3At2", "/stations/north-1/messages", "/tokens", "/contracts/hostile", "/drivers", "/users"):
                answer = await client.get(path)
                assert answer.status_code == 200, path
                check_harmless(answer.text, path)
            text = (await client.get("/drivers")).text
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text

    run(tmp_path, job)


FIELDS = "text action site_id station_id token state cursor said next from started_from vendor open".split()
ASKED = ("/", "/boards/{site_id}", "/stations", "/sessions", "/stations/{station_id}/messages", "/tokens", "/audit", "/bills")


@pytest.mark.parametrize("row", [row for row in READS if row.path in ASKED], ids=lambda row: row.path)
def test_what_stands_in_an_address_stays_text(tmp_path, row: Page):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            answer = await client.get(path_of(row), params=dict.fromkeys(FIELDS, EVIL))
            assert answer.status_code < 500, answer.text[-1500:]
            check_harmless(answer.text, row.path)

    run(tmp_path, job)


def test_forms_that_are_refused_stay_text(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            token = csrf((await client.get("/stations")).text)
            wrong = {
                "/login": {"login": EVIL, "password": EVIL, "next": EVIL},
                "/stations/new": {"station_id": EVIL, "password": EVIL, "certificate_serial": EVIL, "site_id": EVIL},
                "/drivers": {"name": "", "battery_kwh": EVIL, "driver_id": EVIL},
                "/tokens": {"token": EVIL, "token_type": EVIL, "driver_id": EVIL},
                "/sites/new": {"name": EVIL, "zone": EVIL, "max_kw": EVIL, "currency": EVIL},
                "/sites/north-site": {"max_kw": EVIL, "zone": EVIL, "limits[0].max_kw": EVIL, "tariff.kind": EVIL, "objective": EVIL},
                "/stations/north-1/evse": {"evse": EVIL, "rating_kw": EVIL},
                "/stations/north-1/messages": {"action": EVIL, "payload": EVIL},
                "/sessions/north-1%3At1/need": {"departure": EVIL, "wanted_kwh": EVIL},
                "/sessions/north-1%3At1/void": {"reason": ""},
                "/tariffs/x": {"op": "save", "json": EVIL},
                "/users": {"login": EVIL, "password": EVIL, "role": EVIL},
            }
            for path, fields in wrong.items():
                answer = await send(client, path, token, fields)
                assert answer.status_code in (303, 401, 404, 409, 422), (path, answer.status_code)
                check_harmless(answer.text, path)

    run(tmp_path, job)
