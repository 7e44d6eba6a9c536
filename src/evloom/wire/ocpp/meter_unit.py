"""Units of meters: what stations of any version send, and how it becomes ours (kWh, kW, A, V, Hz, degrees Celsius, SoC 0..1).

Stations spell units as they like ("Wh", "WH", "Celcius", "°C"), leave them out, or send one that cannot be meant ("Wh" for a power). Then
the unit that OCPP assumes for the measurand is taken, and `Converted.odd` says so.
"""

from collections.abc import Callable
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

IMPORT_REGISTER = "Energy.Active.Import.Register"
"""What is measured where nothing is said (1.6, 7.31; 2.0.1, 2.43)."""


class Converted(NamedTuple):
    """A value in our unit; odd where the unit was not one of the measurand."""

    value: float
    odd: bool


class _Kind(NamedTuple):
    """A kind of quantity: what it is when no unit is said, and factor of each unit to ours."""

    assumed: str
    factors: dict[str, float]


def _of(unit: str, ours: float) -> dict[str, float]:
    """A unit with its decimal multiples: factor of the plain one to ours is `ours`."""
    return {unit: ours, f"k{unit}": ours * 1e3, f"mega{unit}": ours * 1e6}


_ENERGIES = _Kind("wh", {**_of("wh", 1e-3), **_of("varh", 1e-3), **_of("vah", 1e-3), "mwh": 1e3})
_POWERS = _Kind("w", {**_of("w", 1e-3), **_of("var", 1e-3), **_of("va", 1e-3), "mw": 1e3})
_CURRENTS = _Kind("a", {"a": 1.0, "ma": 1e-3, "ka": 1e3, "amp": 1.0, "amps": 1.0})
_VOLTAGES = _Kind("v", {"v": 1.0, "mv": 1e-3, "kv": 1e3})
_SHARE = _Kind("percent", {"percent": 0.01, "%": 0.01})
_FREQUENCIES = _Kind("hertz", {"hertz": 1.0, "hz": 1.0})
_PLAIN = _Kind("", {"": 1.0, "rpm": 1.0, "percent": 0.01, "%": 0.01})
_TEMPERATURES = _Kind(
    "celsius", {"celsius": 1.0, "celcius": 1.0, "c": 1.0, "°c": 1.0, "k": 1.0, "kelvin": 1.0, "fahrenheit": 1.0, "f": 1.0}
)
_TIME = _Kind("s", {"s": 1.0, "sec": 1.0, "min": 60.0})

_KINDS: tuple[tuple[str, _Kind], ...] = (
    ("EnergyRequest", _ENERGIES),
    ("Energy", _ENERGIES),
    ("Power.Factor", _PLAIN),
    ("Power", _POWERS),
    ("Current", _CURRENTS),
    ("Voltage", _VOLTAGES),
    ("SoC", _SHARE),
    ("Display.BatteryEnergyCapacity", _ENERGIES),
    ("Display.RemainingTime", _TIME),
    ("Display.ChargingComplete", _PLAIN),
    ("Display.InletHot", _PLAIN),
    ("Display", _SHARE),
    ("Frequency", _FREQUENCIES),
    ("Temperature", _TEMPERATURES),
)
"""By the beginning of the measurand's name, the first that fits."""


def _kind(measurand: str) -> _Kind:
    return next((kind for begin, kind in _KINDS if measurand.startswith(begin)), _PLAIN)


@lru_cache(maxsize=1024)
def _scale(measurand: str, unit: str) -> tuple[float, Callable[[float], float] | None, bool]:
    """Factor to our unit, a function where a factor is not enough, and whether the unit was odd."""
    kind = _kind(measurand)
    plain = unit.strip().casefold()
    odd = plain not in kind.factors and plain != ""
    plain = kind.assumed if odd or not plain else plain
    if kind is _TEMPERATURES and plain in ("k", "kelvin"):
        return 1.0, lambda kelvin: kelvin - 273.15, odd
    if kind is _TEMPERATURES and plain in ("f", "fahrenheit"):
        return 1.0, lambda fahrenheit: (fahrenheit - 32.0) * 5.0 / 9.0, odd
    return kind.factors[plain], None, odd


def converted(value: float, measurand: str, unit: str) -> Converted:
    """The value in our unit."""
    factor, function, odd = _scale(measurand, unit)
    return Converted(function(value) if function is not None else value * factor, odd)


def number(text: str) -> float | None:
    """The number that a text spells, also with a comma or with its unit behind it; None where there is none or it is not finite."""
    try:
        value = float(text)
    except ValueError:
        head = text.strip().replace(",", ".").split(" ")[0].rstrip("%AaVvWwHhkK°C")
        try:
            value = float(head)
        except ValueError:
            return None
    return value if isfinite(value) else None
