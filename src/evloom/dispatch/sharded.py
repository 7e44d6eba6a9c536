"""One problem planned in shards: what the coordinator does between answers. Who answers, and where, is the crew's affair.

Only loads and prices of the walls that shards share go to and fro (`evloom.dispatch.sweeps.shard`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from evloom.dispatch.binding import bindings
from evloom.dispatch.check import check_problem
from evloom.dispatch.objective import Objective
from evloom.dispatch.optimise import Effort, Watch, fixed_value, value_of
from evloom.dispatch.problem import Problem
from evloom.dispatch.service import short_price_per_kwh
from evloom.dispatch.solved import Round, Solved
from evloom.dispatch.sweeps.coarse import foretold, sampled
from evloom.dispatch.sweeps.layout import Layout, lay_out, obstacle
from evloom.dispatch.sweeps.shard import (
    Answer,
    Piece,
    Request,
    Shard,
    State,
    Task,
    cells_of,
    could_kwh,
    cut,
    own_value,
    shared_layout,
    shared_value,
    shared_walls,
    split,
    walls_of,
)
from evloom.dispatch.sweeps.solve import Best, Sweeper, node_prices, place_peak, schedule_of
from evloom.dispatch.sweeps.walls import Walls, renewed
from evloom.kernel.errors import SolverError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Float, Int

# Sweeps between two looks at the gap, and over a sample at the start: as without shards.
_BETWEEN, _SAMPLE_SWEEPS = 4, 8


class Crew(Protocol):
    """Those who sweep the shards."""

    def ask(self, requests: Mapping[int, Request]) -> dict[int, Answer | None]:
        """Answers of the shards that are asked; None from one that is given up: after repeated failures it is not asked again."""

    def state(self, number: int) -> State | None:
        """What is known of a shard that is given up, as of the last request it answered."""


Hire = Callable[[int, Callable[[int], Piece]], AbstractContextManager[Crew]]
"""From the number of shards and what makes the piece of each, the crew that sweeps them while it is entered."""


class HereAndNow:
    """The crew that answers in this process, one shard after the other."""

    def __init__(self, n_shard: int, piece: Callable[[int], Piece]) -> None:
        self._shards = [Shard(piece(number)) for number in range(n_shard)]

    def __enter__(self) -> "HereAndNow":
        return self

    def __exit__(self, *_: object) -> None:
        self._shards.clear()

    def ask(self, requests: Mapping[int, Request]) -> dict[int, Answer | None]:
        """See `Crew`."""
        return {number: self._shards[number].answer(request) for number, request in requests.items()}

    def state(self, number: int) -> State | None:
        """See `Crew`."""
        return self._shards[number].state


class _GivenUp(NamedTuple):
    """What a shard stays at: its plan, the loads of shared walls with it, what it costs alone."""

    net_kwh: Float
    load_kwh: Float
    value: float


@dataclass
class _Best:
    """Best value and bound so far with the numbers of their looks and the bound's prices of shared walls."""

    value: float = np.inf
    bound: float = -np.inf
    looks: tuple[int, int] = (0, 0)
    price_per_kwh: Float | None = None


