"""Measure what shards take and what they say to each other, and print it as the tables of docs/sharding.md.

    python -m tools.shard_figures            half a million vehicles on two processes; messages; 1, 2 and 4 shards of 100,000 vehicles
    python -m tools.shard_figures --write    the same, into the page

Sizes of messages are those of the bytes that go through the pipes (pickled); they do not depend on the machine.
"""

import pickle
import resource
import sys
import time
from collections.abc import Mapping

from evloom.dispatch.objective import parse_objective
from evloom.dispatch.optimise import Effort, go_on, optimise
from evloom.dispatch.problem import Problem
from evloom.dispatch.sharded import optimise_sharded
from evloom.dispatch.solved import Solved
from evloom.dispatch.sweeps.shard import Answer, Piece, Request
from evloom.plan.fleet.desk import state_path
from evloom.plan.fleet.generate import Recipe, generate
from evloom.plan.fleet.runner import Local, PieceOf, local
from tools.fault import ROOT

PAGE = ROOT / "docs" / "sharding.md"
MAKER = "python -m tools.shard_figures --write"
N_VEHICLE, HALF_MILLION, EFFORT = 100_000, 500_000, Effort("sweeps", 1e-3, 100)
# What is measured: name, tree, share of vehicles that discharge, objective.
FLEETS = (
    ("tree of three levels, cost", "25/100", 0.0, "cost"),
    ("tree of three levels, demand charge and valley filling", "25/100", 0.0, "cost+demand+0.001*valley"),
    ("one cap, half of them V2G", "one", 0.5, "cost+wear"),
)


class Weighed(Local):
    """Processes of this machine, with the largest message of each kind."""

    def __init__(self, n_shard: int, piece: PieceOf, n_worker: int) -> None:
        self.bytes: dict[str, int] = {"piece": 0}
        super().__init__(n_shard, lambda number: self._weighed_piece(piece, number), n_worker)

    def _weighed_piece(self, piece: PieceOf, number: int) -> Piece:
        found = piece(number)
        self._note("piece", found)
        return found

    def _note(self, kind: str, message: object) -> None:
        self.bytes[kind] = max(self.bytes.get(kind, 0), len(pickle.dumps(message)))

    def ask(self, requests: Mapping[int, Request]) -> dict[int, Answer | None]:
        """Ask, and weigh what goes down and what comes up."""
        answers = super().ask(requests)
        for number, request in requests.items():
            self._note(f"{request.task} down", (number, request))
            self._note(f"{request.task} up", answers[number])
            if request.task in ("sweep", "look"):
                is_look = request.task == "look"
                size = state_path(self._folder, number, is_look=is_look).stat().st_size
                self.bytes[f"{request.task} file"] = max(self.bytes.get(f"{request.task} file", 0), size)
        return answers


def weigh(problem: Problem, text: str) -> tuple[dict[str, int], Solved]:
    """The largest messages of four shards."""
    crews: list[Weighed] = []

    def hire(n_shard: int, piece: PieceOf) -> Weighed:
        crews.append(Weighed(n_shard, piece, 2))
        return crews[-1]

    solved = optimise_sharded(problem, parse_objective(text), EFFORT, go_on, (4, hire))
    return crews[0].bytes, solved


def messages_text() -> str:
    """Markdown table of messages."""
    rows = ["| bytes per shard, four shards of 100,000 vehicles | " + " | ".join(name for name, *_ in FLEETS) + " |"]
    rows.append("|---|" + "---:|" * len(FLEETS))
    weighed = [weigh(generate(Recipe(N_VEHICLE, 1, tree, v2g_share=v2g)).problem, text)[0] for _, tree, v2g, text in FLEETS]
    names = {
        "sweep down": "each sweep, down: prices and places of shared walls",
        "sweep up": "each sweep, up: loads of shared walls",
        "look down": "each look (one in four sweeps), down: prices and room",
        "look up": "each look, up: loads, value, part of the bound",
        "start down": "once, down: prices and loads foretold of all its walls",
        "piece": "once, down: its vehicles and walls",
        "finish up": "once, up: the plan, and prices of all its walls",
        "sweep file": "file of its state, written after each sweep",
        "look file": "the same, after each look",
    }
    for key, name in names.items():
        rows.append(f"| {name} | " + " | ".join(f"{one[key]:,}" for one in weighed) + " |")
    return "\n".join(rows)


