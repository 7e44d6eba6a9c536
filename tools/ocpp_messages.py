"""Writes the messages of OCPP 1.6J, 2.0.1 and 2.1 as msgspec structs, from the JSON schemas that the package `ocpp` bears.

    python -m tools.ocpp_messages            writes src/evloom/wire/ocpp/v*/messages.py and catalog.py
    python -m tools.ocpp_messages --card     writes the conformance cards and the rules of repair into docs/ocpp.md

The schemas themselves are not shipped: names, types and bounds are. A test writes all of it anew in memory and compares.
"""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evloom.wire.ocpp.card import DONE, EXEMPT, TO_DO, Row, card
from evloom.wire.ocpp.rules import RULES
from evloom.wire.ocpp.version import Version
from tools.fault import GENERATED, ROOT
from tools.ocpp_schemas import ACTIONS, Model, model_of

HEAD = f"{GENERATED} by tools/ocpp_messages.py: edit that, not this.\n# ruff: noqa: "
PAGE = "docs/ocpp.md"
CARDS_BEGIN, CARDS_END = "<!-- cards: python -m tools.ocpp_messages --card -->", "<!-- end of the cards -->"
RULES_BEGIN, RULES_END = "<!-- rules: python -m tools.ocpp_messages --card -->", "<!-- end of the rules -->"
VERSIONS = {"v16": "OCPP 1.6J", "v201": "OCPP 2.0.1", "v21": "OCPP 2.1"}


@dataclass
class _Text:
    """Lines of a module, and the aliases that they turned out to need."""

    model: Model
    aliases: dict[str, str]

    def type_of(self, schema: dict[str, object]) -> str:
        """The annotation for one property of a schema."""
        kind = schema.get("type")
        if name := schema.get("struct") or schema.get("choice"):
            return str(name)
        if kind == "array":
            bounds = _bounds(schema, {"minItems": "min_length", "maxItems": "max_length"})
            items = schema["items"]
            assert isinstance(items, dict)
            inner = f"list[{self.type_of(items)}]"
            return f"Annotated[{inner}, Meta({bounds})]" if bounds else inner
        if kind == "string":
            return self._text(schema)
        if kind in ("integer", "number"):
            return self._number(schema, "int" if kind == "integer" else "float")
        return "bool" if kind == "boolean" else "Any"

    def _text(self, schema: dict[str, object]) -> str:
        if schema.get("format") == "date-time":
            return "Instant"
        if "maxLength" not in schema:
            return "str"
        name = f"Text{schema['maxLength']}"
        self.aliases[name] = f"Annotated[str, Meta(max_length={schema['maxLength']})]"
        return name

    def _number(self, schema: dict[str, object], kind: str) -> str:
        bounds = _bounds(schema, {"minimum": "ge", "maximum": "le"}, kind)
        if not bounds:
            return kind
        words = {"minimum": "From", "maximum": "To"}
        name = kind.capitalize() + "".join(word + _word(schema[key]) for key, word in words.items() if key in schema)
        self.aliases[name] = f"Annotated[{kind}, Meta({bounds})]"
        return name

    def struct(self, name: str, fields: list[tuple[str, str, dict[str, object], bool]]) -> list[str]:
        """The class of one message or data type."""
        lines = [f"class {name}(Message, frozen=True, kw_only=True):"]
        for attribute, given, schema, required in fields:
            kind, renamed = self.type_of(schema), _camel(attribute) != given
            if required:
                lines.append(f"    {attribute}: {kind}" + (f' = field(name="{given}")' if renamed else ""))
            else:
                kind = kind if kind == "Any" else f"{kind} | UnsetType"
                lines.append(f"    {attribute}: {kind} = " + (f'field(name="{given}", default=UNSET)' if renamed else "UNSET"))
        return [*lines, *([] if fields else ["    pass"]), "", ""]


def _bounds(schema: dict[str, object], names: dict[str, str], kind: str = "int") -> str:
    found = []
    for key, name in names.items():
        if (value := schema.get(key)) is not None:
            assert isinstance(value, int | float)
            found.append(f"{name}={int(value) if kind == 'int' else float(value)}")
    return ", ".join(found)


def _word(bound: object) -> str:
    """A bound as part of a name: 0, 100, Minus1, 0p1."""
    return str(bound).removesuffix(".0").replace("-", "Minus").replace(".", "p")


def _camel(attribute: str) -> str:
    first, *rest = attribute.split("_")
    return first + "".join(word.capitalize() for word in rest)


