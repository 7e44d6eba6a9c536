"""Everything that is said of one pack: frames in, warnings and health out. Nothing is read or written here.

examined = examine(pieces)                      # frames of one pack, in their order, in pieces of any size

examiner = Examiner(pack)                       # or piece by piece
changes = examiner.take(frames)
examined = examiner.finish()
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from evloom.diagnose import doctor, health, quality
from evloom.diagnose.health import Health
from evloom.diagnose.warning import LEVELS, Warning, WarningChange  # noqa: A004
from evloom.kernel.finding import Finding
from evloom.plan.battery.tally import Tally
from evloom.vehicle.telemetry import Frames, Pack


@dataclass(frozen=True)
class Examined:
    """What is known of a pack after its last frame.

    vehicles  vehicles that the pack was in, the last one last
    changes   of its warnings, in order of time
    warnings  each as it stood last, open ones first, then in order of level and severity
    health    capacity, resistance, cells, insulation, with their doubt
    findings  what the frames cannot tell because of what they lack
    tally     frames, span, days, and how many readings were doubted, by why
    """

    pack: Pack
    vehicles: tuple[str, ...]
    changes: tuple[WarningChange, ...]
    warnings: tuple[Warning, ...]
    health: Health
    findings: tuple[Finding, ...]
    tally: Tally


class Examiner:
    """Takes in the frames of one pack in pieces of any size; the pieces do not change what comes out."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._vehicles = [pack.vehicle_id]
        self._carry = quality.fresh(pack.n_cell, pack.n_probe)
        self._doctor = doctor.fresh(pack)
        self._health = health.fresh(pack)
        self._changes: list[WarningChange] = []
        self._last: dict[str, Warning] = {}
        self._tally = Tally()

    def take(self, frames: Frames) -> list[WarningChange]:
        """Take in frames and return what they changed. Raises ValueError where they are of another pack."""
        if not frames.n:
            return []
        pack = frames.pack
        if (pack.pack_id, pack.n_cell, pack.n_probe) != (self._pack.pack_id, self._pack.n_cell, self._pack.n_probe):
            raise ValueError(f"frames of {pack.pack_id} ({pack.n_cell} cells) for {self._pack.pack_id} ({self._pack.n_cell} cells)")
        if pack.vehicle_id != self._vehicles[-1]:
            self._vehicles.append(pack.vehicle_id)
            self._pack = replace(self._pack, vehicle_id=pack.vehicle_id)
            self._doctor = replace(self._doctor, pack=replace(self._doctor.pack, vehicle_id=pack.vehicle_id))
        flagged, self._carry = quality.flag(frames, self._carry)
        self._tally.add(flagged)
        told, self._carry = quality.thinned(flagged, self._carry)
        self._health = health.step(self._health, told, flagged.n - told.n)
        self._doctor, changes = doctor.step_flagged(self._doctor, told)
        return self._kept(changes)

    def end(self) -> list[WarningChange]:
        """No more frames come: look at the day that is not over yet."""
        self._doctor, changes = doctor.finish(self._doctor)
        return self._kept(changes)

    def finish(self) -> Examined:
        """What is known after the last frame; the day that is not over yet is looked at too."""
        self.end()
        return self.examined()

    def examined(self) -> Examined:
        """What is known by now."""
        self._last |= {warning.warning_id: warning for warning in doctor.open_warnings(self._doctor)}
        warnings = tuple(sorted(self._last.values(), key=urgency))
        return Examined(
            pack=self._pack,
            vehicles=tuple(self._vehicles),
            changes=tuple(self._changes),
            warnings=warnings,
            health=health.report(self._health),
            findings=self._findings(),
            tally=self._tally,
        )

    def _kept(self, changes: list[WarningChange]) -> list[WarningChange]:
        self._changes += changes
        self._last |= {change.warning.warning_id: change.warning for change in changes}
        return changes

    def _findings(self) -> tuple[Finding, ...]:
        pack, tally = self._pack, self._tally
        found = []
        if pack.n_series > 1:
            said = f"a mean cell of {pack.n_series} in series"
            found.append(_lack(pack, "battery.few-cells", "V_1..V_n", said, "each cell's voltage", "no cell can be compared with its pack"))
        elif pack.n_cell < 2:
            said = f"{pack.n_cell} cell{'s' if pack.n_cell != 1 else ''}"
            found.append(_lack(pack, "battery.few-cells", "V_1..V_n", said, "at least 2 cells", "no cell can be compared with its pack"))
        if pack.n_probe == 0 or tally.has_no_probe:
            said = "no probe" if pack.n_probe == 0 else f"{pack.n_probe} probes that never report"
            found.append(_lack(pack, "battery.no-probes", "T_1..T_m", said, "at least one temperature", "nothing is said of heat"))
        if not tally.frames:
            return tuple(found)
        if tally.is_constant:
            said = "the same voltages in every frame"
            found.append(_lack(pack, "battery.constant", "V_1..V_n", said, "voltages that move with the load", "nothing is said of cells"))
        if tally.days < doctor.READY_DAYS:
            said = f"frames on {tally.days} day{'s' if tally.days != 1 else ''}"
            told = "only sudden faults are seen in this time"
            found.append(_lack(pack, "battery.short-history", "at", said, f"frames on at least {doctor.READY_DAYS} days", told))
        return tuple(found)


def examine(pieces: Iterable[Frames]) -> Examined:
    """What the frames of one pack, in their order, say of it. Raises ValueError where there are none."""
    examiner: Examiner | None = None
    for frames in pieces:
        examiner = examiner or Examiner(frames.pack)
        examiner.take(frames)
    if examiner is None:
        raise ValueError("no frames: there is nothing to examine")
    return examiner.finish()


def urgency(warning: Warning) -> tuple[bool, int, float, str]:
    """Key that sorts warnings: open ones first, then by level and severity."""
    return warning.closed_s is not None, -LEVELS.index(warning.level), -warning.severity, warning.warning_id


def _lack(pack: Pack, code: str, field: str, value: str, allowed: str, advice: str) -> Finding:
    return Finding(code, "warning", pack.pack_id, None, field, value, allowed, advice)