def _children_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def speed_text() -> str:
    """Markdown table of processor and wall-clock time."""
    rows = [
        "| 100,000 vehicles | shards | processes | sweeps | gap | CPU coordinator, s | CPU workers, s | wall clock, s |",
        "|---|" + "---:|" * 7,
    ]
    for name, tree, v2g, text in FLEETS:
        problem, aim = generate(Recipe(N_VEHICLE, 1, tree, v2g_share=v2g)).problem, parse_objective(text)
        for n in (0, 1, 2, 4):
            own_s, theirs_s, clock_s = time.process_time(), _children_s(), time.monotonic()
            solved = optimise_sharded(problem, aim, EFFORT, go_on, (n, local(n))) if n else optimise(problem, aim, EFFORT, go_on)
            own_s, theirs_s, clock_s = time.process_time() - own_s, _children_s() - theirs_s, time.monotonic() - clock_s
            shards = f"{n} | {n}" if n else "whole | none"
            times = f"{own_s:.1f} | {theirs_s:.1f} | {clock_s:.1f}"
            rows.append(f"| {name} | {shards} | {solved.rounds[-1].sweep} | {100 * solved.gap:.3f} % | {times} |")
    return "\n".join(rows)


def machine_text() -> str:
    """Markdown list: half a million vehicles on two processes, a machine's share of ten million on twenty."""
    problem = generate(Recipe(HALF_MILLION, 1, "25/100")).problem
    theirs_s, clock_s, own_s = _children_s(), time.monotonic(), time.process_time()
    crews: list[Weighed] = []

    def hire(n_shard: int, piece: PieceOf) -> Weighed:
        crews.append(Weighed(n_shard, piece, 2))
        return crews[-1]

    solved = optimise_sharded(problem, parse_objective("cost"), EFFORT, go_on, (2, hire))
    theirs_s, clock_s, own_s = _children_s() - theirs_s, time.monotonic() - clock_s, time.process_time() - own_s
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    found = crews[0].bytes
    rows = (
        ("sweeps, gap", f"{solved.rounds[-1].sweep}, {100 * solved.gap:.3f} %"),
        ("CPU of the two workers together, their start included", f"{theirs_s:.1f} s"),
        ("CPU of the coordinator (layout, sample, weighing of messages, schedule)", f"{own_s:.1f} s"),
        ("wall clock on a machine of two processors with other work", f"{clock_s:.1f} s"),
        ("most memory of a worker", f"{largest / 2**20:,.0f} MiB"),
        ("each sweep, down and up, per shard", f"{found['sweep down']:,} and {found['sweep up']:,} bytes"),
        ("once, down: 250,000 vehicles and their walls", f"{found['piece'] / 1e6:.1f} MB"),
        ("once, up: their plan", f"{found['finish up'] / 1e6:.1f} MB"),
        ("files of the state of a shard after a sweep, a look", f"{found['sweep file'] / 1e6:.1f} MB, {found['look file'] / 1e6:.1f} MB"),
    )
    return "\n".join(["| 500,000 vehicles, two shards of 250,000 | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def main() -> int:
    """Print all tables, or put them into the page."""
    parts = {"machine": machine_text(), "messages": messages_text(), "speed": speed_text()}
    if sys.argv[1:] != ["--write"]:
        print("\n\n".join(parts.values()))
        return 0
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts.items():
        head, begin, rest = text.partition(f"<!-- {name} begin: {MAKER} -->\n")
        _, end, tail = rest.partition(f"<!-- {name} end -->")
        if not begin or not end:
            raise ValueError(f"the page has no marks of {name}")
        text = f"{head}{begin}{part}\n{end}{tail}"
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
