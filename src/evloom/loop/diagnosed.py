"""Batteries that their diagnosis suspects: charged gently and not full, or not at all, and never discharged for others.

Every limit is written into the sight of the cycle, so every policy plans with it, and is told as a refusal with its source.
"""

import numpy as np

from evloom.diagnose.limits import INSPECT, SOURCE, STOP, WATCH, limits_of
from evloom.dispatch.guard import Packs, Refusal
from evloom.dispatch.moment import Bays
from evloom.dispatch.reason import DIAGNOSED, DONE, FULL, MINIMUM, STEP
from evloom.kernel.timegrid import Float, Int
from evloom.loop.sight import Sight

UNKNOWN_KWH = 40.0
"""Energy of a battery of which nobody told it: a small car's, so that 0.3 C is not too much for it."""


def held_back(sight: Sight, packs: Packs, step_h: float) -> tuple[Float, tuple[Refusal, ...]]:
    """Write the limits into `sight`, in place. Returns the power (n_evse,) that each may be charged with until the next look, in
    `step_h` at the latest, and what was refused.

    Where nobody told the state of charge its ceiling cannot be kept; the refusal then says that it is not known.
    """
    most_kw = np.full(len(sight.connected), np.inf)
    refusals: list[Refusal] = []
    for row in np.flatnonzero(sight.connected & (packs.diagnosis >= INSPECT)):
        most_kw[row], told = _hold(int(row), sight, packs, step_h)
        refusals += told
    return most_kw, tuple(refusals)


def _hold(row: int, sight: Sight, packs: Packs, step_h: float) -> tuple[float, list[Refusal]]:
    level, soc = float(packs.diagnosis[row]), float(packs.soc[row])
    limits = limits_of(level)
    battery_kwh = float(packs.battery_kwh[row]) if packs.battery_kwh[row] > 0.0 else UNKNOWN_KWH
    told = []
    if sight.give_max_kw[row] > 0.0:
        told.append(Refusal(row, "diagnosis.give", level, float(WATCH), "level", SOURCE))
    sight.give_max_kw[row], sight.spare_kwh[row] = 0.0, 0.0
    most_kw = limits.c_rate_max * battery_kwh / float(sight.charge_efficiency[row])
    if level >= STOP:
        told.append(Refusal(row, "diagnosis.stop", level, float(INSPECT), "level", SOURCE))
    elif sight.car_max_kw[row] > most_kw:
        told.append(Refusal(row, "diagnosis.power", float(sight.car_max_kw[row]), most_kw, "kW", SOURCE))
    room_kwh = np.inf if soc != soc and level < STOP else 0.0
    if soc == soc:
        room_kwh = max(limits.soc_max - soc, 0.0) * battery_kwh / float(sight.charge_efficiency[row])
    if level < STOP and not sight.wanted_kwh[row] - sight.net_kwh[row] <= room_kwh < np.inf:
        told.append(Refusal(row, "diagnosis.soc", soc, limits.soc_max, "", SOURCE))
    most_kw = min(most_kw, room_kwh / step_h)
    sight.car_max_kw[row] = min(sight.car_max_kw[row], most_kw)
    sight.room_kwh[row] = min(sight.room_kwh[row], room_kwh)
    sight.wanted_kwh[row] = min(sight.wanted_kwh[row], sight.net_kwh[row] + room_kwh)
    return most_kw, told


def within(bays: Bays, sight: Sight, most_kw: Float) -> Bays:
    """The bays with those limits: no rounding up to a current, and no charging on beyond the room that is left."""
    held = np.isfinite(most_kw)
    need_kwh = np.where(held, np.minimum(bays.need_kwh, sight.room_kwh), bays.need_kwh)
    return bays._replace(charge_max_kw=np.minimum(bays.charge_max_kw, most_kw), need_kwh=need_kwh)


def reasons(reason: Int, refusals: tuple[Refusal, ...]) -> Int:
    """The reasons (n_evse,), where it is the diagnosis that holds a car back."""
    reason = reason.copy()
    for refusal in refusals:
        at = reason[refusal.row]
        by_kw = refusal.code != "diagnosis.give" and at in (FULL, STEP, MINIMUM)
        by_kwh = refusal.code in ("diagnosis.soc", "diagnosis.stop") and refusal.value == refusal.value and at == DONE
        if by_kw or by_kwh:
            reason[refusal.row] = DIAGNOSED
    return reason
