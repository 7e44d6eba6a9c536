"""A study: one scenario under several policies, with a journal if wanted, and what is left when it is interrupted."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evloom.dispatch.objective import parse_objective
from evloom.loop.driver import Digest, Sink
from evloom.loop.record import Record
from evloom.pile.events import Event
from evloom.pile.orders import SetPower
from evloom.simulate.replay import header_of
from evloom.simulate.run import PolicyRun, check_policies, run_policy
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.scores import Score, score
from evloom.simulate.stage import Stage, stage
from evloom.store.journal import Cycle, JournalWriter

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Study:
    """The runs that were finished, in the order asked for, with their scores.

    interrupted: the policy that was not finished, or ""; journal_error: why the journal is not whole, if it is not.
    """

    stage: Stage
    objective: str
    runs: tuple[PolicyRun, ...]
    scores: tuple[Score, ...]
    interrupted: str
    journal_error: OSError | None


def study(scenario: Scenario, policies: tuple[str, ...], objective: str, journal: Path | None, watch: Watch) -> Study:
    """Run the policies one after the other. Ctrl-C ends the study with what is finished.

    watch(policy, done, total) is called as cycles pass, first with done = 0; it may raise KeyboardInterrupt.
    Raises InputError for an unknown policy or objective, and OSError where the journal cannot be made.
    """
    check_policies(policies)
    parse_objective(objective)
    laid_out = stage(scenario)
    runs: list[PolicyRun] = []
    interrupted = ""
    with JournalWriter(journal) if journal is not None else nullcontext() as writer:
        for name in policies:
            try:
                watch(name, 0, len(laid_out.step))
                runs.append(_run(laid_out, name, objective, writer, watch))
            except KeyboardInterrupt:
                interrupted = name
                break
    scores = tuple(score(laid_out, run) for run in runs)
    return Study(laid_out, objective, tuple(runs), scores, interrupted, writer.error if writer is not None else None)


def _run(laid_out: Stage, name: str, objective: str, writer: JournalWriter | None, watch: Watch) -> PolicyRun:
    progress = partial(watch, name)
    if writer is None:
        return run_policy(laid_out, name, objective, None, progress)
    writer.begin(header_of(laid_out, name, objective))
    run = run_policy(laid_out, name, objective, _journal_sink(writer), progress)
    writer.end(name, run.cycles)
    return run


def _journal_sink(writer: JournalWriter) -> Sink:
    digest = Digest()

    def sink(events: list[Event], orders: tuple[SetPower, ...], record: Record) -> None:
        digest.take(record)
        writer.cycle(Cycle(events, orders, digest.text()))

    return sink
