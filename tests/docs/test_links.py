"""Links lead somewhere, and files that a page names exist."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, name

PLACES = (ROOT, ROOT / "src", ROOT / "src/evloom", ROOT / "docs")


def anchors(text: str) -> set[str]:
    """The anchors that headings make, as common hosts form them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_relative_links_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        led = (page.parent / path) if path else page
        assert led.exists(), f"{name(page)} links to {target}"
        if anchor:
            assert anchor in anchors(led.read_text(encoding="utf-8")), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_exist(page):
    named = set(re.findall(r"(?<![\w./-])((?:[\w-]+/)+[\w.-]+\.(?:py|md|toml|csv|svg|gz|txt))\b", page.read_text(encoding="utf-8")))
    missing = {path for path in named if not path.startswith(("out/", "path/")) and not any((place / path).exists() for place in PLACES)}
    assert not missing, f"{name(page)} names {sorted(missing)}"


def test_every_page_of_the_documentation_can_be_reached_from_the_readme():
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        ahead += [(page.parent / target).resolve() for target in targets if not re.match(r"[a-z]+:", target)]
    assert {name(page) for page in PAGES} <= {name(page) for page in seen}
