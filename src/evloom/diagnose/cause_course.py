"""How a cell's charge came to where it is: evenly, ever faster, at once, or from some day on; each told by how much it explains."""

import numpy as np

from evloom.diagnose.cause_wear import COLD, DAY, FAST
from evloom.diagnose.detect import Track
from evloom.kernel.timegrid import Float

SETTLED = 0.0008
"""Share of the capacity by which a day's estimate of a cell's charge scatters (our measurement on twins, 2026)."""
WEAR_SETTLED = (0.004, 0.02)
"""The same for its capacity and its resistance, as shares."""
LEAST_DAYS, LEAST_ROWS = 8, 4
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
    if int(known.sum()) < LEAST_DAYS:
        return dict.fromkeys(NAMES, 0.0)
    whole = track.ring[known, row].astype(np.float64)
    return _course(track.ring_day[known], whole[:, cell] - np.median(whole, axis=1), (SETTLED, _EVEN))


def wear_course(track: Track, row: int, cell: int) -> dict[str, float]:
    """The course of capacity (row 0) or resistance (row 1) of a cell, likewise; and how much of it hours of cold and of fast charging
    explain beyond what time does, -1..1."""
    known = np.isfinite(track.wear_at[:, DAY])
    names = (*NAMES, "by cold", "by fast")
    if int(known.sum()) < LEAST_ROWS:
        return dict.fromkeys(names, 0.0)
    whole = track.wear[known, row].astype(np.float64)
    y, settled = whole[:, cell] - np.median(whole, axis=1), WEAR_SETTLED[row]
    out = _course(track.wear_at[known, DAY], y, (settled, 3.0 * settled))
    y = y - y.mean()
    square = float(y @ y) + len(y) * settled**2
    for place, name in ((COLD, "by cold"), (FAST, "by fast")):
        hours = track.wear_at[known, place]
        out[name] = _line(hours, y)[0] / square - out["line"] if hours[-1] > hours[0] else -out["line"]
    return out


def _course(day: Float, y: Float, unit: tuple[float, float]) -> dict[str, float]:
    """The figures of NAMES; unit = (scatter of one value, pace at which the figures of a pace begin to grow slowly)."""
    n, (settled, even) = len(y), unit
    y = y - y.mean()
    t = (day - day[0]) / max(day[-1] - day[0], 1.0)
    square = float(y @ y) + n * settled**2
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
        "bend of pace": bend / (abs(bend) + abs(pace) + even),
        "pace": float(np.arcsinh(pace / even)),
        "left": float(np.log(np.sqrt(max(square - line - bent, n * settled**2) / n) / settled)),
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
