"""One scenario under one policy after the other."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evloom.dispatch.moment import wires
from evloom.dispatch.objective import Objective, parse_objective
from evloom.dispatch.reason import FALLBACK
from evloom.dispatch.rules import RULES
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float
from evloom.loop.driver import Loop, Sink, drive
from evloom.loop.policies import policy_named
from evloom.loop.ports import Policy
from evloom.loop.record import Record
from evloom.loop.sight import blank_sight, piles
from evloom.loop.state import State
from evloom.market.tariff import SeriesTariff
from evloom.pile.events import Event
from evloom.pile.orders import SetPower
from evloom.simulate.field import SimulatedField
from evloom.simulate.foresight import foresight
from evloom.simulate.stage import Stage
from evloom.simulate.stays import trust_of
from evloom.simulate.stride import Clockwork, Plant, run_rule
from evloom.simulate.track import Track, blank_track
from evloom.simulate.twin import empty_world

POLICIES = (*RULES, "optimal", "foresight")
CHUNK = 5_000_000  # EVSE-cycles in one compiled call, about a second: between two calls Ctrl-C is heard

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PolicyRun:
    """What one policy did with a stage.

    storage_kwh    (n_storage, n_step) net energy at the meters of the stationary batteries; storage_out_kwh discharged, unsigned
    cycles         how often the loop ran; cpu_s CPU seconds for all of it, compiling kernels left out
    digest         of all orders, "" where not driven by the loop
    rejected       cycles without a plan, or whose orders failed the check, in which a safe set stood in
    bound          objective terms of the plan (foresight only)
    """

    policy: str
    track: Track
    storage_kwh: Float
    storage_out_kwh: Float
    cycles: int
    cpu_s: float
    digest: str
    rejected: int
    bound: dict[str, float]


def check_policies(names: tuple[str, ...]) -> None:
    """Raise InputError for a policy that does not exist or is asked for twice, and where none is asked for."""
    allowed = ", ".join(POLICIES)
    wrong = [repr(name) for name in names if name not in POLICIES] or ([] if names else ["(none)"])
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1 and name in POLICIES]
    findings = [_of_policies("unknown", ", ".join(wrong), allowed, "choose from those, separated by commas")] if wrong else []
    if twice:
        findings.append(_of_policies("repeated", ", ".join(twice), "each policy once", "name it once: a second run gives the same"))
    if findings:
        raise InputError(findings)


def _of_policies(kind: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(f"policy.{kind}", "refused", "policies", None, "policy", value, allowed, advice)


def run_policy(stage: Stage, name: str, objective: str, sink: Sink | None = None, progress: Progress | None = None) -> PolicyRun:
    """Run one policy. With `sink` every cycle's events, orders and record are handed to it; rules without one run in one stride."""
    check_policies((name,))
    aim = parse_objective(objective)
    _warm_up(stage, name, aim, sink is not None)
    began = time.process_time()
    if sink is None and strides(stage, name):
        track = _stride(stage, name, progress)
        n_storage = len(stage.scenario.site.storage.storage_id)
        nothing = np.zeros((n_storage, stage.grid.n))
        return PolicyRun(name, track, nothing, np.zeros(n_storage), len(stage.step), time.process_time() - began, "", 0, {})
    return _loop(stage, make_policy(stage, name, aim), sink, progress, began)


def _warm_up(stage: Stage, name: str, objective: Objective, by_loop: bool) -> None:
    """Run the first cycles with cars and forget them: kernels are compiled or loaded before the clock starts."""
    first = int(np.searchsorted(stage.cycle_s[:-1], stage.cars.arrival_s[0])) if len(stage.cars.arrival_s) else 0
    n = min(first + 3, len(stage.step))
    short = replace(stage, cycle_s=stage.cycle_s[: n + 1], step=stage.step[:n])
    if by_loop or not strides(stage, name):
        _loop(short, make_policy(short, "optimal" if name == "foresight" else name, objective), None, None, 0.0)
    else:
        _stride(short, name, None)


def make_policy(stage: Stage, name: str, objective: Objective) -> Policy:
    """The policy of that name for this stage."""
    if name == "foresight":
        return foresight(stage, objective)
    control = stage.scenario.control
    urgent_first, spread = control.scarcity == "laxity", control.starts == "spread"
    return policy_named(name, objective, trust_of(stage.scenario), urgent_first=urgent_first, spread=spread)


def strides(stage: Stage, name: str) -> bool:
    """Whether the compiled run gives what the loop gives: rules that need no forecast, no steady orders, no memory, and no lost links."""
    scenario = stage.scenario
    if name not in RULES or not scenario.control.steady.is_off or scenario.link.drops_per_day > 0.0:
        return False
    if scenario.diagnoses:
        return False
    if name == "price-queue" and scenario.control.starts == "spread":
        return False
    forecast = bool(scenario.site.base_load or scenario.site.solar) or isinstance(scenario.tariff, SeriesTariff)
    return name != "price-queue" or not forecast


def _stride(stage: Stage, name: str, progress: Progress | None) -> Track:
    scenario = stage.scenario
    tree = scenario.site.tree
    track = blank_track(stage.cars, stage.grid.edges_s(), tree.n)
    room_kw = np.full(stage.ahead.n, max(0.0, tree.import_max_kw[0]))
    clock = Clockwork(stage.cycle_s, stage.step, stage.ahead.edges_s(), stage.base_kw, stage.price_per_kwh, room_kw, stage.n_ahead)
    now = wires(tree, np.zeros(tree.n), scenario.site.voltage_v)
    plant = Plant(now, piles(scenario.evse), stage.cars, stage.beliefs)
    sight, world = blank_sight(scenario.evse.n), empty_world(scenario.evse.efficiency)
    chunk = max(1, CHUNK // max(1, scenario.evse.n))
    for begin in range(0, len(stage.step), chunk):
        end = min(begin + chunk, len(stage.step))
        some = clock._replace(begin=begin, end=end)
        run_rule(RULES[name], some, plant, sight, world, track)
        if progress is not None:
            progress(end, len(stage.step))
    return track


def _loop(stage: Stage, policy: Policy, sink: Sink | None, progress: Progress | None, began: float) -> PolicyRun:
    scenario = stage.scenario
    field = SimulatedField(stage)
    loop = Loop(State(scenario.site, scenario.evse, stage.terms), policy, scenario.control.steady)
    rejected = 0
    done = 0

    def listen(events: list[Event], orders: tuple[SetPower, ...], record: Record) -> None:
        nonlocal rejected, done
        field.note(record.reason)
        rejected += bool(record.violations) or bool((record.reason == FALLBACK).any())
        done += 1
        if sink is not None:
            sink(events, orders, record)
        if progress is not None:
            progress(done, len(stage.step))

    drive(loop, field, stage.cycle_s[:-1], listen)
    track = field.close()
    bound = getattr(policy, "objective", {}) if policy.name == "foresight" else {}
    return PolicyRun(
        policy.name,
        track,
        field.storage.flow_kwh,
        field.storage.out_kwh,
        done,
        time.process_time() - began,
        loop.digest.text(),
        rejected,
        bound,
    )
