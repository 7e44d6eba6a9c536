"""Who lacks what under scarcity, for vehicles that only charge: maximum flows instead of a linear programme."""

import numpy as np

from evloom.dispatch.cells import Cells
from evloom.dispatch.flow import Flow, fill, new_search, reach
from evloom.dispatch.problem import Problem
from evloom.dispatch.transport import Task, network_of
from evloom.kernel.errors import SolverError
from evloom.kernel.timegrid import Bool, Float, Int

_REST_KWH = 1e-10
# What is left undistributed of each part, so that rounding does not make it too much.
_MARGIN_KWH = 1e-10


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
        members = np.flatnonzero((problem.stays.priority == priority) & (need_kwh > 0))
        wanted = promised.copy()
        wanted[members] = need_kwh[members]
        available_kwh = float(need_kwh[members].sum()) - shares.lacking(wanted)[0]
        _share_class(shares, members, available_kwh, (problem.stays.need_kwh, need_kwh), promised)
    return promised


def _share_class(shares: Shares, members: Int, available_kwh: float, needs: tuple[Float, Float], promised: Float) -> None:
    """Share what is available for the members of one class beside what is promised already; writes into `promised`.

    Fujishige's decomposition: all miss the same share; if that cannot be, the least cut parts them into those who must
    miss more and those who miss less, and each part is shared by itself, with the energy that the cut lets through.
    """
    parts = [(members, available_kwh)]
    for _ in range(4 * len(members) + 4):
        if not parts:
            return
        part, energy_kwh = parts.pop()
        wanted = promised.copy()
        wanted[part] = _equal_shares(needs[0][part], needs[1][part], energy_kwh - _MARGIN_KWH)
        lacking_kwh, cut = shares.lacking(wanted)
        more, less = part[cut[part]], part[~cut[part]]
        if lacking_kwh == 0.0:
            promised[part] = wanted[part]
        elif len(more) == 0 or len(less) == 0:
            parts.append((part, energy_kwh - lacking_kwh))  # rounding: there is a hair less than was thought
        else:
            through_kwh = float(wanted[more].sum()) - lacking_kwh
            parts += [(less, energy_kwh - through_kwh), (more, through_kwh)]
    raise SolverError("the scarce energy could not be shared out")


def _equal_shares(whole_kwh: Float, need_kwh: Float, energy_kwh: float) -> Float:
    """Parts min(need, (1 - missed) x whole) that add up to energy_kwh, at the `missed` 0..1 that does it."""
    kinks = 1.0 - need_kwh / whole_kwh  # below its kink a stay gets all that it could use
    order = np.argsort(kinks, kind="stable")
    still_full_kwh = need_kwh.sum() - np.cumsum(need_kwh[order])
    totals = np.append(still_full_kwh + (1.0 - kinks[order]) * np.cumsum(whole_kwh[order]), 0.0)
    kinks = np.append(kinks[order], 1.0)
    missed = float(np.interp(-max(energy_kwh, 0.0), -totals, kinks))
    return np.minimum(need_kwh, (1.0 - missed) * whole_kwh)
