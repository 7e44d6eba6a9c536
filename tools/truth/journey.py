"""One journey: a car's plan of weeks, its current and temperatures, and some healthy cells that PyBaMM solves along it.

The current comes from the planner and the limits of `simulate.pack` (with the voltage at rest of the cells at hand), the voltages
from PyBaMM alone.
"""

from dataclasses import dataclass, replace

import numpy as np

from evloom.kernel.timegrid import Bool, Float
from evloom.simulate.pack.cells import Curves, drive_pack
from evloom.simulate.pack.fault import HEALTHY
from evloom.simulate.pack.fleet import EPOCH_S, RATED_AH, SIZES, make_pack
from evloom.simulate.pack.sense import Real
from evloom.simulate.pack.use import DAY_S, USES, Climate, lay_out, plan_spans
from evloom.simulate.pack.vehicle import Car, draw_car, make_curves, road_of, start
from evloom.simulate.pack.vehicle import joined as joined_real
from evloom.vehicle.chemistry import BY_NAME
from tools.truth.electrochemistry import SETS, CellCase, CellModel, CellRun, Electrodes, Trip, electrodes

N_BASE = 5
"""Healthy cells that are solved a journey; the others are mixed of them (`assemble`)."""
N_POINT = 41


@dataclass(frozen=True)
class Journey:
    """What the packs of one journey share. real has the temperatures of all cells as its probes, and no voltages yet.

    worn   (lithium lost, size) of the pack's cells before the journey; bases with the cases that they were solved for
    """

    name: str
    car: Car
    begin_s: float
    model: CellModel
    real: Real
    ocv_v: Float
    worn: tuple[float, float]
    soc: float
    cases: tuple[CellCase, ...]
    bases: tuple[CellRun, ...]


def state_at(parts: Electrodes, soc: float, lost: float) -> tuple[float, float]:
    """Fillings of a cell at `soc` of a new one, after lithium was lost (share of the capacity)."""
    x = parts.empty[0] + (soc - lost) * (parts.full[0] - parts.empty[0])
    y = parts.empty[1] + soc * (parts.full[1] - parts.empty[1])
    return x, y


def aged_curve(parts: Electrodes, lost: float, window_v: tuple[float, float]) -> tuple[Float, float, float]:
    """Voltage at rest (N_POINT,) over the charge of a worn cell, its capacity (share of new), and where its empty lies on the new scale."""
    x, y = state_at(parts, 0.5, lost)
    below, above = parts.around(x, y, window_v)
    q = np.linspace(-below, above, N_POINT)
    rest_v = parts.rest_v(x + q / parts.negative_ah, y - q / parts.positive_ah)
    return np.maximum.accumulate(rest_v), (below + above) / parts.capacity_ah, 0.5 - below / parts.capacity_ah


