"""The state of health as bytes, and back, as `keep` does it for the doctor: a short header, then the arrays. What is read back goes on
exactly as if it had not been kept."""

import json
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from evloom.diagnose.capacity import Belief, Filter, Place
from evloom.diagnose.health import State, fresh
from evloom.diagnose.health_events import Held, Seen
from evloom.diagnose.segment_places import W_OPEN
from evloom.diagnose.segment_sums import Sums
from evloom.diagnose.spread import Cells
from evloom.diagnose.window import Interval, Window
from evloom.diagnose.window_points import Charge
from evloom.vehicle.telemetry import Pack

VERSION = 2
_CELL_ARRAYS = ("doubt", "value", "times", "drift")


def to_bytes(state: State) -> bytes:
    """The whole state."""
    seen, sums = state.seen, state.sums
    arrays: dict[str, Any] = {f"sums.{name}": part for name, part in sums._asdict().items()}
    if sums.window[W_OPEN] == 0.0:  # nothing of a window that is over is needed
        del arrays["sums.bin"], arrays["sums.bin_cell"]
    arrays |= {f"cells.{name}": getattr(seen.cells, name) for name in _CELL_ARRAYS} | {"rests": seen.rests}
    told = seen.filter
    head: dict[str, Any] = {
        "version": VERSION,
        "pack": asdict(state.pack),
        "windows": [asdict(window) for window in seen.windows],
        "trend": [[at_s, asdict(interval)] for at_s, interval in seen.trend],
        "last_s": seen.last_s,
        "cells": [seen.cells.begin_s, seen.cells.seen_s],
        "filter": [told.kind, told.windows, list(told.ohm), told.strain, told.looked, told.without],
    }
    if told.belief is not None:
        head["cap_ref"] = told.belief.cap_ref
        arrays["belief"] = told.belief.log_p
    if told.place is not None:
        head["place"] = [told.place.curve, told.place.cap, told.place.soc]
        arrays["bend"] = told.place.bend
    if seen.held is not None:
        charge = seen.held.charge
        head["held"] = [seen.held.begin_s, seen.held.end_s, list(seen.held.expected)]
        head["charge"] = [list(charge.end), charge.is_fast, charge.mean_c, charge.count]
        arrays |= {"held.rests": seen.held.rests, "held.points": charge.points, "held.apart_v": charge.apart_v}
    head["arrays"] = [[name, part.dtype.str, list(part.shape)] for name, part in arrays.items()]
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + b"".join(np.ascontiguousarray(part).tobytes() for part in arrays.values())


def from_bytes(content: bytes) -> State:
    """The state that `to_bytes` wrote. Raises ValueError where the bytes are not that, or of another version of this code."""
    head, arrays = _read(content)
    pack = Pack(**{**head["pack"], "probe_of_cell": tuple(head["pack"]["probe_of_cell"])})
    state = fresh(pack)
    sums = Sums._make([arrays.get(f"sums.{name}", part) for name, part in state.sums._asdict().items()])
    cells = Cells(*(arrays[f"cells.{name}"] for name in _CELL_ARRAYS), *head["cells"])
    kind, windows, ohm, strain, looked, without = head["filter"]
    belief = Belief(arrays["belief"], head["cap_ref"]) if "cap_ref" in head else None
    place = None
    if "place" in head:
        curve, cap, soc = head["place"]
        place = Place(curve, cap, arrays["bend"], soc)
    told = Filter(kind, belief, windows, tuple(ohm), place, strain, looked, without)
    seen = Seen(
        told,
        cells,
        tuple(_window(window) for window in head["windows"]),
        tuple((at_s, Interval(**interval)) for at_s, interval in head["trend"]),
        head["last_s"],
        _held(head, arrays),
        arrays["rests"],
    )
    return replace(state, sums=sums, seen=seen)


def _read(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays by name."""
    size = int.from_bytes(content[:4], "little")
    try:
        head: Any = json.loads(content[4 : 4 + size])
    except ValueError as error:
        raise ValueError("these bytes are no state of health") from error
    if not isinstance(head, dict) or head.get("version") != VERSION:
        raise ValueError(f"this is version {VERSION} of the state of health; read the frames anew")
    arrays, place = {}, 4 + size
    for name, kind, shape in head["arrays"]:
        count, dtype = int(np.prod(shape)), np.dtype(kind)
        if place + count * dtype.itemsize > len(content):
            raise ValueError(f"{len(content)} bytes are too few for this state")
        arrays[name] = np.frombuffer(content, dtype, count, place).reshape(shape).copy()
        place += count * dtype.itemsize
    return head, arrays


def _window(told: dict[str, Any]) -> Window:
    interval = told["capacity_ah"]
    return Window(**{**told, "capacity_ah": None if interval is None else Interval(**interval)})


def _held(head: dict[str, Any], arrays: dict[str, Any]) -> Held | None:
    if "held" not in head:
        return None
    begin_s, end_s, expected = head["held"]
    end, is_fast, mean_c, count = head["charge"]
    charge = Charge(arrays["held.points"], arrays["held.apart_v"], tuple(end), is_fast, mean_c, count)
    return Held(charge, arrays["held.rests"], begin_s, end_s, tuple(expected))


FIELDS = tuple(field.name for field in fields(Seen))
"""What the bytes hold beside the sums; a test holds that nothing was forgotten."""
