"""One car with its pack, day after day: spread of its cells, use, ageing, the fault, and what its box sends of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.ageing import ACTIVATION_K, RESISTANCE_PER_LOSS, Life, worn
from evloom.simulate.pack.cells import (
    COLDEST_C,
    DEAD_SHARE,
    FARADAY_TO_HEAT,
    PARKED,
    PLATED_SHARE,
    SHOULDER_V,
    STRIP_S,
    Cells,
    Curves,
    Kept,
    Makeup,
    Plating,
    Road,
    Rules,
    drive_pack,
)
from evloom.simulate.pack.fault import Fault, contact_ohm, end_s, short_siemens, ten_ohm_s
from evloom.simulate.pack.sense import Box, Real, draw_box, sense, wire_v
from evloom.simulate.pack.truth import Truth, described
from evloom.simulate.pack.use import DAY_S, USES, Climate, DayPlan, Use, lay_out, plan_spans
from evloom.vehicle.chemistry import N_POINT, Chemistry
from evloom.vehicle.telemetry import Frames, Pack

RESISTANCE_K = 2500.0  # activation energy over gas constant, about 21 kJ/mol


@dataclass(frozen=True)
class Car:
    """What is drawn once for a vehicle. every = (interval of frames, interval of wake-ups while parked; 0: none) in seconds."""

    pack: Pack
    chemistry: Chemistry
    use: Use
    climate: Climate
    every: tuple[float, float]
    life: Life
    base: Makeup
    curves: Curves
    rules: Rules
    box: Box
    soc: Float
    fault: Fault
    cooled_to_c: float


def bent_ocv(chemistry: Chemistry, rng: np.random.Generator) -> Float:
    """The table of a chemistry bent a little, (N_POINT,) and rising: another maker, another balance of the electrodes."""
    soc = np.linspace(0.0, 1.0, N_POINT)
    warp = rng.normal(0.0, 0.012) * np.sin(np.pi * soc) + rng.normal(0.0, 0.008) * np.sin(2.0 * np.pi * soc)
    return np.maximum.accumulate(chemistry.ocv(np.clip(soc + warp, 0.0, 1.0)) + rng.normal(0.0, 0.003) * np.sin(np.pi * soc))


def make_curves(ocv_v: Float, rng: np.random.Generator) -> Curves:
    """Tables of a pack: resistance rises when empty and in the cold, self-discharge and the limit of plating with warmth."""
    soc, temp_k = np.linspace(0.0, 1.0, N_POINT), 273.15 + COLDEST_C + np.arange(140.0)
    inverse = 1.0 / temp_k - 1.0 / 298.15
    return Curves(
        ocv_v=ocv_v,
        resistance_factor=1.0 + rng.uniform(0.5, 1.2) * np.exp(-soc / 0.09) + rng.uniform(0.0, 0.25) * (soc - 0.5) ** 2,
        resistance_by_temp=np.exp(rng.uniform(0.8, 1.2) * RESISTANCE_K * inverse),
        leak_by_temp=np.exp(-ACTIVATION_K * inverse),
        plating_by_temp=np.exp(-4500.0 * inverse),
    )


def draw_makeup(chemistry: Chemistry, capacity_ah: float, n_cell: int, rng: np.random.Generator) -> Makeup:
    """Cells of one batch: capacity within 1 %, resistance within 3 %, self-discharge within 12 % (standard deviations)."""
    ohm = chemistry.resistance_ohm_ah / capacity_ah * rng.uniform(0.85, 1.15) * rng.normal(1.0, 0.03, n_cell)
    place = np.abs(np.linspace(-1.0, 1.0, n_cell))
    return Makeup(
        capacity_ah=capacity_ah * rng.uniform(1.0, 1.03) * rng.normal(1.0, 0.01, n_cell),
        ohmic_ohm=0.55 * ohm,
        fast_ohm=0.45 * ohm * rng.normal(1.0, 0.02, n_cell),
        slow_ohm=0.5 * ohm * rng.normal(1.0, 0.02, n_cell),
        leak_a=capacity_ah * rng.uniform(0.8e-5, 1.8e-5) * np.exp(rng.normal(0.0, 0.12, n_cell)),
        plating_a=np.full(n_cell, 1.1 * capacity_ah) * rng.normal(1.0, 0.04, n_cell),
        cooling_w_per_k=FARADAY_TO_HEAT * capacity_ah / 9000.0 * (1.0 + 0.25 * place) * rng.normal(1.0, 0.03, n_cell),
    )


def draw_rules(chemistry: Chemistry, capacity_ah: float, fault: Fault, rng: np.random.Generator) -> Rules:
    """Limits and balancing of a battery management: bleeds 50-120 mA above a threshold of 6-30 mV."""
    flat = chemistry.name == "LFP"
    return Rules(
        v_max=chemistry.v_max,
        v_min=chemistry.v_min,
        capacity_ah=capacity_ah,
        hysteresis_v=chemistry.hysteresis_v * float(rng.uniform(0.7, 1.3)),
        bleed_ohm=float(rng.uniform(33.0, 75.0)),
        balance_above_v=3.36 if flat else 3.7,
        balance_over_v=float(rng.uniform(0.01, 0.03) if flat else rng.uniform(0.006, 0.025)),
        fault_cell=fault.cell if fault.cell >= 0 else int(fault.numbers.get("near_cell", -1)) if fault.kind == "connection" else -1,
        contact_sensed=fault.kind == "intermittent-contact" or bool(fault.numbers.get("sensed", False)),
        stuck_bleed=False,
        plating=Plating(
            plated_share=fault.number("plated_share", PLATED_SHARE),
            strip_s=fault.number("strip_h", STRIP_S / 3600.0) * 3600.0,
            dead_share=fault.number("dead_share", DEAD_SHARE),
            shoulder_v=fault.number("shoulder_v", SHOULDER_V),
            takes=fault.number("takes"),
        ),
    )


def draw_car(pack: Pack, chemistry: Chemistry, interval_s: float, fault: Fault, rng: np.random.Generator) -> Car:
    """A car of this pack, all else drawn: use, climate, age, cells, box."""
    n_cell = pack.n_cell
    use = USES[str(rng.choice(list(USES), p=(0.62, 0.15, 0.15, 0.08)))]
    if fault.kind == "plating":  # without fast charging nothing plates: such a car would be healthy
        use = replace(USES["commuter"] if use.name == "weekend" else use, fast_share=max(use.fast_share, 0.45))
    age_days = float(rng.uniform(30.0, 1500.0))
    cycles = age_days * {"commuter": 0.16, "taxi": 0.9, "weekend": 0.07, "bus": 0.55}[use.name]
    balanced = rng.normal(0.0, rng.uniform(0.003, 0.01), n_cell)
    mean_c = float(rng.uniform(10.0, 24.0))
    return Car(
        pack=pack,
        chemistry=chemistry,
        use=use,
        climate=Climate(mean_c, float(rng.uniform(5.0, 15.0)), float(rng.uniform(2.0, 6.0))),
        every=(interval_s, float(rng.choice((0.0, 3600.0, 7200.0, 14400.0), p=(0.15, 0.25, 0.3, 0.3)))),
        life=Life(age_days, cycles, mean_c + 5.0, np.exp(rng.normal(0.0, 0.06, n_cell)) * rng.uniform(0.7, 1.3)),
        base=draw_makeup(chemistry, pack.capacity_ah, n_cell, rng),
        curves=make_curves(bent_ocv(chemistry, rng), rng),
        rules=draw_rules(chemistry, pack.capacity_ah, fault, rng),
        box=draw_box(n_cell, rng),
        soc=np.clip(rng.uniform(0.45, 0.9) + balanced, 0.05, 0.98),
        fault=fault,
        cooled_to_c=float(rng.uniform(32.0, 38.0)),
    )


def makeup_today(car: Car, life: Life, at_s: float, taken_ah: Float) -> Makeup:
    """The cells as age and fault have left them; taken_ah (n_cell,) is what plating has taken."""
    left, thicker = worn(car.fault, at_s, car.pack.n_cell)
    lost = life.lost()
    thicker = thicker * (1.0 + RESISTANCE_PER_LOSS * (lost + taken_ah / car.base.capacity_ah))
    leak_a, plating_a, cooling = car.base.leak_a.copy(), car.base.plating_a, car.base.cooling_w_per_k
    share = float(car.fault.share(np.array([at_s]))[0])
    fast_ohm, slow_ohm = car.base.fast_ohm * thicker, car.base.slow_ohm * thicker
    if car.fault.kind == "self-discharge":
        leak_a[car.fault.cell] *= 1.0 + share * (car.fault.number("leak_factor") - 1.0)
    if car.fault.kind == "plating":
        plating_a = plating_a.copy()
        plating_a[car.fault.cells] *= 1.0 + share * (car.fault.number("threshold") - 1.0)
        fast_ohm[car.fault.cells] *= 1.0 + car.fault.number("kinetics_share")
        slow_ohm[car.fault.cells] *= 1.0 + car.fault.number("diffusion_share")
    if car.fault.kind == "module-overheating":
        near = np.exp(-0.5 * ((np.arange(car.pack.n_cell) - car.fault.cell) / 4.0) ** 2)
        cooling = cooling * (1.0 - share * near * car.fault.number("cooling_share"))
    return Makeup(
        capacity_ah=car.base.capacity_ah * left * (1.0 - lost) - taken_ah,
        ohmic_ohm=car.base.ohmic_ohm * thicker,
        fast_ohm=fast_ohm,
        slow_ohm=slow_ohm,
        leak_a=leak_a,
        plating_a=plating_a,
        cooling_w_per_k=cooling,
    )


def start(car: Car, air_c: float) -> Cells:
    """The cells at rest, as warm as the air."""
    zeros = [np.zeros(car.pack.n_cell) for _ in range(6)]
    return Cells(car.soc.copy(), zeros[0], zeros[1], zeros[2], np.full(car.pack.n_cell, air_c), zeros[3], zeros[4], zeros[5])


def road_of(car: Car, plan: DayPlan, weather_c: float) -> Road:
    """A day's plan with the air and the fault along it. While the car is awake its cooling keeps the air from being the measure."""
    air_c = np.asarray(car.climate.air_c(plan.at_s, weather_c))
    awake = plan.mode != PARKED
    air_c = np.where(awake, np.clip(air_c + 4.0, 6.0, car.cooled_to_c - 8.0), air_c)
    typical_ohm = float(np.mean(car.base.ohmic_ohm + car.base.fast_ohm))
    return Road(
        plan.step_s, plan.want_a, plan.mode, plan.target, air_c, np.where(awake, 6.0, 1.0), plan.keep,
        short_siemens(car.fault, plan.at_s), contact_ohm(car.fault, plan.at_s, typical_ohm),
    )  # fmt: skip


