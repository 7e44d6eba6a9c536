"""A study: one scenario under several policies, with a journal if wanted, and what is left when it is interrupted."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evloom.dispatch.objective import parse_objective
from evloom.loop.driver import Digest, Loop, Sink
from evloom.loop.record import Record
from evloom.loop.state import State
from evloom.pile.events import Event
from evloom.pile.orders import SetPower
from evloom.simulate.run import PolicyRun, check_policies, make_policy, run_policy
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.scores import Score, score
from evloom.simulate.stage import Stage, stage
from evloom.store.journal import Cycle, Header, JournalWriter, Part, read_journal

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Study:
    """The runs that were finished, in the order asked for, with their scores. interrupted: the policy that was not finished, or ""."""

    stage: Stage
    objective: str
    runs: tuple[PolicyRun, ...]
    scores: tuple[Score, ...]
    interrupted: str


def study(scenario: Scenario, policies: tuple[str, ...], objective: str, journal: Path | None, watch: Watch) -> Study:
    """Run the policies one after the other. Ctrl-C ends the study with what is finished.

    watch(policy, done, total) is called as cycles pass. Raises InputError for an unknown policy or objective.
    """
    check_policies(policies)
    parse_objective(objective)
    laid_out = stage(scenario)
    runs: list[PolicyRun] = []
    interrupted = ""
    with ExitStack() as stack:
        writer = stack.enter_context(JournalWriter(journal)) if journal is not None else None
        for name in policies:
            try:
                sink = _journal_sink(writer, Header(name, objective, scenario.control.deadband_kw))
                runs.append(run_policy(laid_out, name, objective, sink, partial(watch, name)))
            except KeyboardInterrupt:
                interrupted = name
                break
    return Study(laid_out, objective, tuple(runs), tuple(score(laid_out, run) for run in runs), interrupted)


def _journal_sink(writer: JournalWriter | None, header: Header) -> Sink | None:
    if writer is None:
        return None
    writer.begin(header)
    digest = Digest()

    def sink(events: list[Event], orders: tuple[SetPower, ...], record: Record) -> None:
        digest.take(record)
        writer.cycle(Cycle(events, orders, digest.text()))

    return sink


@dataclass(frozen=True)
class Replay:
    """What a journal's part gave when its events were fed to a fresh loop: ticks, ticks with other orders, equal digests or not."""

    part: Part
    ticks: int
    differing: int
    same_digest: bool


def replay_journal(scenario: Scenario, journal: Path) -> list[Replay]:
    """Replay every run of a journal. Raises InputError where the file is no journal."""
    laid_out = stage(scenario)
    results = []
    for part in read_journal(journal):
        check_policies((part.header.policy,))
        policy = make_policy(laid_out, part.header.policy, parse_objective(part.header.objective))
        loop = Loop(State(scenario.site, scenario.evse, laid_out.terms), policy, part.header.deadband_kw)
        differing = 0
        for cycle in part.cycles:
            orders, _ = loop.tick(cycle.events)
            differing += orders != cycle.orders
        last = part.cycles[-1].digest if part.cycles else loop.digest.text()
        results.append(Replay(part, len(part.cycles), differing, loop.digest.text() == last))
    return results
