"""The words of the pages in English and Chinese, by key; the terms are those of docs/glossary.md."""

from dataclasses import dataclass
from typing import Literal, get_args

from evloom.plan.battery.report.lexicon import CAUSES, FLAGS, PAGE, SCRIPT, SERIES

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = get_args(Lang)


@dataclass(frozen=True)
class Words:
    """The words of one language. Raises KeyError for a key that does not exist."""

    lang: Lang

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its {places} filled with `values`."""
        return PAGE[key][LANGS.index(self.lang)].format(**values)

    def cause(self, name: str) -> str:
        """A cause by its name; the name itself where it has no other."""
        return CAUSES[name][LANGS.index(self.lang)] if name in CAUSES else name

    def flag(self, name: str) -> str:
        """A flag of readings by its name."""
        return FLAGS[name][LANGS.index(self.lang)] if name in FLAGS else name

    def series(self, name: str) -> str:
        """The name or unit of a series of evidence."""
        return SERIES.get(name, name) if self.lang == "zh" else name

    def has(self, key: str) -> bool:
        """Whether there is a text of that key."""
        return key in PAGE

    def script(self) -> dict[str, str]:
        """What the scripts of the page say; {places} are filled there."""
        return {key: pair[LANGS.index(self.lang)] for key, pair in SCRIPT.items()}
