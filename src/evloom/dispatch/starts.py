"""Starts in the cheap hours that do not come all at once, without anybody in the middle.

Where the price falls at 23:00 every car that looks for the cheapest hours starts at 23:00, and the feeder has a new peak. Equal
hours are equal to the driver: each car takes its own place among them, drawn from its name, and comes up over some minutes.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from evloom.kernel.timegrid import Float

RAMP_S = 600.0  # over which a car comes up from its least power to full
COST_MORE = 0.005  # hours count as equal while the mean over them costs at most so much more than the cheapest


class Window(NamedTuple):
    """The steps that are equally good for a car: from_s, to_s (n_window,) epoch seconds, in rising order, apart or touching."""

    from_s: Float
    to_s: Float

    @property
    def length_s(self) -> float:
        """Seconds in it."""
        return float((self.to_s - self.from_s).sum())


def draw_of(name: str, salt: str = "") -> float:
    """A number 0 <= u < 1 that is always the same for a name (SHA-256), and even over many names."""
    digest = hashlib.sha256(f"{salt}\0{name}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / float(1 << 56)


class Band(NamedTuple):
    """Prices by which a car chooses its steps: those up to `sure` it takes all (-infinity: none), those above it and up to `most` are
    equally good for what is then left."""

    sure: float
    most: float


def cheap_band(edges_s: Float, price_per_kwh: Float, end_s: float, hours: float) -> Band:
    """What to choose from so that `hours` before `end_s` cost the least. edges_s (n_step + 1,) epoch seconds, price_per_kwh (n_step,).

    `most` is the dearest price up to which the mean over all steps is at most COST_MORE above the least, so that it does not matter
    which of them are taken. Where even the price that must be paid for the last of the hours is above that, all cheaper steps are
    taken first. Both infinite where all the time is needed.
    """
    length_h = np.maximum(np.minimum(edges_s[1:], end_s) - np.minimum(edges_s[:-1], end_s), 0.0) / 3600.0
    levels, level = np.unique(price_per_kwh[length_h > 0.0], return_inverse=True)
    level_h = np.bincount(level, weights=length_h[length_h > 0.0], minlength=len(levels))
    until_h, paid = np.cumsum(level_h), np.cumsum(level_h * levels)
    if len(levels) == 0 or until_h[-1] <= hours:
        return Band(np.inf, np.inf)
    last = int(np.searchsorted(until_h, hours * (1.0 - 1e-9)))
    least = (paid[last] - levels[last] * (until_h[last] - hours)) / max(hours, 1e-9)
    good = np.flatnonzero(paid / until_h <= least + COST_MORE * abs(least))
    if len(good) and good[-1] >= last:
        return Band(-np.inf, float(levels[good[-1]]))
    return Band(float(levels[last - 1]), float(levels[last]))


def window_of(edges_s: Float, price_per_kwh: Float, end_s: float, band: Band) -> tuple[float, Window]:
    """Hours of the steps before `end_s` that are sure, and the window of those to choose from; arguments as in `cheap_band`."""
    from_s, to_s = np.minimum(edges_s[:-1], end_s), np.minimum(edges_s[1:], end_s)
    sure = price_per_kwh <= band.sure
    good = (to_s > from_s) & ~sure & (price_per_kwh <= band.most)
    return float((to_s - from_s)[sure].sum()) / 3600.0, Window(from_s[good], to_s[good])


def start_in(window: Window, hours: float, draw: float) -> float:
    """When to start (epoch seconds) so that `hours` of the window are left: at the share `draw` of the time that can be waited."""
    wait_s = draw * max(0.0, window.length_s - hours * 3600.0)
    for from_s, to_s in zip(window.from_s, window.to_s, strict=True):
        if wait_s < to_s - from_s:
            return float(from_s + wait_s)
        wait_s -= to_s - from_s
    return float(window.to_s[-1]) if len(window.to_s) else -np.inf


def latest_start_s(window: Window, hours: float) -> float:
    """The last instant (epoch seconds) at which `hours` of the window are still left."""
    left_s = hours * 3600.0
    for from_s, to_s in zip(window.from_s[::-1], window.to_s[::-1], strict=True):
        if left_s <= to_s - from_s:
            return float(to_s - left_s)
        left_s -= to_s - from_s
    return float(window.from_s[0]) if len(window.from_s) else -np.inf


def ramped_kw(rating_kw: float, least_kw: float, since_s: float, step_s: float) -> float:
    """Mean power over the next `step_s` of a car that began to come up `since_s` ago: a line from `least_kw` to `rating_kw`."""
    if rating_kw <= least_kw or since_s >= RAMP_S:
        return rating_kw
    end_s = min(since_s + step_s, RAMP_S)
    ramp_kw = least_kw + (rating_kw - least_kw) * (since_s + end_s) / 2.0 / RAMP_S
    return (ramp_kw * (end_s - since_s) + rating_kw * (since_s + step_s - end_s)) / step_s


def ramp_loss_h(rating_kw: float, least_kw: float) -> float:
    """Hours at full power that the ramp costs."""
    return RAMP_S / 3600.0 * 0.5 * max(0.0, 1.0 - least_kw / rating_kw) if rating_kw > 0.0 else 0.0
