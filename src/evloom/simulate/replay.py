"""Replaying a journal: its events go to a fresh loop, and every order is compared with the one that was written."""

from collections.abc import Container
from dataclasses import dataclass, fields, replace
from pathlib import Path

from evloom.dispatch.fallback import Fallback
from evloom.dispatch.objective import parse_objective
from evloom.dispatch.real.dwell import Steady
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.loop.driver import Loop
from evloom.loop.state import State
from evloom.pile.events import (
    Event,
    Followed,
    Known,
    Limited,
    LinkBack,
    LinkLost,
    PackSeen,
    PluggedIn,
    Readings,
    Strayed,
    Tick,
    Unplugged,
    Untold,
    Wanted,
)
from evloom.simulate.run import check_policies, make_policy
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.stage import Stage, stage
from evloom.store.journal import Frame, Header, Part, read_journal

AT_EVSE = (PluggedIn, Unplugged, LinkLost, LinkBack, PackSeen, Wanted, Untold, Strayed, Followed)


@dataclass(frozen=True)
class Replay:
    """What a journal's part gave when its events were fed to a fresh loop: ticks, ticks with other orders, equal digests or not."""

    part: Part
    ticks: int
    differing: int
    same_digest: bool


def frame_of(laid_out: Stage) -> Frame:
    """What rows and steps in the events of this stage refer to."""
    site, grid = laid_out.scenario.site, laid_out.grid
    ids = (laid_out.scenario.evse.evse_id, site.tree.node_id, site.storage.storage_id)
    return Frame(grid.start_s, int(grid.step_s), grid.n, laid_out.n_ahead, *(tuple(each) for each in ids))


def header_of(laid_out: Stage, policy: str, objective: str) -> Header:
    """How a run of this stage is driven."""
    steady = laid_out.scenario.control.steady
    times = steady.min_on_s, steady.min_off_s, steady.orders_per_hour
    return Header(policy, objective, steady.deadband_kw, frame_of(laid_out), *times)


def replay_journal(scenario: Scenario, journal: Path) -> list[Replay]:
    """Replay every run of a journal. Raises InputError where the file is no journal, or one of another site or another time."""
    laid_out = stage(scenario)
    parts = read_journal(journal)
    ours = frame_of(laid_out)
    findings = [finding for part in parts for finding in _other_frame(part.header.frame, ours, journal.name)]
    if findings:
        raise InputError(dict.fromkeys(findings))
    return [_replay(laid_out, part, journal.name) for part in parts]


def _replay(laid_out: Stage, part: Part, source: str) -> Replay:
    header, scenario = part.header, laid_out.scenario
    check_policies((header.policy,))
    policy = make_policy(laid_out, header.policy, parse_objective(header.objective))
    loop = Loop(
        State(scenario.site, scenario.evse, replace(laid_out.terms, fallback=_fallback(header, laid_out))),
        policy,
        Steady(header.min_on_s, header.min_off_s, header.deadband_kw, header.orders_per_hour, header.keep_s),
    )
    differing, ticks, last = 0, 0, loop.digest.text()
    reader = _EventCheck(laid_out, header.policy == "foresight")
    for cycle in part.cycles:
        wrong = next((why for event in cycle.events if (why := reader.wrong(event))), "") or _no_tick(cycle.events)
        if wrong:
            allowed = "events of the scenario that the journal was written for"
            advice = "name that scenario and its sessions; the ticks before it were replayed"
            finding = Finding("journal.event", "refused", source, None, f"{header.policy}, tick {ticks + 1}", wrong, allowed, advice)
            part = replace(part, findings=(*part.findings, finding))
            break
        orders, _ = loop.tick(cycle.events)
        differing += orders != cycle.orders
        ticks, last = ticks + 1, cycle.digest
    return Replay(part, ticks, differing, loop.digest.text() == last)


