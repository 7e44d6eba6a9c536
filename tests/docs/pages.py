"""The pages that strangers read, and what stands in them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")])


def name(page: Path) -> str:
    """The page relative to the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of that language; "" for those without one."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path, program: str) -> Iterator[str]:
    """The lines of plain blocks, and code within a line, that begin with `program` (perhaps with the path to .venv)."""
    text = page.read_text(encoding="utf-8")
    candidates = [line for block in blocks(page, "") for line in block.splitlines()]
    candidates += re.findall(r"`([^`\n]+)`", text) + [line.strip() for line in text.splitlines() if line.startswith("    ")]
    for line in candidates:
        found = re.match(rf"(?:\.venv/bin/)?({program} .*?)(?:\s+#.*)?$", line)
        if found:
            yield found[1]


def first_cells(page: Path, heading: str, header: str) -> list[str]:
    """What stands in code in the first column of the table that begins with `header`, below a heading."""
    text = "\n" + page.read_text(encoding="utf-8")
    section = text.split(f"\n{heading}\n", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
    rows = section.split(header, maxsplit=1)[1].split("\n\n", maxsplit=1)[0].splitlines()
    return [cell for row in rows if row.startswith("| `") for cell in re.findall(r"`([^`]+)`", row.split(" | ", maxsplit=1)[0])]
