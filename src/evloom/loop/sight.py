"""What the loop sees at every EVSE, and the moment it makes of it."""

from typing import Any, NamedTuple

import numpy as np

from evloom.dispatch.moment import Bays
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.pile.evse import EvseTable
from evloom.pile.limit import quantise_up

OVERSTAY_S = 900.0  # a car still there after its believed departure is believed to stay this much longer
MORE_H = 0.25  # a car still drawing after its believed need is believed to want this long at full power
FOLLOWS = 0.98  # a car that draws less than this share of its order is limited by itself
WAKE_KW = 0.05  # and below this difference nobody can tell


class Piles(NamedTuple):
    """What never changes at an EVSE, columns (n_evse,); as in `pile.evse.EvseTable`."""

    node: Int
    pile: Int
    one_at_a_time: Bool
    charge_max_kw: Float
    discharge_max_kw: Float


class Sight(NamedTuple):
    """What is seen or believed of the car at every EVSE, columns (n_evse,), changed in place by events.

    arrival_s            epoch seconds
    departure_s          believed departure; wanted_kwh believed net energy at the meter by then
    car_max_kw           most the car takes at the meter by its own rating, or by a battery diagnosis
    kw_per_a, current_min_a, current_step_a, phase    as in `dispatch.moment.Bays`
    give_max_kw          most the car gives by its rating and the owner's consent, unsigned
    spare_kwh            energy at the meter (unsigned) it can give before its floor; 0 where unknown
    room_kwh             energy at the meter it can still take until full; infinity where unknown
    charge_efficiency, discharge_efficiency   meter to cells, cells to meter
    wear_per_kwh         money per kWh discharged, for battery life
    priority             weight of the need under scarcity
    slow_h               by how many hours the taper near full is expected to lengthen its charging
    net_kwh, draw_kw     metered net energy since arrival; power at the last reading
    ordered_kw           the last order
    seen_max_kw          what the car was seen to be able to draw; infinity = not yet seen to fall short
    done                 it was offered power and drew none
    """

    connected: Bool
    arrival_s: Float
    departure_s: Float
    wanted_kwh: Float
    car_max_kw: Float
    kw_per_a: Float
    current_min_a: Float
    current_step_a: Float
    phase: Int
    give_max_kw: Float
    spare_kwh: Float
    room_kwh: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    wear_per_kwh: Float
    priority: Float
    slow_h: Float
    net_kwh: Float
    draw_kw: Float
    ordered_kw: Float
    seen_max_kw: Float
    done: Bool
    debt_kwh: Float


def piles(evse: EvseTable) -> Piles:
    """The unchanging columns of the connectors."""
    return Piles(evse.node, evse.pile, evse.one_at_a_time, evse.charge_max_kw, evse.discharge_max_kw)


def blank_sight(n_evse: int) -> Sight:
    """Nobody at any of `n_evse` connectors."""
    columns: dict[str, Any] = {name: np.zeros(n_evse) for name in Sight._fields}
    columns["seen_max_kw"] = np.full(n_evse, np.inf)
    columns["room_kwh"] = np.full(n_evse, np.inf)
    columns["kw_per_a"] = np.ones(n_evse)
    for name in ("priority", "charge_efficiency", "discharge_efficiency"):
        columns[name] = np.ones(n_evse)
    for name in ("connected", "done"):
        columns[name] = np.zeros(n_evse, dtype=np.bool_)
    columns["phase"] = np.full(n_evse, -1)
    return Sight(**columns)


def copied(sight: Sight) -> Sight:
    """The same columns in arrays of their own."""
    return Sight(**{name: column.copy() for name, column in sight._asdict().items()})


