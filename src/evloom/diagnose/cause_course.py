"""How a cell's charge came to where it is: evenly, ever faster, at once, or from some day on; each told by how much it explains."""

import numpy as np

from evloom.diagnose.detect import Track
from evloom.kernel.timegrid import Float

SETTLED = 0.0008
"""Share of the capacity by which a day's estimate of a cell's charge scatters (our measurement on twins, 2026)."""
LEAST_DAYS = 8
_BEGIN = np.linspace(0.1, 0.85, 11)
_EVEN = 0.003  # share of the capacity: pace at which the figures of a pace begin to grow slowly
NAMES = ("line", "bend", "step", "late line", "begin", "bend of pace", "pace", "left")


def course(track: Track, row: int, cell: int) -> dict[str, float]:
    """The course of charge (row 0) or own charge (row 1) of a cell over the days in the ring, against the median cell.

    line, bend, step, late line  share of the squares that each explains; begin of the late line as a share of the time;
    bend of pace  -1..1, positive where the cell rises ever faster; pace in units of 0.3 % over the whole time, squashed;
    left  logarithm of what a bent line leaves, over SETTLED
    """
    known = np.isfinite(track.ring[:, row, 0])
    n = int(known.sum())
    if n < LEAST_DAYS:
        return dict.fromkeys(NAMES, 0.0)
    day = track.ring_day[known]
    whole = track.ring[known, row].astype(np.float64)
    y = whole[:, cell] - np.median(whole, axis=1)
    y -= y.mean()
    t = (day - day[0]) / max(day[-1] - day[0], 1.0)
    square = float(y @ y) + n * SETTLED**2
    late, step = _told(np.maximum(t - _BEGIN[:, None], 0.0), y), _told((t > _BEGIN[:, None]).astype(np.float64), y)
    line, pace = _line(t, y)
    rest = (t - t.mean()) ** 2
    bent, bend = _line(_without(rest, t), y)
    return {
        "line": line / square,
        "bend": (line + bent) / square,
        "step": float(step.max()) / square,
        "late line": float(late.max()) / square,
        "begin": float(_BEGIN[int(np.argmax(late))]),
        "bend of pace": bend / (abs(bend) + abs(pace) + _EVEN),
        "pace": float(np.arcsinh(pace / _EVEN)),
        "left": float(np.log(np.sqrt(max(square - line - bent, n * SETTLED**2) / n) / SETTLED)),
    }


def _told(shapes: Float, y: Float) -> Float:
    """How much of the squares of y (n,) each shape (m, n) explains, (m,)."""
    away = shapes - shapes.mean(axis=1, keepdims=True)
    return np.asarray((away @ y) ** 2 / np.maximum((away**2).sum(axis=1), 1e-12))


def _line(shape: Float, y: Float) -> tuple[float, float]:
    """The squares of y that a shape explains, and how much of it there is."""
    away = shape - shape.mean()
    size = max(float(away @ away), 1e-12)
    much = float(away @ y) / size
    return much * much * size, much


def _without(shape: Float, t: Float) -> Float:
    """The shape less what a line in t explains of it."""
    return np.asarray(shape - _line(t, shape - shape.mean())[1] * (t - t.mean()))
