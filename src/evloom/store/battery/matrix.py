"""Voltages of cells (or temperatures of probes) as the median of each frame and 16-bit deviations from it.

A deviation is foretold by a running mean of the same cell's earlier ones; what is left is small and often the same, so that a general
compressor brings it near its entropy. The weight of the running mean is chosen for each block, whichever leaves least.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from evloom.kernel.compiled import compiled
from evloom.kernel.timegrid import Bool, Int
from evloom.vehicle.telemetry import Float32, ReadingFlag

SHIFTS = (0, 1, 3)
"""The running mean takes in 1 / 2**shift of each new deviation; 0: the last deviation itself."""

FAR = 16000
"""Deviations from here on, in steps, are kept as they are: 16 V at 1 mV is no cell."""

ODD_SHARE, ESCAPE_SHARE = 0.02, 0.001
DENSE_SHARE = 0.1

Int32 = NDArray[np.int32]
Left = NDArray[np.int16]


class Matrix(msgspec.Struct, array_like=True, frozen=True):
    """(n, m) float32 as whole multiples of 1/scale; scale 0: four planes of the bits in `left`.

    median   (n,) int32: of the readings of a frame, each as step from the one before, four planes of bytes
    left     (n, m) what the running mean of `shift` leaves, zigzagged: `width` planes of bytes, frame by frame
    odd_at   (k,) int32 places in the flat matrix of readings that are kept as they are, odd (k,) float32
    nan_at   (k, 2) int32 first place and length of stretches of NaN in the flat matrix
    """

    scale: int
    shift: int
    width: int
    median: bytes
    left: bytes
    odd_at: bytes
    odd: bytes
    nan_at: bytes


class Sparse(msgspec.Struct, array_like=True, frozen=True):
    """(n, m) uint8 that is mostly 0: what is not 0 with its place (int32 steps), or all where `at` is empty and `values` is not."""

    at: bytes
    values: bytes


def pack_matrix(values: Float32, scales: tuple[int, ...]) -> Matrix:
    """Readings by the first of `scales` of which nearly all are multiples."""
    values = np.ascontiguousarray(values, dtype=np.float32)
    nan = values.view(np.uint32) == np.float32(np.nan).view(np.uint32)
    for scale in scales:
        whole, odd = _whole(values, scale, nan)
        if odd.sum() <= ODD_SHARE * odd.size:
            return _pack(values, whole, odd, nan, scale)
    planes = np.ascontiguousarray(values.view(np.uint8).reshape(-1, 4).T).tobytes()
    return Matrix(0, 0, 4, b"", planes, b"", b"", b"")


def _whole(values: Float32, scale: int, nan: Bool) -> tuple[Int32, Bool]:
    """Multiples of 1/scale, and which readings are none although something was sent."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.rint(values.astype(np.float64) * scale)
        whole = np.where(np.abs(steps) < 1e9, steps, 0.0).astype(np.int32)
    back = (whole / float(scale)).astype(np.float32)
    return whole, (back.view(np.uint32) != values.view(np.uint32)) & ~nan


def _pack(values: Float32, whole: Int32, odd: Bool, nan: Bool, scale: int) -> Matrix:
    n, m = values.shape
    gap = odd | nan
    median = _medians(whole, gap)
    apart = whole - median[:, None]
    odd = odd | ((np.abs(apart) > FAR) & ~nan)
    gap = odd | nan
    trials = [(_remainder(apart, gap, shift), shift) for shift in SHIFTS] if n * m else [(np.zeros((n, m), dtype=np.int16), 0)]
    left, shift = min(trials, key=lambda trial: float(np.log2(1.0 + np.abs(trial[0], dtype=np.float32)).sum()))
    coded = ((left << 1) ^ (left >> 15)).view(np.uint16).reshape(-1)
    width = 2 if len(coded) and int(coded.max()) > 255 else 1
    planes = np.ascontiguousarray(coded.view(np.uint8).reshape(-1, 2)[:, :width].T).tobytes()
    steps = np.diff(median, prepend=np.int32(0)).astype(np.int32)
    zigzag = ((steps << 1) ^ (steps >> 31)).view(np.uint8).reshape(-1, 4)
    at = np.flatnonzero(odd.reshape(-1)).astype(np.int32)
    kept = values.reshape(-1)[at].tobytes()
    return Matrix(scale, shift, width, np.ascontiguousarray(zigzag.T).tobytes(), planes, at.tobytes(), kept, _runs(nan).tobytes())


def _runs(nan: Bool) -> Int32:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], nan.reshape(-1).view(np.int8), [0]])))
    return np.stack([edges[::2], edges[1::2] - edges[::2]], axis=1).astype(np.int32)


