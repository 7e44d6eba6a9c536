"""The words of the report in English and Chinese, by key; the terms are those of docs/glossary.md."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from evloom.dispatch.reason import (
    BAY,
    DIAGNOSED,
    DONE,
    EMPTY,
    FALLBACK,
    FULL,
    HELD,
    MINIMUM,
    OFFLINE,
    PLAN,
    STEP,
    STRAYED,
    UNTRIED,
)  # fmt: skip
from evloom.simulate.report.lexicon import PAGE, SCRIPT, SOURCES
from evloom.simulate.report.why import BRIEF, GIVES, PART, SATED, SHARED

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = get_args(Lang)

REASONS = {
    FULL: "full",
    EMPTY: "empty",
    DONE: "done",
    PLAN: "plan",
    MINIMUM: "minimum",
    STEP: "step",
    BAY: "bay",
    FALLBACK: "fallback",
    OFFLINE: "offline",
    STRAYED: "strayed",
    UNTRIED: "untried",
    HELD: "held",
    DIAGNOSED: "diagnosed",
    GIVES: "gives",
    PART: "part",
    SATED: "sated",
    BRIEF: "brief",
    SHARED: "shared",
}
"""Codes of `dispatch.reason` and `why` -> the part of the key after "reason." and "short."."""


@dataclass(frozen=True)
class Words:
    """The words of one language. Raises KeyError for a key that does not exist."""

    lang: Lang

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its {places} filled with `values`."""
        return PAGE[key][LANGS.index(self.lang)].format(**values)

    def policy(self, name: str) -> str:
        """A policy by its name in this language; the name itself where it has none."""
        return self(f"policy.{name}") if f"policy.{name}" in PAGE else name

    def source(self, text: str) -> str:
        """The source of a limit as the scenario names it; the words that the program itself adds are translated."""
        if self.lang == "en":
            return text
        for pattern, chinese in SOURCES:
            text = re.sub(pattern, chinese, text)
        return text

    def loss(self, code: int, sources: tuple[str, ...]) -> str:
        """Why a session is short: a row of the limit tree, whose sources are given, or a code of `why`."""
        if code >= 0:
            return self("short.node", source=self.source(sources[code]))
        return self(f"short.{REASONS[code]}")

    def script(self) -> dict[str, str]:
        """What the scripts of the page say; {places} are filled there."""
        chosen = {key: pair[LANGS.index(self.lang)] for key, pair in SCRIPT.items()}
        return chosen | {f"reason.{code}": chosen[f"reason.{name}"] for code, name in REASONS.items()}
