"""Sequential tests, one step a day: which cell, probe or pack-wide figure leaves what it was, or what its pack is, and how clearly.

Every quantity of a cell is looked at in two ways. Its *drift* is its distance from what it was in its first days here, in units of
how far the pack's other cells have drifted meanwhile; its *place* is its distance from the pack, in units of the pack's spread.
Both are smoothed over days, so that a single odd day decides nothing. A third test asks for the *pace* at which a cell's charge
moves over ten days. So a season, an ageing pack, or a colder end of it move the scale and raise no alarm.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.diagnose.cause_wear import fresh_wear, note_wear
from evloom.diagnose.detect_pack import N_PACK, PACK, PACK_LEAST, PackTrack, fresh_pack_track, look_at_pack
from evloom.diagnose.detect_shoulder import SHOULDER_LEAST_S, after_charge
from evloom.diagnose.estimate import CHARGE, OFFSET, OHM_AH, QUICK, SIZE, SLOW, Estimate
from evloom.diagnose.evidence import DayFeatures, centre, spread
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.vehicle.telemetry import Float32

CHANNELS = (
    "charge",
    "own charge",
    "quick resistance",
    "slow resistance",
    "offset",
    "capacity",
    "rest",
    "shoulder",
    "noise",
    "mirror",
    "pair",
)
"""Quantities of a cell. own charge: what it would be, had nobody been bled; mirror: its neighbour shows the opposite."""
N_CHANNEL = len(CHANNELS)
(
    I_CHARGE, I_OWN, I_QUICK, I_SLOW, I_OFFSET, I_SIZE, I_REST, I_SHOULDER, I_NOISE, I_MIRROR, I_PAIR,
) = range(N_CHANNEL)  # fmt: skip

DRIFT_LEAST = np.array([0.0012, 0.0015, 0.012, 0.015, 0.0006, 0.006, 0.001, 0.0007, 0.08, 0.0006, 0.05])
PLACE_LEAST = np.array([0.003, 0.01, 0.03, 0.03, 0.0015, 0.014, 0.002, 0.001, 0.1, 0.0015, 0.05])
"""Smallest units of drift and place, in the channel's own units (shares, V): what the sensing cannot resolve for certain."""

PROBE = ("offset", "absent", "stuck", "heat")
PROBE_LEAST = np.array([0.6, 0.15, 0.25, 1.0])
"""Smallest units: degC, share of the day, share of days, degC per square of the rate."""

RISING = 0.7
"""What a rise of a cell's charge counts, of what a fall does."""
LOUDER, NOISE_FRAMES = 2.0, 200.0
"""Noise power over the pack's from which a mirror begins to count, and how many frames it takes to believe a day's noise."""
ORDER_LEAST = 0.2
"""Smallest unit of a drift where a whole stretch of cells is looked at."""
BY_WEATHER, GROWN = (I_QUICK, I_SLOW), (0.4, 3.0)
"""Channels that grow with the cold in all cells alike, and between which limits."""

LEARN_DAYS = 5
SMOOTH = 0.35
RING = 64
PACE = ("charge", "own charge", "rest", "falling charge", "falling own charge")
"""rest: how the charge moves while the car is parked, by the means of its wake-ups. falling: drift and pace together, their geometric
mean, where both fall: of sound cells, the one that has drifted farthest is hardly ever the one that drifts fastest."""
PACE_DAYS = 14
PACE_LEAST = np.array([0.00008, 0.00012, 0.00012])
"""Share of the capacity a day: about 0.5 mA in a cell of 150 Ah."""
BLEED_A = 0.06
"""Current of balancing before the pack has shown its own: usual are 30-120 mA (2026)."""
BLEED_DAYS, BLEED_DOUBT, BLEED_ENOUGH = 10.0, 1e-3, 3e-3
"""The current is learnt from how far cells that were bled sank in ten days; how much it takes to leave the usual one behind, and
when it is known: later a fault may have all the others bled."""
CREEP_KEEP = float(np.exp(-1.0 / 6.0))
"""What a day leaves of what earlier rests said."""
SLOWEST = 1.0 / 150.0
CAP = 60.0