def _medians(whole: Int32, gap: Bool) -> Int32:
    """The lower median of each row's readings that are no gap; a row without any takes that of the row before."""
    n, m = whole.shape
    if n * m == 0:
        return np.zeros(n, dtype=np.int32)
    sound = m - gap.sum(axis=1)
    ordered = np.sort(np.where(gap, np.iinfo(np.int32).max, whole), axis=1)
    median = ordered[np.arange(n), np.maximum(sound - 1, 0) // 2]
    last = np.maximum.accumulate(np.where(sound > 0, np.arange(n), -1))
    return np.where(last >= 0, median[np.maximum(last, 0)], 0).astype(np.int32)


@compiled
def _remainder(apart: Int32, gap: Bool, shift: int) -> Left:
    """What the running mean leaves of the deviations; 0 at a gap, which it does not take in."""
    n, m = apart.shape
    left = np.empty((n, m), dtype=np.int16)
    mean = np.zeros(m, dtype=np.int32)
    for i in range(n):
        for c in range(m):
            if gap[i, c]:
                left[i, c] = 0
                continue
            left[i, c] = apart[i, c] - ((mean[c] + 128) >> 8)
            mean[c] += ((apart[i, c] << 8) - mean[c]) >> shift
    return left


def unpack_matrix(matrix: Matrix, n: int, m: int) -> Float32:
    """The readings (n, m), bit by bit."""
    if matrix.scale == 0:
        planes = np.frombuffer(matrix.left, dtype=np.uint8).reshape(4, -1)
        return np.ascontiguousarray(planes.T).view(np.float32).reshape(n, m)
    coded = np.frombuffer(matrix.median, dtype=np.uint8).reshape(4, n).astype(np.uint32)
    zigzag = coded[0] | coded[1] << np.uint32(8) | coded[2] << np.uint32(16) | coded[3] << np.uint32(24)
    median = np.cumsum((zigzag >> np.uint32(1)).astype(np.int64) ^ -(zigzag & np.uint32(1)).astype(np.int64))
    left = np.frombuffer(matrix.left, dtype=np.uint8).reshape(matrix.width, n, m)
    odd_at, odd = np.frombuffer(matrix.odd_at, dtype=np.int32), np.frombuffer(matrix.odd, dtype=np.float32)
    nan_at = np.frombuffer(matrix.nan_at, dtype=np.int32).reshape(-1, 2)
    readings = np.empty((n, m), dtype=np.float32)
    if not len(odd_at) and not len(nan_at):
        _restore(left, median, matrix.shift, float(matrix.scale), readings)
        return readings
    gap = np.zeros(n * m, dtype=np.bool_)
    gap[odd_at] = True
    for first, length in nan_at:
        gap[first : first + length] = True
    _restore_gaps(left, median, (matrix.shift, float(matrix.scale)), gap.reshape(n, m), readings)
    flat = readings.reshape(-1)
    flat[gap] = np.nan
    flat[odd_at] = odd
    return readings


@compiled
def _restore(planes: NDArray[np.uint8], median: Int, shift: int, scale: float, readings: Float32) -> None:
    """`_remainder` turned round, into `readings`; two planes or one."""
    n, m = readings.shape
    mean = np.zeros(m, dtype=np.int32)
    low, high = planes[0], planes[len(planes) - 1]
    wide = np.int32(8 if len(planes) == 2 else 0)
    for i in range(n):
        middle = np.int32(median[i])
        for c in range(m):
            coded = np.int32(low[i, c]) | (np.int32(high[i, c]) << wide)
            apart = ((coded >> np.int32(1)) ^ -(coded & np.int32(1))) + ((mean[c] + np.int32(128)) >> np.int32(8))
            mean[c] += ((apart << np.int32(8)) - mean[c]) >> np.int32(shift)
            readings[i, c] = np.float32((middle + apart) / scale)


@compiled
def _restore_gaps(planes: NDArray[np.uint8], median: Int, how: tuple[int, float], gap: Bool, readings: Float32) -> None:
    """The same where some readings are kept elsewhere."""
    n, m = readings.shape
    mean = np.zeros(m, dtype=np.int32)
    low, high = planes[0], planes[len(planes) - 1]
    wide = 8 if len(planes) == 2 else 0
    for i in range(n):
        for c in range(m):
            if gap[i, c]:
                continue
            coded = np.int32(low[i, c]) | (np.int32(high[i, c]) << wide)
            apart = ((coded >> 1) ^ -(coded & 1)) + ((mean[c] + 128) >> 8)
            mean[c] += ((apart << 8) - mean[c]) >> how[0]
            readings[i, c] = np.float32((median[i] + apart) / how[1])


def pack_sparse(values: ReadingFlag) -> Sparse:
    """Flags, of which there are few as a rule."""
    flat = np.ascontiguousarray(values).reshape(-1)
    at = np.flatnonzero(flat)
    if len(at) > DENSE_SHARE * len(flat):
        return Sparse(b"", flat.tobytes())
    return Sparse(np.diff(at, prepend=0).astype(np.int32).tobytes(), flat[at].tobytes())


def unpack_sparse(sparse: Sparse, shape: tuple[int, int]) -> ReadingFlag:
    """The flags (n, m)."""
    if sparse.values and not sparse.at:
        return np.frombuffer(sparse.values, dtype=np.uint8).reshape(shape).copy()
    flat = np.zeros(shape[0] * shape[1], dtype=np.uint8)
    flat[np.cumsum(np.frombuffer(sparse.at, dtype=np.int32))] = np.frombuffer(sparse.values, dtype=np.uint8)
    return flat.reshape(shape)
