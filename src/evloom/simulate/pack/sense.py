"""From what truly happens in a pack to the frames that a telematics box sends: wires, offsets, rounding, and all that goes wrong
on the way. Knows nothing of how the cells were computed; any model that fills `Real` can be put before it."""

from dataclasses import dataclass, replace

import numpy as np

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.simulate.pack.cells import DRIVE, FAST, SLOW
from evloom.simulate.pack.fault import Fault
from evloom.simulate.pack.use import DAY_S
from evloom.vehicle.telemetry import Float32, Frames, Pack, unflagged

ABSENT_PROBE_C = 215.0
"""255 in the record of a box, less its offset of 40 degC."""
SENTINEL_V = (0.0, 1.28, 5.0, 66.5, 65.534, 65.535)
"""Voltages seen on real cars where a reading failed, and those that GB/T 32960 reserves."""


@dataclass(frozen=True)
class Real:
    """A pack at the instants of its frames, as it truly is, (n,) but for cell_v (n, n_cell) and probe_c (n, n_probe).

    current_a positive = charging; soc mean of the cells; mode of `cells`; outside_v voltage that lies in the pack but in no
    cell's sensing; balancing number of cells being bled; charged whether charging has ended.
    """

    at_s: Float
    current_a: Float
    soc: Float
    mode: Int
    speed_km_per_h: Float
    outside_v: Float
    balancing: Int
    charged: Int
    cell_v: Float32
    probe_c: Float32


@dataclass(frozen=True)
class Box:
    """How well a car measures and how badly its box sends; rates are per frame unless they say otherwise.

    tap_v (n_cell + 1,) offset of each sensing wire, channel_v (n_cell,) of each converter; noise_v of a converter
    lag (n_cell,) how much older a cell's reading is than its frame, as a share of the interval: converters take turns
    drift_v_per_year of a converter; current_offset_a, current_gain, soc_error of the management's own estimate
    insulation_ohm of the healthy pack, placeholder whether the box sends a constant instead
    """

    tap_v: Float
    channel_v: Float
    lag: Float
    noise_v: float
    drift_v_per_year: Float
    current_offset_a: float
    current_gain: float
    soc_error: float
    pack_offset_v: float
    insulation_ohm: float
    placeholder: bool
    null_status: float
    lateness_s: float
    missing: float = 0.05
    stale: float = 0.004
    repeated_time: float = 0.001
    out_of_order: float = 0.001
    cell_sentinel: float = 2e-4
    probe_sentinel: float = 2e-4
    gaps_per_day: float = 0.08
    clock_jumps_per_day: float = 0.01
    odometer_zero: float = 1e-3


