"""How a car is used: what it does on a day, as a row of steps that any model of its cells can be driven along."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.simulate.pack.cells import AWAKE, DRIVE, FAST, PARKED, SLOW

DAY_S = 86400.0
SLEEP_STEP_S = 600.0
YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Use:
    """A pattern. Times are hours of the day, currents are multiples of the rated capacity (1/h).

    trips            (usual start, usual length) of a working day; weekend is the chance of such a day on Saturday and Sunday
    drive_c_rate     mean discharge while driving; swing its spread
    slow_c_rate, fast_c_rate  charging; fast_share how often it is fast
    charge_below     state of charge below which it is charged in the evening (or between trips when far below)
    targets          states of charge it is charged to
    """

    name: str
    trips: tuple[tuple[float, float], ...]
    weekend: float
    weekday: float
    drive_c_rate: float
    swing: float
    slow_c_rate: float
    fast_c_rate: float
    fast_share: float
    charge_below: float
    targets: tuple[float, ...]


USES = {
    use.name: use
    for use in (
        Use("commuter", ((7.6, 0.8), (17.8, 0.9)), 0.6, 0.96, 0.17, 0.30, 0.11, 0.9, 0.2, 0.55, (0.8, 0.9, 1.0, 1.0)),
        Use("taxi", ((5.5, 4.5), (12.0, 4.0), (17.5, 4.0)), 0.95, 0.97, 0.11, 0.22, 0.12, 1.1, 0.75, 0.6, (0.9, 0.95, 1.0)),
        Use("weekend", ((10.0, 1.5), (16.0, 1.5)), 0.85, 0.08, 0.20, 0.35, 0.10, 0.8, 0.25, 0.5, (0.8, 1.0)),
        Use("bus", ((6.0, 6.0), (13.5, 6.5)), 0.9, 0.98, 0.045, 0.16, 0.22, 0.5, 0.3, 0.85, (1.0, 1.0, 0.95)),
    )
}
"""Patterns by name. Bus: a large battery, so small currents for its capacity. Figures are ours, of the size usual in China."""


@dataclass(frozen=True)
class Climate:
    """Air where the car lives: mean of the year, half the swing of the year and of the day (degC); kept within 0..40."""

    mean_c: float
    year_c: float
    day_c: float

    def air_c(self, at_s: Float | float, weather_c: float = 0.0) -> Float:
        """Air at an instant; weather_c is how much warmer than usual the day is. Warmest in late July and at 15 o'clock UTC+8."""
        of_year = np.sin(2.0 * np.pi * (np.asarray(at_s) / DAY_S / YEAR_DAYS - 0.31))
        of_day = np.sin(2.0 * np.pi * (np.asarray(at_s) / DAY_S - 0.04))
        return np.clip(self.mean_c + weather_c + self.year_c * of_year + self.day_c * of_day, 0.0, 40.0)


@dataclass(frozen=True)
class DayPlan:
    """One day as steps, (n_step,): begin, length, current wanted (A), mode, end of charging, speed, whether a frame is sent."""

    at_s: Float
    step_s: Float
    want_a: Float
    mode: Int
    target: Float
    speed_km_per_h: Float
    keep: Bool


@dataclass(frozen=True)
class Span:
    """A stretch of one mode within a day, seconds from its begin; how hard (1/h), to what state of charge."""

    begin_s: float
    end_s: float
    mode: int
    c_rate: float = 0.0
    target: float = 1.0


def plan_spans(use: Use, weekday: int, soc: float, rng: np.random.Generator) -> list[Span]:
    """What happens on a day that begins at `soc`: trips, the charges that they need, standing awake after each."""
    spans: list[Span] = []
    free_s = rng.uniform(0.0, 900.0)
    goes = rng.random() < (use.weekend if weekday >= 5 else use.weekday)
    for hour, length_h in use.trips if goes else ():
        begin_s = max(free_s, (hour + rng.normal(0.0, 0.5)) * 3600.0)
        hard = use.drive_c_rate * rng.uniform(0.75, 1.3)
        long_h = min(length_h * rng.uniform(0.6, 1.3), max(soc - 0.08, 0.0) / hard)
        end_s = begin_s + long_h * 3600.0
        if long_h < 0.1 or end_s > DAY_S - 1800.0:
            continue
        spans += [Span(begin_s, end_s, DRIVE, hard), Span(end_s, end_s + rng.uniform(240.0, 900.0), AWAKE)]
        soc, free_s = soc - long_h * hard, spans[-1].end_s
        if soc < 0.3 and hour < use.trips[-1][0]:
            soc, free_s = _charge(spans, use, (soc, free_s, use.fast_share > 0.5), rng)
    if soc < use.charge_below + rng.normal(0.0, 0.12) or soc < 0.25:
        fast = bool(rng.random() < use.fast_share)
        soc, free_s = _charge(spans, use, (soc, free_s + rng.uniform(60.0, 2400.0), fast), rng)
    return spans