class Coordinator:
    """Between the answers of the crew: adds up loads, moves prices, shares out room."""

    def __init__(self, layout: Layout, shards: tuple[Int, ...]) -> None:
        self.layout, self.shards = layout, shards
        self.rows = shared_walls(layout, shards)
        self.given_up: dict[int, _GivenUp] = {}
        self.best = _Best()
        self.sweeps, self._number = 0, 0
        # A sweeper of nobody: the shared walls with their prices and the step that these take.
        self._top = Sweeper(shared_layout(layout, self.rows))
        self._walls: Walls = self._top.setting.walls
        self._load_kwh = np.zeros((len(shards), *self._walls.right.shape))
        self._excess = np.zeros(len(shards))

    def piece(self, number: int) -> Piece:
        """What is sent to a shard once."""
        return cut(self.layout, self.shards, number)

    def start(self, crew: Crew) -> None:
        """Begin at the prices, and against the loads, that a sample of the units comes to."""
        sample, walls = sampled(self.layout), self.layout.setting.walls
        price_per_kwh, load_kwh = np.zeros(walls.right.shape), np.zeros(walls.right.shape)
        if sample is not None:
            few = Sweeper(sample.layout)
            few.start_from_sample()
            for _ in range(_SAMPLE_SWEEPS):
                few.sweep()
            price_per_kwh, load_kwh = foretold(self.layout, sample, few.setting.walls, few.prices)
        if sample is not None and self.layout.peak is not None:
            place_peak(self.layout.peak, self.layout.setting, load_kwh, price_per_kwh)
            self._walls.right[:] = walls.right[self.rows]
        self._top.prices = renewed(self._walls, load_kwh[self.rows], price_per_kwh[self.rows])
        could = [could_kwh(self.layout, rows) for rows in self.shards]
        share = np.array(could) / np.maximum(np.sum(could, axis=0), 1e-300)
        self._load_kwh = share[:, self.rows, None] * load_kwh[self.rows]
        right = self._rights()
        requests = {}
        for k, rows in enumerate(self.shards):
            wall = walls_of(self.layout, rows, self.rows)
            requests[k] = self._request("start", (price_per_kwh[wall], right[k], share[k, wall, None] * load_kwh[wall]))
        self._hear(crew, requests)
        if sample is not None:
            self._raise()

    def sweep(self, crew: Crew) -> None:
        """One sweep of all shards and the step of the prices of shared walls."""
        self.sweeps += 1
        right = self._rights()
        self._hear(crew, {k: self._request("sweep", (self._top.prices.price_per_kwh, right[k])) for k in self._at_work()})
        self._raise()

    def look(self, crew: Crew) -> None:
        """Have everybody repair its plan within its part of the room; keep the whole if it is the best so far; a new bound."""
        self._top.best.bound = -np.inf
        self._top.bound()
        part, price_per_kwh = self._top.best.bound, self._top.best.price_per_kwh
        room = self._rooms()
        answers = self._ask(crew, {k: self._request("look", (price_per_kwh, room[k])) for k in self._at_work()})
        if not self.given_up:
            bound = part + sum(one.least for one in answers.values())
            if bound > self.best.bound:
                self.best.bound, self.best.price_per_kwh, self.best.looks = bound, price_per_kwh, (self.best.looks[0], self._number)
        load_kwh, value = self._kept_loads(), self.layout.constant
        for k in range(len(self.shards)):
            done = answers.get(k) or self.given_up[k]
            load_kwh += done.load_kwh if k in answers else 0.0
            value += done.value
        value += shared_value(self._top.layout, load_kwh)
        if value < self.best.value:
            self.best.value, self.best.looks = value, (self._number, self.best.looks[1])

    def finish(self, crew: Crew) -> Best:
        """The best plan of all and the prices of the best bound."""
        answers = self._ask(crew, {k: self._request("finish", (self._top.prices.price_per_kwh,) * 2) for k in self._at_work()})
        net_kwh = np.zeros(int(self.layout.setting.units.begin[-1]))
        price_per_kwh = np.zeros(self.layout.setting.walls.right.shape)
        for k, rows in enumerate(self.shards):
            net_kwh[cells_of(self.layout, rows)] = answers[k].net_kwh if k in answers else self.given_up[k].net_kwh
            if k in answers:
                price_per_kwh[walls_of(self.layout, rows, self.rows)] = answers[k].price_per_kwh
        if self.best.price_per_kwh is not None:
            price_per_kwh[self.rows] = self.best.price_per_kwh
        return Best(net_kwh, self.best.value, self.best.bound, price_per_kwh)

    def excess(self) -> float:
        """Largest relative excess of the plans over a hard wall."""
        return max(self._top.excess(), float(self._excess.max(initial=0.0)))

    def _at_work(self) -> list[int]:
        return [k for k in range(len(self.shards)) if k not in self.given_up]

    def _request(self, task: Task, tables: tuple[Float, ...]) -> Request:
        """The request that is asked next."""
        price_per_kwh, right_kwh, *load_kwh = tables
        nothing = np.zeros((0, 0))
        return Request(self._number + 1, task, price_per_kwh, right_kwh, load_kwh[0] if load_kwh else nothing, self.best.looks)

    def _ask(self, crew: Crew, requests: Mapping[int, Request]) -> dict[int, Answer]:
        """The answers in the order of shards; who is given up is noted."""
        self._number += 1
        answers = crew.ask(requests)
        for k in sorted(answers):
            if answers[k] is None:
                self._give_up(k, crew.state(k))
        return {k: one for k in sorted(answers) if (one := answers[k]) is not None}

    def _hear(self, crew: Crew, requests: Mapping[int, Request]) -> None:
        """Ask, and take over the loads."""
        for k, one in self._ask(crew, requests).items():
            self._load_kwh[k], self._excess[k] = one.load_kwh, one.excess

    def _give_up(self, k: int, state: State | None) -> None:
        """Let a shard stay at its part of the best schedule so far; at nothing if there is none."""
        piece = self.piece(k)
        net_kwh, look = np.zeros(int(piece.layout.setting.units.begin[-1])), self.best.looks[0]
        for known in () if state is None else (state.looked.plan, state.looked.latest):
            net_kwh = known.net_kwh if look and known.number == look else net_kwh
        value, load_kwh = own_value(piece.layout, net_kwh, np.setdiff1d(np.arange(len(piece.wall)), piece.shared))
        self.given_up[k] = _GivenUp(net_kwh, load_kwh[piece.shared], value)
        self._load_kwh[k], self._excess[k] = load_kwh[piece.shared], 0.0

    def _kept_loads(self) -> Float:
        """Loads of shared walls by the shards that are given up."""
        found = np.zeros(self._walls.right.shape)
        for _, one in sorted(self.given_up.items()):
            found += one.load_kwh
        return found

    def _rights(self) -> Float:
        """Where each shard meets the shared walls, (n_shard, n_shared, n_step)."""
        total = self._load_kwh.sum(axis=0)
        found: Float = self._load_kwh + (self._walls.right - total) / len(self.shards)
        return found

    def _rooms(self) -> Float:
        """What each shard may fill of the shared walls; of those at work the sum is what the others leave.

        Where there is too much, everybody gives way by the same share, else what is left is shared out.
        """
        work = self._at_work()
        found = self._load_kwh.copy()
        mine, right = self._load_kwh[work], self._walls.right - self._kept_loads()
        total = mine.sum(axis=0)
        export = self._walls.is_export[:, None]
        over = np.where(export, (total < right) & (right <= 0.0), (total > right) & (right >= 0.0))
        share = np.where(over, right / np.where(over, total, 1.0), 1.0)
        found[work] = np.where(over, mine * share, mine + (right - total) / max(len(work), 1))
        return found

    def _raise(self) -> None:
        """The step of the multipliers of shared walls."""
        self._top.prices = renewed(self._walls, self._load_kwh.sum(axis=0), self._top.prices.price_per_kwh)
        self._top.sweep()


