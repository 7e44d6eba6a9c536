"""Hundreds of random problems against their optimum: what the tests do with two hundred, with more and larger ones."""

from collections.abc import Callable

from evloom.dispatch.optimise import METHODS, Effort, optimise
from evloom.dispatch.sweeps.layout import obstacle
from tests.property.judge import Case, optimum, wrong_with_case

FIRST_SEED = 10_000  # the tests have the small ones
SIZES = ((0, 15, 24, 400), (100, 500, 36, 60), (1000, 2000, 24, 24))  # least and most vehicles, most steps, how many


def wrong_answers(say: Callable[[str], None]) -> int:
    """Number of wrong answers of all methods; says each, and how it stands after each size."""
    wrong = 0
    for least, most, steps, count in SIZES:
        gap = dict.fromkeys(METHODS, 0.0)
        for seed in range(FIRST_SEED, FIRST_SEED + count):
            case = Case(seed, least, most, steps, 10.0)
            problem, objective, text = case.made()
            optimum(case)
            for method in METHODS if most < 100 else ("auto",):
                if method == "sweeps" and obstacle(problem, objective):
                    continue
                solved = optimise(problem, objective, Effort(method))
                gap[method] = max(gap[method], solved.gap)
                for one in wrong_with_case(case, solved):
                    wrong += 1
                    say(f"{one} ({method}: {solved.method}; {text})")
        say(f"{count} problems of {least} to {most} vehicles: {wrong} wrong so far; largest gaps {gap}")
    return wrong
