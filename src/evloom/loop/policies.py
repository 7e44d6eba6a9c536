"""The policies by name, the same for a simulated site and for a live one."""

from evloom.dispatch.belief import Trust
from evloom.dispatch.objective import Objective
from evloom.loop.optimal_policy import OptimalPolicy
from evloom.loop.ports import Policy
from evloom.loop.rule_policy import RulePolicy
from evloom.loop.spread_policy import SpreadPolicy


def policy_named(name: str, objective: Objective, trust: Trust, *, urgent_first: bool = False, spread: bool = False) -> Policy:
    """The policy of that name: "optimal" with its objective and caution, or a rule. spread: price-queue spreads starts over cheap hours."""
    if name == "optimal":
        return OptimalPolicy(objective, trust, urgent_first)
    if name == "price-queue" and spread:
        return SpreadPolicy()
    return RulePolicy(name)