def messages_text(folder: str) -> str:
    """The module `messages` of one version."""
    model = model_of(folder)
    text = _Text(model, {})
    body: list[str] = []
    for name, fields in model.structs.items():
        body += text.struct(name, fields)
    choices = [f"{name} = Literal[{', '.join(json.dumps(value) for value in values)}]" for name, values in model.choices.items()]
    body_text = "\n".join(body)
    names = ["Message"] + [name for name in ("CustomData", "Instant") if name in body_text]
    typing = ["Annotated"] * ("Annotated[" in body_text or bool(text.aliases)) + ["Any"] * (": Any" in body_text) + ["Literal"]
    spec = ["Meta"] * bool(text.aliases) + ["UNSET", "UnsetType"] + ["field"] * ("field(" in body_text)
    imports = [
        f"from typing import {', '.join(typing)}",
        "",
        f"from msgspec import {', '.join(sorted(spec, key=lambda word: (word != 'UNSET', word)))}",
        "",
        f"from evloom.wire.ocpp.base import {', '.join(sorted(names))}",
    ]
    aliases = [f"{name} = {meaning}" for name, meaning in sorted(text.aliases.items())]
    head = f'{HEAD}D101, E501\n# fmt: off\n"""The messages of {VERSIONS[folder]} and their data types."""\n'
    return "\n".join([head, *imports, "", *aliases, "", *choices, "", "", body_text]).rstrip() + "\n"


def catalog_text(folder: str) -> str:
    """The module `catalog` of one version: every action, who may ask it, and its types."""
    model = model_of(folder)
    lines = []
    for action in model.actions:
        direction, block = ACTIONS[folder][action]
        request, response = model.request_of(action), model.response_of(action)
        types = f"messages.{request}, {f'messages.{response}' if response else 'None'}"
        lines.append(f'    "{action}": Entry({types}, "{direction}", "{block}"),')
    head = f'{HEAD}E501\n# fmt: off\n"""Every action of {VERSIONS[folder]}: its request, its answer, who asks, its functional block."""\n'
    imports = [f"from evloom.wire.ocpp.{folder} import messages", "from evloom.wire.ocpp.base import Entry"]
    imports.sort(key=lambda line: line.split()[1])
    return "\n".join([head, *imports, "", "REQUESTS: dict[str, Entry] = {", *lines, "}"]) + "\n"


def texts() -> dict[str, str]:
    """Every generated module: path relative to the root, and what it must hold."""
    made = {}
    for folder in VERSIONS:
        made[f"src/evloom/wire/ocpp/{folder}/messages.py"] = messages_text(folder)
        made[f"src/evloom/wire/ocpp/{folder}/catalog.py"] = catalog_text(folder)
    return made


def cards_text() -> str:
    """The conformance cards as the page has them."""
    versions = dict(zip(VERSIONS.values(), Version, strict=True))
    rows = {name: {row.action: row for row in card(version)} for name, version in versions.items()}
    states = {name: Counter(row.state for row in found.values()) for name, found in rows.items()}
    lines = ["| version | messages | done | to do | exempt |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {len(rows[name])} | {states[name][DONE]} | {states[name][TO_DO]} | {states[name][EXEMPT]} |" for name in versions
    ]
    lines += ["", f"| message | asks | block in 2.x | {' | '.join(versions)} |", "|---|---|---|" + "---|" * len(versions)]
    for action in sorted({action for found in rows.values() for action in found}):
        has = [found[action] for found in rows.values() if action in found]
        block = has[-1].block if len(has[-1].block) == 1 else ""
        lines.append(f"| {action} | {has[-1].asks} | {block} | {' | '.join(_state(found.get(action)) for found in rows.values())} |")
    reasons = sorted({f"- {row.action}: {row.reason}." for found in rows.values() for row in found.values() if row.reason})
    return "\n".join([*lines, "", "Exempt:", "", *reasons])


def _state(row: Row | None) -> str:
    return "" if row is None else row.state


def rules_text() -> str:
    """The rules by which messages are mended, as the page has them."""
    rows = [f"| `{rule.name}` | {rule.what} |" for rule in RULES]
    return "\n".join(["| rule | what it does |", "|---|---|", *rows])


def page_text(page: str) -> str:
    """The page with its tables written anew."""
    for begin, end, text in ((CARDS_BEGIN, CARDS_END, cards_text()), (RULES_BEGIN, RULES_END, rules_text())):
        before, _, rest = page.partition(begin)
        after = rest.partition(end)[2]
        page = f"{before}{begin}\n\n{text}\n\n{end}{after}"
    return page


def main(arguments: Sequence[str]) -> int:
    """Write the modules, or with --card the tables of the page."""
    if list(arguments) == ["--card"]:
        (ROOT / PAGE).write_text(page_text((ROOT / PAGE).read_text(encoding="utf-8")), encoding="utf-8")
        print(PAGE)
        return 0
    for path, text in texts().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
