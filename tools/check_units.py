"""A name ends in its unit (docs/conventions.md): finds the names in src/evloom that do not.

Looked at are parameters, fields of classes, properties, module constants, attributes of `self`, and local names. A name counts
as a quantity when its last word, after words like `max` or `mean`, is the word of a physical quantity or a price, and its
annotation, where it has one, is a number or an array: `load: Signal` carries its unit itself, `load: float` does not.
Local names have no annotation as a rule, so only words that can hardly mean anything else are looked at there.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tools.fault import ROOT, Fault, by_hand, python_files, report

UNITS = frozenset("kw kwh kvar kva a v ohm hz c s h km kg cny eur".split())
FOREIGN = {
    **dict.fromkeys(("percent", "pct"), "use a fraction 0..1 (soc, share, efficiency), without a suffix"),
    **dict.fromkeys(("w", "watt", "watts", "mw"), "use _kw"),
    **dict.fromkeys(("wh", "mwh"), "use _kwh"),
    **dict.fromkeys(("ma", "amps", "ampere", "amperes"), "use _a"),
    **dict.fromkeys(("kv", "mv", "volt", "volts"), "use _v"),
    **dict.fromkeys(("ms", "sec", "secs", "seconds", "minutes", "mins"), "use _s"),
    **dict.fromkeys(("hours", "hrs", "hr"), "use _h"),
    **dict.fromkeys(("celsius", "degc", "kelvin"), "use _c"),
}
"""Units that only `wire` may speak, and spellings that the house does not use."""

QUANTITIES = {
    **dict.fromkeys("power load limit demand generation headroom rating".split(), "_kw (or _kva, _a)"),
    **dict.fromkeys("energy capacity".split(), "_kwh"),
    **dict.fromkeys("current".split(), "_a"),
    **dict.fromkeys("voltage".split(), "_v"),
    **dict.fromkeys("resistance impedance".split(), "_ohm"),
    **dict.fromkeys("frequency".split(), "_hz"),
    **dict.fromkeys("temperature".split(), "_c"),
    **dict.fromkeys("duration delay timeout interval dwell age step".split(), "_s or _h"),
    **dict.fromkeys("distance range mileage".split(), "_km"),
    **dict.fromkeys("mass emissions".split(), "_kg"),
    **dict.fromkeys("price rate".split(), "_per_kwh (or another _per_ unit)"),
    **dict.fromkeys("cost revenue".split(), "_cny or _eur, or a `currency` beside it"),
}
"""Last word of a name that means a quantity, and the unit that it should end in."""

MONEY = frozenset({"cost", "revenue"})
"""Looked at in fields only: the solver's cost vector has whatever unit the objective has."""

PLAIN_IN_LOCALS = frozenset("power energy voltage temperature resistance impedance capacity duration".split())
"""The quantity words that are looked at in local names too; the others have everyday meanings (the current row, a step)."""

WHOLE_NUMBERS_MEAN_INDEX = frozenset("step interval rating range limit age rate".split())
"""With the annotation int these are counts, indices or ranks."""

TIMES = frozenset("step duration delay timeout interval dwell stay wait age".split())
"""Words of time, after which `min` is read as minutes by some and as the least by others."""

MODIFIERS = frozenset("max min mean total sum actual initial nominal rated known low high left now".split())
NUMBERS = frozenset("float int Decimal Float Int NDArray ndarray floating float64".split())

ALLOWED: dict[str, str] = {
    "timeout": "name that selectors.BaseSelector gives to the argument of select",
    "DAY_MINUTES": "length of the scale of LocalClock.minute_of_day, on which tariffs are written",
}
"""Names that break the rule for a reason: name to reason. Keep it short."""


@dataclass(frozen=True)
class Name:
    """A name where it is defined. `types` are the words of its annotation, None without one; `beside` the names defined with it."""

    text: str
    line: int
    types: frozenset[str] | None
    kind: str
    beside: frozenset[str] = frozenset()


def _types(annotation: ast.expr | None) -> frozenset[str] | None:
    """The words of an annotation: `NDArray[np.float64] | None` gives NDArray, np, float64, None."""
    if annotation is None:
        return None
    words = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value)
    return frozenset(words)


def _fields(node: ast.ClassDef) -> Iterator[Name]:
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
    beside = frozenset(item.target.id for item in fields if isinstance(item.target, ast.Name))
    for item in fields:
        if isinstance(item.target, ast.Name):
            yield Name(item.target.id, item.lineno, _types(item.annotation), "field", beside)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Name]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    beside = frozenset(argument.arg for argument in given)
    for argument in given:
        yield Name(argument.arg, argument.lineno, _types(argument.annotation), "parameter", beside)
    decorators = {word for decorator in node.decorator_list for word in _types(decorator) or ()}
    if decorators & {"property", "cached_property"}:
        yield Name(node.name, node.lineno, _types(node.returns), "property")


