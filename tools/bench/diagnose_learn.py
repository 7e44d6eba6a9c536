"""How the limits of the daily tests and the parameters of the causes are made from fleets of the pack twin."""

from base64 import b85encode
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from evloom.diagnose import cause
from evloom.diagnose.cause import NAMES, Model
from evloom.diagnose.detect import PACK, fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from evloom.diagnose.signature import severity, signature
from tools.bench.diagnose_fleet import Case

HOME = Path(__file__).parents[2] / "src" / "evloom" / "diagnose"
TAIL = 4.5  # multiples of the tail's scale above its begin: of 100 vehicles 0.2 beyond, were the tail exponential
MARGIN = 1.15  # and at least so much above the largest that any healthy vehicle showed
LEAST = [5.0] * 22 + [9.0] * 2 + [5.0, 5.0, 6.0, 15.0, 12.0, 15.0] + [3.0, 2.0, 2.0, 14.0]
# Outside resistance: a real car whose cells and pack voltage are not measured at one instant shows 12.6 (docs/diagnose-method.md).
ZERO_A = 9.0  # of the zero current: 0.9 A, by what the sensor may be off and not by how quiet it is
FIRST_DAY = 8
HELD_OUT = 5
RIDGE = 10.0
INSIDE = 93.0  # percentile of the distances of known causes beyond which a signature is called strange


def _days(case: Case) -> Any:
    memory, track = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe)
    for day, features in enumerate(case.days):
        memory, estimate = learn(memory, features)
        yield day, features, track, look(track, estimate, features)


def limits(fleet: list[Case], kind: str) -> np.ndarray:
    """A limit for every test of a chemistry, in the order of `detect_table.Limits`."""
    most = []
    for case in fleet:
        if case.pack.chemistry == kind and len(case.days) > FIRST_DAY:
            seen = [
                np.concatenate([np.abs(part).max(axis=-1) if part.ndim > 1 else np.abs(part) for part in _parts(scores)])
                for *_, scores in _days(case)
            ]
            most.append(np.max(seen, axis=0))
    table = np.array(most)
    begin = np.percentile(table, 80.0, axis=0)
    scale = np.array([np.mean(np.maximum(column[column >= low] - low, 0.0)) for column, low in zip(table.T, begin, strict=True)])
    found = np.maximum(np.maximum(begin + TAIL * scale, MARGIN * table.max(axis=0)), LEAST)
    found[24] = ZERO_A
    return np.asarray(found)


def _parts(scores: Any) -> tuple[np.ndarray, ...]:
    return (scores.drift, scores.place, scores.pace, scores.pack, scores.probe)


def write_limits(fleet: list[Case]) -> None:
    """Write `detect_table`: its text up to the table stays."""
    path = HOME / "detect_table.py"
    head = path.read_text().split("LIMITS = {")[0]
    rows = []
    for kind in ("NMC", "LFP"):
        found = limits(fleet, kind)
        parts = np.split(found, np.cumsum([11, 11, 2, len(PACK)]))
        rows.append(
            f'    "{kind}": Limits(\n'
            + "".join(f"        np.array([{', '.join(f'{x:.1f}' for x in part)}]),\n" for part in parts)
            + "    ),\n"
        )
    path.write_text(f'{head}LIMITS = {{\n{"".join(rows)}}}\n"""By chemistry."""\n')


