"""The table of all keys in `docs/scenario.md`, made from the schema so that the two cannot part."""

import sys
from collections.abc import Sequence
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any

from evloom.simulate.scenario.profiles import LOAD_SHAPES
from evloom.simulate.scenario.schema import TABLES
from evloom.simulate.scenario.section import Rule, keys_of, type_text

BEGIN, END = "<!-- keys: begin -->", "<!-- keys: end -->"


def key_tables() -> str:
    """Markdown: for each table of a scenario file its purpose and its keys with type, unit, range and default."""
    parts = []
    for head, section in TABLES:
        about = " ".join((section.__doc__ or "").split())
        parts.append(f"### {f'`{head}`' if head else 'Top of the file'}\n\n{about}\n")
        parts.append("| key | type | range | default | meaning |\n|---|---|---|---|---|")
        parts += [_row(name, *found) for name, found in keys_of(section).items()]
        parts.append("")
    return "\n".join(parts)


def profile_table() -> str:
    """Markdown: the named load shapes, hour by hour."""
    lines = ["| profile | day | share of the peak at 0:00, 1:00, ... 23:00 |", "|---|---|---|"]
    for name, shape in LOAD_SHAPES.items():
        for day, values in (("Monday to Friday", shape.weekday), ("Saturday, Sunday", shape.weekend)):
            lines.append(f"| `{name}`: {shape.about} | {day} | {' '.join(f'{value:.2f}' for value in values)} |")
    return "\n".join(lines)


def with_tables(text: str) -> str:
    """The page `text` with its generated part renewed. Raises ValueError where the marks are missing."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{key_tables()}\n### Named profiles\n\n{profile_table()}\n\n{END}{tail}"


def _row(name: str, item: Field[Any], hint: Any, rule: Rule) -> str:
    default = "**required**" if item.default is MISSING else rule.see or _shown(item.default)
    kind = type_text(hint).replace("|", "\\|")
    return f"| `{name}` | {kind} | {rule.allowed() or rule.unit} | {default} | {rule.text} |"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    return f"{value:g}" if isinstance(value, int | float) else f'"{value}"'


def main(arguments: Sequence[str]) -> int:
    """Renew the page that is named: python -m evloom.simulate.scenario.document docs/scenario.md."""
    page = Path(arguments[0])
    page.write_text(with_tables(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