def live(car: Car, begin_s: float, days: int, rng: np.random.Generator) -> tuple[Frames, Truth]:
    """The frames and the truth of `days` from `begin_s`; a car whose cell is shorted hard is towed away before."""
    real, truth = lived(car, begin_s, days, rng)
    return sense(real, car.pack, car.box, car.fault, rng), truth


def lived(car: Car, begin_s: float, days: int, rng: np.random.Generator) -> tuple[Real, Truth]:
    """The same before any sensing."""
    cells = start(car, float(car.climate.air_c(begin_s)))
    cells.plated_ah[:] = 0.0
    life, weather_c = car.life, 0.0
    parts: list[Real] = []
    capacity_ah, resistance_ohm = [], []
    for day in range(days):
        day_s = begin_s + day * DAY_S
        if day_s >= end_s(car.fault, (begin_s, begin_s + days * DAY_S)):
            break
        weather_c = 0.7 * weather_c + float(rng.normal(0.0, 2.0))
        makeup = makeup_today(car, life, day_s, cells.lost_ah)
        capacity_ah.append(makeup.capacity_ah)
        resistance_ohm.append(makeup.ohmic_ohm + makeup.fast_ohm)
        real, turned_ah = _day(car, cells, makeup, (day_s, weather_c), rng)
        parts.append(real)
        life = life.later(1.0, turned_ah / (2.0 * car.pack.capacity_ah))
    return joined(parts), Truth(
        car.fault.kind, car.fault.cell, car.fault.onset_s, ten_ohm_s(car.fault), np.array(capacity_ah), np.array(resistance_ohm), _told(car)
    )


