"""What must be true of every page: who sees it, whose it is, in both languages, that it is whole."""

import re

import pytest

from evloom.serve.people.roles import Role
from tests.unit.serve.console.room import READS, ROLES, WRITES, Room, path_of, run


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_whole_for_everybody_who_may_see_it(tmp_path, language):
    async def job(room: Room) -> None:
        for role in ROLES:
            async with room.browser(f"north-{role}", language) as client:
                for row in READS:
                    answer = await client.get(path_of(row))
                    allowed = row.roles is None or Role(role) in row.roles
                    assert answer.status_code in ((200, 303) if allowed else (403,)), (role, row.path, answer.text[:2000])
                    if answer.status_code != 303:
                        check_whole(answer.text, language)

    run(tmp_path, job)


def check_whole(text: str, language: str) -> None:
    """No script or style inside, language said, every label has its field, no id twice, no form inside a paragraph."""
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text)
    ids = re.findall(r'\sid="([^"]*)"', text)
    assert len(set(ids)) == len(ids), sorted(one for one in ids if ids.count(one) > 1)
    assert set(re.findall(r'<label for="([^"]*)"', text)) <= set(ids)
    assert not re.search(r"<p[^>]*>(?:(?!</p>).)*<(form|div|table|section)\b", text, re.DOTALL)
    for tag in ("form", "section", "table", "details", "div"):
        assert len(re.findall(rf"<{tag}\b", text)) == text.count(f"</{tag}>"), tag


def test_a_stranger_is_led_to_the_door_and_back(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser() as client:
            for row in READS:
                if row.roles is not None:
                    answer = await client.get(path_of(row))
                    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login"), row.path
            for row in WRITES:
                assert (await client.post(path_of(row), data={})).status_code == 303, row.path
            fields = {"login": "north-operator", "password": "correct horse 42", "next": "/stations?connected=true"}
            answer = await client.post("/login", data=fields)
            assert answer.headers["location"] == "/stations?connected=true"
        for elsewhere in ("//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"):
            async with room.browser() as client:
                answer = await client.post("/login", data={**fields, "next": elsewhere})
                assert answer.headers["location"] == "/"

    run(tmp_path, job)


def test_a_write_needs_the_role_and_the_pages_token(tmp_path):
    async def job(room: Room) -> None:
        for role in ROLES:
            async with room.browser(f"north-{role}") as client:
                for row in WRITES:
                    assert (await client.post(path_of(row), data={"csrf": "wrong"})).status_code == 403, (role, row.path)
        async with room.browser("north-operator") as client:
            answer = await client.post("/drivers", data={"name": "x"}, headers={"sec-fetch-site": "cross-site"})
            assert answer.status_code == 403
            assert (await client.post("/drivers", content=b"{}", headers={"content-type": "application/json"})).status_code == 415
            assert (await client.post("/drivers", content=b"x=" + b"y" * 1_100_000)).status_code in (413, 415)

    run(tmp_path, job)


@pytest.mark.parametrize("role", ["operator", "owner", "driver", "reader"])
def test_nobody_sees_another_organisation(tmp_path, role):
    async def job(room: Room) -> None:
        async with room.browser(f"south-{role}") as client:
            for row in READS:
                path = path_of(row, "north")
                answer = await client.get(path)
                if "north" in path and not row.path.startswith(("/tariffs/", "/contracts/")):
                    assert answer.status_code in (403, 404), (role, row.path)
                elif "north" not in path:
                    assert "north" not in answer.text, (role, row.path)

    run(tmp_path, job)


def test_headers_and_what_is_not_there(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser() as client:
            answer = await client.get("/nowhere/at/all")
            assert answer.status_code == 404
            assert "There is no such page" in answer.text
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert (answer.headers["cache-control"], answer.headers["x-frame-options"]) == ("no-store", "DENY")
            assert (await client.delete("/login")).status_code == 405
            assert (await client.get("/api/nothing")).headers["content-type"] == "application/problem+json"
            assert (await client.get("/assets/../page.py")).status_code == 404
            page = (await client.get("/login")).text
            for path in re.findall(r'(?:href|src)="(/assets/[^"]+)"', page):
                found = await client.get(path)
                assert found.status_code == 200, path
                assert (await client.get(path, headers={"if-none-match": found.headers["etag"]})).status_code == 304
            assert not re.search(r'(?:href|src)="https?:', page)

    run(tmp_path, job)


def test_something_broken_is_said_with_its_number_and_nothing_else(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            room.platform.live = "broken"  # type: ignore[assignment]
            answer = await client.get("/boards/north-site")
            assert answer.status_code == 500
            assert answer.headers["x-request-id"] in answer.text
            assert "AttributeError" not in answer.text

    run(tmp_path, job)
