"""What to believe of a stay that has just begun, from what its driver says and from the stays known so far."""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class History:
    """Stays that have ended, columns (n_stay,): local minute of day of arrival, weekend or not, hours stayed, kWh taken;
    what the driver had told (NaN where nothing), and a number for the driver (-1 unknown)."""

    minute_of_day: Int
    weekend: Bool
    stay_h: Float
    energy_kwh: Float
    told_h: Float
    requested_kwh: Float
    driver: Int


@dataclass(frozen=True)
class Trust:
    """How cautious a belief is, and how many stays it needs.

    departure_quantile   the believed departure is this quantile of what like stays did: low = cautious
    energy_quantile      the believed need is this quantile: high = cautious
    least_stays          with fewer like stays known than this, what the driver says is believed
    """

    departure_quantile: float = 0.1
    energy_quantile: float = 0.9
    least_stays: int = 20


def condition(like_departure_s: Float, like_kwh: Float, now_s: float, net_kwh: float, trust: Trust) -> tuple[float, float]:
    """Departure (epoch s) and energy still wanted (kWh) of a car that is still there at `now_s` and still draws after `net_kwh`."""
    later_s = like_departure_s[like_departure_s > now_s + 60.0]
    more_kwh = like_kwh[like_kwh > net_kwh + 0.05]
    departure_s = np.quantile(later_s, trust.departure_quantile) if len(later_s) > 3 else now_s + 1800.0
    wanted_kwh = np.quantile(more_kwh, trust.energy_quantile) - net_kwh if len(more_kwh) > 3 else 3.0
    return float(departure_s), float(wanted_kwh)