@dataclass
class Track(PackTrack):
    """What the tests remember of a pack. now, first, drift, place (N_CHANNEL, n_cell); days, noise (N_CHANNEL,);
    bled_ah (n_cell,) by the usual current; relax (2,) sums by which slowness after charges is learnt; bleed (3,) the pack's own over the
    usual one, sums of square and product that it is from;
    ring (RING, 2, n_cell) charge and own charge of the last days at ring_day (RING,), NaN empty;
    probe (len(PROBE) + 2, n_probe) smoothed, first, days; creep (n_cell + 1,) decayed sums of what rests said, and of how surely;
    wear, wear_at, hours as in `cause_wear`."""

    now: Float
    first: Float
    drift: Float
    place: Float
    days: Float
    noise: Float
    bled_ah: Float
    relax: Float
    bleed: Float
    ring: Float32
    ring_day: Float
    probe: Float
    creep: Float
    wear: Float32
    wear_at: Float
    hours: Float


@dataclass(frozen=True)
class Scores:
    """How clearly something is off, signed, in units of the spread: drift, place (N_CHANNEL, n_cell), pace (len(PACE), n_cell),
    pack (N_PACK,), probe (len(PROBE), n_probe)."""

    drift: Float
    place: Float
    pace: Float
    pack: Float
    probe: Float


def fresh_track(n_cell: int, n_probe: int) -> Track:
    """Nothing seen."""
    now, first, drift, place = (np.zeros((N_CHANNEL, n_cell)) for _ in range(4))
    ring, ring_day = np.full((RING, 2, n_cell), np.nan, dtype=np.float32), np.full(RING, np.nan)
    parts: list[Any] = [
        *fresh_pack_track(), now, first, drift, place, np.zeros(N_CHANNEL), np.zeros(N_CHANNEL), np.zeros(n_cell), np.zeros(2),
        np.array([1.0, 0.0, 0.0]), ring, ring_day, np.zeros((len(PROBE) + 2, n_probe)),
        np.zeros(n_cell + 1), *fresh_wear(n_cell),
    ]  # fmt: skip
    return Track(*parts)


def look(track: Track, estimate: Estimate, features: DayFeatures) -> Scores:
    """Take in a day; changes `track` in place."""
    value, known = _channels(track, estimate, features)
    _cells(track, value, known)
    track.ring = np.roll(track.ring, -1, axis=0)
    track.ring_day = np.roll(track.ring_day, -1)
    track.ring[-1], track.ring_day[-1] = track.now[:2], features.at_s / 86400.0
    if not known[I_CHARGE] or track.days[I_CHARGE] <= LEARN_DAYS:
        track.ring[-1] = np.nan  # what is learnt of the first days is not yet what happens
    told = known[I_SIZE] and track.days[I_SIZE] > LEARN_DAYS
    sizes = track.now[[I_SIZE, I_QUICK]] if told else None
    note_wear(track.wear, track.wear_at, track.hours, features.day, features.at_s / 86400.0, sizes)
    pack = look_at_pack(track, features, of_order(track.drift))
    drift, place = track.drift.copy(), track.place.copy()
    for score in (drift, place):
        score[[I_CHARGE, I_OWN]] = less_rising(score[[I_CHARGE, I_OWN]])
    pace = _pace(track)
    falling = -np.sqrt(np.maximum(-pace, 0.0) * np.maximum(-track.drift[[I_CHARGE, I_OWN]], 0.0))
    paces = np.concatenate([pace, _creep(track, features), falling])
    return Scores(drift, place, less_rising(paces), pack, _probes(track, features))


def less_rising(score: Float) -> Float:
    """A fault takes charge from a cell; one that rises tells of the others, or of how it was reckoned."""
    return np.where(score > 0.0, RISING * score, score)


def of_order(drift: Float) -> Float:
    """What tells of the order of the cells, in units of what sound cells of this very pack drift by, (2, n_cell)."""
    rows = drift[[I_QUICK, I_OFFSET]]
    return np.asarray(rows / np.clip(spread(rows), ORDER_LEAST, 1.0)[:, None])


