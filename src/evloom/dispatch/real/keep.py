"""Which cars charge now, when many could: those that do already go on, and no power is left over because another may not be switched on.

Where hours cost the same, plans made a few seconds apart give the power of now to other cars each time. What they give all together is
what counts; who of them has it may stay as it is until somebody can wait no longer.
"""

import numpy as np

from evloom.dispatch.moment import Bays
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.pile.limit import quantise_down

CRUMB_KW = 1e-6


def laxity_s(bays: Bays, now_s: float) -> Float:
    """How long each car can still wait, (n_evse,)."""
    waits: Float = bays.departure_s - now_s - 3600.0 * bays.need_kwh / np.maximum(bays.charge_max_kw, 1e-6)
    return waits


def kept(wanted_kw: Float, ordered_kw: Float, bays: Bays, now_s: float, keep_s: float) -> Float:
    """The wanted power (n_evse,) given first to cars that cannot wait for keep_s, then to those that charge, as they do, then to the rest.

    Discharge stays as it is. All together get no more than they were wanted to.
    """
    waits_s, left_kw = laxity_s(bays, now_s), float(np.maximum(wanted_kw, 0.0).sum())
    charging = (ordered_kw > 0.0) & (bays.need_kwh > 0.0) & (wanted_kw >= 0.0)
    urgent = waits_s < keep_s
    given_kw = np.minimum(wanted_kw, 0.0)
    rows = np.flatnonzero(bays.connected & ((wanted_kw > 0.0) | charging))
    for row in rows[np.lexsort((waits_s[rows], ~charging[rows], ~urgent[rows]))]:
        most_kw = ordered_kw[row] if charging[row] and not urgent[row] else wanted_kw[row]
        given_kw[row] = _settable(min(most_kw, bays.charge_max_kw[row], left_kw), bays, int(row))
        left_kw -= given_kw[row]
    return _spread(given_kw, left_kw, bays, rows[np.lexsort((waits_s[rows], given_kw[rows] <= 0.0))])


def filled(power_kw: Float, wanted_kw: Float, ordered_kw: Float, bays: Bays, may_rise: Bool, now_s: float) -> Float:
    """The orders with what they leave of all that was wanted given back: to cars that are lowered, then to those that charge and may be
    told something new, last to those that wait and may be switched on, who can wait least first."""
    left_kw = float(np.maximum(wanted_kw, 0.0).sum() - np.maximum(power_kw, 0.0).sum())
    more_kw = power_kw.copy()
    for row in np.flatnonzero(bays.connected & (bays.need_kwh > 0.0) & (power_kw >= 0.0) & (power_kw < ordered_kw - CRUMB_KW)):
        give_kw = _settable(min(ordered_kw[row], power_kw[row] + left_kw, bays.charge_max_kw[row]), bays, int(row))
        if give_kw > power_kw[row]:
            left_kw -= give_kw - power_kw[row]
            more_kw[row] = give_kw
    others = bays.connected & may_rise & (power_kw > 0.0) & (power_kw >= ordered_kw - CRUMB_KW) & (bays.need_kwh > 0.0)
    waiting = bays.connected & may_rise & (power_kw == 0.0) & (ordered_kw == 0.0) & (wanted_kw >= 0.0) & (bays.need_kwh > 0.0)
    rows = np.flatnonzero(others | waiting)
    waits_s = laxity_s(bays, now_s)
    rows = rows[np.lexsort((np.where(waiting[rows], waits_s[rows], 0.0), waiting[rows]))]
    return _spread(more_kw, left_kw, bays, rows)


def _spread(given_kw: Float, left_kw: float, bays: Bays, rows: Int) -> Float:
    """The rest on top of what `rows` have, one after the other."""
    for row in rows:
        if left_kw <= CRUMB_KW:
            break
        more_kw = _settable(min(given_kw[row] + left_kw, bays.charge_max_kw[row]), bays, int(row)) if given_kw[row] >= 0.0 else 0.0
        if more_kw > given_kw[row]:
            left_kw -= more_kw - given_kw[row]
            given_kw[row] = more_kw
    return given_kw


def _settable(power_kw: float, bays: Bays, row: int) -> float:
    return float(quantise_down(power_kw, float(bays.kw_per_a[row]), float(bays.current_min_a[row]), float(bays.current_step_a[row])))
