"""Forecasts of a signal, learnt day by day from what was already known: the better estimate for plans that wait.

`Signal.known_on` fills what no forecast covers with the mean of the same time of day. A plan that believes it waits in vain
when the whole day is unusual, for the mean always promises better times soon. Here the unusual is expected to last as long as
it lasted in the past: for each lead a ridge regression (Hoerl and Kennard 1970) on the issued forecast, the last hour, the
day so far and the usual course of the day, fitted anew once a day on outcomes known by then. docs/beliefs.md has figures.
"""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Bool, Float, Int, TimeGrid

USUAL_DAYS = 14  # days whose same time of day is the usual course
FIT_DAYS = 60  # days that a fit looks back; the unusual of last season is no guide
LEAST_DAYS = 5  # before so many days of outcomes the issued forecast, else the usual course, is the estimate
RIDGE = 0.03  # times the mean square of what is to be explained


@dataclass(frozen=True)
class Outlook:
    """What could be said of a signal at each step of `grid`, in the signal's unit.

    mean    (grid.n, n_lead): row k holds, as known at grid.at(k), the estimate of steps k, k + 1, ...; NaN where nothing was known
    error   (grid.n, n_lead): root mean square of the errors that estimates so far ahead had by then; 0 for what is published
    """

    grid: TimeGrid
    mean: Float
    error: Float

    def cautious(self, caution: float) -> Float:
        """mean + caution x error, (grid.n, n_lead): a far hour must promise more than a near one to be waited for.

        Who picks the lowest of many uncertain estimates picks the one most in error (Smith and Winkler 2006); this pays for it.
        """
        return self.mean + caution * self.error


@dataclass(frozen=True)
class _Past:
    """The signal in steps of the outlook, from `before` steps ahead of its grid. issued (n, n_issued) may hold NaN."""

    actual: Float
    issued: Float
    published: bool
    before: int
    per_h: int
    per_day: int
    known_sum: Float
    known_n: Float

    def mean_between(self, low: Int, high: Int) -> Float:
        """Mean of what is known of steps low <= k < high, (n,); NaN where that is nothing."""
        n = len(self.actual)
        low, high = np.clip(low, 0, n), np.clip(high, 0, n)
        count = self.known_n[high] - self.known_n[low]
        some = (high > low) & (count > 0)
        mean: Float = np.where(some, (self.known_sum[high] - self.known_sum[low]) / np.where(some, count, 1.0), np.nan)
        return mean

    def same_time(self, lead: int, days: range) -> Float:
        """Mean of the same time of day, an hour around it, `days` before the step that lies `lead` ahead; only what is past."""
        row = np.arange(len(self.actual))
        total, count = np.zeros(len(row)), np.zeros(len(row))
        for day in days:
            middle = row + lead - day * self.per_day
            low = np.clip(middle - self.per_h, 0, len(row))
            high = np.maximum(low, np.clip(np.minimum(middle + self.per_h + 1, row), 0, len(row)))
            total += self.known_sum[high] - self.known_sum[low]
            count += self.known_n[high] - self.known_n[low]
        mean: Float = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
        return mean

    def usual(self, lead: int) -> Float:
        """The usual value of the step `lead` ahead; the mean of the last day where no such time is known yet."""
        row = np.arange(len(self.actual))
        usual = self.same_time(lead, range(1, USUAL_DAYS + 2))
        return np.where(np.isfinite(usual), usual, self.mean_between(row - self.per_day, row))


def outlook(signal: Signal, grid: TimeGrid, n_lead: int) -> Outlook:
    """The estimate of `n_lead` steps ahead at every step of `grid`; each row uses only what was known by then.

    What is published (known_ahead_s; issued where signal.published) stands as it is, with error 0.
    """
    past = _past(signal, grid, n_lead)
    rows = slice(past.before, past.before + grid.n)
    mean, error = np.empty((grid.n, n_lead)), np.empty((grid.n, n_lead))
    true_ahead = min(signal.known_ahead_s / grid.step_s, float(len(past.actual)))
    constant = _constant_features(past)
    for lead in range(n_lead):
        estimate, rms = _estimate(past, lead, constant)
        outcome = _later(past.actual, lead)
        public = (lead + 1 <= true_ahead) & np.isfinite(outcome)
        mean[:, lead] = np.where(public, outcome, estimate)[rows]
        error[:, lead] = np.where(public | _public(past, lead), 0.0, rms)[rows]
    return Outlook(grid, mean, error)


