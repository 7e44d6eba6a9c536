"""Counts of a pack's frames: how many, when, and which readings were doubted for what."""

from dataclasses import dataclass, field

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.vehicle import telemetry as at
from evloom.vehicle.telemetry import Frames

DAY_S = 86400.0
BREAK_DAYS, STRAY_SHARE = 60, 0.005
FRAME_FLAGS = {
    "stale": at.STALE,
    "duplicate-time": at.DUPLICATE_TIME,
    "out-of-order": at.OUT_OF_ORDER,
    "clock-jump": at.CLOCK_JUMP,
    "late": at.LATE,
    "sum-mismatch": at.SUM_MISMATCH,
    "corrupt": at.CORRUPT,
    "current-absent": at.CURRENT_ABSENT,
    "current-range": at.CURRENT_RANGE,
    "pack-voltage-absent": at.PACK_VOLTAGE_ABSENT,
    "pack-voltage-range": at.PACK_VOLTAGE_RANGE,
    "soc-absent": at.SOC_ABSENT,
    "soc-range": at.SOC_RANGE,
    "status-null": at.STATUS_NULL,
    "insulation-placeholder": at.INSULATION_PLACEHOLDER,
    "odometer-doubt": at.ODOMETER_DOUBT,
}
"""Names of the flags of a frame, see docs/battery-frames.md."""
CELL_FLAGS = {"absent": at.CELL_ABSENT, "sentinel": at.CELL_SENTINEL, "range": at.CELL_RANGE, "stuck": at.CELL_STUCK, "jump": at.CELL_JUMP}
PROBE_FLAGS = {"absent": at.PROBE_ABSENT, "sentinel": at.PROBE_SENTINEL, "range": at.PROBE_RANGE, "stuck": at.PROBE_STUCK}
WRONG_TIME = at.CLOCK_JUMP | at.OUT_OF_ORDER


@dataclass
class Tally:
    """Frames of a pack counted while they come.

    flagged  frames, cell_flagged and probe_flagged  readings by the name of the flag that they bear; those that are 0 are left out
    """

    frames: int = 0
    flagged: dict[str, int] = field(default_factory=dict)
    cell_flagged: dict[str, int] = field(default_factory=dict)
    probe_flagged: dict[str, int] = field(default_factory=dict)
    _days: dict[int, tuple[int, float, float]] = field(default_factory=dict)
    _probe_reads: bool = False
    _first_v: Float | None = None
    _moves: bool = False

    def add(self, frames: Frames) -> None:
        """Count frames that bear their flags."""
        self.frames += frames.n
        timed = frames.at_s[(frames.flags & WRONG_TIME) == 0]
        if len(timed):
            self._add_days(timed)
        _count(self.flagged, frames.flags, FRAME_FLAGS)
        _count(self.cell_flagged, frames.cell_flags, CELL_FLAGS)
        _count(self.probe_flagged, frames.probe_flags, PROBE_FLAGS)
        self._probe_reads = self._probe_reads or (frames.pack.n_probe > 0 and not frames.probe_flags.all())
        if not self._moves and frames.pack.n_cell:
            self._first_v = frames.cell_v[0] if self._first_v is None else self._first_v
            last, whole = frames.cell_v[-1:], frames.cell_v  # as a rule the last frame shows it
            self._moves = any(
                not np.array_equal(part, np.broadcast_to(self._first_v, part.shape), equal_nan=True) for part in (last, whole)
            )

    def _add_days(self, timed: Float) -> None:
        """Count the frames of each day, and when its first and last were."""
        edges = np.flatnonzero(np.diff(timed // DAY_S)) + 1
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(timed)]])
        lows, highs = np.minimum.reduceat(timed, starts), np.maximum.reduceat(timed, starts)
        for n, low, high in zip((ends - starts).tolist(), lows.tolist(), highs.tolist(), strict=True):
            before = self._days.get(int(low // DAY_S), (0, low, high))
            self._days[int(low // DAY_S)] = (before[0] + n, min(before[1], low), max(before[2], high))

    @property
    def days(self) -> int:
        """Days (UTC) with a frame that lie in the span."""
        return sum(self.first_s <= high and low <= self.last_s for _, low, high in self._days.values())

    @property
    def first_s(self) -> float:
        """Earliest instant of the span, infinite where no frame has a time that can be believed."""
        return min((self._days[day][1] for day in self._span()), default=float("inf"))

    @property
    def last_s(self) -> float:
        """Latest instant of the span."""
        return max((self._days[day][2] for day in self._span()), default=float("-inf"))

    def _span(self) -> list[int]:
        """The days without the few frames before the first or after the last long break: they are of a clock that was not set yet."""
        days = sorted(self._days)
        breaks = [k for k in range(1, len(days)) if days[k] - days[k - 1] > BREAK_DAYS]
        parts = [days[a:b] for a, b in zip([0, *breaks], [*breaks, len(days)], strict=True)]
        total = sum(n for n, _, _ in self._days.values())
        weights = [sum(self._days[day][0] for day in part) for part in parts]
        kept = [k for k, weight in enumerate(weights) if weight >= STRAY_SHARE * total]
        return [day for part in parts[kept[0] : kept[-1] + 1] for day in part] if kept else days

    @property
    def has_no_probe(self) -> bool:
        """Whether no probe ever gave a temperature that can be believed."""
        return not self._probe_reads

    @property
    def is_constant(self) -> bool:
        """Whether no cell of several frames ever showed another voltage than in the first one."""
        return self.frames > 1 and self._first_v is not None and not self._moves


def _count(counts: dict[str, int], flags: np.ndarray, names: dict[str, int]) -> None:
    """Add up readings by flag. Most pieces bear few: only those that bear any are looked at."""
    if not flags.any():
        return
    marked = flags[flags != 0]
    for name, flag in names.items():
        n = int(np.count_nonzero(marked & flag))
        if n:
            counts[name] = counts.get(name, 0) + n
