"""Every word exists in both languages; the language is the one that was chosen, else the browser's."""

import ast
import re
from importlib.resources import files
from pathlib import Path

import pytest

from evloom.pile.transaction import SUSPECT
from evloom.serve.config import Control
from evloom.serve.console.chinese import CHINESE, CODES
from evloom.serve.console.language import chosen, said
from evloom.serve.console.page import SAID, TITLES
from evloom.serve.console.pages.orders import _WORDS
from evloom.serve.people.roles import Role
from tests.unit.serve.console.room import Room, post, run

HERE = Path(str(files("evloom.serve.console")))
CALL = re.compile(r"""\bt\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
BRACES = re.compile(r"\{[a-z]+\}")
HAN = re.compile(r"[\u4e00-\u9fff]")


def words_of_templates() -> set[str]:
    return {found[1] or found[2] for file in HERE.rglob("*.html") for found in CALL.finditer(file.read_text(encoding="utf-8"))}


def words_of_code() -> set[str]:
    """First arguments of t(...) and said(...)."""
    found = set()
    for file in HERE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                text = str(node.args[0].value)
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("t", "said"):
                    found.add(text)
    return found


def test_every_sentence_of_the_pages_has_its_chinese():
    used = words_of_templates() | words_of_code() | set(SAID.values()) | set(TITLES.values()) | set(_WORDS.values())
    assert used - CHINESE.keys() - CODES.keys() == set()
    assert len(used) > 500


def test_menu_and_codes_have_theirs():
    named = {f"role {role}" for role in Role} | {f"policy {name}" for name in policies()} | set(SUSPECT)
    named |= {f"notice {kind}" for kind in ("offline", "fault", "pending", "suspect-session", "held-bill", "astray", "battery")}
    named |= {f"bill {state}" for state in ("none", "unpriced", "held", "billed", "review", "void")}
    named |= {"queued", "sent", "answered", "failed", "expired", "Accepted", "Rejected", "Available", "Occupied", "Faulted", "Unavailable"}
    assert named - CODES.keys() == set()


def policies() -> tuple[str, ...]:
    from typing import get_args, get_type_hints

    return get_args(get_type_hints(Control)["policy"])


@pytest.mark.parametrize(("english", "chinese"), [*CHINESE.items(), *CODES.values()])
def test_both_say_the_same_values(english, chinese):
    assert sorted(BRACES.findall(english)) == sorted(BRACES.findall(chinese))
    assert HAN.search(chinese) or len(chinese) < 9, english
    assert not HAN.search(english)


def test_a_name_stays_as_it_is():
    assert said("{0} 100 % <b>", "zh") == "{0} 100 % <b>"
    assert said("allowed is {allowed}", "zh", allowed="{x}") == "允许：{x}"


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "de-DE,de;q=0.9,en;q=0.5,zh;q=0.4", "en"),
        ("", "en;q=0.1,zh-TW;q=0.8", "zh"),
        ("evloom_language=zh", "en", "zh"),
        ("evloom_language=en", "zh", "en"),
        ("evloom_language=klingon", "zh", "zh"),
        ("", "zh;q=x,;;;", "en"),
    ],
)
def test_which_language(cookie, accept, language):
    assert chosen({"cookie": cookie, "accept-language": accept}) == language


def test_the_switch_keeps_the_choice_and_the_place(tmp_path):
    async def job(room: Room) -> None:
        async with room.browser("north-operator") as client:
            assert "Register a station" in (await client.get("/stations")).text
            answer = await post(client, "/language", "/stations", language="zh", back="/stations")
            assert answer.headers["location"] == "/stations"
            assert "登记充电桩" in (await client.get("/stations")).text
            assert (await post(client, "/language", "/stations", language="en", back="//evil.test")).headers["location"] == "/"

    run(tmp_path, job)