def _channels(track: Track, estimate: Estimate, features: DayFeatures) -> tuple[Float, Bool]:
    """Value (N_CHANNEL, n_cell) of each channel, and whether the day knows it (N_CHANNEL,)."""
    value = estimate.value
    track.bled_ah += features.bled_s / 3600.0 * BLEED_A
    bled = (track.bled_ah - centre(track.bled_ah)) / features.scale_ah
    _learn_bleeding(track, np.asarray(value[CHARGE]), np.asarray(bled), features.at_s / 86400.0)
    whole = value[OFFSET]
    mirror = np.zeros(len(whole))
    if len(whole) > 1:
        both = np.minimum(np.abs(whole[1:]), np.abs(whole[:-1]))
        mirror[1:] = np.where(whole[1:] * whole[:-1] < 0.0, np.sign(whole[1:]) * both, 0.0)
    scatter = np.log(np.maximum(features.noise_v, 2e-4))
    scatter = (scatter - centre(scatter)) * _believed(features)
    channels = np.array(
        [
            value[CHARGE],
            value[CHARGE] + track.bleed[0] * bled,
            value[QUICK] / OHM_AH,
            value[SLOW] / OHM_AH,
            value[OFFSET],
            value[SIZE],
            _rest(value, features),
            after_charge(track.relax, value, features),
            scatter,
            mirror,
            mirrored_noise(features),
        ]
    )
    return np.asarray(channels - centre(np.nan_to_num(channels))), _told(estimate, features)


def _learn_bleeding(track: Track, charge: Float, bled: Float, day: float) -> None:
    """How far the cells that were bled sank: learns the current that bleeds them."""
    known = np.isfinite(track.ring[:, 0, :1].sum(axis=1))
    old = np.flatnonzero(known & (track.ring_day <= day - BLEED_DAYS) & (track.ring_day > day - 1.5 * BLEED_DAYS))
    if not len(old) or not len(charge) or track.bleed[1] > BLEED_ENOUGH:
        return
    then = track.ring[old[-1]].astype(np.float64)
    sunk = (charge - centre(charge)) - (then[0] - centre(then[0]))
    most = 4.0 * max(float(spread(sunk)), 1e-4)
    more = bled - (then[1] - then[0]) / track.bleed[0]
    more -= centre(more)
    track.bleed[1:] += [float(more @ more), -float(np.clip(sunk, -most, most) @ more)]
    track.bleed[0] = np.clip((track.bleed[2] + BLEED_DOUBT) / (track.bleed[1] + BLEED_DOUBT), 0.4, 2.5)


def mirrored_noise(features: DayFeatures) -> Float:
    """The mirror of a cell's noise in the cell before, as far as both are louder than their pack: where cells are read one half after
    the other, those at the border of the halves mirror each other under load, and are no louder than any other."""
    if len(features.noise_v) == 0:
        return np.zeros(0)
    noise = np.maximum(np.nan_to_num(features.noise_v), 2e-4) ** 2
    louder = np.clip(1.0 - LOUDER * float(np.median(noise)) / np.minimum(noise, np.roll(noise, 1)), 0.0, 1.0)
    return np.asarray(features.pair * louder * _believed(features))


def _believed(features: DayFeatures) -> float:
    """How far the day's noise is that of the cells, and not of how few frames there were."""
    count = float(features.day[at.D_NOISE_N])
    return count / (count + NOISE_FRAMES)


def _rest(value: Float, features: DayFeatures) -> Float:
    """Deviation at rest, brought to a slope of 0.3 V per unit where the curve is steeper; from the estimate where no rest was seen."""
    day, weight = features.day, max(float(features.normal[0, 0]), 1e-9)
    if day[at.D_REST_WEIGHT] >= 20.0:
        steep, rest_v = day[at.D_REST_S] / day[at.D_REST_WEIGHT], features.rest_v
    else:
        steep = features.normal[0, 1] / weight
        rest_v = value[OFFSET] + steep * value[CHARGE]
    return np.asarray(rest_v * 0.3 / max(steep, 0.3))


