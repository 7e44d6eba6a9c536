"""Which of the faults a signature looks like: calibrated probabilities over the ten named ones and "unknown".

Three small networks on the figures of `signature` weigh the causes against each other and against mixtures of them that no fault
makes. That none of the ten explains what is seen is judged apart: by what the networks say of such mixtures, by how far they
disagree, and by how far the signature lies from the typical ones of its likely cause. All parameters stand in `cause_table`; they
are learnt on labelled fleets with the ten named faults by `python -m tools.bench.diagnose_detect learn`. How strange is unknown was
set by leaving out of learning each of the ten in turn.
"""

import functools
from base64 import b85decode
from typing import NamedTuple

import numpy as np

from evloom.diagnose import cause_table
from evloom.diagnose.cause_physics import Contact, Verdict, by_contact, by_heat, by_physics, is_warm_around
from evloom.diagnose.signature import names
from evloom.kernel.timegrid import Bool, Float

NAMES = (
    "internal-short", "self-discharge", "plating", "connection", "sensing-wire", "temperature-sensor", "weak-cell", "capacity-dive",
    "current-sensor", "insulation",
)  # fmt: skip
UNKNOWN = "unknown"
OF_CELLS = ("internal-short", "self-discharge", "plating", "connection", "sensing-wire", "weak-cell", "capacity-dive")
OF_PACKS = ("temperature-sensor", "current-sensor", "insulation", "connection")
"""Faults that show in a single cell, and those that show in a probe or in a figure of the pack: a contact outside the wires is both."""
CLIP = 6.0
"""Standard deviations at which a figure is held: one that is wild decides no more than one that is far out."""
NEVER = -60.0
AHEAD = 0.005
"""By how much the likeliest cause stays ahead at least."""
CHECKED = ("bled while not charged", "loud for its resistance")
"""Figures that rise with faults of which none of the ten is one: balancing that does not end, a contact that comes and goes."""
SURE_BEYOND, BEYOND_WIDTH = 1.0, 0.3
"""How far beyond the range of the likely cause, in its own scatter, a checked figure makes it half unknown, and the width of that."""


CONTACT = ("quick resistance drift", "gone, by resistance", "now, by resistance", "noise drift", "capacity drift", "own charge drift")
"""Figures of `cause_physics.Contact`."""
PACK_WIDE = ("zero current gone", "insulation gone", "outside resistance gone", "severity of pack")


class Model(NamedTuple):
    """L figures, K networks of H nodes, P kinds of parts, C typical signatures of each cause in R directions.

    mean, scale (L,); into (K, L, H), into_bias (K, H), out (K, H, 11), out_bias (K, 11): the networks, unknown last
    fits (P, 10)  1 where a part of the kind (cell, probe, each pack figure) can have the cause
    project (L, R), centre (10, C, R), usual (10,)  typical signatures, and how far from them others of the cause usually are
    low, high, width (10, L)  between what 98 of 100 signatures of a cause have each figure, and how it scatters
    strange (8,)  weights of what speaks for "none of the ten", see `doubts`; cool (1,): by what the scores of causes are divided
    sure (10,)    weights of what certainty rests on, see `grounds`
    """

    mean: Float
    scale: Float
    into: Float
    into_bias: Float
    out: Float
    out_bias: Float
    fits: Float
    project: Float
    centre: Float
    usual: Float
    low: Float
    high: Float
    width: Float
    strange: Float
    cool: Float
    sure: Float


@functools.cache
def learnt() -> Model:
    """The parameters of `cause_table`."""
    raw = b85decode("".join(cause_table.TEXT))
    parts, place = [], 0
    for shape in cause_table.SHAPES:
        size = int(np.prod(shape))
        parts.append(np.frombuffer(raw, np.float16, size, place).astype(np.float64).reshape(shape))
        place += 2 * size
    return Model(*parts)


@functools.cache
def part_places() -> slice:
    """Where a signature says of which kind of part it is."""
    every = names()
    return slice(every.index("is cell"), every.index("severity of cell"))


@functools.cache
def _of_whole_packs() -> Float:
    """1 for figures of the pack as a whole, 0 for others, (L,)."""
    every = names()
    told = [name.endswith(" score") or name in PACK_WIDE for name in every]
    return np.array(told, dtype=np.float64)


