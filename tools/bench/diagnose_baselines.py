"""Three usual detectors of the unusual, on the same features of the day as the doctor: what its tests over days are held against.

They get what the doctor's tests start from: of each quantity of a cell the largest distance of any cell from its pack and from its
first days, the figures of the pack against their first days, and the probes. Each detector is fitted to all days of all vehicles of a
chemistry, as is usual without labels; a vehicle's score is the mean of its three most unusual days.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from evloom.diagnose.detect import fresh_track, look
from evloom.diagnose.estimate import fresh_memory, learn
from tools.bench.diagnose_fleet import Case

WORST_DAYS = 3
FIRST_DAY = 5
TREES = 100

Detector = Callable[[np.ndarray], np.ndarray]


def day_rows(case: Case) -> np.ndarray:
    """One row of features for every day of a vehicle, (n_day, L)."""
    memory, track = fresh_memory(case.pack.n_cell), fresh_track(case.pack.n_cell, case.pack.n_probe)
    rows = []
    for features in case.days:
        memory, estimate = learn(memory, features)
        look(track, estimate, features)
        probes = [np.abs(part).max(initial=0.0) for part in np.nan_to_num([features.probe_c, features.probe_absent, features.probe_heat_c])]
        parts = (np.abs(track.now).max(axis=1, initial=0.0), np.abs(track.now - track.first).max(axis=1, initial=0.0))
        rows.append(np.concatenate([*parts, np.abs(track.pack[0] - track.pack[1]), probes]))
    return np.asarray(np.nan_to_num(np.array(rows[FIRST_DAY:]).reshape(-1, len(rows[0]) if rows else 1)))


def robust_z(x: np.ndarray) -> np.ndarray:
    """Largest distance of any feature from its median, in units of its median absolute deviation, (n,)."""
    away = np.abs(x - np.median(x, axis=0))
    return np.asarray((away / np.maximum(1.4826 * np.median(away, axis=0), 1e-9)).max(axis=1))


def ecod(x: np.ndarray) -> np.ndarray:
    """Outliers by empirical cumulative distributions (Li et al., IEEE TKDE 35, 2022, algorithm 1), (n,)."""
    left, right = -np.log(_reached(x)), -np.log(_reached(-x))
    away = x - x.mean(axis=0)
    skew = (away**3).mean(axis=0) / np.maximum((away**2).mean(axis=0), 1e-12) ** 1.5
    fitting = np.where(skew < 0.0, left, right)
    return np.asarray(np.max([left.sum(axis=1), right.sum(axis=1), fitting.sum(axis=1)], axis=0))


def _reached(x: np.ndarray) -> np.ndarray:
    """Share of the rows that are not above each value, column by column, (n, L)."""
    out = np.empty(x.shape)
    for k in range(x.shape[1]):
        _, place, count = np.unique(x[:, k], return_inverse=True, return_counts=True)
        out[:, k] = np.cumsum(count)[place] / len(x)
    return out


def isolation_forest() -> Detector | None:
    """scikit-learn's, None where it is not installed."""
    try:
        ensemble: Any = importlib.import_module("sklearn.ensemble")
    except ImportError:
        return None
    return lambda x: -ensemble.IsolationForest(n_estimators=TREES, random_state=0).fit(x).score_samples(x)


def detectors() -> dict[str, Detector | None]:
    """The three by name."""
    return {"robust z-score": robust_z, "isolation forest": isolation_forest(), "ECOD": ecod}


def scores(fleet: list[Case]) -> dict[str, np.ndarray | None]:
    """By detector the score of each vehicle of the fleet, (n,)."""
    rows = [day_rows(case) for case in fleet]
    kinds = np.array([case.pack.chemistry for case in fleet])
    out: dict[str, np.ndarray | None] = {}
    for name, detector in detectors().items():
        if detector is None:
            out[name] = None
            continue
        score = np.zeros(len(fleet))
        for kind in np.unique(kinds):
            mine = [k for k in np.flatnonzero(kinds == kind) if len(rows[k])]
            days = np.concatenate([rows[k] for k in mine])
            told = np.split(detector(days), np.cumsum([len(rows[k]) for k in mine])[:-1])
            # Chemistries are brought to one scale, or vehicles of both could not be ranked together.
            unit = max(float(np.median(np.concatenate(told))), 1e-9)
            score[mine] = [float(np.sort(each)[-WORST_DAYS:].mean()) / unit for each in told]
        out[name] = score
    return out