def _told(estimate: Estimate, features: DayFeatures) -> Bool:
    """Which channels (N_CHANNEL,) the day says anything of."""
    known, day, blocks = estimate.known, features.day, features.normal[0, 0]
    scatter = day[at.D_NOISE_N] >= 100.0
    told = [known[CHARGE] > 0.2, known[CHARGE] > 0.2, known[QUICK] > 0.2, known[SLOW] > 0.2, blocks > 1.0, blocks > 6.0]
    return np.array(
        [
            *told,
            day[at.D_REST_WEIGHT] >= 20.0 or blocks > 0.5,
            day[at.D_SHOULDER_WEIGHT] >= SHOULDER_LEAST_S,
            scatter,
            blocks > 1.0,
            scatter,
        ]
    )


def _cells(track: Track, value: Float, known: Bool) -> None:
    """Advance drift and place of the channels that the day knows."""
    rows = np.flatnonzero(known)
    fresh = value[rows]
    days = track.days[rows][:, None]
    learning = days < LEARN_DAYS
    moved = np.median(np.abs(fresh - track.now[rows]), axis=1) * 1.4826 if fresh.shape[1] else np.zeros(len(rows))
    first_day = track.days[rows] < 1
    track.noise[rows] = np.where(first_day, DRIFT_LEAST[rows], track.noise[rows] + 0.1 * (moved - track.noise[rows]))
    pace = np.where(learning, 1.0 / (days + 1.0), SLOWEST)
    track.first[rows] += pace * (fresh - track.first[rows])
    gone = fresh / grown_by_weather(fresh, track.first[rows], rows) - track.first[rows]
    unit = np.maximum(np.maximum(DRIFT_LEAST[rows], track.noise[rows]), _scale(gone, rows))[:, None]
    z_drift = np.where(learning, 0.0, np.clip(gone / unit, -CAP, CAP))
    unit = np.maximum(PLACE_LEAST[rows], _scale(fresh, rows))[:, None]
    z_place = np.clip(fresh / unit, -CAP, CAP)
    track.drift[rows] += SMOOTH * (z_drift - track.drift[rows])
    # The place is there from the first day: a mean at first, so that nothing waits for the smoothing to come up from 0.
    track.place[rows] += np.maximum(0.5 * SMOOTH, 1.0 / (days + 3.0)) * (z_place - track.place[rows])
    track.now[rows] = fresh
    track.days[rows] += 1.0


def grown_by_weather(fresh: Float, first: Float, rows: Int) -> Float:
    """By what resistances differ more than at first, in all cells alike (n_row, 1): what is cold has more of it, and its cells differ by
    more. 1 for what does not grow with the cold, and where the cells hardly differed."""
    if fresh.shape[1] == 0:
        return np.ones((len(rows), 1))
    most = 4.0 * np.maximum(spread(fresh), DRIFT_LEAST[rows])[:, None]
    doubt = fresh.shape[1] * DRIFT_LEAST[rows] ** 2
    alike = (np.clip(fresh, -most, most) * np.clip(first, -most, most)).sum(axis=1)
    grown = (alike + doubt) / ((np.clip(first, -most, most) ** 2).sum(axis=1) + doubt)
    return np.where(np.isin(rows, BY_WEATHER), np.clip(grown, *GROWN), 1.0)[:, None]


def _scale(values: Float, rows: Int) -> Float:
    """Spread of each channel. A mirror is 0 in most cells, and held to the spread of the offsets that it is made of."""
    scale = spread(values)
    if I_OFFSET in rows and I_MIRROR in rows:
        scale[rows == I_MIRROR] = scale[rows == I_OFFSET]
    return scale


def _pace(track: Track) -> Float:
    """Slope over the last ten days of charge and own charge, in units of the pack's spread of slopes, (2, n_cell)."""
    slope = slopes(track, PACE_DAYS)
    unit = np.maximum(PACE_LEAST[:2], spread(slope))[:, None]
    return np.asarray(np.clip(slope / unit, -CAP, CAP))