def heard(figures: Float) -> Float:
    """Figures (n, L) less those that say nothing of the part: what a pack shows as a whole is no matter of one cell or one probe, and
    differs from maker to maker."""
    hot = part_places().start
    single = (figures[:, hot] > 0.5) | (figures[:, hot + 1] > 0.5)
    return np.asarray(figures * (1.0 - single[:, None] * _of_whole_packs()))


def standard(model: Model, figures: Float) -> Float:
    """Figures (n, L) as the networks take them."""
    return np.asarray(np.clip((heard(figures) - model.mean) / model.scale, -CLIP, CLIP))


def within(model: Model, x: Float) -> Float:
    """Standardised figures held within what the ten causes were seen to have: more of a fault than was ever seen is no other fault."""
    return np.asarray(np.clip(x, model.low.min(axis=0), model.high.max(axis=0)))


def told_by_nets(model: Model, x: Float) -> tuple[Float, Float]:
    """Scores of the causes and of unknown by each network (K, n, 11), and what they come to as probabilities (K, n, 11)."""
    score = np.array(
        [
            np.maximum(x @ first + bias, 0.0) @ second + end
            for first, bias, second, end in zip(model.into, model.into_bias, model.out, model.out_bias, strict=True)
        ]
    )
    return score, softmax(score)


def softmax(score: Float) -> Float:
    """Probabilities over the last axis."""
    share = np.exp(score - score.max(axis=-1, keepdims=True))
    return np.asarray(share / share.sum(axis=-1, keepdims=True))


def doubts(model: Model, figures: Float) -> tuple[Float, Float]:
    """Shares of the ten causes (n, 10), and what speaks for none of them (n, 8): 1, the networks' own word as log odds,
    how little the likeliest cause stands out, how far they disagree, distance from the likely cause and from the nearest one,
    how far figures are out of the range of the likely cause, and out of that of the cause where they are least so."""
    x = within(model, standard(model, figures))
    score, chance = told_by_nets(model, x)
    fits = (figures[:, part_places()] @ model.fits) > 0.5
    every = np.where(fits, score.mean(axis=0)[:, : len(NAMES)], NEVER)
    known = softmax(every)
    strange = np.clip(chance[:, :, -1].mean(axis=0), 1e-4, 1.0 - 1e-4)
    apart = chance.std(axis=0).max(axis=1)
    flat = x @ model.project
    far = np.array([np.sqrt(((flat[:, None] - centre) ** 2).sum(axis=2).min(axis=1)) for centre in model.centre]).T / model.usual
    likely = known.argmax(axis=1)
    away = np.log(np.maximum(far[np.arange(len(far)), likely], 1e-3))
    nearest = np.log(np.maximum(far.min(axis=1), 1e-3))
    low = -np.log(np.maximum(known.max(axis=1), 1e-3))
    odd = _out_of_range(model, x, fits)
    told = [np.ones(len(x)), np.log(strange / (1.0 - strange)), low, apart, away, nearest, odd[np.arange(len(x)), likely], odd.min(axis=1)]
    return softmax(every / model.cool[0]), np.array(told).T


def _out_of_range(model: Model, x: Float, fits: Bool) -> Float:
    """How far the figures of each row are, in all, beyond what the cause usually shows, (n, 10) logarithms; 5 where it cannot be."""
    every = zip(model.low, model.high, model.width, strict=True)
    beyond = [np.clip(np.maximum(low - x, x - high) / width, 0.0, CLIP).sum(axis=1) for low, high, width in every]
    return np.where(fits, np.log1p(np.array(beyond).T), 5.0)


def raw_probabilities(model: Model, figures: Float) -> tuple[Float, Float]:
    """Probability of each of NAMES, then of unknown, before they are held against how it turned out, (n, 11); the doubts (n, 8)."""
    known, told = doubts(model, figures)
    strange = 1.0 - (1.0 - _rising(told @ model.strange)) * (1.0 - checked(model, figures, known))
    fits = (figures[:, part_places()] @ model.fits) > 0.5
    strange = np.where(fits.any(axis=1), strange, 1.0)
    return np.concatenate([known * (1.0 - strange)[:, None], strange[:, None]], axis=1), told


def checked(model: Model, figures: Float, known: Float) -> Float:
    """How surely a checked figure is beyond what the likeliest of the causes (n, 10) can make of it, (n,)."""
    x, likely = standard(model, figures), known.argmax(axis=1)
    places = [names().index(name) for name in CHECKED]
    beyond = (x - model.high[likely])[:, places] / model.width[likely][:, places]
    return _rising((beyond.max(axis=1) - SURE_BEYOND) / BEYOND_WIDTH)