@compiled
def learn_draw(row: int, sight: Sight) -> None:
    """After a reading: a car that drew less than ordered is limited by itself, to what it drew and one step more.

    The room it leaves goes to others in the same cycle; when it follows its order again the limit is lifted.
    """
    short_kw = sight.ordered_kw[row] - sight.draw_kw[row]
    if sight.ordered_kw[row] <= 0.0 or sight.done[row]:
        return
    if short_kw > WAKE_KW and sight.draw_kw[row] < FOLLOWS * sight.ordered_kw[row]:
        step_kw = max(sight.current_step_a[row] * sight.kw_per_a[row], (1.0 - FOLLOWS) * sight.ordered_kw[row])
        least_kw = sight.current_min_a[row] * sight.kw_per_a[row]
        sight.seen_max_kw[row] = max(sight.draw_kw[row] + step_kw, least_kw)
    elif sight.ordered_kw[row] >= sight.seen_max_kw[row] * FOLLOWS:
        sight.seen_max_kw[row] = np.inf
    elif sight.ordered_kw[row] + sight.current_step_a[row] * sight.kw_per_a[row] >= sight.seen_max_kw[row] * FOLLOWS:
        # It follows the last step below what was seen: ask for one step more, or it would never be found able again.
        sight.seen_max_kw[row] = sight.ordered_kw[row] + sight.current_step_a[row] * sight.kw_per_a[row]


@compiled
def need_kwh(done: bool, left_kwh: float, draw_kw: float, charge_max_kw: float, step_h: float) -> float:
    """Energy still believed to be wanted: nothing when done; full power a little longer when the car draws on past its believed need.

    left_kwh is what was believed to be wanted less what was metered.
    A little longer is at least until the next cycle, in `step_h`: the car must not go short for being asked seldom.
    """
    if done:
        return 0.0
    if left_kwh <= 1e-9 and draw_kw > 0.0:
        return charge_max_kw * max(MORE_H, step_h)
    return left_kwh if left_kwh > 1e-9 else 0.0


@compiled
def moment(now_s: float, step_h: float, piles: Piles, sight: Sight) -> Bays:
    """The moment at `now_s` as the rules and the allocation need it; step_h is the longest time until the next cycle.

    A car's own limit is rounded up to what the pile can be set to: it draws what it can, and is not held a step below it.
    """
    n = len(sight.arrival_s)
    need = np.zeros(n)
    charge = np.zeros(n)
    give = np.zeros(n)
    departure = np.zeros(n)
    # Columns by names of their own: reaching into the tables for every row is several times slower.
    connected, done, believed_s = sight.connected, sight.done, sight.departure_s
    wanted_kwh, net_kwh, draw_kw = sight.wanted_kwh, sight.net_kwh, sight.draw_kw
    rating_kw, car_max_kw, seen_max_kw = piles.charge_max_kw, sight.car_max_kw, sight.seen_max_kw
    kw_per_a, least_a, step_a = sight.kw_per_a, sight.current_min_a, sight.current_step_a
    pile_give_kw, car_give_kw, spare_kwh = piles.discharge_max_kw, sight.give_max_kw, sight.spare_kwh
    for row in range(n):
        if connected[row]:
            own_kw = min(car_max_kw[row], seen_max_kw[row])
            charge[row] = min(rating_kw[row], quantise_up(own_kw, kw_per_a[row], least_a[row], step_a[row]))
            drawn_kw = draw_kw[row] if car_give_kw[row] <= 0.0 else 0.0  # what a V2G car is promised is known, not believed
            need[row] = need_kwh(done[row], wanted_kwh[row] - net_kwh[row], drawn_kw, charge[row], step_h)
            give[row] = min(pile_give_kw[row], car_give_kw[row], spare_kwh[row] / step_h)
            departure[row] = max(believed_s[row], now_s + 60.0)
            if believed_s[row] <= now_s:
                departure[row] = now_s + OVERSTAY_S
    return Bays(
        sight.connected, sight.arrival_s, departure, need, charge, give, sight.kw_per_a, sight.current_min_a,
        sight.current_step_a, sight.phase, piles.node, piles.pile, piles.one_at_a_time, sight.priority, sight.debt_kwh,
    )  # fmt: skip