def _past(signal: Signal, grid: TimeGrid, n_lead: int) -> _Past:
    before = int(np.clip(np.floor((grid.start_s - signal.grid.start_s) / grid.step_s), 0, FIT_DAYS * 86400 // grid.step_s))
    wide = TimeGrid(grid.at(-before), grid.step_s, before + grid.n + n_lead)
    actual = signal.actual_on(wide)
    known = np.isfinite(actual)
    return _Past(
        actual,
        issued_on(signal, wide),
        signal.published,
        before,
        max(1, round(3600 / grid.step_s)),
        max(1, round(86400 / grid.step_s)),
        np.concatenate(([0.0], np.cumsum(np.where(known, actual, 0.0)))),
        np.concatenate(([0.0], np.cumsum(known.astype(np.float64)))),
    )


def issued_on(signal: Signal, onto: TimeGrid) -> Float:
    """The newest forecast issued at or before each step of `onto`, as means over its own step and those after -> (onto.n, n).

    NaN where none was issued; n is as many whole steps as a forecast reaches, 0 without forecasts.
    """
    if signal.issued is None:
        return np.zeros((onto.n, 0))
    own_s, n_own = float(signal.grid.step_s), signal.issued.shape[1]
    since_s = onto.edges_s()[:-1] - signal.grid.start_s
    row = np.floor(since_s / own_s).astype(np.int64)
    offset_s = since_s - row * own_s
    result = np.full((onto.n, int(n_own * own_s // onto.step_s)), np.nan)
    begin_s = onto.step_s * np.arange(result.shape[1])
    for shift_s in np.unique(offset_s):
        here = np.flatnonzero((offset_s == shift_s) & (row >= 0) & (row < signal.grid.n))
        own_begin_s = own_s * np.arange(n_own)[:, None] - shift_s
        overlap_s = np.minimum(own_begin_s + own_s, begin_s + onto.step_s) - np.maximum(own_begin_s, begin_s)
        weight = np.maximum(overlap_s, 0.0) / onto.step_s
        whole = weight.sum(axis=0) > 1.0 - 1e-9
        issued = signal.issued[row[here]]
        missing = (~np.isfinite(issued)).astype(np.float64) @ (weight > 0.0)
        value = np.where(np.isfinite(issued), issued, 0.0) @ weight
        result[here] = np.where(whole & (missing == 0.0), value, np.nan)
    return result


def _later(values: Float, lead: int) -> Float:
    """The value `lead` rows later, NaN past the end."""
    return np.concatenate((values[lead:], np.full(min(lead, len(values)), np.nan)))


def _public(past: _Past, lead: int) -> Bool:
    has = lead < past.issued.shape[1] and past.published
    return np.isfinite(past.issued[:, lead]) if has else np.zeros(len(past.actual), dtype=np.bool_)


@dataclass(frozen=True)
class _Constant:
    """What is the same for all leads, columns (n,): usual_now and typical are values, the others differences from the usual.

    issued_off (n, n_issued), reach (n,) the last lead that a forecast covers, -1 for none.
    """

    usual_now: Float
    typical: Float
    now_off: Float
    hour_off: Float
    day_off: Float
    issued_off: Float
    issued_mean_off: Float
    reach: Int


def _constant_features(past: _Past) -> _Constant:
    row = np.arange(len(past.actual))
    usual_now = past.usual(0)
    typical = past.mean_between(row - USUAL_DAYS * past.per_day, row)
    n_issued = past.issued.shape[1]
    off = past.issued - np.stack([past.usual(lead) for lead in range(n_issued)], axis=1) if n_issued else past.issued
    seen = np.isfinite(off)
    reach = np.where(seen.any(axis=1), n_issued - 1 - np.argmax(seen[:, ::-1], axis=1), -1) if n_issued else np.full(len(row), -1)
    mean_off = np.where(seen, off, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return _Constant(
        usual_now,
        typical,
        past.mean_between(row - 1, row) - usual_now,
        past.mean_between(row - past.per_h, row) - usual_now,
        past.mean_between(row - past.per_day, row) - typical,
        off,
        mean_off,
        reach,
    )


def _features(past: _Past, lead: int, usual: Float, constant: _Constant) -> Float:
    """What the deviation from the usual course `lead` ahead is explained by, (n, n_feature); 0 where it is not known."""
    day_before = past.same_time(lead, range(lead // past.per_day + 1, lead // past.per_day + 2))
    columns = [
        np.ones(len(usual)),
        constant.now_off,
        constant.hour_off,
        constant.day_off,
        day_before - usual,
        usual - constant.typical,
        usual - constant.usual_now,
    ]
    if constant.issued_off.shape[1]:
        at = np.clip(np.minimum(lead, constant.reach), 0, None)
        columns += [np.where(constant.reach >= 0, constant.issued_off[np.arange(len(at)), at], 0.0), constant.issued_mean_off]
    table = np.stack(columns, axis=1)
    return np.where(np.isfinite(table), table, 0.0)


def _estimate(past: _Past, lead: int, constant: _Constant) -> tuple[Float, Float]:
    """Estimate of the step `lead` ahead at every row, and the root mean square error of such estimates by then, (n,) each."""
    usual, outcome = past.usual(lead), _later(past.actual, lead)
    table = _features(past, lead, usual, constant)
    day = _Days(past, lead)
    weight, fitted = day.fit(table, outcome - usual, _public(past, lead))
    estimate = usual + np.einsum("np,np->n", table, weight[day.of_row])
    estimate = np.clip(estimate, *day.range_seen(past.actual))
    if lead < past.issued.shape[1]:
        given = np.isfinite(past.issued[:, lead]) & (past.published | ~fitted[day.of_row])
        estimate = np.where(given, past.issued[:, lead], estimate)
    left_out = _public(past, lead) | ~np.isfinite(estimate - outcome)
    learnt, in_any_way = day.rms(estimate - outcome, ~left_out & fitted[day.of_row]), day.rms(estimate - outcome, ~left_out)
    return estimate, np.where(np.isfinite(learnt), learnt, np.where(np.isfinite(in_any_way), in_any_way, 0.0))


class _Days:
    """Days counted from the outlook's first step. A fit of day d sees outcomes of steps before day d, of FIT_DAYS days at most."""

    def __init__(self, past: _Past, lead: int) -> None:
        step = np.arange(len(past.actual)) - past.before
        first = -(-past.before // past.per_day)
        self.of_row: Int = step // past.per_day + first
        self.n = int(self.of_row[-1]) + 1 if len(step) else 0
        # Rows whose outcome falls on day d: begin[d] <= row < begin[d + 1].
        edge = (np.arange(self.n + 1) - first) * past.per_day + past.before
        self.begin = np.clip(edge - lead, 0, max(0, len(step) - lead))
        self._edge = np.clip(edge, 0, len(step))

    def _in_window(self, by_day: Float) -> Float:
        """Sums (n_day, ...) of what each day brought -> sums of the FIT_DAYS days before each day."""
        total: Float = np.concatenate((np.zeros((1, *by_day.shape[1:])), np.cumsum(by_day, axis=0)))
        day = np.arange(self.n)
        window: Float = total[day] - total[np.maximum(day - FIT_DAYS, 0)]
        return window

    def fit(self, table: Float, target: Float, leave_out: Bool) -> tuple[Float, Bool]:
        """Weights of each day (n_day, n_feature), and whether there was enough to fit them; 0 where not."""
        n_feature = table.shape[1]
        use = np.isfinite(target) & ~leave_out
        joint = np.concatenate((table, np.where(use, target, 0.0)[:, None]), axis=1) * use[:, None]
        moments = np.array([joint[a:b].T @ joint[a:b] for a, b in zip(self.begin[:-1], self.begin[1:], strict=True)])
        moments = self._in_window(moments.reshape(self.n, n_feature + 1, n_feature + 1))
        count = moments[:, 0, 0]
        per_day = int(np.diff(self._edge).max(initial=1))
        fitted = count >= LEAST_DAYS * per_day
        moments = moments[fitted] / count[fitted, None, None]
        ridge = np.eye(n_feature) * (RIDGE * moments[:, -1, -1] + 1e-12)[:, None, None]
        ridge[:, 0, 0] = 1e-12
        weight = np.zeros((self.n, n_feature))
        weight[fitted] = np.linalg.solve(moments[:, :-1, :-1] + ridge, moments[:, :-1, -1:])[..., 0]
        return weight, fitted

    def range_seen(self, actual: Float) -> tuple[Float, Float]:
        """Lowest and highest value known before the day of each row; no bound where nothing was."""
        known_low = np.where(np.isfinite(actual), actual, np.inf)
        known_high = np.where(np.isfinite(actual), actual, -np.inf)
        low = np.concatenate(([np.inf], np.minimum.accumulate(known_low)))[self._edge[self.of_row]]
        high = np.concatenate(([-np.inf], np.maximum.accumulate(known_high)))[self._edge[self.of_row]]
        return np.where(np.isfinite(low), low, -np.inf), np.where(np.isfinite(high), high, np.inf)

    def rms(self, error: Float, use: Bool) -> Float:
        """Root mean square of the errors to `use` that were known before the day of each row; NaN where none was."""
        square = np.where(use, error, 0.0) ** 2
        pairs = list(zip(self.begin[:-1], self.begin[1:], strict=True))
        total = self._in_window(np.array([square[a:b].sum() for a, b in pairs]))
        count = self._in_window(np.array([use[a:b].sum() for a, b in pairs], dtype=np.float64))
        rms: Float = np.where(count > 0, np.sqrt(total / np.maximum(count, 1.0)), np.nan)[self.of_row]
        return rms
