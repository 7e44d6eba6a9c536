"""Write the table of settings in docs/serve.md from what src/evloom/serve/config.py declares.

python -m tools.serve_settings           writes it
python -m tools.serve_settings --check   exit code 1 where the page says something else
"""

import re
import sys
from collections.abc import Iterator
from typing import get_args, get_type_hints

from evloom.serve.config import Config
from evloom.serve.settings import allowed, meaning
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
            yield f"| `{key}` | {_shown(getattr(defaults, key))} | {allowed(hint)} | {meaning(hint)} |"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else f"`{value}`" if value != "" else "empty"


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
