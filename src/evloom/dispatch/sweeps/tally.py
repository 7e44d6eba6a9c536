"""What a plan comes to: loads of the walls, cost of the units, tables of energy."""

from evloom.dispatch.sweeps.passes import Plan, Setting
from evloom.dispatch.sweeps.units import CHARGE_EFFICIENCY, DISCHARGE_EFFICIENCY, FIRST, LENGTH, NEED_KWH, PATH, SHORT_PRICE, WEAR
from evloom.dispatch.sweeps.walls import move
from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Float, Int

# What rounding leaves of a need or of an energy.
_ZERO_KWH = 1e-9


@compiled
def plan_loads(setting: Setting, plan: Plan, load_kwh: Float) -> None:
    """Add the plan's net energy to `load_kwh` (n_wall, n_step)."""
    for i in range(len(setting.units.row)):
        add_load(setting, plan, i, 1.0, load_kwh)


@compiled
def add_load(setting: Setting, plan: Plan, i: int, times: float, load_kwh: Float) -> None:
    """Add the net energy of unit i, `times` so much, to `load_kwh` (n_wall, n_step)."""
    units, ways = setting.units, setting.ways
    path, begin, first, n = units.place[i, PATH], units.begin[i], units.place[i, FIRST], units.place[i, LENGTH]
    move((ways.wall[path], ways.weight[path] * times), setting.walls, load_kwh, (first, n), plan.net_kwh[begin : begin + n])


@compiled
def kept_kwh(setting: Setting, plan: Plan, i: int) -> float:
    """What unit i gains in its cells, measured at the meter."""
    units, kept, figures = setting.units, 0.0, setting.units.figures[i]
    for j in range(units.begin[i], units.begin[i] + units.place[i, LENGTH]):
        e = plan.net_kwh[j]
        kept += e if e > 0.0 else e / (figures[CHARGE_EFFICIENCY] * figures[DISCHARGE_EFFICIENCY])
    return kept


@compiled
def cost_of(setting: Setting, price_per_kwh: Float, plan: Plan, i: int) -> tuple[float, float]:
    """What unit i costs at prices (n_path, n_step) with wear and short energy, and the kWh that it lacks."""
    units, cost, n_tier, figures = setting.units, 0.0, len(setting.tiers), setting.units.figures[i]
    begin, path, first = units.begin[i], units.place[i, PATH], units.place[i, FIRST]
    for j in range(units.place[i, LENGTH]):
        e = plan.net_kwh[begin + j]
        cost += price_per_kwh[path, first + j] * e - figures[WEAR] * min(e, 0.0)
    lacking = figures[NEED_KWH] - kept_kwh(setting, plan, i)
    if lacking <= _ZERO_KWH:
        return cost, 0.0
    part = figures[NEED_KWH] / n_tier
    for q in range(n_tier):
        cost += min(max(lacking - q * part, 0.0), part) * setting.tiers[q] * figures[SHORT_PRICE]
    return cost, lacking


@compiled
def own_cost(setting: Setting, price_per_kwh: Float, plan: Plan) -> tuple[float, float]:
    """`cost_of` of all units together."""
    cost, short_kwh = 0.0, 0.0
    for i in range(len(setting.units.row)):
        of_one = cost_of(setting, price_per_kwh, plan, i)
        cost += of_one[0]
        short_kwh += of_one[1]
    return cost, short_kwh


@compiled
def add_loads(setting: Setting, plan: Plan, which: Int, times: float, load_kwh: Float) -> None:
    """`add_load` of the units `which`."""
    for i in which:
        add_load(setting, plan, i, times, load_kwh)


@compiled
def costs_of(setting: Setting, price_per_kwh: Float, plan: Plan, which: Int, cost: Float) -> None:
    """Write what the units `which` cost (`cost_of`) into their places of cost (n_unit,)."""
    for i in which:
        cost[i] = cost_of(setting, price_per_kwh, plan, i)[0]


@compiled
def write_rows(setting: Setting, plan: Plan, n_stay: int, which: Int, tables: tuple[Float, Float, Float, Float]) -> None:
    """Write the units `which` into charge, discharge (n_stay, n_step), store (n_store, n_step), all zero before, and short (n_stay,)."""
    units = setting.units
    charge, discharge, store, short = tables
    for i in which:
        begin, first, row = units.begin[i], units.place[i, FIRST], units.row[i]
        for j in range(units.place[i, LENGTH]):
            e = plan.net_kwh[begin + j]
            if row >= n_stay:
                store[row - n_stay, first + j] = e
            elif e > _ZERO_KWH:
                charge[row, first + j] = e
            elif e < -_ZERO_KWH:
                discharge[row, first + j] = -e
        if row < n_stay:
            lacking = units.figures[i, NEED_KWH] - kept_kwh(setting, plan, i)
            short[row] = lacking if lacking > _ZERO_KWH else 0.0