def _day(car: Car, cells: Cells, makeup: Makeup, now: tuple[float, float], rng: np.random.Generator) -> tuple[Real, float]:
    """One day, `cells` changed in place; now = (its begin, how much warmer it is). Returns also the charge that went through (Ah)."""
    day_s, weather_c = now
    weekday = int(day_s // DAY_S + 3) % 7
    spans = plan_spans(car.use, weekday, float(cells.soc.min()), rng)
    plan = lay_out(spans, day_s, car.every, car.pack.capacity_ah, rng)
    wire = wire_v(car.fault, np.array([day_s]), car.pack.n_cell, rng)[0]
    seen_v = car.box.channel_v + np.diff(car.box.tap_v) + wire.astype(np.float64)
    stuck = car.fault.kind == "balancing-stuck" and day_s >= car.fault.onset_s
    rules = car.rules._replace(stuck_bleed=stuck)
    kept = drive_pack(cells, makeup, car.curves, rules, road_of(car, plan, weather_c), (seen_v, probe_cells(car.pack)))
    turned_ah = float(np.sum(np.abs(kept.current_a) * plan.step_s[plan.keep])) / 3600.0
    return _real(plan, kept), turned_ah


def probe_cells(pack: Pack) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The cell at which each probe sits, evenly along the pack."""
    return ((np.arange(pack.n_probe) + 0.5) * pack.n_cell / max(pack.n_probe, 1)).astype(np.int64)


def _real(plan: DayPlan, kept: Kept) -> Real:
    here = plan.keep
    return Real(
        plan.at_s[here], kept.current_a, kept.soc, plan.mode[here], plan.speed_km_per_h[here], kept.outside_v, kept.balancing,
        kept.charged.astype(np.int64), kept.cell_v, kept.probe_c,
    )  # fmt: skip


def joined(parts: list[Real]) -> Real:
    """Stretches of one pack, one after the other."""
    names = list(Real.__dataclass_fields__)
    return Real(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _told(car: Car) -> dict[str, Any]:
    """What else is worth knowing of a car."""
    return {
        **described(car.fault),
        "use": car.use.name,
        "interval_s": car.every[0],
        "wake_s": car.every[1],
        "age_days": car.life.age_days,
        "air_mean_c": car.climate.mean_c,
        "air_year_c": car.climate.year_c,
        "bleed_ohm": car.rules.bleed_ohm,
    }
