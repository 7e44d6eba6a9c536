"""One battery under the doctor's eye: frames in, changes of its warnings out; its memory as bytes, and back. No clock, no I/O."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from evloom.diagnose import doctor, health, keep, quality
from evloom.diagnose.card import card_of
from evloom.diagnose.card_rules import Rules
from evloom.diagnose.limits import SOUND, level_number
from evloom.diagnose.warning import WarningChange
from evloom.serve.doctor.told_health import card_json, health_bytes, health_json, health_of
from evloom.store.batteries import BatterySeen
from evloom.store.battery.parquet_journal import Position
from evloom.store.battery.states import Kept
from evloom.vehicle.telemetry import SOC_ABSENT, SOC_RANGE, STALE, Frames, Pack

ODD_FRAMES = 10
"""A battery of which so many frames in a row have another number of cells has another number; fewer were cut off on their way."""
NAN = float("nan")


class About(msgspec.Struct):
    """What was seen of a battery beside the doctor's own memory. Readings are of the last frame; NaN and -1 for unknown."""

    first_s: float = NAN
    last_s: float = NAN
    known_s: float = NAN
    n_frame: int = 0
    n_odd: int = 0
    active_s: float = 0.0
    span_s: float = 0.0
    soc: float = NAN
    charging: int = -1
    pack_v: float = NAN
    current_a: float = NAN
    insulation_ohm: float = NAN
    bms_level: int = -1
    cell_v: list[float] = msgspec.field(default_factory=list)
    probe_c: list[float] = msgspec.field(default_factory=list)


@dataclass(slots=True)
class Ward:
    """A battery. position: everything before it in the journal has been taken in. unsaved_from: the segment of the first row that is
    not in its kept memory yet, None where all are; n_unsaved counts such frames, n_untold those of which nobody was told yet."""

    state: doctor.State
    health: health.State
    about: About
    position: Position
    unsaved_from: int | None = None
    n_unsaved: int = 0
    n_untold: int = 0
    unsaved_at: float = 0.0
    told_at: float = -math.inf
    told_days: int = -1
    is_anew: bool = False
    changes: list[WarningChange] = field(default_factory=list)

    @property
    def pack(self) -> Pack:
        """The battery."""
        return self.state.pack

    def take(self, frames: Frames) -> None:
        """Take in frames in the order in which they arrived; what they change waits in `changes`."""
        if not self._fits(frames):
            return
        if frames.pack.vehicle_id != self.pack.vehicle_id:
            self.state = replace(self.state, pack=replace(self.pack, vehicle_id=frames.pack.vehicle_id))
            self.health = replace(self.health, pack=self.pack)
        flagged, carry = quality.flag(frames, self.state.carry)
        told, carry = quality.thinned(flagged, carry)
        self.state, changes = doctor.step_flagged(replace(self.state, carry=carry), told)
        self.health = health.step(self.health, told, flagged.n - told.n)
        self.changes += changes
        _note(self.about, flagged)

    def _fits(self, frames: Frames) -> bool:
        """Whether the frames have the battery's numbers of cells and probes, or so many had not that it has others by now."""
        own, theirs = self.pack, frames.pack
        if (own.n_cell, own.n_probe) == (theirs.n_cell, theirs.n_probe):
            self.about.n_odd = 0
            return True
        self.about.n_odd += frames.n
        if self.about.n_odd < ODD_FRAMES and own.n_cell > 0:
            return False
        at_s, self.about.n_odd = float(frames.at_s[0]), 0
        for warning in doctor.open_warnings(self.state):
            self.changes.append(WarningChange("closed", at_s, replace(warning, updated_s=at_s, closed_s=at_s)))
        known = _known(theirs, own)
        self.state, self.health = doctor.fresh(known), health.fresh(known)
        return True

    @property
    def is_known(self) -> bool:
        """Whether any of its frames could be taken at its word."""
        return math.isfinite(self.about.last_s) and math.isfinite(self.about.first_s)

    def standing(self) -> frozenset[str]:
        """Ids of its open warnings."""
        return frozenset(warning.warning_id for warning in doctor.open_warnings(self.state))

    def level(self) -> int:
        """The highest level of its open warnings, 0 without one."""
        return level_number(doctor.open_warnings(self.state))

    def severity(self) -> float:
        """Severity of its most urgent warning, else of what has been suspected lately."""
        found = [case.warning.severity for case in self.state.cases.values() if case.warning is not None]
        waiting = [case.trace[-1][1] for case in self.state.cases.values() if case.warning is None and case.trace]
        return float(max(found or waiting, default=0.0))

    def seen(self, rules: Rules | None = None) -> BatterySeen:
        """What the database is told of it; with `rules` also what pages show, its health and its value."""
        pack, about = self.pack, self.about
        level, view, told, card = self.level(), None, None, None
        if rules is not None:
            found = health.report(self.health)
            view, told = msgspec.json.encode(self.view()).decode(), health_json(found)
            card = card_json(card_of(pack, found, doctor.open_warnings(self.state), rules))
        return BatterySeen(
            pack.pack_id, pack.vehicle_id, pack.chemistry, pack.n_cell, pack.n_probe, _finite(pack.capacity_ah), about.first_s,
            about.last_s, about.known_s, about.n_frame, self.state.days, level, self.severity() if level or self.state.days else SOUND,
            _finite(about.soc), about.charging, view, told, card,
        )  # fmt: skip

    def view(self) -> dict[str, Any]:
        """What pages show of it: readings of the last frame, the charge of each cell against the pack, and how that spread day by day."""
        track, about = self.state.track, self.about
        known = np.isfinite(track.ring[:, 0]).all(axis=1) if self.pack.n_cell else np.zeros(len(track.ring_day), dtype=bool)
        charge = track.ring[known, 0].astype(np.float64)
        days = {"at_s": (track.ring_day[known] * 86400.0).round(0).tolist()}
        for name, share in (("low", 0.0), ("p05", 5.0), ("p95", 95.0), ("high", 100.0)):
            days[name] = np.round(np.percentile(charge, share, axis=1), 5).tolist() if len(charge) else []
        return {
            "cell_v": [_finite(value) for value in about.cell_v],
            "probe_c": [_finite(value) for value in about.probe_c],
            "pack_v": _finite(about.pack_v),
            "current_a": _finite(about.current_a),
            "insulation_ohm": _finite(about.insulation_ohm),
            "bms_level": about.bms_level,
            "active_h": round(24.0 * about.active_s / about.span_s, 3) if about.span_s > 0.0 else None,
            "charge": np.round(charge[-1], 5).tolist() if len(charge) else [],
            "days": days,
        }

    def kept(self) -> Kept:
        """Its memory."""
        parts = {"doctor": keep.to_bytes(self.state), "health": health_bytes(self.health), "about": msgspec.msgpack.encode(self.about)}
        return Kept(self.pack.pack_id, self.position, parts)


