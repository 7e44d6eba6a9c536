"""Which readings of a frame cannot be taken at their word, and why.

Nothing is edited: `flag` returns the same readings with flags beside them. A flag is set from this frame and earlier ones only,
and frames may come in chunks of any size with equal results. Every limit stands in `Limits` below with what it comes from.
"""

from dataclasses import fields, replace

import numpy as np

from evloom.diagnose.quality_kernel import PACK_V, SIGNALS, Columns, Flags, State, flag_rows
from evloom.diagnose.quality_rest import thinned
from evloom.diagnose.quality_state import N_FLAGGER, Carry, copied, decode, encode, fresh
from evloom.vehicle.telemetry import Frames

__all__ = ["Carry", "decode", "encode", "flag", "fresh", "thinned"]


def flag(frames: Frames, carry: Carry | None = None) -> tuple[Frames, Carry]:
    """The frames with their flags, and the memory for the next ones of the same pack.

    Flags that a reader has set already are kept. Raises ValueError where `carry` is of a pack with other numbers of cells or probes.
    """
    n_cell, n_probe = frames.pack.n_cell, frames.pack.n_probe
    after = fresh(n_cell, n_probe) if carry is None else copied(carry)
    if after.cell.shape[1] != n_cell or after.probe.shape[1] != n_probe:
        raise ValueError(f"memory of {after.cell.shape[1]} cells and {after.probe.shape[1]} probes, frames of {n_cell} and {n_probe}")
    flagged = replace(frames, flags=frames.flags.copy(), cell_flags=frames.cell_flags.copy(), probe_flags=frames.probe_flags.copy())
    signal = np.column_stack([getattr(frames, name).astype(np.float64, copy=False) for name in SIGNALS])
    if frames.pack.n_series > 1:  # one mean cell stands for all of them
        signal[:, PACK_V] /= frames.pack.n_series
    cell_v, probe_c = np.ascontiguousarray(frames.cell_v), np.ascontiguousarray(frames.probe_c)
    columns = Columns(signal, cell_v, cell_v.view(np.uint32), probe_c)
    flags = Flags(flagged.flags, flagged.cell_flags, flagged.probe_flags)
    flag_rows(columns, flags, State(*(getattr(after, field.name) for field in fields(Carry)[:N_FLAGGER])))
    return flagged, after