def _fallback(header: Header, laid_out: Stage) -> Fallback:
    """What piles do without a link: as the journal says where it does, else as the scenario says."""
    if not header.fallback_a:
        return laid_out.terms.fallback
    hold_s, stale_s = (float("inf") if value is None else value for value in (header.hold_s, header.stale_s))
    return Fallback(header.fallback_a, hold_s, stale_s)


def _no_tick(events: list[Event]) -> str:
    return "" if events and isinstance(events[-1], Tick) else "orders without a tick before them"


def _other_frame(theirs: Frame, ours: Frame, source: str) -> list[Finding]:
    """One finding for everything that the journal and the scenario do not have in common."""
    return [
        Finding(
            "journal.other-scenario",
            "refused",
            source,
            1,
            each.name,
            _shown(getattr(theirs, each.name)),
            f"{_shown(getattr(ours, each.name))}, as in the scenario",
            "replay it on the scenario, from and to that it was written with",
        )
        for each in fields(Frame)
        if getattr(theirs, each.name) != getattr(ours, each.name)
    ]


def _shown(value: float | tuple[str, ...]) -> str:
    if not isinstance(value, tuple):
        return f"{value:g}" if value < 1e6 else f"{value:.0f}"
    return f"{len(value)} ({', '.join(value[:4])}{', ...' if len(value) > 4 else ''})"


class _EventCheck:
    """Says what is wrong with an event for the stage it is to be replayed on."""

    def __init__(self, laid_out: Stage, foresight: bool) -> None:
        frame = frame_of(laid_out)
        self._n_step, self._n_storage = frame.n_step + frame.n_ahead, len(frame.storage_id)
        self._evse = frozenset(frame.evse_id)
        self._nodes: Container[str] = frozenset(frame.node_id)
        self._names: Container[str] = {"price", "export-price", "carbon", *(f"base-load {node}" for node in frame.node_id)}
        self._from_s, self._to_s = float(laid_out.cycle_s[0]), float(laid_out.cycle_s[-1])
        # Only foresight knows sessions and instants beforehand.
        ids = laid_out.scenario.sessions.session_id
        self._sessions = frozenset(ids[row] for row in laid_out.session) if foresight else None
        self._instants = frozenset(laid_out.cycle_s.tolist()) if foresight else None

    def wrong(self, event: Event) -> str:
        """What is wrong with the event; "" where nothing is."""
        match event:
            case Limited() if event.node_id not in self._nodes:
                return f"node {event.node_id!r} is not in the scenario"
            case PluggedIn() | Unplugged() | LinkLost() | LinkBack() | PackSeen() | Untold() | Strayed() | Followed() if (
                event.evse_id not in self._evse
            ):
                return f"EVSE {event.evse_id!r} is not in the scenario"
            case PluggedIn() if self._sessions is not None and event.session_id not in self._sessions:
                return f"session {event.session_id!r} is not in the scenario, so foresight has no plan for it"
            case Readings():
                return self._wrong_readings(event)
            case Known() if event.name not in self._names or not 0 <= event.first <= event.first + len(event.values) <= self._n_step:
                return f"values of {event.name!r} for steps {event.first} to {event.first + len(event.values)}"
            case Tick() if not self._from_s <= event.at_s < self._to_s or not event.step_h > 0.0:
                return f"a tick at {event.at_s:.0f} s for {event.step_h:g} h"
            case Tick() if self._instants is not None and event.at_s not in self._instants:
                return f"a tick at {event.at_s:.0f} s, for which foresight has no plan"
        return ""

    def _wrong_readings(self, event: Readings) -> str:
        columns = (event.net_kwh, event.draw_kw, event.done, event.spare_kwh, event.room_kwh)
        if any(len(column) != len(event.evse_id) for column in columns) or len(event.storage_kwh) != self._n_storage:
            return "readings whose columns differ in length"
        return next((f"EVSE {name!r} is not in the scenario" for name in event.evse_id if name not in self._evse), "")