def draw_box(n_cell: int, rng: np.random.Generator) -> Box:
    """A box and the sensing of a car: tenths of a millivolt to a few millivolts, as converters of battery management have."""
    return Box(
        tap_v=rng.normal(0.0, 0.0002, n_cell + 1),
        channel_v=rng.normal(0.0, rng.uniform(0.0006, 0.0018), n_cell),
        lag=rng.uniform(0.0, 0.06) * rng.permutation(n_cell // 12 + 1)[np.arange(n_cell) // 12] / (n_cell // 12 + 1),
        noise_v=float(rng.uniform(0.0003, 0.001)),
        drift_v_per_year=rng.normal(0.0, 0.0008, n_cell),
        current_offset_a=float(rng.normal(0.0, 0.15)),
        current_gain=float(rng.normal(1.0, 0.004)),
        soc_error=float(rng.normal(0.0, 0.02)),
        pack_offset_v=float(rng.choice((0.0, 0.0, 0.3, 1.0, 3.5))),
        insulation_ohm=float(np.exp(rng.uniform(np.log(1.2e6), np.log(1.2e7)))),
        placeholder=bool(rng.random() < 0.15),
        null_status=float(rng.choice((0.0, 0.0, 0.002, 0.3))),
        lateness_s=float(rng.uniform(0.2, 3.0)),
    )


def wire_v(fault: Fault, at_s: Float, n_cell: int, rng: np.random.Generator) -> Float32:
    """What a bad sensing wire adds to each cell, (n, n_cell): the wire between two cells, so one gains what the other loses."""
    added = np.zeros((len(at_s), n_cell), dtype=np.float32)
    if fault.kind != "sensing-wire":
        return added
    share = fault.share(at_s)
    slow = np.sin(2.0 * np.pi * (at_s - fault.onset_s) / (3.7 * DAY_S)) * 0.15 + 1.0  # moisture and vibration
    error = share * (fault.number("offset_v") * slow + fault.number("noise_v") * rng.normal(size=len(at_s)))
    added[:, fault.cell - 1] += error
    added[:, fault.cell] -= error
    return added


def sense(real: Real, pack: Pack, box: Box, fault: Fault, rng: np.random.Generator) -> Frames:
    """The frames that arrive, in the order in which they do."""
    if len(real.at_s) == 0:
        return unflagged(pack, at_s=np.zeros(0), cell_v=np.zeros((0, pack.n_cell), dtype=np.float32))
    real = _bursts(real, _level(real.cell_v, real.probe_c, real.mode))
    cell_v = _cells(real, box, fault, rng)
    current_a = _current_a(real, box, fault, rng)
    probe_c = _probes(real, pack, fault)
    n = len(real.at_s)
    odometer_km = 1e4 + np.cumsum(real.speed_km_per_h * np.diff(real.at_s, prepend=real.at_s[0]).clip(0.0, 60.0)) / 3600.0
    frames = unflagged(
        pack,
        at_s=real.at_s.copy(),
        known_at_s=real.at_s + rng.exponential(box.lateness_s, n),
        current_a=current_a,
        pack_v=np.round(_ends(cell_v)[2] + real.outside_v + box.pack_offset_v + rng.normal(0.0, 0.05, n), 1),
        soc=_soc(real, box, fault),
        speed_km_per_h=np.round(real.speed_km_per_h, 1),
        odometer_km=np.where(rng.random(n) < box.odometer_zero, 0.0, np.round(odometer_km, 1)),
        charging=_charging(real, box, rng),
        insulation_ohm=_insulation_ohm(real, box, fault, rng),
        bms_level=_level(cell_v, probe_c, real.mode),
        balancing=real.balancing,
        cell_v=cell_v,
        probe_c=probe_c,
    )
    return sent(_sentinels(frames, box, rng), box, rng)


def _cells(real: Real, box: Box, fault: Fault, rng: np.random.Generator) -> Float32:
    """Cells as measured, at 1 mV."""
    n, n_cell = real.cell_v.shape
    years = (real.at_s - real.at_s[0]) / (365.25 * DAY_S)
    seen = rng.standard_normal((n, n_cell), dtype=np.float32)
    follows = np.diff(real.at_s, prepend=-np.inf) < 60.0
    _measure(seen, real.cell_v, (box.channel_v + np.diff(box.tap_v), box.drift_v_per_year, box.lag), (years, follows), box.noise_v)
    if fault.kind == "sensing-wire":
        seen = np.round(seen + wire_v(fault, real.at_s, n_cell, rng), 3)
    if fault.kind == "swapped-cells":
        begin, size = fault.numbers["block"]
        later = real.at_s >= fault.onset_s
        seen[later, begin : begin + size] = seen[later, begin : begin + size][:, ::-1]
    return seen


@compiled
def _measure(seen: Float32, cell_v: Float32, cells: tuple[Float, Float, Float], rows: tuple[Float, Bool], noise_v: float) -> None:
    """Make of random numbers in `seen` (n, n_cell) what converters read; cells = (offset, drift a year, lag), rows = (years that have
    passed, whether the frame before is near)."""
    steady_v, drift_v_per_year, lag = cells
    years, follows = rows
    for i in range(seen.shape[0]):
        before = i - 1 if follows[i] else i
        for k in range(seen.shape[1]):
            v = cell_v[i, k] - lag[k] * (cell_v[i, k] - cell_v[before, k])
            v += steady_v[k] + years[i] * drift_v_per_year[k] + noise_v * seen[i, k]
            seen[i, k] = np.floor(v * 1000.0 + 0.5) / 1000.0


def _current_a(real: Real, box: Box, fault: Fault, rng: np.random.Generator) -> Float:
    share = fault.share(real.at_s) if fault.kind == "current-sensor" else np.zeros(len(real.at_s))
    gain = box.current_gain + share * fault.number("gain")
    offset_a = box.current_offset_a + share * fault.number("offset_a")
    return np.asarray(np.round(real.current_a * gain + offset_a + rng.normal(0.0, 0.05, len(share)), 1))


def _probes(real: Real, pack: Pack, fault: Fault) -> Float32:
    seen = np.round(real.probe_c)
    if fault.kind != "temperature-sensor" or pack.n_probe == 0:
        return seen.astype(np.float32)
    probe = int(fault.numbers["near_cell"]) % pack.n_probe
    later = real.at_s >= fault.onset_s
    if fault.numbers["course"] == "absent":
        seen[later, probe] = ABSENT_PROBE_C
    elif fault.numbers["course"] == "stuck" and later.any():
        seen[later, probe] = seen[np.flatnonzero(later)[0], probe]
    else:
        seen[:, probe] = np.round(real.probe_c[:, probe] + fault.share(real.at_s) * fault.number("offset_c"))
    return seen.astype(np.float32)


def _soc(real: Real, box: Box, fault: Fault) -> Float:
    """The management's own estimate: an error that grows with use and is put right when a charge is full."""
    wander = box.soc_error * (1.0 + np.sin(real.at_s / (5.3 * DAY_S)))
    if fault.kind == "current-sensor":
        wander = wander + fault.share(real.at_s) * np.sign(fault.number("offset_a") + fault.number("gain")) * 0.03
    return np.asarray(np.clip(np.round(real.soc + wander * (1.0 - real.soc), 2), 0.0, 1.0))


def _charging(real: Real, box: Box, rng: np.random.Generator) -> Int:
    plugged = (real.mode == SLOW) | (real.mode == FAST)
    status = np.where(plugged & (real.charged == 0), 1, 0)
    status = np.where(plugged & (real.charged != 0), 3, status)
    status = np.where((real.mode == DRIVE) & (real.current_a > 0.0), 2, status)
    return np.where(rng.random(len(status)) < box.null_status, -1, status).astype(np.int64)


def _insulation_ohm(real: Real, box: Box, fault: Fault, rng: np.random.Generator) -> Float:
    """Leakage to the chassis: falls as it gets warmer and damper; the fault falls evenly in its logarithm."""
    if box.placeholder and fault.kind != "insulation":
        return np.full(len(real.at_s), 5.0e6)
    warm = np.nanmean(real.probe_c, axis=1) if real.probe_c.shape[1] else np.full(len(real.at_s), 25.0)
    damp = 0.25 * np.sin(real.at_s / (2.9 * DAY_S)) + 0.15 * np.sin(real.at_s / (0.8 * DAY_S))
    log_ohm = np.log(box.insulation_ohm) - 0.015 * (warm - 25.0) - damp + rng.normal(0.0, 0.05, len(warm))
    if fault.kind == "insulation":
        log_ohm += fault.share(real.at_s) * (np.log(fault.number("end_ohm")) - np.log(box.insulation_ohm))
    return np.asarray(np.round(np.exp(log_ohm), -3))


def _level(cell_v: Float32, probe_c: Float32, mode: Int) -> Int:
    """Warning level of a simple battery management: spread of the cells at small current, lowest cell, hottest probe."""
    lowest, highest, _ = _ends(cell_v)
    spread = np.where(mode == DRIVE, 0.6, 1.0) * (highest - lowest)
    level: Int = (spread > 0.15).astype(np.int64) + (spread > 0.3) + (spread > 0.5)
    if probe_c.shape[1]:
        hottest = np.where(probe_c < ABSENT_PROBE_C - 1.0, probe_c, -40.0).max(axis=1)
        level = np.maximum(level, (hottest > 55.0).astype(np.int64) + (hottest > 60.0) + (hottest > 65.0))
    return np.asarray(np.maximum(level, np.where(lowest < 2.0, 3, 0)), dtype=np.int64)


@compiled
def _ends(cell_v: Float32) -> tuple[Float, Float, Float]:
    """Lowest, highest and sum of each row."""
    n = len(cell_v)
    lowest, highest, total = np.full(n, np.inf), np.full(n, -np.inf), np.zeros(n)
    for i in range(n):
        for v in cell_v[i]:
            lowest[i] = min(lowest[i], v)
            highest[i] = max(highest[i], v)
            total[i] += v
    return lowest, highest, total


def _bursts(real: Real, level: Int) -> Real:
    """After the management raises an alarm of level 3 the box sends 30 frames a second apart before and after it; at most twenty."""
    raised = np.flatnonzero((level[1:] >= 3) & (level[:-1] < 3))[:20] + 1
    raised = raised[(raised < len(level) - 1)]
    if len(raised) == 0:
        return real
    more_s = np.unique((real.at_s[raised][:, None] + np.arange(-29.0, 31.0)).ravel())
    more_s = more_s[(more_s > real.at_s[0]) & (more_s < real.at_s[-1])]
    at_s = np.union1d(real.at_s, more_s)
    right = np.clip(np.searchsorted(real.at_s, at_s), 1, len(real.at_s) - 1)
    weight = np.clip((at_s - real.at_s[right - 1]) / (real.at_s[right] - real.at_s[right - 1]), 0.0, 1.0)
    near = np.where(weight > 0.5, right, right - 1)
    whole = {name: getattr(real, name)[near] for name in ("mode", "balancing", "charged")}
    plain = {name: np.interp(at_s, real.at_s, getattr(real, name)) for name in ("current_a", "soc", "speed_km_per_h", "outside_v")}
    w = weight[:, None].astype(np.float32)
    wide = {name: (1 - w) * getattr(real, name)[right - 1] + w * getattr(real, name)[right] for name in ("cell_v", "probe_c")}
    return Real(at_s=at_s, **whole, **plain, **wide)


def _sentinels(frames: Frames, box: Box, rng: np.random.Generator) -> Frames:
    """Readings that failed; a quarter of them come as a whole row of cells."""
    cell_v, probe_c = frames.cell_v, frames.probe_c
    rows = np.flatnonzero(rng.random(frames.n) < box.cell_sentinel)
    for row in rows:
        which = slice(None) if rng.random() < 0.25 else rng.integers(0, frames.pack.n_cell, int(rng.integers(1, 4)))
        cell_v[row, which] = rng.choice(SENTINEL_V)
    for row in np.flatnonzero(rng.random(frames.n) < box.probe_sentinel) if frames.pack.n_probe else ():
        probe_c[row, rng.integers(0, frames.pack.n_probe)] = ABSENT_PROBE_C + rng.choice((-1.0, 0.0))
    return frames


def sent(frames: Frames, box: Box, rng: np.random.Generator) -> Frames:
    """What the way through the air does: frames that are lost, repeated under a new time, late, or wrongly dated."""
    n = frames.n
    source = np.arange(n)
    for row in np.flatnonzero(rng.random(n) < box.stale / 4.0):
        source[row : row + int(rng.integers(1, 8))] = source[row - 1] if row else 0
    at_s, known_at_s = frames.at_s.copy(), frames.known_at_s.copy()
    for row in np.flatnonzero(rng.random(n - 1) < box.repeated_time):
        at_s[row + 1] = at_s[row]
    days = max((at_s[-1] - at_s[0]) / DAY_S, 0.0)
    for _ in range(int(rng.poisson(box.clock_jumps_per_day * days))):
        begin = int(rng.integers(0, n))
        at_s[begin : begin + int(rng.integers(3, 200))] += float(rng.choice((-366.0 * DAY_S, -8.0 * 3600.0, 3600.0, 2.0 * DAY_S)))
    late = rng.random(n) < box.out_of_order
    known_at_s[late] += rng.uniform(60.0, 1800.0, int(late.sum()))
    here = rng.random(n) >= box.missing
    for _ in range(int(rng.poisson(box.gaps_per_day * days))):
        begin_s = rng.uniform(frames.at_s[0], frames.at_s[-1])
        here &= (frames.at_s < begin_s) | (frames.at_s > begin_s + rng.exponential(4.0 * 3600.0))
    order = np.flatnonzero(here)
    order = order[np.argsort(known_at_s[order], kind="stable")]
    repeated = frames.part(source[order])
    return replace(repeated, at_s=at_s[order], known_at_s=known_at_s[order])
