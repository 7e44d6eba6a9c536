"""One job from its frames to what is told of its packs; the same function for every runner, in this process or another."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from evloom.diagnose.card import card_of
from evloom.diagnose.card_rules import Rules
from evloom.plan.battery.examine import Examined, Examiner
from evloom.plan.battery.jobs import Job, frames_of
from evloom.plan.battery.output import Row, row_of, vehicle_json
from evloom.plan.battery.report.words import Lang, Words
from evloom.plan.battery.trace import Drawn, Trace, bins_of
from evloom.store.battery.account import Account

Tell = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What is wanted of every pack beside its row of the table.

    rules  by which packs are graded and valued; json  the figures; pages  None, or the language of the pages of suspects
    """

    rules: Rules
    json: bool = False
    pages: Lang | None = None


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
    drawn = _draw(job, examined, tell) if order.pages is not None else {}
    return Done(job.number, tuple(_result(each, order, drawn.get(each.pack.pack_id)) for each in examined), account)


def _draw(job: Job, examined: list[Examined], tell: Tell) -> dict[str, Drawn]:
    """Read the suspect packs a second time for their pictures."""
    traces = {each.pack.pack_id: Trace(each.pack, bins_of(each.tally.first_s, each.tally.last_s)) for each in examined if each.warnings}
    if traces:
        for frames in frames_of(job, Account(), frozenset(traces)):
            if frames.pack.pack_id in traces:
                traces[frames.pack.pack_id].add(frames)
            tell(0)
    return {pack_id: trace.drawn() for pack_id, trace in traces.items()}


def _result(examined: Examined, order: Order, drawn: Drawn | None) -> Result:
    card = card_of(examined.pack, examined.health, examined.warnings, order.rules)
    row = row_of(examined, card)
    page: str | None = None
    if drawn is not None and order.pages is not None:
        from evloom.plan.battery.report.page import page_html, page_name

        page = page_html(examined, card, drawn, Words(order.pages))
        row = replace(row, page=page_name(row.vehicle_id, row.pack_id))
    return Result(row, vehicle_json(examined, card, row.page) if order.json else "", page)
