"""One job from its frames to what is told of its packs; the same function for every runner, in this process or another."""

from collections.abc import Callable
from dataclasses import dataclass

from evloom.diagnose.card import card_of
from evloom.diagnose.card_rules import Rules
from evloom.plan.battery.examine import Examined, Examiner
from evloom.plan.battery.jobs import Job, frames_of
from evloom.plan.battery.output import Row, row_of, vehicle_json
from evloom.store.battery.account import Account

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What is wanted of every pack beside its row of the table.

    rules  by which packs are graded and valued; json  the figures; pages  None, or the language of the pages of suspects
    """

    rules: Rules
    json: bool = False
    pages: str | None = None


@dataclass(frozen=True)
class Result:
    """What is told of a pack: a row of the table, its figures as JSON text ("" where not wanted), its page (None: not suspect)."""

    row: Row
    json: str
    page: str | None


@dataclass(frozen=True)
class Done:
    """A job that is done: its packs, and the account of what was read."""

    number: int
    results: tuple[Result, ...]
    account: Account


def work(job: Job, order: Order, tell: Tell) -> Done:
    """Examine every pack of a job. `tell` hears how many frames have been read since it was told last."""
    account = Account()
    examiners: dict[str, Examiner] = {}
    for frames in frames_of(job, account):
        pack = frames.pack
        examiner = examiners.get(pack.pack_id)
        if examiner is None:
            examiner = examiners[pack.pack_id] = Examiner(pack)
        examiner.take(frames)
        tell(frames.n)
    examined = [examiner.finish() for examiner in examiners.values()]
    return Done(job.number, tuple(_result(each, order) for each in examined), account)


def _result(examined: Examined, order: Order) -> Result:
    card = card_of(examined.pack, examined.health, examined.warnings, order.rules)
    return Result(row_of(examined, card), vehicle_json(examined, card) if order.json else "", None)
