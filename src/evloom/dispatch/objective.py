"""What an optimising policy aims at: terms, weights and order."""

import math
import re
from dataclasses import dataclass

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding

TERMS = {
    "cost": "energy bill, money: price x net import less export revenue",
    "peak": "highest mean net import over a demand interval, kW",
    "demand": "demand charge, money: price per kW x new monthly peak",
    "carbon": "kgCO2 of net import",
    "earliest": "mean delivery time, kWh h: the sooner the better",
    "export": "kWh exported (solar not used on site)",
    "wear": "battery wear of discharge, money",
    "valley": "valley filling: mean square of net import over the demand intervals, kW2 (as a convex piecewise-linear function)",
}

# A term of every objective, not to be asked for: see Objective.with_requests.
REQUEST = "request"


@dataclass(frozen=True)
class Stage:
    """One level of an ordered objective: a weighted sum of terms, and by what factor >= 1 its best value may
    be given up for the levels after it."""

    weights: tuple[tuple[str, float], ...]
    slack: float = 1.0


@dataclass(frozen=True)
class Objective:
    """Stages in order of importance. Service (what can be delivered by departure is delivered) always comes first."""

    stages: tuple[Stage, ...]

    def with_requests(self) -> "Objective":
        """The same with what missed requests cost (`dispatch.problem.Requests`) in the last stage, weight 1."""
        *first, last = self.stages or (Stage(()),)
        return Objective((*first, Stage((*last.weights, (REQUEST, 1.0)), last.slack)))


_TERM = re.compile(r"^(?:(?P<weight>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e-?[0-9]+)?)\*)?(?P<term>[a-z]+)$")


def _refuse(text: str, part: str) -> InputError:
    allowed = (
        "terms "
        + ", ".join(TERMS)
        + '; "a+0.5*b" adds with weights, "a>b" puts a before b, "peak:1.25>cost" lets the peak be 25 % above its least'
    )
    return InputError([Finding("objective.unknown", "refused", "objective", None, text, part, allowed, "choose from the allowed terms")])


def parse_objective(text: str) -> Objective:
    """Read "cost", "cost+0.05*carbon", "peak>cost" or "peak:1.25>cost". Raises InputError naming the wrong part."""
    stages = []
    for level in text.replace(" ", "").split(">"):
        body, _, slack_text = level.partition(":")
        weights = []
        for part in body.split("+"):
            match = _TERM.match(part)
            weight = float(match["weight"] or 1.0) if match is not None else math.inf
            if match is None or match["term"] not in TERMS or weight == math.inf:
                raise _refuse(text, part or "(empty)")
            weights.append((match["term"], weight))
        try:
            slack = float(slack_text) if slack_text else 1.0
        except ValueError:
            raise _refuse(text, slack_text) from None
        if not 1.0 <= slack < math.inf:
            raise _refuse(text, slack_text)
        stages.append(Stage(tuple(weights), slack))
    return Objective(tuple(stages))