def _targets(target: ast.expr) -> Iterator[tuple[str, bool, int]]:
    """Names that an assignment binds: text, whether it is an attribute of self, line."""
    if isinstance(target, ast.Name):
        yield target.id, False, target.lineno
    elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        yield target.attr, True, target.lineno
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _targets(item)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)


def _plain_type(value: ast.expr) -> frozenset[str] | None:
    """`str` or `bool` where the assigned value is plainly one, else None."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str | bool):
        return frozenset({type(value.value).__name__})
    if isinstance(value, ast.Compare) or (isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)):
        return frozenset({"bool"})
    return frozenset({"str"}) if isinstance(value, ast.JoinedStr) else None


def _assigned(node: ast.AST) -> Iterator[Name]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            for text, of_self, line in _targets(target):
                yield Name(text, line, _plain_type(node.value), "attribute" if of_self else "local")
    elif isinstance(node, ast.NamedExpr | ast.For | ast.comprehension):
        for text, _, line in _targets(node.target):
            yield Name(text, line, None, "local")
    elif isinstance(node, ast.AnnAssign):
        for text, of_self, line in _targets(node.target):
            yield Name(text, line, _types(node.annotation), "attribute" if of_self else "local")


def names(tree: ast.Module) -> Iterator[Name]:
    """Every name that the module defines."""
    in_class: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            in_class.update(node.body)
            yield from _fields(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(node)
        elif node not in in_class or not isinstance(node, ast.AnnAssign):
            yield from _assigned(node)


def _suffix(name: Name, words: list[str]) -> str | None:
    """A unit that the house does not use, in the wrong place, or on an instant."""
    last = words[-1]
    if len(words) > 1 and last in FOREIGN and "n" not in words[:1]:
        return f"_{last} is not a unit of the house outside wire: {FOREIGN[last]}"
    if len(words) > 2 and last in ("max", "min") and words[-2] in UNITS - {"a", "c", "s", "v", "h"}:
        return f"{last} comes before the unit: {'_'.join([*words[:-2], last, words[-2]])}"
    if len(words) > 1 and last == "min" and words[-2] in TIMES:
        return f"is {last} minutes or the least? Write {'_'.join(words[:-1])}_s for a time span, {'_'.join(words)}_s for the least one"
    if len(words) > 1 and last in ("s", "h") and name.types and name.types & {"datetime", "timedelta"}:
        return f"a {'/'.join(sorted(name.types & {'datetime', 'timedelta'}))} carries its own unit: take _{last} off"
    return None


def _quantity(name: Name, words: list[str]) -> str | None:
    """A quantity without a unit."""
    if "per" in words or (words[-1] in UNITS and len(words) > 1):
        return None
    while len(words) > 1 and words[-1] in MODIFIERS:
        words = words[:-1]
    last = words[-1]
    if last not in QUANTITIES or words[-2:] == ["c", "rate"]:
        return None
    if name.kind in ("attribute", "local") and name.types is None and last not in PLAIN_IN_LOCALS:
        return None
    if name.types is not None and not name.types & NUMBERS:
        return None
    if last in WHOLE_NUMBERS_MEAN_INDEX and name.types is not None and name.types & {"int", "Int"}:
        return None
    if last in MONEY and (name.kind != "field" or "currency" in name.beside):
        return None
    if last == "price" and "unit" in name.beside:
        return None
    return f"a quantity without its unit: end it in {QUANTITIES[last]}, or say what it is (docs/conventions.md)"


def check_file(path: str, text: str) -> list[Fault]:
    """Faults of one module."""
    faults = []
    for name in names(ast.parse(text, path)):
        words = [word for word in name.text.lower().split("_") if word]
        if not words or name.text in ALLOWED:
            continue
        wrong = (None if path.startswith("src/evloom/wire/") else _suffix(name, words)) or _quantity(name, words)
        if wrong:
            faults.append(Fault(path, name.line, f"{name.kind} {name.text}: {wrong}"))
    return sorted(set(faults))


def main() -> int:
    """Check the repository; exit code 1 on any fault."""
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in python_files("src/evloom")}
    return report(fault for path, text in by_hand(texts).items() for fault in check_file(path, text))


if __name__ == "__main__":
    sys.exit(main())