def fresh_ward(pack: Pack, position: Position) -> Ward:
    """A battery of which nothing has been seen."""
    return Ward(doctor.fresh(pack), health.fresh(pack), About(), position)


def ward_of(kept: Kept) -> Ward:
    """The battery as it was remembered. Raises ValueError where this version of the code cannot read it."""
    try:
        state, about = keep.from_bytes(kept.parts["doctor"]), msgspec.msgpack.decode(kept.parts["about"], type=About)
        return Ward(state, health_of(kept.parts["health"]), about, kept.position, told_days=state.days)
    except (KeyError, TypeError, msgspec.MsgspecError) as error:
        raise ValueError(f"the memory of {kept.pack_id} cannot be read: {error}") from error


def _known(now: Pack, before: Pack) -> Pack:
    """What frames say of a pack, and what else was known of it."""
    capacity_ah = before.capacity_ah if math.isnan(now.capacity_ah) else now.capacity_ah
    return replace(now, chemistry=now.chemistry or before.chemistry, capacity_ah=capacity_ah)


def _note(about: About, frames: Frames) -> None:
    """Keep the readings of the last frame that can be taken at its word, and how long the vehicle was in use."""
    known_s = float(frames.known_at_s[-1])
    about.first_s = float(frames.at_s.min()) if math.isnan(about.first_s) else about.first_s
    about.n_frame, about.known_s = about.n_frame + frames.n, known_s
    sound = np.flatnonzero((frames.flags & STALE) == 0)
    if not len(sound):
        return
    last = int(sound[-1])
    at_s = frames.at_s[sound]
    since_s = np.diff(at_s, prepend=about.last_s if about.last_s == about.last_s else at_s[0])
    in_use = (np.nan_to_num(frames.speed_km_per_h[sound]) > 0.0) | (np.abs(np.nan_to_num(frames.current_a[sound])) > 1.0)
    fair = (since_s > 0.0) & (since_s < 86_400.0)
    about.span_s += float(since_s[fair].sum())
    about.active_s += float(since_s[fair & in_use & (since_s <= 600.0)].sum())
    about.last_s = max(float(at_s.max()), about.last_s) if about.last_s == about.last_s else float(at_s.max())
    if not frames.flags[last] & (SOC_ABSENT | SOC_RANGE) and frames.soc[last] == frames.soc[last]:
        about.soc = float(frames.soc[last])
    about.charging, about.bms_level = int(frames.charging[last]), int(frames.bms_level[last])
    about.pack_v, about.current_a = float(frames.pack_v[last]), float(frames.current_a[last])
    about.insulation_ohm = float(frames.insulation_ohm[last])
    about.cell_v = _readings(frames.cell_v[last], frames.cell_flags[last], 3)
    about.probe_c = _readings(frames.probe_c[last], frames.probe_flags[last], 1)


def _readings(values: Any, flags: Any, digits: int) -> list[float]:
    sound = np.where(flags == 0, np.round(values.astype(np.float64), digits), np.nan)
    return [float(value) for value in sound]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
