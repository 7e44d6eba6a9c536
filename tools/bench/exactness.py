"""Evloom beside acnportal on the same sessions: what each session gets, kWh by kWh.

acnportal thinks in whole periods, so arrivals and departures are cut down to the period as its own reader does, and both
get the result. Its algorithm never sets a pilot above what the request still needs, so a request that is not a whole number
of current steps is left a little short; a driver's request is therefore rounded up to whole steps, and the battery takes
what was recorded. Its test for being done needs the request a hair above whole steps, where Evloom, which rounds up what it
asks for, must not see more than whole steps. The hairs differ from session to session by the same in both, so that no
two laxities are equal and both serve in the same order.

Where the network is limited the stations have current steps (8 A): with continuous currents acnportal searches by bisection
and stops 0.01 A below the limit.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.run import run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.model import Scenario
from evloom.simulate.stage import stage
from tools.bench.environment import ACNPORTAL, BUILD, run_in

VOLTAGE_V = 208.0
CURRENT_MAX_A = 32.0
PERIOD_S = 300
HAIR_KWH = 1e-5
UNLIMITED_A = 1e5  # far more than all stations together

SCENARIO = """
[time]
zone = "America/Los_Angeles"
from = {first}
to = {last}
step_s = {period_s}
[site]
voltage_v = {voltage_v}
[transformer]
rating_kva = {limit_kw}
power_factor = 1
[[pile]]
from_sessions = true
rating_kw = {rating_kw}
current_min_a = {step_a}
current_step_a = {step_a}
[sessions]
file = "packaged:jpl-2019-06"
[driver]
departure = "true"
energy = "told"
[control]
replan = "step"
[tariff]
name = "sce-tou-ev-4-2019"
"""


@dataclass(frozen=True)
class Case:
    """A rule on a span of the packaged month; limit_a on the total current; step_a 0 = continuous."""

    name: str
    rule: str
    limit_a: float
    step_a: float
    first: str = "2019-06-01"
    last: str = "2019-07-01"

    @property
    def step_kwh(self) -> float:
        """Energy of one current step in one period; 0 where the current is continuous."""
        return self.step_a * VOLTAGE_V / 1000 * PERIOD_S / 3600


MONTH = (
    Case("unlimited", "earliest-deadline", UNLIMITED_A, 0.0),
    Case("limited-480A", "earliest-deadline", 480.0, 8.0),
    Case("limited-480A", "least-laxity", 480.0, 8.0),
)


WEEK = (
    Case("week", "earliest-deadline", 480.0, 8.0, "2019-06-03", "2019-06-10"),
    Case("week", "least-laxity", 480.0, 8.0, "2019-06-03", "2019-06-10"),
)


def scenario_of(case: Case, folder: Path) -> Scenario:
    """The case as a scenario whose sessions are cut to periods; its file is written to `folder`."""
    limit_kw = case.limit_a * VOLTAGE_V / 1000
    rating_kw = CURRENT_MAX_A * VOLTAGE_V / 1000
    text = SCENARIO.format(
        first=case.first, last=case.last, period_s=PERIOD_S, voltage_v=VOLTAGE_V, limit_kw=limit_kw, rating_kw=rating_kw, step_a=case.step_a
    )
    path = folder / f"{case.name}-{case.rule}.toml"
    path.write_text(text)
    scenario = load_scenario(path)
    table = scenario.sessions
    arrival_s, departure_s = np.floor(table.arrival_s / PERIOD_S) * PERIOD_S, np.floor(table.departure_s / PERIOD_S) * PERIOD_S
    if not (departure_s > arrival_s).all():
        raise ValueError("a stay lies within one period")
    believed_kwh = requests_kwh(table.energy_kwh, case.step_kwh) - 2 * HAIR_KWH
    return replace(scenario, sessions=replace(table, arrival_s=arrival_s, departure_s=departure_s, requested_kwh=believed_kwh))


def requests_kwh(energy_kwh: Float, step_kwh: float) -> Float:
    """Requests (n_session,): the energies rounded up to whole steps and a hair more, a different one for each session.

    Where the current is continuous a hair above what acnportal takes for done (1 Wh) is enough.
    """
    if step_kwh == 0.0:
        return energy_kwh + 200 * HAIR_KWH
    hair_kwh = HAIR_KWH * np.arange(1, len(energy_kwh) + 1) / len(energy_kwh)
    whole_kwh = np.ceil(energy_kwh / step_kwh - 1e-9) * step_kwh
    if (whole_kwh + hair_kwh - energy_kwh >= step_kwh).any():
        raise ValueError("an energy lies a hair above whole steps: acnportal would ask for one step more")
    return whole_kwh + hair_kwh


def task_of(case: Case, scenario: Scenario) -> dict[str, Any]:
    """The case as acnportal_run wants it."""
    table, start_s = scenario.sessions, scenario.grid.start_s
    request_kwh = requests_kwh(table.energy_kwh, case.step_kwh)
    columns = zip(table.session_id, table.evse_id, table.arrival_s, table.departure_s, table.energy_kwh, request_kwh, strict=True)
    sessions = [
        {
            "session_id": session_id,
            "station": evse_id,
            "arrival": round((arrival_s - start_s) / PERIOD_S),
            "departure": round((departure_s - start_s) / PERIOD_S),
            "energy_kwh": float(energy_kwh),
            "request_kwh": float(wanted_kwh),
        }
        for session_id, evse_id, arrival_s, departure_s, energy_kwh, wanted_kwh in columns
    ]
    return {
        "station": list(scenario.evse.evse_id),
        "voltage_v": VOLTAGE_V,
        "current_max_a": CURRENT_MAX_A,
        "rates_a": list(np.arange(0.0, CURRENT_MAX_A + case.step_a, case.step_a)) if case.step_a else [],
        "limit_a": case.limit_a,
        "rule": case.rule,
        "period_min": PERIOD_S // 60,
        "sessions": sessions,
    }


def delivered_kwh(case: Case, scenario: Scenario) -> tuple[dict[str, float], float]:
    """What Evloom gives each session, by session_id, and the CPU seconds of the run."""
    ready = stage(scenario)
    if len(ready.turned_away):
        raise ValueError("a session found its EVSE taken")
    run = run_policy(ready, case.rule, scenario.objective)
    names = [scenario.sessions.session_id[row] for row in ready.session]
    return dict(zip(names, run.track.in_kwh.tolist(), strict=True)), run.cpu_s


@dataclass(frozen=True)
class Comparison:
    """Evloom and acnportal on one case: CPU seconds of each run, most that any session differs, and what was wanted and lacking."""

    case: Case
    sessions: int
    evse_steps: int
    cpu_s: float
    acnportal_cpu_s: float
    apart_kwh: float
    delivered: float


def record_path(case: Case) -> Path:
    """Where the answer of acnportal is kept for the tests."""
    return BUILD / f"acnportal-{case.name}-{case.rule}.json"


def recorded(case: Case, task: dict[str, Any]) -> dict[str, float] | None:
    """What acnportal gave each session in the last benchmark; None where it has not run on exactly this task."""
    path = record_path(case)
    if not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept["delivered_kwh"] if kept["task"] == digest(task) else None


def digest(task: dict[str, Any]) -> str:
    """A fingerprint of a task."""
    return hashlib.sha256(json.dumps(task, sort_keys=True).encode()).hexdigest()


def apart_kwh(ours: dict[str, float], theirs: dict[str, float]) -> float:
    """Most that any session differs. Raises ValueError where the sessions are not the same."""
    if ours.keys() != theirs.keys():
        raise ValueError("the two simulations did not run the same sessions")
    return max(abs(ours[name] - theirs[name]) for name in ours)


def compare(case: Case, folder: Path) -> Comparison:
    """Run both, and keep what acnportal answers."""
    scenario = scenario_of(case, folder)
    delivered_kwh(case, scenario)  # compiling does not count
    ours, cpu_s = delivered_kwh(case, scenario)
    task = task_of(case, scenario)
    answer = run_in(ACNPORTAL, task)
    theirs = answer["delivered_kwh"]
    record_path(case).write_text(json.dumps({"task": digest(task), "delivered_kwh": theirs}))
    share = sum(ours.values()) / float(scenario.sessions.energy_kwh.sum())
    evse_steps = scenario.grid.n * scenario.evse.n
    return Comparison(case, len(ours), evse_steps, cpu_s, answer["cpu_s"], apart_kwh(ours, theirs), share)
