"""How long a battery goes on: from its state of health today down to an end, under a use, for many cases at once.

Where it stands on the ageing curve is found from its state of health and its present use (`vehicle.ageing`); where its age is known,
that says how fast this one ages. (n,) are cases throughout.
"""

from dataclasses import dataclass

import numpy as np

from evloom.diagnose.value_points import Spread
from evloom.kernel.timegrid import Float
from evloom.vehicle.ageing import Ageing, after_knee, before_knee

YEAR_DAYS = 365.25
HORIZON_YEARS = 25.0
"""Nobody looks further ahead: a life of 25 years means 25 or more."""
_LONGEST_YEARS = 60.0
_CHORD_YEARS = 8.0  # a straight course has the mean pace of at least as many years as fleets were seen: root curves begin too steep
_ROUNDS = 24
_PACE_LEAST = 0.2


@dataclass(frozen=True)
class Course:
    """Ageing of a battery in n cases: what it is like today and how it will go on.

    soh today; pace, mean_c, knee_at, knee_factor as in `vehicle.ageing`; behind_years, behind_cycles where it stands on the curve
    straight  0: it goes on slowing down as the model says; 1: it goes on at its mean pace so far; between: between
    chord_years, chord_cycles  over which that mean pace is taken
    gone  share lost there, the knee included
    """

    kind: Ageing
    soh: Float
    pace: Float
    mean_c: Float
    knee_at: Float
    knee_factor: Float
    straight: Float
    behind_years: Float
    behind_cycles: Float
    chord_years: Float
    chord_cycles: Float
    gone: Float

    def soh_at(self, years: Float, cycles_per_year: Float) -> Float:
        """State of health after some years of a use; shapes (n,) or with further axes before."""
        plain = self._plain(years, cycles_per_year)
        gone = after_knee(self.pace * plain, self.knee_at, self.knee_factor) - self.gone
        return np.maximum(self.soh - gone, 0.0)

    def years_to(self, soh_end: float, cycles_per_year: Float) -> Float:
        """Years until `soh_end` under a use, from 0 to HORIZON_YEARS."""
        low, high = np.zeros_like(self.soh), np.full_like(self.soh, HORIZON_YEARS)
        alive = self.soh_at(high, cycles_per_year) > soh_end
        for _ in range(_ROUNDS):
            middle = 0.5 * (low + high)
            above = self.soh_at(middle, cycles_per_year) > soh_end
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.where(alive, HORIZON_YEARS, np.where(self.soh <= soh_end, 0.0, 0.5 * (low + high)))

    def _plain(self, years: Float, cycles_per_year: Float) -> Float:
        kind, cycles = self.kind, cycles_per_year * years
        slowing = kind.plain((self.behind_years + years) * YEAR_DAYS, self.behind_cycles + cycles, self.mean_c)
        by_time = kind.calendar_rate(self.mean_c) * YEAR_DAYS**kind.calendar_exponent * self.chord_years ** (kind.calendar_exponent - 1.0)
        by_use = kind.cycle_rate() * self.chord_cycles ** (kind.cycle_exponent - 1.0)
        line = kind.plain(self.behind_years * YEAR_DAYS, self.behind_cycles, self.mean_c) + by_time * years + by_use * cycles
        return np.asarray(slowing + self.straight * np.maximum(line - slowing, 0.0))


@dataclass(frozen=True)
class Drawn:
    """Inputs of a course, (n,) each: state of health, pace, mean temperature, knee, how straight, full cycles a year until today."""

    soh: Float
    pace: Float
    mean_c: Float
    knee_at: Float
    knee_factor: Float
    straight: Float
    cycles_per_year: Float


def course_of(kind: Ageing, drawn: Drawn) -> Course:
    """The course of a battery that came to its state of health by its present use."""
    lost = np.maximum(before_knee(1.0 - drawn.soh, drawn.knee_at, drawn.knee_factor), 0.0) / drawn.pace
    years = _age_of(kind, lost, drawn)
    cycles = years * drawn.cycles_per_year
    plain = kind.plain(years * YEAR_DAYS, cycles, drawn.mean_c)
    return Course(
        kind=kind,
        soh=drawn.soh,
        pace=drawn.pace,
        mean_c=drawn.mean_c,
        knee_at=drawn.knee_at,
        knee_factor=drawn.knee_factor,
        straight=drawn.straight,
        behind_years=years,
        behind_cycles=cycles,
        chord_years=np.maximum(years, _CHORD_YEARS),
        chord_cycles=np.maximum(np.maximum(years, _CHORD_YEARS) * drawn.cycles_per_year, 1.0),
        gone=after_knee(drawn.pace * plain, drawn.knee_at, drawn.knee_factor),
    )


def pace_told(kind: Ageing, prior: Spread, soh: Spread, age_years: float, use: tuple[float, float]) -> Spread:
    """The pace of a battery whose age is known: what is believed of all and what this one has lost, each by its certainty.

    use  full cycles a year and mean temperature; both are normal for this purpose (one step of a Kalman filter)
    """
    per_year, mean_c = use
    model = float(kind.plain(age_years * YEAR_DAYS, per_year * age_years, mean_c))
    deviation = max((prior.p90 - prior.p10) / 2.563, 1e-3)
    noise = max((soh.p90 - soh.p10) / 2.563, 0.005)
    gain = deviation**2 * model / (model**2 * deviation**2 + noise**2)
    pace = max(prior.p50 + gain * ((1.0 - soh.p50) - model * prior.p50), _PACE_LEAST)
    left = 1.2816 * deviation * float(np.sqrt(max(1.0 - gain * model, 0.0)))
    return Spread(max(pace - left, 0.5 * _PACE_LEAST), pace, pace + left)


def _age_of(kind: Ageing, lost: Float, drawn: Drawn) -> Float:
    """Years (n,) of the present use after which the model has lost `lost` at pace 1."""
    low, high = np.zeros_like(lost), np.full_like(lost, _LONGEST_YEARS)
    for _ in range(_ROUNDS):
        middle = 0.5 * (low + high)
        more = kind.plain(middle * YEAR_DAYS, middle * drawn.cycles_per_year, drawn.mean_c) > lost
        low, high = np.where(more, low, middle), np.where(more, middle, high)
    return 0.5 * (low + high)
