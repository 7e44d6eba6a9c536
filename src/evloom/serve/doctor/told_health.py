"""Health and value of a battery as the database keeps them: JSON for pages and the interface, and the memory of health as bytes."""

from typing import Any

import msgspec
import numpy as np

from evloom.diagnose import card_told, health
from evloom.diagnose.card import Card, plain
from evloom.diagnose.health import Health

_SIGNIFICANT = 5


def health_bytes(state: health.State) -> bytes:
    """What is remembered of a battery's health."""
    return msgspec.msgpack.encode(state, enc_hook=_packed)


def health_of(content: bytes) -> health.State:
    """The memory that `health_bytes` wrote. Raises ValueError (msgspec's errors are ones) for bytes of another version."""
    return _DECODER.decode(content)


def health_json(found: Health) -> str:
    """Health; what is not known is null."""
    values = {
        "capacity_ah": found.capacity_ah, "soh": found.soh, "energy_soh": found.energy_soh, "resistance_soh": found.resistance_soh,
        "insulation_ohm": found.insulation_ohm, "insulation_per_month": found.insulation_per_month, "missing": found.missing,
        "weakest_cell": found.weakest_cell, "trend": found.trend, "coverage": found.coverage, "windows": found.windows,
        "cell_capacity_share": found.cell_capacity_share, "cell_resistance_ohm": found.cell_resistance_ohm,
        "cell_charge_spread_ah": found.cell_charge_spread_ah, "self_discharge_a": found.self_discharge_a,
    }  # fmt: skip
    return msgspec.json.encode(values, enc_hook=_listed).decode()


def card_json(card: Card) -> str:
    """A value card: its numbers, and its lines in English and Chinese."""
    texts = {name: [[part.title, [list(line) for line in part.lines]] for part in card_told.told(card, name)] for name in ("en", "zh")}
    return msgspec.json.encode({"card": plain(card), **texts}, enc_hook=_listed).decode()


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value)} is not kept")


def _unpacked(kind: Any, value: Any) -> Any:  # noqa: ARG001  msgspec gives both
    dtype, shape, content = value
    return np.frombuffer(content, dtype).reshape(shape).copy()


def _listed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [float(f"{one:.{_SIGNIFICANT}g}") for one in value.astype(np.float64).ravel()]
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value)} is not told")


_DECODER: msgspec.msgpack.Decoder[health.State] = msgspec.msgpack.Decoder(health.State, dec_hook=_unpacked)
