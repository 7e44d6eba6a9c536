"""Sentences of the live loop: a key of the lexicon and its values, put into words when somebody reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from evloom.kernel.timegrid import from_epoch_s
from evloom.serve.live.lexicon import REASONS, WORDS

Lang = str
INSTANTS = frozenset({"time", "until"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence; values of `INSTANTS` are epoch seconds, shown on the clock of `zone`."""

    key: str
    values: Mapping[str, float | str] = field(default_factory=dict)
    zone: str = "UTC"

    def text(self, lang: Lang = "en") -> str:
        """In English, or in Chinese ("zh")."""
        words = WORDS[self.key][1 if lang.startswith("zh") else 0]
        return words.format(**{name: self._shown(name, value) for name, value in self.values.items()})

    def _shown(self, name: str, value: float | str) -> str:
        if isinstance(value, str):
            return value
        if name in INSTANTS:
            return f"{from_epoch_s(value).astimezone(ZoneInfo(self.zone)):%H:%M}"
        return f"{value:.2f}" if name == "money" else f"{value:.1f}"


def reason_key(reason: int) -> str:
    """The key of a reason of `dispatch.reason`."""
    return "node" if reason >= 0 else REASONS[reason]