def optimise_sharded(problem: Problem, objective: Objective, effort: Effort, watch: Watch, staff: tuple[int, Hire]) -> Solved:
    """As `optimise` by sweeps, in shards; staff = (most shards, who sweeps them).

    The same number of shards gives the same bits, whoever sweeps them. Raises InputError for impossible numbers, SolverError for an
    objective that sweeps cannot treat.
    """
    check_problem(problem)
    why_not = obstacle(problem, objective)
    if why_not:
        raise SolverError(why_not)
    layout, fixed = lay_out(problem, objective), fixed_value(problem, objective)
    lead = Coordinator(layout, split(problem.nodes.parent, layout, staff[0]))
    with staff[1](len(lead.shards), lead.piece) as crew:
        rounds, stopped = _go_round(lead, crew, effort, fixed, watch)
        best = lead.finish(crew)
    sweeper = Sweeper(layout)
    sweeper.best = best
    schedule, price = schedule_of(problem, sweeper), short_price_per_kwh(problem, objective)
    value = value_of(problem, objective, schedule, price)
    findings = (*bindings(problem, schedule), *_given_up(lead))
    bound = min(best.bound, value)
    return Solved(schedule, "sweeps", value, bound, price, node_prices(problem, sweeper), rounds, findings, stopped, fixed)


def _go_round(lead: Coordinator, crew: Crew, effort: Effort, fixed: float, watch: Watch) -> tuple[tuple[Round, ...], bool]:
    """Sweep until the gap is proved, or the watch says stop -> rounds, whether it was stopped."""
    rounds: list[Round] = []
    lead.start(crew)
    for number in range(1, effort.sweeps_max + 1):
        lead.sweep(crew)
        if number > 1 and number % _BETWEEN and number < effort.sweeps_max:
            continue
        lead.look(crew)
        rounds.append(Round(number, lead.best.value, lead.best.bound, lead.excess(), fixed))
        if not watch(rounds[-1]):
            return tuple(rounds), True
        if rounds[-1].gap <= effort.gap or len(lead.given_up) == len(lead.shards):
            break
    return tuple(rounds), False


def _given_up(lead: Coordinator) -> list[Finding]:
    found = []
    for k, one in sorted(lead.given_up.items()):
        kept = "its last good plan" if one.net_kwh.any() else "a plan of nothing: it had no good one yet"
        units = f"shard {k} of {len(lead.shards)}, {len(lead.shards[k])} vehicles and batteries"
        allowed, advice = "a worker that answers", f"it stays at {kept}; look for the cause (memory?) and plan again"
        found.append(Finding("dispatch.shard-given-up", "warning", "shards", None, None, units, allowed, advice))
    return found