def _charge(spans: list[Span], use: Use, now: tuple[float, float, bool], rng: np.random.Generator) -> tuple[float, float]:
    """Add a charge where the day has room for one; now = (charge, earliest begin, fast). Returns charge and time after it."""
    soc, begin_s, fast = now
    c_rate = (use.fast_c_rate if fast else use.slow_c_rate) * rng.uniform(0.8, 1.1)
    target = float(rng.choice(use.targets)) if not fast else float(rng.choice((0.8, 0.85, 0.9, 1.0)))
    if rng.random() < 0.12:
        target = min(target, soc + rng.uniform(0.1, 0.4))  # unplugged early
    end_s = min(begin_s + (1.15 * max(target - soc, 0.0) / c_rate * (1.5 if fast else 1.0) + 0.4) * 3600.0, DAY_S - 600.0)
    if end_s - begin_s < 1200.0 or target < soc + 0.03:
        return soc, begin_s
    spans.append(Span(begin_s, end_s, FAST if fast else SLOW, c_rate, target))
    spans.append(Span(end_s, min(end_s + rng.uniform(300.0, 3600.0), DAY_S), AWAKE))
    return min(target, soc + c_rate * (end_s - begin_s) / 3600.0), spans[-1].end_s


def lay_out(spans: list[Span], day_s: float, every: tuple[float, float], capacity_ah: float, rng: np.random.Generator) -> DayPlan:
    """Spans as steps; every = (interval of frames, interval of wake-ups while parked, 0 for none) in seconds."""
    interval_s, wake_s = every
    parts: list[tuple[Float, int, Float, float, Float, bool]] = []
    clock = 0.0
    for span in [*spans, Span(DAY_S, DAY_S, PARKED)]:
        parts += _sleep(clock, span.begin_s, interval_s, wake_s)
        n = int((span.end_s - span.begin_s) / interval_s)
        if n > 0:
            speed, want_a = np.zeros(n), np.zeros(n)
            if span.mode == DRIVE:
                speed, want_a = _drive(n, interval_s, span.c_rate * capacity_ah, rng)
            elif span.mode in (SLOW, FAST):
                want_a[:] = span.c_rate * capacity_ah
            parts.append((np.full(n, interval_s), span.mode, want_a, span.target, speed, True))
        clock = max(clock, span.begin_s + n * interval_s)
    return _joined(parts, day_s)


def _sleep(begin_s: float, end_s: float, interval_s: float, wake_s: float) -> list[tuple[Float, int, Float, float, Float, bool]]:
    """Steps of a parked stretch: long ones, and every `wake_s` three frames."""
    parts: list[tuple[Float, int, Float, float, Float, bool]] = []
    here_s = begin_s
    while end_s - here_s > 1e-6:
        next_s = min(end_s, here_s + wake_s) if wake_s > 0.0 else end_s
        n = max(int(np.ceil((next_s - here_s) / SLEEP_STEP_S)), 1)
        step_s = np.full(n, (next_s - here_s) / n)
        parts.append((step_s, PARKED, np.zeros(n), 1.0, np.zeros(n), False))
        here_s = next_s
        if end_s - here_s > 3.0 * interval_s:
            parts.append((np.full(3, interval_s), PARKED, np.zeros(3), 1.0, np.zeros(3), True))
            here_s += 3.0 * interval_s
    return parts


def _joined(parts: list[tuple[Float, int, Float, float, Float, bool]], day_s: float) -> DayPlan:
    sizes = [len(part[0]) for part in parts]
    step_s = np.concatenate([part[0] for part in parts])
    return DayPlan(
        at_s=day_s + np.cumsum(step_s),  # a frame tells of the end of its step
        step_s=step_s,
        want_a=np.concatenate([part[2] for part in parts]),
        mode=np.repeat([part[1] for part in parts], sizes),
        target=np.repeat([part[3] for part in parts], sizes),
        speed_km_per_h=np.concatenate([part[4] for part in parts]),
        keep=np.repeat([part[5] for part in parts], sizes),
    )


def _drive(n: int, interval_s: float, mean_a: float, rng: np.random.Generator) -> tuple[Float, Float]:
    """Speed and current of a trip: accelerations, steady pieces, recuperation, stops."""
    speed, raw_a = _trip(rng.normal(size=n), rng.random(n), interval_s)
    total = -raw_a.sum() / n
    return speed, raw_a * (mean_a / max(total, 0.2)) if n else raw_a


@compiled
def _trip(normal: Float, uniform: Float, interval_s: float) -> tuple[Float, Float]:
    """Speed (km/h) and current in units of the mean: a speed that wanders and stops, and the power that this takes."""
    n = len(normal)
    speed, current = np.empty(n), np.empty(n)
    v, wish, stopped = 0.0, 45.0, 0.0
    for i in range(n):
        if stopped > 0.0:
            stopped -= interval_s
        elif uniform[i] < interval_s / 150.0:
            stopped, wish = interval_s * (1.0 + 40.0 / interval_s * uniform[i] * 150.0 / interval_s), 40.0 + 18.0 * normal[i]
        elif uniform[i] > 1.0 - interval_s / 240.0:
            wish = max(15.0, min(115.0, 55.0 + 28.0 * normal[i]))
        aim = 0.0 if stopped > 0.0 else max(wish, 10.0)
        push = (aim - v) * min(1.0, interval_s / 18.0) * (0.8 + 0.15 * normal[i])
        push = min(push, 22.0 * interval_s / 10.0)
        v = max(v + push, 0.0)
        speed[i] = v
        strength = 10.0 / interval_s * push
        current[i] = -(0.12 + 0.55 * v / 50.0 + 0.35 * (v / 70.0) ** 3 + 0.16 * max(strength, -7.0) * (0.3 + v / 60.0))
    return speed, current