def make_journey(seed: int, number: int, chemistry: str, days: int, cold: bool = False) -> Journey:
    """Journey `number` of `seed`: everything drawn, planned, and its healthy cells solved. cold: winter and much fast charging, as a
    cell needs that shall plate."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, number, 77)))
    begin_s = EPOCH_S + DAY_S * int(rng.integers(0, 365))
    interval_s = float(rng.choice((10.0, 30.0), p=(0.15, 0.85)))
    name = f"truth-{seed}-{number:03d}"
    pack = make_pack(name, chemistry, SIZES[chemistry], float(np.round(rng.uniform(*RATED_AH[chemistry]))))
    car = draw_car(pack, BY_NAME[chemistry], interval_s, HEALTHY, rng)
    use = USES[str(rng.choice(("commuter", "weekend", "taxi"), p=(0.75, 0.15, 0.1)))]
    car = replace(car, use=replace(use, fast_share=float(rng.uniform(0.1, 0.6))))
    if cold:
        car = replace(car, use=replace(car.use, fast_share=0.6), climate=Climate(float(rng.uniform(4.0, 14.0)), 4.0, 3.0))
    model_name = SETS[chemistry][number % len(SETS[chemistry])] if number < 40 else str(rng.choice(SETS[chemistry]))
    window_v = (car.rules.v_min, min(car.rules.v_max, 3.6 if chemistry == "LFP" else 4.2))
    parts = electrodes(model_name, window_v)
    worn = (float(rng.uniform(0.0, 0.1)), float(rng.uniform(0.94, 1.0)))
    ocv_v, share, empty = aged_curve(parts, worn[0], window_v)
    real, soc = _travel(car, make_curves(ocv_v, rng), (begin_s, days, share * worn[1]), rng)
    trip = _trip(real, begin_s, pack.capacity_ah)
    model = CellModel(model_name, chemistry, trip, ageing=bool(rng.random() < 0.25))
    cases = tuple(_healthy(parts, (empty + soc * share, *worn), k, real, rng) for k in range(N_BASE))
    bases = tuple(model.run(case) for case in cases)
    apart = max(abs(model.charge_apart(case, base)) for case, base in zip(cases, bases, strict=True))
    if apart > 0.03:
        raise RuntimeError(f"{name}: the solver is {apart:.1%} of the charge off what went through the cells")
    return Journey(name, car, begin_s, model, real, ocv_v, worn, empty + soc * share, cases, bases)


def _healthy(parts: Electrodes, mean: tuple[float, float, float], k: int, real: Real, rng: np.random.Generator) -> CellCase:
    """A cell of the batch: 1 % in size, 0.4 % in charge and in lithium, some per cent in its kinetics."""
    soc, lost, size = mean
    x, y = state_at(parts, soc + float(rng.normal(0.0, 0.004)), lost + float(rng.normal(0.0, 0.004)))
    place = int((k + 0.5) * real.probe_c.shape[1] / N_BASE)
    warmer_c = float(np.mean(real.probe_c[:, place]) - np.mean(real.probe_c))
    kinetics = (float(rng.normal(1.0, 0.06)), float(rng.normal(1.0, 0.06)))
    return CellCase(x, y, size * float(rng.normal(1.0, 0.009)), kinetics, float(rng.normal(1.0, 0.08)), warmer_c)


def _travel(car: Car, curves: Curves, span: tuple[float, int, float], rng: np.random.Generator) -> tuple[Real, float]:
    """The days of a journey; span = (begin, days, capacity left as a share). Returns also the charge at which it began."""
    begin_s, days, left = span
    n_cell = car.pack.n_cell
    soc = float(rng.uniform(0.5, 0.85))
    makeup = car.base._replace(capacity_ah=np.full(n_cell, car.pack.capacity_ah * left), leak_a=np.zeros(n_cell))
    cells = start(replace(car, soc=np.full(n_cell, soc)), float(car.climate.air_c(begin_s)))
    parts, weather_c = [], 0.0
    every, nowhere = np.arange(n_cell), np.zeros(n_cell)
    rules = car.rules._replace(v_max=car.rules.v_max - 0.02, balance_over_v=9.0)
    for day in range(days):
        day_s = begin_s + day * DAY_S
        weather_c = 0.7 * weather_c + float(rng.normal(0.0, 2.0))
        spans = plan_spans(car.use, int(day_s // DAY_S + 3) % 7, float(cells.soc.min()), rng)
        plan = lay_out(spans, day_s, car.every, car.pack.capacity_ah, rng)
        kept = drive_pack(cells, makeup, curves, rules, road_of(car, plan, weather_c), (nowhere, every))
        here = plan.keep
        parts.append(
            Real(
                plan.at_s[here], kept.current_a, kept.soc, plan.mode[here], plan.speed_km_per_h[here], kept.outside_v, kept.balancing,
                kept.charged.astype(np.int64), kept.cell_v, kept.probe_c,
            )
        )  # fmt: skip
    return joined_real(parts), soc


def _trip(real: Real, begin_s: float, capacity_ah: float) -> Trip:
    """Knots for the solver: the frames, and no current while asleep."""
    at_s = np.concatenate([[0.0], real.at_s - begin_s])
    c_rate = np.concatenate([[0.0], real.current_a / capacity_ah])
    temp_c = np.concatenate([[float(real.probe_c[0].mean())], real.probe_c.mean(axis=1)]).astype(np.float64)
    asleep: Bool = np.diff(at_s) > 60.0
    ends, begins = at_s[:-1][asleep] + 1.0, at_s[1:][asleep] - 30.0
    knot_s = np.concatenate([at_s, ends, begins])
    rate = np.concatenate([c_rate, np.zeros(len(ends) + len(begins))])
    warm = np.concatenate([temp_c, temp_c[:-1][asleep], temp_c[1:][asleep]])
    order = np.argsort(knot_s, kind="stable")
    order = order[np.concatenate([[True], np.diff(knot_s[order]) > 0.0])]
    # The solver steps over what it does not expect: it begins anew where current flows again after a sleep.
    flows = np.maximum.reduceat(np.abs(c_rate), np.concatenate([[0], np.flatnonzero(asleep) + 1]))[1:] > 0.003
    return Trip(knot_s[order], rate[order], warm[order], np.unique(begins[flows]), at_s[1:])
