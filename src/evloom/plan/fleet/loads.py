"""Loads of the nodes from columns of stays, without a loop over vehicles."""

import numpy as np

from evloom.dispatch.cells import up_the_tree
from evloom.dispatch.problem import Problem, Stays
from evloom.kernel.timegrid import Float


def uncontrolled_kw(problem: Problem) -> Float:
    """Mean power drawn at or below each node in each step, (n_node, n_step), if everybody charges at full power from arrival on.

    A car stops when its need is met or when it leaves, and never gives anything back. Limits are not looked at.
    """
    stays, edges_h = problem.stays, np.concatenate(([0.0], np.cumsum(problem.step_h)))
    begin_h, leave_h = presence_h(stays, edges_h)
    with np.errstate(divide="ignore", invalid="ignore"):
        lasts_h = np.where(stays.need_kwh > 0.0, stays.need_kwh / stays.charge_max_kw, 0.0)
    end_h = np.minimum(begin_h + lasts_h, leave_h)
    own = _rising(problem, edges_h, begin_h) - _rising(problem, edges_h, end_h)
    return up_the_tree(problem, own)


def presence_h(stays: Stays, edges_h: Float) -> tuple[Float, Float]:
    """Hours after the start at which each vehicle comes and goes, (n_stay,) each; a stay inside one step ends with it."""
    length_h = np.diff(edges_h, append=edges_h[-1])
    begin_h = edges_h[stays.first] + (1.0 - stays.first_share) * length_h[np.minimum(stays.first, len(length_h) - 1)]
    last = np.maximum(stays.last - 1, 0)
    one = stays.last - stays.first <= 1
    leave_h = edges_h[last] + np.where(one, 1.0, stays.last_share) * length_h[last]
    return begin_h, np.maximum(leave_h, begin_h)


def _rising(problem: Problem, edges_h: Float, from_h: Float) -> Float:
    """Mean power in each step, at each node itself, of stays that draw full power from `from_h` (n_stay,) for ever."""
    n_node, n_step = problem.nodes.base_kw.shape
    stays = problem.stays
    step = np.clip(np.searchsorted(edges_h, from_h, side="right") - 1, 0, n_step)
    share = np.zeros(len(from_h))
    inside = step < n_step
    share[inside] = (edges_h[step[inside] + 1] - from_h[inside]) / problem.step_h[step[inside]]
    place = stays.node * (n_step + 2) + step
    size = n_node * (n_step + 2)
    change = np.bincount(place, stays.charge_max_kw * share, size) + np.bincount(place + 1, stays.charge_max_kw * (1.0 - share), size)
    return np.cumsum(change.reshape(n_node, n_step + 2), axis=1)[:, :n_step]
