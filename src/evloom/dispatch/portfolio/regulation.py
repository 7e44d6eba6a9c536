"""Frequency containment by a fleet: a reserve that is always deliverable, followed every few seconds, neutral in energy.

The product is the frequency containment reserve (FCR, primary reserve) of Continental Europe: power in proportion to the deviation of
the frequency from 50 Hz, all of it at 200 mHz, no deadband of our own, held for at least 15 to 30 minutes when fully called by a
provider with limited energy (Commission Regulation (EU) 2017/1485, "system operation guideline", article 154 with annex V, and
article 156; the 30 minutes are the stricter end). A low frequency asks for less import. docs/portfolio.md states rule and proof.
"""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.portfolio.fleet import Fleet, fleet_checks
from evloom.dispatch.portfolio.follow import Clock, Out, Pack, State, run
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int, TimeGrid

NOMINAL_HZ = 50.0
FULL_ACTIVATION_HZ = 0.2


@dataclass(frozen=True)
class Rule:
    """How reserve is sized and energy recovered. All lengths are whole samples of the signal.

    hour_s      how long a bid and the set-points hold
    lead_s      how long before that both are fixed, > 0 and at most hour_s
    sustain_s   full activation that must still be possible at the end of the hour, in either direction
    recovery_s  the set-point aims to bring each vehicle back to its plan in this time
    bid_share   what of the reserve that could be held is offered, 0..1
    bid_step_kw bids are whole multiples of it; 0: any. (The common auction takes whole megawatts.)
    """

    hour_s: int = 3600
    lead_s: int = 900
    sustain_s: int = 1800
    recovery_s: int = 7200
    bid_share: float = 1.0
    bid_step_kw: float = 1.0


@dataclass(frozen=True)
class Filled:
    """A frequency without holes, (n_sample,): `held` and `assumed` mark samples that were not measured."""

    frequency_hz: Float
    held: Bool
    assumed: Bool


@dataclass(frozen=True)
class Following:
    """What was ordered and what was done, columns (n_sample,) in kW, positive = import.

    set_point_kw   planned for the members of the pool, recovery included; fixed lead_s before the hour
    ordered_kw     set-point and reserve x activation: what the grid is owed
    delivered_kw   what the members drew
    alone_kw       what vehicles drew that were not in the pool: they charge evenly to their promise
    n_member       members of the pool
    bid_kw         (n_hour,) reserve held, both ways
    per_hour       samples of an hour
    level_kwh      (n_stay,) in the cells at departure, or at the end of the signal for those still there
    has_left       (n_stay,)
    short_kwh      (n_stay,) what the promise lacks at departure, against what was possible from arrival at full power
    """

    grid: TimeGrid
    set_point_kw: Float
    ordered_kw: Float
    delivered_kw: Float
    alone_kw: Float
    n_member: Int
    bid_kw: Float
    level_kwh: Float
    has_left: Bool
    short_kwh: Float
    per_hour: int

    @property
    def bid_of_sample_kw(self) -> Float:
        """Reserve held in each sample, (n_sample,)."""
        return np.repeat(self.bid_kw, self.per_hour)[: self.grid.n]


def fill_frequency(measured_hz: Float, step_s: int, hold_s: int = 60) -> Filled:
    """Holes (NaN) filled by a stated rule: the last sample holds for up to hold_s, then 50 Hz is assumed, which calls for nothing."""
    known = np.isfinite(measured_hz)
    last = np.maximum.accumulate(np.where(known, np.arange(len(measured_hz)), -1))
    age_s = (np.arange(len(measured_hz)) - last) * step_s
    held = ~known & (last >= 0) & (age_s <= hold_s)
    kept_hz = measured_hz[np.maximum(last, 0)] if len(measured_hz) else measured_hz
    return Filled(np.where(known | held, kept_hz, NOMINAL_HZ), held, ~known & ~held)


def activation_of(frequency_hz: Float) -> Float:
    """Share of the reserve that a frequency calls, -1..1, positive = draw more: proportional, all of it at 200 mHz, no deadband."""
    return np.clip((frequency_hz - NOMINAL_HZ) / FULL_ACTIVATION_HZ, -1.0, 1.0)


