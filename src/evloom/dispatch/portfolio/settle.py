"""What was delivered against a stated baseline, and what that is worth."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evloom.dispatch.problem import Requests
from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class Terms:
    """What a kWh is worth.

    pay_per_kwh       for each kWh delivered of what was asked
    penalty_per_kwh   for each kWh that is short beyond the tolerance
    tolerance_share   what of each step's request may be short without penalty, 0..1
    """

    pay_per_kwh: float
    penalty_per_kwh: float
    tolerance_share: float = 0.0


@dataclass(frozen=True)
class Settlement:
    """Columns (n_step,) of the event, in kW: towards what was asked is positive, whichever way that is.

    delivered_kw     change of the metered load towards the request; negative where it went the other way
    counted_kwh      delivered and asked for: nothing beyond the request, and not below 0, step by step
    asked_kwh, short_kwh   what was asked, and what of it is short beyond the tolerance
    payment, penalty, net  money; net = payment - penalty
    method           how the baseline was made, for the record
    """

    delivered_kw: Float
    counted_kwh: float
    asked_kwh: float
    short_kwh: float
    payment: float
    penalty: float
    method: str

    @property
    def net(self) -> float:
        """Money to the portfolio."""
        return self.payment - self.penalty

    @property
    def performance(self) -> float:
        """Share of what was asked that was delivered, 0..1; 1 where nothing was asked."""
        return self.counted_kwh / self.asked_kwh if self.asked_kwh > 0 else 1.0


@dataclass(frozen=True)
class Baseline:
    """Load that would have been, (n_step,) of the event, how it was found, and what was wrong with the data."""

    power_kw: Float
    method: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Metered:
    """A meter's record in whole days of equal steps, positive = import; NaN where nothing was recorded.

    past_kw       (n_day, n_step) the days before, the most recent last
    is_eligible   (n_day,) false for days with events and of another kind (weekend, holiday)
    day_kw        (n_step,) the day of the event
    step_h        length of a step
    """

    past_kw: Float
    is_eligible: Bool
    day_kw: Float
    step_h: float


@dataclass(frozen=True)
class HighOf:
    """High x of y with a same-day adjustment.

    The baseline is the mean, step by step, of the x days with the highest load during the event among the y most recent eligible days;
    to it is added the mean of what the day's load was above it from adjust_from_h to adjust_to_h before the event (both 0: no adjustment).
    Days on which the load during the event was below low_share of the mean of the y are passed over for earlier ones.

    The numbers are those of PJM's standard customer baseline: high 4 of 5, symmetric additive adjustment over the three hours that
    end one hour before the event, 25 % as the least usage (PJM Manual 11, section 10.4.2). The last hour stays out, so that it does not
    pay to raise the load once the event is known.
    """

    x: int = 4
    y: int = 5
    adjust_from_h: float = 4.0
    adjust_to_h: float = 1.0
    low_share: float = 0.25


def declared(power_kw: Float) -> Baseline:
    """The schedule that was declared beforehand, (n_step,) of the event; see `respond.node_kw` for the load of a plan at a node."""
    return Baseline(power_kw, "declared schedule")


def high_of(metered: Metered, first: int, last: int, rule: HighOf = HighOf()) -> Baseline:
    """The baseline of an event in the steps first <= k < last of the day. Raises InputError where there is too little data."""
    findings = [*_wrong_record(metered, first, last, rule)]
    if findings:
        raise InputError(findings)
    adjust = slice(*(max(first - round(hours / metered.step_h), 0) for hours in (rule.adjust_from_h, rule.adjust_to_h)))
    event = slice(first, last)
    whole = np.isfinite(metered.past_kw[:, event]).all(axis=1) & np.isfinite(metered.past_kw[:, adjust]).all(axis=1)
    notes = [_passed_over(int(day), "not recorded in the event or before it") for day in np.flatnonzero(metered.is_eligible & ~whole)]
    days = np.flatnonzero(metered.is_eligible & whole)[::-1]
    chosen, low = _recent(metered.past_kw[:, event].mean(axis=1), days, rule)
    notes += [_passed_over(day, f"load below {rule.low_share:g} of that of the other days") for day in low]
    if len(chosen) < rule.x:
        value, allowed = f"{len(chosen)} usable days", f"at least {rule.x}"
        raise InputError(
            [*notes, Finding("settle.too-few-days", "refused", "record", None, None, value, allowed, "wait, or declare a schedule")]
        )
    top = chosen[np.argsort(-metered.past_kw[chosen, event].mean(axis=1), kind="stable")[: rule.x]]
    mean_kw = metered.past_kw[top].mean(axis=0)
    gap_kw = (metered.day_kw - mean_kw)[adjust]
    adjustment_kw = float(gap_kw.mean()) if len(gap_kw) else 0.0
    method = f"high {rule.x} of {rule.y}, days {', '.join(str(int(day) - len(metered.past_kw)) for day in np.sort(top))}"
    return Baseline(mean_kw[event] + adjustment_kw, f"{method}, adjusted by {adjustment_kw:+.3f} kW", tuple(notes))


def _recent(mean_kw: Float, days: Int, rule: HighOf) -> tuple[Int, list[int]]:
    """The y most recent usable days (latest first) without those of low load, and these."""
    chosen, low = list(days[: rule.y]), []
    for day in days[rule.y :]:
        least = [d for d in chosen if mean_kw[d] < rule.low_share * float(np.mean(mean_kw[chosen]))]
        if not least:
            break
        chosen = [d for d in chosen if d != least[0]] + [day]
        low.append(int(least[0]))
    return np.array(chosen, dtype=np.int64), low


def settle(asked_kw: Float, baseline: Baseline, metered_kw: Float, step_h: Float, terms: Terms) -> Settlement:
    """Measure an event against a baseline; columns (n_step,), kW.

    asked_kw is the change that was asked, signed: positive = more import, negative = less, 0 = nothing in that step (see `asked_of`).
    Raises InputError with all findings: lengths that differ, a meter with holes, impossible terms.
    """
    findings = [*_wrong_event(asked_kw, baseline, metered_kw, step_h, terms)]
    if findings:
        raise InputError(findings)
    toward, size_kw = np.sign(asked_kw), np.abs(asked_kw)
    delivered_kw = toward * (metered_kw - baseline.power_kw)
    counted_kwh = np.clip(delivered_kw, 0.0, size_kw) * step_h
    short_kwh = np.maximum(size_kw * step_h * (1.0 - terms.tolerance_share) - counted_kwh, 0.0)
    total_kwh, short = float(counted_kwh.sum()), float(short_kwh.sum())
    payment, penalty = total_kwh * terms.pay_per_kwh, short * terms.penalty_per_kwh
    return Settlement(delivered_kw, total_kwh, float(size_kw @ step_h), short, payment, penalty, baseline.method)


def asked_of(requests: Requests, row: int, baseline_kw: Float) -> Float:
    """The change that a request asks of a baseline (n_window,) in its own steps: signed, 0 where the baseline meets it already."""
    gap_kw = requests.target_kw[row] - baseline_kw
    asked: Float = np.minimum(gap_kw, 0.0) if requests.is_ceiling[row] else np.maximum(gap_kw, 0.0)
    return asked


def _passed_over(day: int, why: str) -> Finding:
    return Finding("settle.day", "warning", "record", None, f"past_kw[{day}]", why, "a whole day of usual load", "the day was passed over")


def _refused(code: str, field: str, value: str, allowed: str) -> Finding:
    return Finding(f"settle.{code}", "refused", "settlement", None, field, value, allowed, "correct it where it comes from")


def _wrong_record(metered: Metered, first: int, last: int, rule: HighOf) -> Iterator[Finding]:
    n_step = len(metered.day_kw)
    if metered.past_kw.ndim != 2 or metered.past_kw.shape[1] != n_step or len(metered.is_eligible) != len(metered.past_kw):
        shapes = f"{metered.past_kw.shape}, {metered.is_eligible.shape}"
        yield _refused("shape", "past_kw, is_eligible", shapes, f"(n_day, {n_step}) and (n_day,)")
    if not 0 <= first < last <= n_step:
        yield _refused("window", "first, last", f"{first}, {last}", f"0 <= first < last <= {n_step}")
    if not (metered.step_h > 0 and np.isfinite(metered.step_h)):
        yield _refused("step", "step_h", f"{metered.step_h:g} h", "finite, above 0 h")
        return
    if not 1 <= rule.x <= rule.y:
        yield _refused("rule", "x, y", f"{rule.x}, {rule.y}", "1 <= x <= y")
    if not 0.0 <= rule.adjust_to_h <= rule.adjust_from_h or not 0.0 <= rule.low_share < 1.0:
        yield _refused("rule", "adjust_from_h, adjust_to_h, low_share", repr(rule), "0 <= adjust_to_h <= adjust_from_h, 0 <= low_share < 1")
        return
    begin, end = (max(first - round(hours / metered.step_h), 0) for hours in (rule.adjust_from_h, rule.adjust_to_h))
    missing = begin + np.flatnonzero(~np.isfinite(metered.day_kw[begin:end]))
    for step in missing:
        yield _refused("meter", f"day_kw[{step}]", f"{metered.day_kw[step]}", "finite before the event, for the adjustment")


def _wrong_event(asked_kw: Float, baseline: Baseline, metered_kw: Float, step_h: Float, terms: Terms) -> Iterator[Finding]:
    columns = {"asked_kw": asked_kw, "baseline": baseline.power_kw, "metered_kw": metered_kw, "step_h": step_h}
    for name, column in columns.items():
        if column.shape != asked_kw.shape:
            yield _refused("shape", name, f"{column.shape}", f"{asked_kw.shape}, as asked_kw")
        for step in np.flatnonzero(~np.isfinite(column)):
            yield _refused("number", f"{name}[{step}]", f"{column[step]}", "finite")
    for step in np.flatnonzero(~(step_h > 0)):
        yield _refused("step", f"step_h[{step}]", f"{step_h[step]} h", "above 0 h")
    for name in ("pay_per_kwh", "penalty_per_kwh"):
        value = getattr(terms, name)
        if not (np.isfinite(value) and (value >= 0 or name == "pay_per_kwh")):
            yield _refused("terms", name, f"{value}", "finite" + ("" if name == "pay_per_kwh" else ", at least 0"))
    if not 0.0 <= terms.tolerance_share <= 1.0:
        yield _refused("terms", "tolerance_share", f"{terms.tolerance_share}", "0..1")
