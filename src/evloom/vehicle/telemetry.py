"""What a battery tells of itself: frames of one pack as columns, and what is doubtful about each reading.

A reading is never edited. Where it cannot be taken at its word a flag says so, and who computes leaves it out.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evloom.kernel.timegrid import Bool, Float, Int

Float32 = NDArray[np.float32]
FrameFlag = NDArray[np.uint32]
ReadingFlag = NDArray[np.uint8]

# Flags of a frame.
STALE = 1 << 0  # an old frame repeated under a new time
DUPLICATE_TIME = 1 << 1  # the same box time as the frame before
OUT_OF_ORDER = 1 << 2  # older than a frame that came before it
CLOCK_JUMP = 1 << 3  # the box's clock was set: far from where it should be
SUM_MISMATCH = 1 << 4  # the cells do not add up to the pack's voltage
INSULATION_PLACEHOLDER = 1 << 5  # the insulation resistance is no measurement
STATUS_NULL = 1 << 6  # the charge status was not sent
CURRENT_ABSENT = 1 << 7
CURRENT_RANGE = 1 << 8  # no such current exists
PACK_VOLTAGE_ABSENT = 1 << 9
PACK_VOLTAGE_RANGE = 1 << 10
SOC_ABSENT = 1 << 11
SOC_RANGE = 1 << 12
CORRUPT = 1 << 13  # a cell or probe of this frame is a sensing fault: its other readings are suspect too
LATE = 1 << 14  # it arrived long after it was measured (supplementary data)
ODOMETER_DOUBT = 1 << 15  # the odometer is 0, went back or leapt

# Flags of a cell's voltage.
CELL_ABSENT = 1 << 0  # nothing was sent
CELL_SENTINEL = 1 << 1  # a number that stands for "abnormal" or "invalid"
CELL_RANGE = 1 << 2  # no cell has such a voltage
CELL_STUCK = 1 << 3  # it has not changed for far too long while the others did
CELL_JUMP = 1 << 4  # it left the pack within one frame by more than a cell can; a lasting difference is flagged once

# Flags of a probe's temperature.
PROBE_ABSENT = 1 << 0
PROBE_SENTINEL = 1 << 1
PROBE_RANGE = 1 << 2
PROBE_STUCK = 1 << 3


@dataclass(frozen=True, slots=True)
class Pack:
    """A battery and what is known of it. Its history follows `pack_id`: a battery may change its vehicle.

    chemistry      "NMC", "LFP", "Na", or "" where nobody said
    capacity_ah    rated, NaN where nobody said
    probe_of_cell  (n_cell,) the probe nearest to each cell, -1 where nobody said
    n_series       cells in series where single ones are not sent and cell 1 is their mean (n_cell = 1); 0: cells are sent one by one
    """

    vehicle_id: str
    pack_id: str
    n_cell: int
    n_probe: int
    chemistry: str = ""
    capacity_ah: float = float("nan")
    probe_of_cell: tuple[int, ...] = ()
    n_series: int = 0

    @property
    def in_series(self) -> int:
        """Cells in series, whether they are sent one by one or not."""
        return self.n_series or self.n_cell


@dataclass(frozen=True)
class Frames:
    """Frames of one pack in the order in which they arrived, columns (n,) unless said otherwise.

    at_s           epoch seconds by the box; known_at_s when it arrived (the same where that is not known)
    current_a      positive = charging
    soc            of the BMS, 0..1, NaN where absent
    charging       0 no, 1 parked and charging, 2 driving and recuperating, 3 charged, -1 unknown
    insulation_ohm NaN where absent
    bms_level      warning level of the BMS's own, -1 unknown; balancing number of cells being bled, -1 unknown
    cell_v         (n, n_cell) float32 as sent; probe_c (n, n_probe) float32
    flags          (n,) uint32; cell_flags (n, n_cell), probe_flags (n, n_probe) uint8: constants of this module
    """

    pack: Pack
    at_s: Float
    known_at_s: Float
    current_a: Float
    pack_v: Float
    soc: Float
    speed_km_per_h: Float
    odometer_km: Float
    charging: Int
    insulation_ohm: Float
    bms_level: Int
    balancing: Int
    cell_v: Float32
    probe_c: Float32
    flags: FrameFlag
    cell_flags: ReadingFlag
    probe_flags: ReadingFlag

    @property
    def n(self) -> int:
        """Number of frames."""
        return len(self.at_s)

    def part(self, which: slice | Int | Bool) -> "Frames":
        """Some of the frames, in their order."""
        columns: dict[str, Any] = {field.name: getattr(self, field.name)[which] for field in fields(self) if field.name != "pack"}
        return replace(self, **columns)


def unflagged(pack: Pack, **columns: Any) -> Frames:
    """Frames of which nothing is doubted yet. Columns that are left out are unknown; `at_s` and `cell_v` must be there."""
    n = len(columns["at_s"])
    unknown: dict[str, Any] = {
        "known_at_s": columns["at_s"],
        **{name: np.full(n, np.nan) for name in ("current_a", "pack_v", "soc", "speed_km_per_h", "odometer_km", "insulation_ohm")},
        **{name: np.full(n, -1, dtype=np.int64) for name in ("charging", "bms_level", "balancing")},
        "probe_c": np.full((n, pack.n_probe), np.nan, dtype=np.float32),
        "flags": np.zeros(n, dtype=np.uint32),
        "cell_flags": np.zeros((n, pack.n_cell), dtype=np.uint8),
        "probe_flags": np.zeros((n, pack.n_probe), dtype=np.uint8),
    }
    return Frames(pack, **{**unknown, **columns})


def joined(parts: list[Frames]) -> Frames:
    """Frames of the same pack, one part after the other; at least one part."""
    names = [field.name for field in fields(Frames) if field.name != "pack"]
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[-1], **columns)