def follow_frequency(fleet: Fleet, grid: TimeGrid, frequency_hz: Float, rule: Rule = Rule()) -> Following:
    """Let a fleet follow a frequency (grid.n,) without holes; hours are counted from the start of the grid.

    A stay counts from the first whole sample after arrival to the last before departure. Raises InputError with all findings.
    """
    findings = _wrong(fleet, grid, frequency_hz, rule)
    if findings:
        raise InputError(findings)
    pack = _pack(fleet, grid)
    state, out = _state(pack), _out(grid, rule)
    clock = _clock(grid, rule)
    run(pack, state, clock, activation_of(frequency_hz), out)
    has_left = pack.last <= grid.n
    level_kwh = np.where(has_left, state.end_kwh, state.level_kwh)
    most_kwh = pack.arrival_kwh + pack.charge_max_kw * pack.charge_efficiency * (pack.last - pack.first) * grid.step_h
    short_kwh = np.where(has_left, np.maximum(np.minimum(pack.wanted_kwh, most_kwh) - level_kwh, 0.0), 0.0)
    columns = (out.set_point_kw, out.ordered_kw, out.delivered_kw, out.alone_kw, out.n_member, out.bid_kw)
    return Following(grid, *columns, level_kwh, has_left, short_kwh, clock.per_hour)


def _clock(grid: TimeGrid, rule: Rule) -> Clock:
    hour, lead, sustain, recovery = (s // grid.step_s for s in (rule.hour_s, rule.lead_s, rule.sustain_s, rule.recovery_s))
    return Clock(grid.step_h, hour, lead, sustain, recovery, rule.bid_share, rule.bid_step_kw)


def _pack(fleet: Fleet, grid: TimeGrid) -> Pack:
    """The fleet in samples. A stay that is there before the first sample counts from it, with its level at that time."""
    first = np.maximum(np.ceil((fleet.arrival_s - grid.start_s) / grid.step_s), 0).astype(np.int64)
    last = np.floor((fleet.departure_s - grid.start_s) / grid.step_s).astype(np.int64)
    levels = (fleet.arrival_kwh, fleet.wanted_kwh, fleet.floor_kwh, fleet.full_kwh)
    ratings = (fleet.charge_max_kw, fleet.discharge_max_kw, fleet.charge_efficiency, fleet.discharge_efficiency)
    return Pack(first, np.maximum(last, first), *(np.ascontiguousarray(c, dtype=np.float64) for c in levels + ratings))


def _state(pack: Pack) -> State:
    n = len(pack.first)
    whole, real = (np.zeros((2, n), dtype=np.int64), np.zeros((4, n)))
    end_kwh = np.where(pack.last > pack.first, np.nan, pack.arrival_kwh)  # no whole sample: it left as it came
    return State(pack.arrival_kwh.copy(), end_kwh, whole[0], real[0], real[1], real[2], whole[1], real[3])


def _out(grid: TimeGrid, rule: Rule) -> Out:
    n_hour = -(-grid.n // (rule.hour_s // grid.step_s))
    power_kw = np.zeros((4, grid.n))
    return Out(power_kw[0], power_kw[1], power_kw[2], power_kw[3], np.zeros(grid.n, dtype=np.int64), np.zeros(n_hour))


def _wrong(fleet: Fleet, grid: TimeGrid, frequency_hz: Float, rule: Rule) -> list[Finding]:
    """Everything that forbids to follow."""
    advice = "correct it where it comes from"
    findings = []
    for key, number, allowed, is_good in _rule_checks(rule, grid):
        if not is_good:
            findings.append(Finding("regulation.rule", "refused", "rule", None, key, f"{number:g}", allowed, advice))
    if frequency_hz.shape != (grid.n,) or not np.isfinite(frequency_hz).all():
        value = f"{frequency_hz.shape} with {int((~np.isfinite(frequency_hz)).sum())} that are no number"
        allowed = f"{grid.n} numbers in Hz"
        findings.append(Finding("regulation.frequency", "refused", "frequency", None, None, value, allowed, "fill it with fill_frequency"))
    for name, allowed, good in fleet_checks(fleet):
        for row in np.flatnonzero(~good):
            value = f"{getattr(fleet, name)[row]:g}"
            findings.append(Finding("regulation.fleet", "refused", "fleet", int(row), f"{name}[{row}]", value, allowed, advice))
    return findings


def _rule_checks(rule: Rule, grid: TimeGrid) -> list[tuple[str, float, str, bool]]:
    whole = f"whole samples of {grid.step_s} s"
    spans = [("hour_s", rule.hour_s, 1), ("lead_s", rule.lead_s, 1), ("sustain_s", rule.sustain_s, 0), ("recovery_s", rule.recovery_s, 1)]
    checks = [
        (name, float(value), f"{whole}, at least {least}", value % grid.step_s == 0 and value >= least) for name, value, least in spans
    ]
    checks.append(("lead_s", float(rule.lead_s), "at most hour_s", rule.lead_s <= rule.hour_s))
    checks.append(("bid_share", rule.bid_share, "0..1", 0.0 <= rule.bid_share <= 1.0))
    return [*checks, ("bid_step_kw", rule.bid_step_kw, "finite, at least 0 kW", 0.0 <= rule.bid_step_kw < np.inf)]
