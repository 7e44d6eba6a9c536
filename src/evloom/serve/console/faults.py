"""What is wrong with an input, in words people can act on, in both languages."""

import re

from evloom.serve.api.problem import Fault
from evloom.serve.console.language import Lang, said

_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no",
    "datetime": "a date and time",
    "null": "nothing",
    "array": "a list",
    "object": "a table",
}
_BOUND = re.compile(r"^(str|int|float|array)(?: \| null)? (?:of length )?(>=|<=|>|<) (-?[\d.e+]+)$")
_KIND = re.compile(r"^(str|int|float|bool|datetime|array|object)(?: \| null)?(?:, got .*)?$")
_BOUNDS = {
    ("str", ">="): "at least {n} characters",
    ("str", "<="): "at most {n} characters",
    ("array", ">="): "at least {n} entries",
    ("array", "<="): "at most {n} entries",
    ("number", ">="): "{n} or more",
    ("number", "<="): "{n} or less",
    ("number", ">"): "more than {n}",
    ("number", "<"): "less than {n}",
}


def allowed_words(fault: Fault, lang: Lang) -> str:
    """What would have been right."""
    text = fault.allowed
    if found := _BOUND.match(text):
        kind = found[1] if found[1] in ("str", "array") else "number"
        return said(_BOUNDS.get((kind, found[2]), "{n}"), lang, n=found[3].removesuffix(".0"))
    if found := _KIND.match(text):
        return said(_TYPES[found[1]], lang)
    if text.startswith("str matching regex"):
        return said("letters, digits and the usual signs", lang)
    return said(text, lang)


def advice_words(fault: Fault, lang: Lang) -> str:
    """What to do."""
    if fault.code == "input.missing":
        return said("fill this in", lang)
    if fault.code == "input.wrong":
        return said("correct it", lang)
    return said(fault.advice, lang)