def _rising(score: Float) -> Float:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -30.0, 30.0))))


def probabilities(model: Model, figures: Float, of_cell: Bool) -> Float:
    """Probability of each of NAMES, then of unknown: (n, 11) for rows of signatures (n, L), of a single cell or not (n,)."""
    raw, told = raw_probabilities(model, figures)
    share = fitting(raw, of_cell)
    return as_it_turned_out(model, with_physics(share, figures), grounds(share, with_physics(share, figures), told))


def fitting(raw: Float, of_cell: Bool) -> Float:
    """The same, what cannot be of a single cell, or of none, given to unknown."""
    fits = np.array([[name in kinds for name in (*NAMES, UNKNOWN)] for kinds in ((*OF_PACKS, UNKNOWN), (*OF_CELLS, UNKNOWN))])
    raw = raw * fits[of_cell.astype(np.int64)]
    raw[:, -1] += 1.0 - raw.sum(axis=1)
    return np.asarray(raw)


def with_physics(share: Float, figures: Float) -> Float:
    """What the verdicts in the signatures make of the shares, (n, 11)."""
    every, named, hot = names(), (*NAMES, UNKNOWN), part_places().start
    places = [every.index(f"says {name}") for name in Verdict._fields]
    probes = [every.index(f"probe {name} {where}") for name in ("offset", "heat") for where in ("own", "beside")]
    contacts = [every.index(name) for name in CONTACT]
    out = np.array(share)
    for row in np.flatnonzero((figures[:, hot] > 0.5) | (figures[:, hot + 1] > 0.5)):
        causes = tuple(zip(named, share[row].tolist(), strict=True))
        if figures[row, hot] > 0.5:
            told = by_physics(causes, Verdict(*figures[row, places].tolist()))
            told = by_contact(told, Contact(*np.sinh(figures[row, contacts]).tolist()))
        else:
            own, beside, heat, heat_beside = np.sinh(figures[row, probes]).tolist()
            told = by_heat(causes) if is_warm_around((own, beside), (heat, heat_beside)) else causes
        chance = dict(told)
        out[row] = [chance.get(name, 0.0) for name in named]
    return out


def grounds(before: Float, after: Float, told: Float) -> Float:
    """What certainty rests on, (n, 10): the likeliest cause's probability as log odds, whether physics (after) overruled what was learnt
    (before), and the doubts (n, 8)."""
    said = np.clip(after.max(axis=1), 0.02, 0.98)
    overruled = (after.argmax(axis=1) != before.argmax(axis=1)).astype(np.float64)
    return np.column_stack([np.log(said / (1.0 - said)), overruled, told])


def as_it_turned_out(model: Model, raw: Float, ground: Float) -> Float:
    """The likeliest cause gets the probability with which such a word was right; the others share the rest as before."""
    rows, top = np.arange(len(raw)), raw.argmax(axis=1)
    said = raw[rows, top]
    others = np.array(raw)
    others[rows, top] = 0.0
    second = others.max(axis=1)
    sure = _rising(ground @ model.sure)
    rest = np.maximum(1.0 - said, 1e-9)
    sure = np.maximum(sure, second / (rest + second) + AHEAD)  # it stays the likeliest
    out = others * ((1.0 - sure) / rest)[:, None]
    out[rows, top] = sure
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def told_cause(figures: Float, of_cell: bool) -> tuple[tuple[str, float], ...]:
    """(name, probability) of the causes of one signature (L,), from likely to unlikely; those under 1 % are left out."""
    chance = probabilities(learnt(), figures[None], np.array([of_cell]))[0]
    order = np.argsort(-chance, kind="stable")
    named = (*NAMES, UNKNOWN)
    kept = [int(place) for place in order if chance[place] >= 0.01]
    total = float(chance[kept].sum())
    return tuple((named[place], round(float(chance[place]) / total, 4)) for place in kept)


def danger_share(figures: Float) -> float:
    """Probability that the cell of a signature (L,) has a short or something unknown: what wear explains is no less a danger."""
    model = learnt()
    raw, told = raw_probabilities(model, figures[None])
    share = fitting(raw, np.array([True]))
    said = as_it_turned_out(model, share, grounds(share, share, told))[0]
    return float(said[NAMES.index("internal-short")] + said[-1])
