"""How the parameters of `diagnose.cause` are learnt from labelled fleets: `python -m tools.bench.diagnose_detect learn`.

Only vehicles with one of the ten named faults and healthy ones are learnt from. "Unknown" is learnt from mixtures of their
signatures that lie apart from all real ones, from parts that were suspected by mistake, and, for how strange is unknown, from each of
the ten kinds left out of learning in turn.
"""

from base64 import b85encode
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evloom.diagnose.cause import CLIP, NAMES, Model, checked, doubts, fitting, grounds, heard, part_places, softmax, with_physics
from evloom.diagnose.signature import names
from tools.bench.diagnose_looks import Looks

TABLE = Path(__file__).parents[2] / "src" / "evloom" / "diagnose" / "cause_table.py"
N_NET, N_NODE, N_CENTRE, N_DIRECTION = 3, 18, 10, 12
EPOCHS, BATCH, DECAY, JITTER = 36, 512, 1e-2, 0.15
STRETCH = 0.25
"""By how much all figures of a row that are in units of the pack's spread are stretched at random while learning (logarithm, standard
deviation): other cells, other spread."""
UNHEARD = 0.05
"""How often a whole family of figures is left out of a row while learning, so that no cause rests on a single one: makers differ."""
N_MIXED = 3000
SOLVED, SPOKEN = 2.0, 3.0
"""Weight of a pack that PyBaMM solved against a twin, of a first or last look against one between."""
HELD_OUT = 2
FOREIGN = 1.0
"""Weight of a pack by PyBaMM told by a model that knows no such pack, against one told by a model that knows others."""
BORDER_SHARE, UNKNOWN_SHARE = 0.25, 0.1
"""Share of kinds left out among those held out: for the border of unknown, and for what the probabilities are held against. A kind left
out mostly looks like one that stays (a short like self-discharge); more of them would call unknown what other makers' packs show."""
WIDE = 133
FAMILIES = (
    ("many", ("cells far", "cells beyond")), ("near", (" beside", " beyond", " near", "neighbour", "pair ")), ("probe", ("probe",)),
    ("severity", ("severity",)), ("part", ("is ",)), ("says", ("says ",)), ("explained", (", by ", ", in all")), ("bled", ("bled",)),
    ("pack", ("score", "insulation", "zero current", "outside")), ("use", ("LFP", "fast charging", "cold charging", "temperature")),
    ("resistance", ("resistance",)), ("shoulder", ("shoulder",)), ("noise", ("noise", "loud", "doubted")), ("size", ("capacity",)),
    ("offset", ("offset", "rest", "mirror")), ("charge", ("charge",)),
)  # fmt: skip
"""Figures that belong together, by parts of their names; the first that fits."""


def families() -> np.ndarray:
    """Number of the family of each figure, (L,)."""
    return np.array(
        [next((k for k, (_, keys) in enumerate(FAMILIES) if any(key in name for key in keys)), len(FAMILIES)) for name in names()]
    )


def in_spreads() -> np.ndarray:
    """1 for figures in units of the pack's spread, 0 for shares, counts, and what the day was like, (L,)."""
    others = (
        ": ", ", by ", "is ", "LFP", "fast charging", "cold charging", "temperature", "bled", "cells ", "leak ", "charge for ",
        "resistance for ", "says ",
    )  # fmt: skip
    return np.array([float(not any(name.startswith(key) or (key[0] in ":," and key in name) for key in others)) for name in names()])