def _creep(track: Track, features: DayFeatures) -> Float:
    """How the charge of each cell moves at rest, (1, n_cell), in units of the pack's spread or of how certain it is."""
    track.creep *= CREEP_KEEP
    if len(features.creep):
        track.creep += np.append(features.creep, features.creep_known)
    known = float(track.creep[-1])
    if not known > 0.0:
        return np.zeros((1, len(track.creep) - 1))
    pace = 24.0 * track.creep[:-1] / known
    unit = max(float(PACE_LEAST[2]), float(spread(pace)), 24.0 / np.sqrt(known))
    return np.asarray(np.clip(pace / unit, -CAP, CAP)[None])


def slopes(track: Track, days: int) -> Float:
    """Least-squares slope (share of the capacity a day) over the last days, (2, n_cell); zeros where fewer than 5 are known."""
    recent = (track.ring_day > track.ring_day[-1] - days - 0.5) & np.isfinite(track.ring[:, 0, :1].sum(axis=1))
    n_cell = track.ring.shape[2]
    if recent.sum() < 5 or n_cell == 0:
        return np.zeros((2, n_cell))
    day = track.ring_day[recent] - track.ring_day[recent].mean()
    if day.max() - day.min() < 0.4 * days:
        return np.zeros((2, n_cell))
    slope = np.tensordot(day, track.ring[recent], axes=1) / (day @ day)
    return np.asarray(slope - centre(slope))


def first_slopes(track: Track) -> Float:
    """The same over the first third of what is remembered: what began with the first day was there before."""
    known = np.flatnonzero(np.isfinite(track.ring[:, 0, :1].sum(axis=1)))
    n_cell = track.ring.shape[2]
    early = known[: max(len(known) // 3, 5)]
    if len(known) < 10 or n_cell == 0:
        return np.zeros((2, n_cell))
    day = track.ring_day[early] - track.ring_day[early].mean()
    slope = np.tensordot(day, track.ring[early], axes=1) / max(float(day @ day), 1e-9)
    return np.asarray(slope - centre(slope))


def _probes(track: Track, features: DayFeatures) -> Float:
    """Advance what is known of each probe; returns (len(PROBE), n_probe)."""
    seen = np.isfinite(features.probe_c)
    first, days = track.probe[len(PROBE)], track.probe[len(PROBE) + 1]
    mean_c = np.where(seen, features.probe_c, first)
    rate = np.where(days < LEARN_DAYS, 1.0 / (days + 1.0), SLOWEST)
    first += np.where(seen, rate * (mean_c - first), 0.0)
    day = features.day
    swing_c = day[at.D_TEMP_HIGH] - day[at.D_TEMP_LOW]
    still = features.probe_range_c <= 0.5
    stuck = still & (float(np.median(np.nan_to_num(features.probe_range_c))) >= 4.0) if len(first) else still
    moved_c = np.where(days < LEARN_DAYS, 0.0, mean_c - first)
    now = np.array([moved_c, np.nan_to_num(features.probe_absent), stuck, np.nan_to_num(features.probe_heat_c)])
    now[0] -= centre(now[0])
    now[3] -= centre(now[3])
    known = np.array([seen, np.isfinite(features.probe_absent), seen & (swing_c >= 4.0), np.isfinite(features.probe_heat_c)])
    units = np.maximum(PROBE_LEAST, np.where(np.array([1, 0, 0, 1], dtype=bool), spread(now), 0.0))[:, None]
    score = track.probe[: len(PROBE)]
    score += np.where(known, SMOOTH * (np.clip(now / units, -CAP, CAP) - score), 0.0)
    days += seen
    return np.asarray(score.copy())


__all__ = [
    "CHANNELS",
    "N_CHANNEL",
    "N_PACK",
    "PACK",
    "PACK_LEAST",
    "PROBE",
    "Scores",
    "Track",
    "centre",
    "first_slopes",
    "fresh_track",
    "look",
    "slopes",
    "spread",
]
