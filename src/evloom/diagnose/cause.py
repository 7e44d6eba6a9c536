"""Which of the faults a signature looks like: calibrated probabilities over the ten named ones and "unknown".

A linear discriminant with equal shares of all causes, on the figures of `signature`; its parameters are learnt on fleets of the pack
twin by `python -m tools.bench.diagnose_detect learn` and stand in `cause_table`. A signature that lies far from all that was learnt
is called unknown: how far is far was set on the signatures themselves, held out in turn.
"""

import functools
from base64 import b85decode
from typing import NamedTuple

import numpy as np

from evloom.diagnose import cause_table
from evloom.kernel.timegrid import Bool, Float

NAMES = (
    "internal-short", "self-discharge", "plating", "connection", "sensing-wire", "temperature-sensor", "weak-cell", "capacity-dive",
    "current-sensor", "insulation",
)  # fmt: skip
UNKNOWN = "unknown"
OF_CELLS = ("internal-short", "self-discharge", "plating", "connection", "sensing-wire", "weak-cell", "capacity-dive")
OF_PACKS = ("temperature-sensor", "current-sensor", "insulation", "connection")
"""Faults that show in a single cell, and those that show in a probe or in a figure of the pack: a contact outside the wires is both."""
CLIP = 4.0
"""Standard deviations at which a figure is held: one that is wild decides no more than one that is far out."""


class Model(NamedTuple):
    """mean, scale (L,) of the figures; weights (10, L) and bias (10,) of the causes; centre (10, L) of each cause's figures and
    whiten (L, R): their scatter around it made round; far (2,): distance that is half unknown, and the width of that border;
    cool: by what the scores are divided before they become probabilities."""

    mean: Float
    scale: Float
    weights: Float
    bias: Float
    centre: Float
    whiten: Float
    far: Float
    cool: float


@functools.cache
def learnt() -> Model:
    """The parameters of `cause_table`."""
    shapes, raw = cause_table.SHAPES, b85decode("".join(cause_table.TEXT))
    parts, place = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(np.frombuffer(raw, np.float16, size, place).astype(np.float64).reshape(shape))
        place += 2 * size
    mean, scale, weights, bias, centre, whiten, far, cool = parts
    return Model(mean, scale, weights, bias, centre, whiten, far, float(cool[0]))


def probabilities(model: Model, figures: Float, of_cell: Bool) -> Float:
    """Probability of each of NAMES, then of unknown: (n, 11) for rows of signatures (n, L), of a single cell or not (n,)."""
    x = np.clip((figures - model.mean) / model.scale, -CLIP, CLIP)
    score = (x @ model.weights.T + model.bias) / model.cool
    fits = np.array([[name in kinds for name in NAMES] for kinds in (OF_PACKS, OF_CELLS)])[of_cell.astype(np.int64)]
    score = np.where(fits, score, -200.0)
    score -= score.max(axis=1, keepdims=True)
    share = np.exp(score)
    share /= share.sum(axis=1, keepdims=True)
    strange = 1.0 / (1.0 + np.exp(np.clip(-(distance(model, x, share) - model.far[0]) / model.far[1], -30.0, 30.0)))
    return np.concatenate([share * (1.0 - strange)[:, None], strange[:, None]], axis=1)


def distance(model: Model, x: Float, share: Float) -> Float:
    """How far each row of standardised figures is from what its likely causes looked like, root mean square, (n,)."""
    away = np.array([((x - centre) @ model.whiten) for centre in model.centre])
    square = (away**2).mean(axis=2).T
    return np.asarray(np.sqrt((share * square).sum(axis=1)))


def told_cause(figures: Float, of_cell: bool) -> tuple[tuple[str, float], ...]:
    """(name, probability) of the causes of one signature (L,), from likely to unlikely; those under 1 % are left out."""
    chance = probabilities(learnt(), figures[None], np.array([of_cell]))[0]
    order = np.argsort(-chance, kind="stable")
    named = (*NAMES, UNKNOWN)
    kept = [int(place) for place in order if chance[place] >= 0.01]
    total = float(chance[kept].sum())
    return tuple((named[place], round(float(chance[place]) / total, 4)) for place in kept)
