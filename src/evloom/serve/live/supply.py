"""The voltage at an EVSE, by its meter: chargers are set in amperes, limits are in kilowatts, and no supply has its nominal voltage."""

from collections.abc import Sequence
from math import sqrt

from evloom.pile.station import Sample

OF_SUPPLY, OF_CAR, BY_LINE = "Voltage", "Power.Active.Import", "Current.Import"
LINES = frozenset({"L1", "L2", "L3"})
ODD_SHARE = 0.2  # a voltage further from the nominal one than this was not measured well: EN 50160 allows a tenth
LEAST_A = 4.0  # currents below this are too coarse to tell a voltage by
RISE_SHARE, FALL_SHARE = 0.005, 0.015  # a change of this is believed: a rise soon, as it is what breaks limits; a fall later


def voltage_of(samples: Sequence[Sample]) -> float | None:
    """Volts from phase to neutral by readings of one instant, as sent, else by power and currents; None where they do not tell."""
    said = [_to_neutral(sample) for sample in samples if sample.measurand == OF_SUPPLY and sample.location in ("Outlet", "", "Inlet")]
    if said:
        return sum(said) / len(said)
    by_phase = {sample.phase[:2]: sample.value for sample in samples if sample.measurand == BY_LINE and sample.phase[:2] in LINES}
    power_kw = [sample.value for sample in samples if sample.measurand == OF_CAR and sample.phase == ""]
    if not power_kw or sum(by_phase.values()) < LEAST_A:
        return None
    return power_kw[-1] * 1000.0 / sum(by_phase.values())


def _to_neutral(sample: Sample) -> float:
    """A voltage between two phases is that to neutral times the root of three."""
    between = "L" in sample.phase[2:]
    return sample.value / sqrt(3.0) if between else sample.value


def believed(used_v: float, measured_v: float | None, nominal_v: float) -> float:
    """The voltage to count with from now on, used_v being the one until now."""
    if measured_v is None or abs(measured_v / nominal_v - 1.0) > ODD_SHARE:
        return used_v
    change = measured_v / used_v - 1.0
    return measured_v if change > RISE_SHARE or change < -FALL_SHARE else used_v
