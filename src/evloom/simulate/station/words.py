"""What a virtual station says, whatever the version: the interface of `words_16` and `words_2`."""

from typing import Protocol

from evloom.pile.station import Sample
from evloom.simulate.station.bay import Bay, Transaction
from evloom.simulate.station.connection import Said
from evloom.simulate.station.outbox import Word
from evloom.wire.ocpp.phrase import Phrase


class Words(Protocol):
    """Messages of one version of OCPP."""

    def boot(self, reason: str) -> Phrase:
        """BootNotification."""

    def status(self, bay: Bay | None, at_s: float) -> Phrase | None:
        """The status of a bay, or of the station (None), None where the version says none."""

    def status_word(self, bay: Bay) -> str:
        """The word for the status of a bay: it is told when it changes."""

    def authorize(self, token: str, token_type: str) -> Phrase:
        """Ask whether a token may charge."""

    def authorized(self, answer: Said) -> tuple[str, str]:
        """Status of a token and its group, by the answer to `authorize` or to the first word of a transaction."""

    def started(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """The first words of a transaction."""

    def updated(self, bay: Bay, transaction: Transaction, trigger: str, samples: tuple[Sample, ...]) -> list[Word]:
        """More words of it; without samples: its charging state changed."""

    def ended(self, bay: Bay, transaction: Transaction, why: tuple[str, str], samples: tuple[Sample, ...]) -> list[Word]:
        """The last words of it; why is (trigger, reason) by OCPP 2.x."""

    def meter(self, bay: Bay, samples: tuple[Sample, ...]) -> Phrase:
        """Meter values outside a transaction."""
