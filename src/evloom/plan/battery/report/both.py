"""Texts in both languages on one page: each stands there twice, and the style of the page shows the one that is chosen."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from html import escape
from typing import Any

from evloom.plan.battery.report.words import LANGS, Lang, Words

TAGS: dict[Lang, str] = {"en": "en", "zh": "zh-CN"}
"""Languages as HTML names them."""


class Spans(str):
    """HTML: templates do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        """Itself."""
        return str(self)


class Both:
    """The words of a page in every language: `w("key")` in a template. Names and numbers that are the same in all stand there once."""

    def __init__(self, words: Words) -> None:
        self.first = words
        self.all = tuple(Words(lang) for lang in LANGS)

    def __call__(self, key: str, **values: object) -> Any:
        """The text of a key in every language."""
        return merged([words(key, **values) for words in self.all])

    def of(self, make: Callable[[Words], Any]) -> Any:
        """What `make` makes of the words of each language, laid over each other: texts, lists, tuples and dicts of them."""
        return merged([make(words) for words in self.all])

    def one(self, key: str, **values: object) -> dict[str, str]:
        """The texts of a key by the name of their language, for titles and what scripts write."""
        return {TAGS[words.lang]: words(key, **values) for words in self.all}

    @property
    def tag(self) -> str:
        """The language that the page shows first."""
        return TAGS[self.first.lang]


def merged(made: list[Any]) -> Any:
    """Values of the same shape as one: texts that differ stand there in each language, other values are those of the first."""
    first = made[0]
    if is_dataclass(first) and not isinstance(first, type):
        return {each.name: merged([getattr(one, each.name) for one in made]) for each in fields(first)}
    if isinstance(first, dict):
        return {key: merged([one[key] for one in made]) for key in first}
    if isinstance(first, list | tuple):
        return [merged(list(parts)) for parts in zip(*made, strict=True)]
    if not isinstance(first, str) or all(one == first for one in made):
        return first
    return Spans("".join(f'<span lang="{TAGS[lang]}">{escape(one)}</span>' for lang, one in zip(LANGS, made, strict=True)))
