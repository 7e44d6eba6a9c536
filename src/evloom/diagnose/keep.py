"""The doctor's state as bytes, and back: a short header, then the arrays. What is read back goes on exactly as if it had not been kept."""

import json
from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any

import numpy as np

from evloom.diagnose import quality
from evloom.diagnose.detect import fresh_track
from evloom.diagnose.doctor import State, fresh
from evloom.diagnose.estimate import Memory
from evloom.diagnose.evidence import FIXED
from evloom.diagnose.evidence_block import Sums
from evloom.diagnose.warning import case_of, plain
from evloom.vehicle.telemetry import Pack

VERSION = 9


def to_bytes(state: State) -> bytes:
    """The whole state."""
    parts = [*state.sums[:-FIXED], *vars(state.memory).values(), *vars(state.track).values()]
    head = {
        "version": VERSION,
        "pack": asdict(state.pack),
        "days": state.days,
        "cases": [plain(case) for case in state.cases.values()],
        "carry": b64encode(quality.encode(state.carry)).decode(),
    }
    text = json.dumps(head).encode()
    return len(text).to_bytes(4, "little") + text + b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def from_bytes(content: bytes) -> State:
    """The state that `to_bytes` wrote. Raises ValueError where the bytes are not that, or of another version of this code."""
    size = int.from_bytes(content[:4], "little")
    try:
        head: dict[str, Any] = json.loads(content[4 : 4 + size])
    except ValueError as error:
        raise ValueError("these bytes are no state of the doctor") from error
    if head.get("version") != VERSION:
        raise ValueError(f"state of version {head.get('version')}; this is version {VERSION}: read the frames anew")
    pack = Pack(**{**head["pack"], "probe_of_cell": tuple(head["pack"]["probe_of_cell"])})
    empty = fresh(pack)
    arrays, place = [], 4 + size
    for like in (*empty.sums[:-FIXED], *vars(empty.memory).values(), *vars(fresh_track(pack.n_cell, pack.n_probe)).values()):
        if place + like.nbytes > len(content):
            raise ValueError(f"{len(content)} bytes are too few for a pack of {pack.n_cell} cells")
        arrays.append(np.frombuffer(content, like.dtype, like.size, place).reshape(like.shape).copy())
        place += like.nbytes
    n_sum, n_memory = len(empty.sums) - FIXED, len(vars(empty.memory))
    track = type(empty.track)(*arrays[n_sum + n_memory :])
    cases = {case.key: case for case in map(case_of, head["cases"])}
    carry = quality.decode(b64decode(head["carry"]))
    sums, memory = Sums._make([*arrays[:n_sum], *empty.sums[-FIXED:]]), Memory(*arrays[n_sum : n_sum + n_memory])
    return State(pack, carry, sums, memory, track, cases, head["days"])
