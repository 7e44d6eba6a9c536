"""Named profiles: shapes of a load over the day, and what the sun gives under a clear sky.

The load shapes are assumptions of ours, not measurements: they have the form such buildings are known for (a flat
block's evening peak, an office's working day) and no more. Give a file where the real load matters. Nothing recorded
is packaged.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.timegrid import Float, TimeGrid, local_clock


@dataclass(frozen=True)
class LoadShape:
    """Share of the yearly peak at the full hours 0, 1, ... 23 of a working day and of a Saturday or Sunday, (24,) each.

    Straight lines between the hours; the last hour leads back to the first of the same kind of day.
    """

    about: str
    weekday: tuple[float, ...]
    weekend: tuple[float, ...]


LOAD_SHAPES: dict[str, LoadShape] = {
    "apartment-block": LoadShape(
        "flats with electric cooking, no electric heating: low after midnight, a shoulder at breakfast, peak at 20:00",
        (
            0.38,
            0.33,
            0.30,
            0.29,
            0.29,
            0.32,
            0.42,
            0.55,
            0.54,
            0.47,
            0.45,
            0.50,
            0.54,
            0.48,
            0.45,
            0.46,
            0.53,
            0.68,
            0.86,
            0.97,
            1.00,
            0.92,
            0.72,
            0.50,
        ),
        (
            0.42,
            0.36,
            0.32,
            0.30,
            0.29,
            0.30,
            0.35,
            0.45,
            0.56,
            0.62,
            0.64,
            0.68,
            0.70,
            0.63,
            0.58,
            0.58,
            0.62,
            0.72,
            0.86,
            0.95,
            0.97,
            0.91,
            0.74,
            0.54,
        ),
    ),
    "office-building": LoadShape(
        "offices with cooling: empty at night, full from 9:00 to 18:00 with a dip at lunch, a quarter of it at the weekend",
        (
            0.22,
            0.21,
            0.21,
            0.21,
            0.22,
            0.25,
            0.36,
            0.58,
            0.82,
            0.94,
            0.98,
            0.97,
            0.86,
            0.92,
            1.00,
            0.99,
            0.95,
            0.85,
            0.64,
            0.48,
            0.38,
            0.31,
            0.26,
            0.23,
        ),
        (
            0.22,
            0.21,
            0.21,
            0.21,
            0.21,
            0.21,
            0.22,
            0.23,
            0.25,
            0.27,
            0.29,
            0.30,
            0.30,
            0.30,
            0.30,
            0.30,
            0.29,
            0.28,
            0.26,
            0.25,
            0.24,
            0.23,
            0.23,
            0.22,
        ),
    ),
}


def load_shape_on(name: str, grid: TimeGrid, zone: ZoneInfo) -> Float:
    """Share of the peak at the middle of every step -> (grid.n,). Raises KeyError for an unknown name."""
    shape = LOAD_SHAPES[name]
    clock = local_clock(grid.edges_s()[:-1] + grid.step_s / 2, zone)
    hour = clock.minute_of_day / 60.0
    at = np.arange(25)
    weekday = np.interp(hour, at, (*shape.weekday, shape.weekday[0]))
    weekend = np.interp(hour, at, (*shape.weekend, shape.weekend[0]))
    return np.where(clock.weekday >= 5, weekend, weekday)


def load_shape_mean(name: str) -> float:
    """Mean of a shape over a week of five working days, as a share of its peak. Raises KeyError for an unknown name."""
    shape = LOAD_SHAPES[name]
    return (5 * float(np.mean(shape.weekday)) + 2 * float(np.mean(shape.weekend))) / 7


def sun_height(second_s: Float, latitude_deg: float, longitude_deg: float) -> Float:
    """Sine of the sun's height above the horizon at instants (n,) in epoch seconds -> (n,), -1..1.

    Declination and equation of time are the Fourier series of Spencer, "Fourier series representation of the position
    of the sun", Search 2(5), 172, 1971; good to 0.05 degrees and half a minute. Refraction is left out.
    """
    day = np.floor_divide(second_s, 86400.0)
    year_start = day.astype(np.int64).astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    g = 2 * np.pi / 365.25 * (second_s / 86400.0 - year_start)
    declination = (
        0.006918
        - 0.399912 * np.cos(g)
        + 0.070257 * np.sin(g)
        - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g)
        - 0.002697 * np.cos(3 * g)
        + 0.001480 * np.sin(3 * g)
    )
    equation = 0.0000075 + 0.001868 * np.cos(g) - 0.032077 * np.sin(g) - 0.014615 * np.cos(2 * g) - 0.040849 * np.sin(2 * g)
    hour_angle = 2 * np.pi * (second_s / 86400.0 - day - 0.5) + np.deg2rad(longitude_deg) + equation
    latitude = np.deg2rad(latitude_deg)
    height: Float = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return height


def clear_sky_on(grid: TimeGrid, latitude_deg: float, longitude_deg: float) -> Float:
    """Irradiance on level ground under a clear sky as a share of 1 kW/m2, mid-step -> (grid.n,), 0..1.04.

    Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2, 154-166, 1945, in the
    form 1098 cos(z) exp(-0.059 / cos(z)) W/m2 that Reno, Hansen and Stein (SAND2012-2389) give for the zenith angle z.
    """
    height = sun_height(grid.edges_s()[:-1] + grid.step_s / 2, latitude_deg, longitude_deg)
    up = np.maximum(height, 1e-6)
    return np.where(height > 0, 1.098 * up * np.exp(-0.059 / up), 0.0)