def examples(fleet: list[Case], least: float = 0.7) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Signatures after the onset while something is suspected: figures, cause, vehicle, whether of a single cell."""
    rows: list[tuple[np.ndarray, str, str, bool]] = []
    for case in fleet:
        count = 0
        for day, features, track, scores in _days(case):
            found = severity(scores, features.kind)
            tops = [float(part.max(initial=0.0)) for part in found]
            if day < FIRST_DAY or max(tops) < least or features.at_s < np.nan_to_num(case.onset_s):
                continue
            count += 1
            if count in (2, 3) or count % HELD_OUT == 0:
                place = int(np.argmax(tops))
                part = (("cell", "probe", "pack")[place], int(np.argmax(found[place])))
                rows.append((signature(track, scores, features, part), case.fault, case.pack.pack_id, place == 0))
    figures, kinds, ids, of_cell = zip(*rows, strict=True)
    return np.array(figures), np.array(kinds), np.array(ids), np.array(of_cell)


def fitted(figures: np.ndarray, kinds: np.ndarray) -> Model:
    """A discriminant with all causes weighing the same; distance and coolness are set by who calls."""
    mean, scale = figures.mean(axis=0), figures.std(axis=0) + 0.15
    x = np.clip((figures - mean) / scale, -cause.CLIP, cause.CLIP)
    centre = np.array([x[kinds == name].mean(axis=0) if (kinds == name).any() else np.zeros(x.shape[1]) for name in NAMES])
    left = x - centre[[NAMES.index(kind) for kind in kinds]]
    values, vectors = np.linalg.eigh(left.T @ left / len(x) + 0.105 * np.eye(x.shape[1]))
    weights, bias = _softmax(x, np.array([NAMES.index(kind) for kind in kinds]))
    return Model(mean, scale, weights, bias, centre, vectors / np.sqrt(values), np.array([99.0, 1.0]), 1.0)


def _softmax(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, length = len(NAMES), x.shape[1]
    count = np.bincount(y, minlength=n)
    weight = (1.0 / np.maximum(count, 1))[y] / (count > 0).sum()
    is_y = np.eye(n)[y]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = flat[: n * length].reshape(n, length), flat[n * length :]
        score = x @ weights.T + bias
        score -= score.max(axis=1, keepdims=True)
        share = np.exp(score)
        share /= share.sum(axis=1, keepdims=True)
        off = (share - is_y) * weight[:, None]
        value = -(weight * np.log(np.maximum(share[np.arange(len(y)), y], 1e-12))).sum() + RIDGE / len(y) * 0.5 * (weights**2).sum()
        return float(value), np.concatenate([(off.T @ x + RIDGE / len(y) * weights).ravel(), off.sum(axis=0)])

    flat = minimize(loss, np.zeros(n * length + n), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
    bias = flat[n * length :]
    bias[count == 0] = -30.0
    return flat[: n * length].reshape(n, length), bias


def held_out(figures: np.ndarray, kinds: np.ndarray, ids: np.ndarray, of_cell: np.ndarray) -> tuple[float, float]:
    """Coolness that makes the probabilities of vehicles held out in turn most likely, and the distance INSIDE % of them stay within."""
    names = np.unique(ids)
    fold = dict(zip(names, np.random.default_rng(0).permutation(len(names)) % HELD_OUT, strict=True))
    turn = np.array([fold[name] for name in ids])
    chance, far = np.zeros((len(kinds), len(NAMES))), np.zeros(len(kinds))
    for k in range(HELD_OUT):
        model, mine = fitted(figures[turn != k], kinds[turn != k]), turn == k
        chance[mine] = cause.probabilities(model, figures[mine], of_cell[mine])[:, : len(NAMES)]
        x = np.clip((figures[mine] - model.mean) / model.scale, -cause.CLIP, cause.CLIP)
        far[mine] = cause.distance(model, x, chance[mine] / chance[mine].sum(axis=1, keepdims=True))
    score, y = np.log(np.maximum(chance, 1e-12)), np.array([NAMES.index(kind) for kind in kinds])

    def surprise(cool: float) -> float:
        share = np.exp(score / cool)
        return float(-np.log(np.maximum(share[np.arange(len(y)), y] / share.sum(axis=1), 1e-9)).mean())

    return min(np.arange(0.8, 4.0, 0.2).tolist(), key=surprise), float(np.percentile(far, INSIDE))


def write_causes(fleet: list[Case]) -> None:
    """Learn on all vehicles and write `cause_table`."""
    figures, kinds, ids, of_cell = examples(fleet)
    cool, far = held_out(figures, kinds, ids, of_cell)
    model = fitted(figures, kinds)._replace(far=np.array([far, 0.08 * far]), cool=cool)
    write_model(model)


def write_model(model: Model) -> None:
    """Write `cause_table`, half precision as text."""
    parts = [np.atleast_1d(np.asarray(part, dtype=np.float16)) for part in model]
    text = b85encode(b"".join(part.tobytes() for part in parts)).decode()
    lines = [text[place : place + 124] for place in range(0, len(text), 124)]
    shapes = "".join(f"    {part.shape},\n" for part in parts)
    table = "".join(f'    "{line}",\n' for line in lines)
    head = '"""Parameters of `cause`, half precision as text. Written by `python -m tools.bench.diagnose_detect learn`."""\n\n'
    (HOME / "cause_table.py").write_text(f"{head}SHAPES = (\n{shapes})\nTEXT = (\n{table})\n")
