"""Write the table of settings in docs/serve.md from what src/evloom/serve/config.py declares.

python -m tools.serve_settings           writes it
python -m tools.serve_settings --check   exit code 1 where the page says something else
"""

import re
import sys
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from evloom.serve.config import Config
from tools.fault import ROOT

PAGE = ROOT / "docs" / "serve.md"
BEGIN, END = "<!-- settings begin: python -m tools.serve_settings -->", "<!-- settings end -->"


def table() -> str:
    """All settings by section, with default, what is allowed and what they mean."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    for section, kind in get_type_hints(Config).items():
        one = get_args(kind)[0] if section == "meters" else kind
        yield f"\n`[{'[meters]' if section == 'meters' else section}]` {one.__doc__}\n"
        yield "| key | default | allowed | meaning |\n|---|---|---|---|"
        defaults = one()
        for key, hint in get_type_hints(one, include_extras=True).items():
            yield f"| `{key}` | {_shown(getattr(defaults, key))} | {_allowed(hint)} | {_meaning(hint)} |"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"`{value}`" if value != "" else "empty"


def _notes(hint: Any) -> list[msgspec.Meta]:
    return [note for note in get_args(hint)[1:] if isinstance(note, msgspec.Meta)] if get_origin(hint) is Annotated else []


def _allowed(hint: Any) -> str:
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(plain) is tuple:
        return "list of " + _allowed(get_args(plain)[0])
    if get_args(plain):
        return ", ".join(str(each) or "empty" for each in get_args(plain))
    bounds = [
        f"{sign} {getattr(note, key):g}"
        for note in _notes(hint)
        for key, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
        if getattr(note, key) is not None
    ]
    words = {bool: "true, false", int: "whole number", float: "number", str: "text"}
    return " ".join([words[plain], ", ".join(bounds)]).strip()


def _meaning(hint: Any) -> str:
    return next((note.description for note in _notes(hint) if note.description), "")


def main() -> int:
    """Write the table, or say whether the page has it."""
    text = PAGE.read_text(encoding="utf-8")
    block = f"{BEGIN}\n{table()}{END}"
    written = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: block, text, flags=re.DOTALL)
    if "--check" in sys.argv:
        if written != text:
            print("docs/serve.md: the table of settings is not what serve/config.py declares; run: python -m tools.serve_settings")
        return int(written != text)
    PAGE.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