def fitted(looks: Looks, kinds: tuple[str, ...], n_net: int = N_NET, seed: int = 0) -> Model:
    """A model of these kinds; strangeness and calibration are set by who calls. Kinds that are left out keep their place, empty."""
    rng = np.random.default_rng(seed)
    good = looks.right & np.isin(looks.kind, kinds)
    figures, place = heard(looks.figures[good]), np.array([NAMES.index(kind) for kind in looks.kind[good]])
    hot = part_places()
    mean, scale = figures.mean(axis=0), figures.std(axis=0) + 0.2
    mean[hot], scale[hot] = 0.0, 1.0 / 3.0
    x = np.clip((figures - mean) / scale, -CLIP, CLIP)
    ranges = _ranges(x, place)
    low, high = ranges[0].min(axis=0), ranges[1].max(axis=0)
    x = np.clip(x, low, high)
    weight = _weights(looks.part(good), place)
    odd = np.clip((heard(looks.figures[~looks.right | (looks.kind == "none")]) - mean) / scale, -CLIP, CLIP)
    odd, mixed = np.clip(odd, low, high), _mixed(x, looks.vehicle[good], rng)
    rows = np.concatenate([x, mixed, odd]).astype(np.float32)
    unknown = np.full(len(mixed) + len(odd), len(NAMES))
    share = [weight, np.full(len(mixed), 1.0 / len(mixed)), np.full(len(odd), 0.3 / max(len(odd), 1))]
    stretch = (STRETCH * np.tanh(rows * scale + mean) / scale * in_spreads()).astype(np.float32)
    nets = [_net((rows, stretch), np.concatenate([place, unknown]), np.concatenate(share), seed + k) for k in range(n_net)]
    context = np.isin(families(), [k for k, (name, _) in enumerate(FAMILIES) if name == "use"])
    project = _directions(np.where(context, 0.0, x))
    flat = x @ project
    centre = np.array([_centres(flat[place == k], rng) for k in range(len(NAMES))])
    usual = np.array([_usual(flat[place == k], centre[k], looks.vehicle[good][place == k], rng) for k in range(len(NAMES))])
    into, into_bias, out, out_bias = (np.array(part) for part in zip(*nets, strict=True))
    return Model(
        mean, scale, into, into_bias, out, out_bias, _fits(figures, place), project, centre, usual, *ranges,
        strange=np.array([-20.0, *[0.0] * 7]), cool=np.ones(1), sure=np.array([1.0, *[0.0] * 9]),
    )  # fmt: skip


def _weights(looks: Looks, place: np.ndarray) -> np.ndarray:
    """Vehicles weigh about the same within their kind, all kinds the same; packs by PyBaMM and first and last looks more."""
    count = Counter(looks.vehicle)
    weight = np.array([1.0 / count[name] for name in looks.vehicle]) * np.where(looks.group == looks.vehicle, 1.0, SOLVED)
    weight *= np.where(looks.first | looks.last, SPOKEN, 1.0) * np.where(np.char.find(looks.vehicle.astype(str), "wide") >= 0, SOLVED, 1.0)
    return np.asarray(weight / np.maximum(np.bincount(place, weight, len(NAMES)), 1e-9)[place])


