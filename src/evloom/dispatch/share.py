"""Who lacks what under scarcity, for vehicles that only charge: maximum flows instead of a linear programme."""

import numpy as np

from evloom.dispatch.cells import Cells
from evloom.dispatch.flow import Flow, fill, new_search, reach
from evloom.dispatch.problem import Problem
from evloom.dispatch.transport import Task, network_of
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Bool, Float, Int

_REST_KWH = 1e-10
_ROUNDS_MAX = 1000


class Shares:
    """Which promises can be kept together under the limits of the tree, whatever it costs."""

    def __init__(self, problem: Problem, cells: Cells) -> None:
        n_step = problem.n_step
        nothing = np.zeros(n_step)
        task = Task(np.arange(n_step), nothing, np.arange(n_step), problem.step_h, nothing)
        self.network, self._room_kwh = network_of(problem, cells, task)
        self._terminals = np.arange(len(self.network.up) - n_step, len(self.network.up))

    def lacking(self, wanted_kwh: Float) -> tuple[float, Bool]:
        """Energy that cannot be delivered if every stay wants wanted_kwh (n_stay,), and the stays that compete for
        what is too little: those on the full side of the least cut, (n_stay,)."""
        n_vertex = len(self.network.up)
        flow = Flow(np.zeros(len(self.network.stay)), np.zeros(n_vertex), self._room_kwh.copy(), wanted_kwh.copy())
        fill(self.network, flow, new_search(self.network), self._terminals)
        waiting = np.flatnonzero(flow.rest > _REST_KWH)
        search = new_search(self.network)
        reach(self.network, flow, search, n_vertex + waiting)
        return float(flow.rest[waiting].sum()), search.seen[n_vertex:] > 0


def fair_need_kwh(problem: Problem, cells: Cells, need_kwh: Float) -> Float:
    """What of need_kwh (n_stay,) each stay is promised so that all promises can be kept together.

    Class of priority before class of priority, the most important first. Within a class the share of the whole
    need that is missed is the same for all that compete, and where some compete less, theirs is lower: the
    lexicographically fairest point, which is also the one of least sum of need x (short / need)^2 (Fujishige,
    "Lexicographically optimal base of a polymatroid", Mathematics of Operations Research 5, 1980).
    """
    shares = Shares(problem, cells)
    if shares.lacking(need_kwh)[0] == 0.0:
        return need_kwh
    promised = np.zeros_like(need_kwh)
    for priority in np.unique(problem.stays.priority)[::-1]:
        _share_class(problem, shares, np.flatnonzero((problem.stays.priority == priority) & (need_kwh > 0)), need_kwh, promised)
    return promised


def _share_class(problem: Problem, shares: Shares, members: Int, need_kwh: Float, promised: Float) -> None:
    """Give the members of one class what they can get beside what is promised already; writes into `promised`.

    Again and again: the least share missed by all who are still open (Newton's method on the cut that stops the flow);
    those on the cut cannot get more and are settled.
    """
    is_open = np.zeros(len(need_kwh), dtype=bool)
    is_open[members] = True
    whole_kwh = problem.stays.need_kwh
    missed, binding = 0.0, np.zeros(len(need_kwh), dtype=bool)
    for _ in range(_ROUNDS_MAX):
        wanted = np.where(is_open, np.clip((1.0 - missed) * whole_kwh, 0.0, need_kwh), promised)
        lacking_kwh, cut = shares.lacking(wanted)
        if lacking_kwh == 0.0:
            settled = is_open & binding if missed > 0.0 else is_open
            promised[settled] = wanted[settled]
            is_open &= ~settled
            if not is_open.any():
                return
            missed, binding = 0.0, np.zeros_like(binding)
            continue
        binding = cut
        gives = is_open & cut & (wanted > 0)
        # Only those whose promise shrinks with the share give something; the others are held by their own limit.
        kinks = 1.0 - need_kwh[gives] / whole_kwh[gives]
        missed = _raise(missed, lacking_kwh, kinks, whole_kwh[gives])
    raise SolverError("the scarce energy could not be shared out")


def _raise(missed: float, lacking_kwh: float, kinks: Float, whole_kwh: Float) -> float:
    """The share at which stays that begin to give at their own `kinks` have given up lacking_kwh more than at `missed`."""
    order = np.argsort(kinks, kind="stable")
    giving_kwh = 0.0
    for who in order:
        missed_next = max(missed, float(kinks[who]))
        given_kwh = giving_kwh * (missed_next - missed)
        if given_kwh >= lacking_kwh and giving_kwh > 0.0:
            break
        lacking_kwh -= given_kwh
        missed = missed_next
        giving_kwh += float(whole_kwh[who])
    if giving_kwh == 0.0:
        raise SolverError("energy is lacking though nobody wants any")
    return min(1.0, missed + lacking_kwh / giving_kwh)
