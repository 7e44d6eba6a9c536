"""Everything that the report tells of a schedule, counted up once."""

from dataclasses import dataclass

from evloom.dispatch.problem import Problem
from evloom.dispatch.solved import Solved
from evloom.kernel.timegrid import Int
from evloom.plan.fleet.report.fold import price_rows_max
from evloom.plan.fleet.report.levels import Level, levels_of, rank, tree_order
from evloom.plan.fleet.report.loads import Binding, Loads, binding_of, loads_of
from evloom.plan.fleet.report.prices import PriceMap, price_map
from evloom.plan.fleet.report.short import Class, Short, by_priority, short_of
from evloom.plan.fleet.report.tally import Tally, tallies


@dataclass(frozen=True)
class Study:
    """ranked: rows of all nodes, the most loaded first; prices: None where the method knows none."""

    loads: Loads
    binding: Binding
    ranked: Int
    levels: list[Level]
    tallies: tuple[Tally, Tally]
    short: Short
    classes: list[Class]
    prices: PriceMap | None


def study_of(problem: Problem, solved: Solved, currency: str) -> Study:
    """Count up a solved problem."""
    schedule = solved.schedule
    loads = loads_of(problem, schedule)
    binding = binding_of(problem, loads)
    ranked = rank(problem, loads, binding)
    price = solved.node_price_per_kwh
    return Study(
        loads=loads,
        binding=binding,
        ranked=ranked,
        levels=levels_of(problem, loads, ranked),
        tallies=tallies(problem, schedule, loads, currency),
        short=short_of(problem, schedule, binding),
        classes=by_priority(problem, schedule),
        prices=None if price is None else price_map(price, tree_order(problem.nodes.parent), price_rows_max(problem)),
    )
