"""The words of the report in English and Chinese, by key; the terms are those of docs/glossary.md."""

from dataclasses import dataclass

from evloom.plan.fleet.report.lexicon import PAGE, SCRIPT
from evloom.simulate.report.words import LANGS, Lang


@dataclass(frozen=True)
class Words:
    """The words of one language. Raises KeyError for a key that does not exist."""

    lang: Lang

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its {places} filled with `values`."""
        return PAGE[key][LANGS.index(self.lang)].format(**values)

    def method(self, name: str) -> str:
        """An algorithm by its name in `Solved`; the name itself where it has no other."""
        return self(f"method.{name}") if f"method.{name}" in PAGE else name

    def level(self, depth: int) -> str:
        """A level of the tree."""
        return self("level.n", n=depth) if depth else self("level.0")

    def severity(self, name: str) -> str:
        """How grave a finding is."""
        return self(f"severity.{name}") if f"severity.{name}" in PAGE else name

    def script(self) -> dict[str, str]:
        """What the scripts of the page say; {places} are filled there."""
        return {key: pair[LANGS.index(self.lang)] for key, pair in SCRIPT.items()}
