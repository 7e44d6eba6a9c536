"""The table of endpoints in docs/api.md: `python -m tests.unit.serve.api.page_table` writes it."""

from pathlib import Path

from evloom.serve.api.table import TABLE
from evloom.serve.people.roles import ALL

PAGE = Path(__file__).parents[4] / "docs" / "api.md"
BEGIN, END = "<!-- table begin: python -m tests.unit.serve.api.page_table -->", "<!-- table end -->"


def table() -> str:
    """The table as it has to stand on the page."""
    lines = ["", "| method | path | what | roles |", "|---|---|---|---|"]
    for row in TABLE:
        roles = "anybody" if row.roles is None else "all" if row.roles == ALL else ", ".join(sorted(row.roles))
        lines.append(f"| {row.method} | `{row.path}` | {row.summary} | {roles} |")
    return "\n".join([*lines, ""])


def written(page: str) -> str:
    """The page with the table in its place."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