def _fits(figures: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Which causes were seen in which kind of part, (P, 10): one case in fifty of the part or of the cause is enough."""
    hot = figures[:, part_places()] > 0.5
    count = np.array([[np.sum(hot[:, part] & (place == k)) for k in range(len(NAMES))] for part in range(hot.shape[1])], dtype=float)
    return np.asarray((count > 0.02 * count.sum(axis=1, keepdims=True)) & (count >= 3), dtype=np.float64)


def _ranges(x: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Between what 98 of 100 rows of each cause have a figure, and how it scatters, (10, L) each."""
    ends = []
    for k in range(len(NAMES)):
        mine = x[place == k] if (place == k).any() else np.zeros((1, x.shape[1]))
        ends.append((*np.percentile(mine, (1.0, 99.0), axis=0), mine.std(axis=0) + 0.15))
    low, high, width = (np.array(part) for part in zip(*ends, strict=True))
    return low, high, width


def _mixed(x: np.ndarray, vehicle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Signatures that no fault makes: some families of figures taken from other signatures, turned round or emptied.
    Those that lie no farther from a real one than real ones of different vehicles lie from each other are left out."""
    family = families()
    out = x[rng.integers(0, len(x), N_MIXED)].copy()
    other = rng.integers(0, len(x), N_MIXED)
    for k in range(N_MIXED):
        chosen = (rng.random(len(FAMILIES) + 1) < rng.choice([0.2, 0.4, 0.5]))[family]
        how = rng.random()
        if how < 0.7:
            out[k, chosen] = x[other[k], chosen]
        elif how < 0.8:
            out[k, chosen] *= -1.0
        elif how < 0.9:
            out[k, chosen] = 0.0
        else:
            single = rng.random(x.shape[1]) < 0.3
            out[k, single] = x[other[k], single]
    some = rng.permutation(len(x))[:1200]
    apart = _distance(x[some], x[some])
    apart[vehicle[some][:, None] == vehicle[some][None]] = np.inf
    return np.asarray(np.clip(out, -CLIP, CLIP)[_distance(out, x).min(axis=1) > np.percentile(apart.min(axis=1), 50.0)])


def _distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    one, two = one.astype(np.float32), two.astype(np.float32)
    square = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1)[None] - 2.0 * one @ two.T
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _net(rows: tuple[np.ndarray, np.ndarray], y: np.ndarray, weight: np.ndarray, seed: int) -> list[np.ndarray]:
    """A network with one layer of nodes, by Adam with a falling pace, on jittered rows; rows = (figures, what stretches them)."""
    rng = np.random.default_rng(seed)
    x, stretch = rows
    length, n_out = x.shape[1], len(NAMES) + 1
    parts = [
        rng.normal(0.0, np.sqrt(2.0 / length), (length, N_NODE)),
        np.zeros(N_NODE),
        rng.normal(0.0, np.sqrt(1.0 / N_NODE), (N_NODE, n_out)),
        np.zeros(n_out),
    ]
    parts = [part.astype(np.float32) for part in parts]
    first, second = [np.zeros_like(part) for part in parts], [np.zeros_like(part) for part in parts]
    truth, weight = np.eye(n_out, dtype=np.float32)[y], (weight / weight.mean()).astype(np.float32)
    n_step, family = EPOCHS * (len(x) // BATCH), families()
    for step in range(n_step):
        if step % (len(x) // BATCH) == 0:
            order = rng.permutation(len(x))
        at = step % (len(x) // BATCH) * BATCH
        chosen = order[at : at + BATCH]
        seen = x[chosen] + JITTER * rng.standard_normal((len(chosen), length), dtype=np.float32)
        seen += stretch[chosen] * rng.standard_normal((len(chosen), 1), dtype=np.float32)
        seen *= (rng.random((len(chosen), len(FAMILIES) + 1), dtype=np.float32) > UNHEARD)[:, family]
        node = np.maximum(seen @ parts[0] + parts[1], 0.0)
        off = (softmax(node @ parts[2] + parts[3]) - truth[chosen]) * weight[chosen, None] / len(chosen)
        back = (off @ parts[2].T) * (node > 0.0)
        slopes = [seen.T @ back, back.sum(axis=0), node.T @ off, off.sum(axis=0)]
        pace = 3e-3 * 0.5 * (1.0 + np.cos(np.pi * step / n_step))
        for k, slope in enumerate(slopes):
            first[k] += 0.1 * (slope - first[k])
            second[k] += 0.001 * (slope * slope - second[k])
            move = first[k] / (1.0 - 0.9 ** (step + 1)) / (np.sqrt(second[k] / (1.0 - 0.999 ** (step + 1))) + 1e-8)
            parts[k] -= pace * (move + (DECAY * parts[k] if k % 2 == 0 else 0.0))
    return [part.astype(np.float64) for part in parts]


def _directions(x: np.ndarray) -> np.ndarray:
    """The directions in which signatures differ most, (L, R)."""
    _, vectors = np.linalg.eigh(np.cov(x.T))
    return np.asarray(vectors[:, -N_DIRECTION:])


def _centres(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Typical ones of some rows, (C, R): means of the nearest, round by round. Far away where there are none."""
    if not len(x):
        return np.full((N_CENTRE, x.shape[1]), 1e3)
    centre = x[rng.integers(0, len(x), N_CENTRE)] if len(x) < N_CENTRE else x[rng.permutation(len(x))[:N_CENTRE]].copy()
    for _ in range(15):
        near = _distance(x, centre).argmin(axis=1)
        for k in np.unique(near):
            centre[k] = x[near == k].mean(axis=0)
    return centre


def _usual(x: np.ndarray, centre: np.ndarray, vehicle: np.ndarray, rng: np.random.Generator) -> float:
    """Median distance of rows from typical ones of other vehicles."""
    every = np.unique(vehicle)
    if len(every) < 4:
        return float(np.median(_distance(x, centre).min(axis=1))) if len(x) else 1.0
    half = np.isin(vehicle, rng.permutation(every)[: len(every) // 2])
    return float(np.median(np.concatenate([_distance(x[part], _centres(x[~part], rng)).min(axis=1) for part in (half, ~half)])))


class Held(NamedTuple):
    """Rows told by a model that had not learnt them: shares (n, 10), doubts (n, 8), how surely a checked figure is out (n,), their
    signatures (n, L), place of the true cause (n,) with 10 unknown, weight (n,)."""

    known: np.ndarray
    told: np.ndarray
    checked: np.ndarray
    figures: np.ndarray
    place: np.ndarray
    weight: np.ndarray


def held_out(looks: Looks) -> Held:
    """Each vehicle by a model that did not learn from it, each pack by PyBaMM also by one that knows no such pack, then each kind by a
    model that did not learn the kind."""
    groups = np.unique(looks.group)
    turn = dict(zip(groups, np.random.default_rng(0).permutation(len(groups)) % HELD_OUT, strict=True))
    fold = np.array([turn[group] for group in looks.group])
    solved = looks.group != looks.vehicle
    found = [_judged(fitted(looks.part(fold != k), NAMES, seed=10 * k), looks.part(fold == k), 1.0) for k in range(HELD_OUT)]
    if solved.any():
        found.append(_judged(fitted(looks.part(~solved), NAMES, seed=5), looks.part(solved), FOREIGN))
    found += [_without(looks, left) for left in NAMES if not _apart(looks, left)]
    return Held(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _judged(model: Model, looks: Looks, share: float) -> Held:
    """Looks by a model that did not learn from them. Packs by PyBaMM and first and last looks weigh more."""
    known, told = doubts(model, looks.figures)
    right = looks.right & (looks.kind != "none")
    place = np.array([NAMES.index(kind) if good else len(NAMES) for kind, good in zip(looks.kind, right, strict=True)])
    count = Counter(looks.vehicle)
    weight = np.array([1.0 / count[name] for name in looks.vehicle]) * np.where(right, share, 0.0)
    weight *= np.where(looks.first | looks.last, SPOKEN, 1.0) * np.where(looks.group != looks.vehicle, SOLVED, 1.0)
    return Held(known, told, checked(model, looks.figures, known), looks.figures, place, weight)


def shared(weight: np.ndarray, unknown: np.ndarray, share: float) -> np.ndarray:
    """The weights, those of unknown rows brought to a share of all."""
    return np.asarray(np.where(unknown, share * weight / weight[unknown].sum(), (1.0 - share) * weight / weight[~unknown].sum()))


def _apart(looks: Looks, left: str) -> bool:
    """Whether a kind shows in parts in which no other kind does: then it is unknown without being weighed."""
    good = looks.part(looks.right & (looks.kind != "none"))
    fits = _fits(good.figures, np.array([NAMES.index(kind) for kind in good.kind]))
    fits[:, NAMES.index(left)] = 0.0
    other = ((good.figures[good.kind == left][:, part_places()] @ fits) > 0.5).any(axis=1)
    return bool(other.mean() < 0.2)


def _without(looks: Looks, left: str) -> Held:
    """Vehicles of a kind by a model that did not learn the kind."""
    model = fitted(looks, tuple(name for name in NAMES if name != left), seed=7)
    mine = looks.part(looks.right & (looks.kind == left))
    known, told = doubts(model, mine.figures)
    none = ~((mine.figures[:, part_places()] @ model.fits) > 0.5).any(axis=1)
    count = Counter(mine.vehicle)
    weight = np.array([1.0 / count[name] for name in mine.vehicle]) / len(count) * ~none
    weight *= np.where(mine.first | mine.last, SPOKEN, 1.0)
    return Held(known, told, checked(model, mine.figures, known), mine.figures, np.full(len(known), len(NAMES)), weight)


def strangeness(told: np.ndarray, unknown: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of the doubts that tell unknown from known best: a logistic regression, by Newton's method."""
    found = np.zeros(told.shape[1])
    for _ in range(60):
        chance = 1.0 / (1.0 + np.exp(-told @ found))
        slope = told.T @ (weight * (chance - unknown)) + 1e-3 * found
        found -= np.linalg.solve((told * (weight * chance * (1.0 - chance))[:, None]).T @ told + 1e-3 * np.eye(len(found)), slope)
    return found


def coolness(known: np.ndarray, place: np.ndarray, weight: np.ndarray) -> float:
    """By what to divide the scores, so that the true causes of vehicles held out are most likely."""
    score = np.log(np.maximum(known, 1e-12))

    def surprise(cool: float) -> float:
        return float(-(weight * np.log(np.maximum(softmax(score / cool)[np.arange(len(place)), place], 1e-9))).sum())

    return float(min(np.arange(0.6, 3.0, 0.1).tolist(), key=surprise))


def learnt_from(looks: Looks) -> Model:
    """The whole: networks and typical signatures of all vehicles; strangeness, coolness and surety of those held out."""
    held = held_out(looks)
    named = held.place < len(NAMES)
    strange = strangeness(held.told, (~named).astype(float), shared(held.weight, ~named, BORDER_SHARE))
    weight = shared(held.weight, ~named, UNKNOWN_SHARE)
    cool = coolness(held.known[named], held.place[named], weight[named])
    model = fitted(looks, NAMES)._replace(strange=strange, cool=np.array([cool]))
    learnt, share = final(held, strange, cool)
    hit = share.argmax(axis=1) == held.place
    sure = strangeness(grounds(learnt, share, held.told), hit.astype(float), weight)
    each = ", ".join(f"{np.average(hit[mine], weights=weight[mine]):.2f} {name}" for name, mine in (("known", named), ("left out", ~named)))
    print(f"{len(np.unique(looks.vehicle))} vehicles; held out, told right: {each}; strange {strange.round(2)}, cool {cool:.1f}")
    print(f"sure {sure.round(2)}")
    return model._replace(sure=sure)


def final(held: Held, strange: np.ndarray, cool: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of held-out rows as learnt, and with what physics says, (n, 11) each; not yet held against how it turned out."""
    shares = softmax(np.log(np.maximum(held.known, 1e-12)) / cool)
    doubt = 1.0 - (1.0 - held.checked) / (1.0 + np.exp(held.told @ strange))
    raw = np.concatenate([shares * (1.0 - doubt)[:, None], doubt[:, None]], axis=1)
    share = fitting(raw, held.figures[:, part_places().start] > 0.5)
    return share, with_physics(share, held.figures)


def write_table(model: Model) -> None:
    """Write `cause_table`, half precision as text."""
    parts = [np.atleast_1d(np.asarray(part, dtype=np.float16)) for part in model]
    text = b85encode(b"".join(part.tobytes() for part in parts)).decode()
    shapes = "".join(f"    {part.shape},\n" for part in parts)
    table = "".join(f'    "{text[place : place + WIDE]}",\n' for place in range(0, len(text), WIDE))
    head = '"""Parameters of `cause`, half precision as text. Written by `python -m tools.bench.diagnose_detect learn`."""\n\n'
    TABLE.write_text(f"{head}SHAPES = (\n{shapes})\nTEXT = (\n{table})\n")
