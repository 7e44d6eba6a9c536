"""Rules of a grid for what feeds into it (DER, functional block R of OCPP 2.1), as they are set at a charging station.

Values of curves are in the units that their kinds have by IEEE 1547 and OCPP 2.1 part 2 block R: percent of a rating, volts as percent
of the nominal voltage, hertz. They are passed on as they are, so they bear no unit of ours.
"""

from dataclasses import dataclass

DER_KINDS = (
    "EnterService FreqDroop FreqWatt FixedPFAbsorb FixedPFInject FixedVar Gradients HFMustTrip HFMayTrip HVMustTrip HVMomCess HVMayTrip "
    "LimitMaxDischarge LFMustTrip LVMustTrip LVMomCess LVMayTrip PowerMonitoringMustTrip VoltVar VoltWatt WattPF WattVar"
).split()


@dataclass(frozen=True, slots=True)
class DerPoint:
    """A point of a curve."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class DerCurve:
    """A curve: y over x. y_unit "Not_Applicable", "PctMaxW", "PctMaxVar", "PctWAvail", "PctVarAvail", "PctEffectiveV".

    hysteresis_*                   of FreqWatt and the like; v_ref, autonomous_* of VoltVar; cessation "Active" or "Reactive" of trips
    """

    points: tuple[DerPoint, ...]
    y_unit: str
    response_s: float | None = None
    hysteresis_high: float | None = None
    hysteresis_low: float | None = None
    hysteresis_delay_s: float | None = None
    hysteresis_gradient: float | None = None
    v_ref: float | None = None
    autonomous_v_ref: bool | None = None
    autonomous_v_ref_s: float | None = None
    mean_trip_v: float | None = None
    mean_trip_delay_s: float | None = None
    cessation: str = ""


@dataclass(frozen=True, slots=True)
class DerEnterService:
    """When to come back to the grid: voltages in percent of nominal, frequencies in hertz."""

    high_v_percent_of_nominal: float
    low_v_percent_of_nominal: float
    high_hz: float
    low_hz: float
    delay_s: float | None = None
    random_delay_s: float | None = None
    ramp_s: float | None = None


@dataclass(frozen=True, slots=True)
class DerPowerFactor:
    """A fixed power factor: displacement, and whether it is over-excited."""

    displacement: float
    excitation: bool


@dataclass(frozen=True, slots=True)
class DerVar:
    """A fixed reactive power in percent, of what the unit says ("PctMaxVar", "PctVarAvail", ...)."""

    setpoint: float
    unit: str


@dataclass(frozen=True, slots=True)
class DerDroop:
    """Frequency droop: frequencies in hertz, droops per unit of power."""

    over_hz: float
    under_hz: float
    over_droop: float
    under_droop: float
    response_s: float


@dataclass(frozen=True, slots=True)
class DerGradient:
    """Ramps in percent of the most per second."""

    gradient: float
    soft_gradient: float


@dataclass(frozen=True, slots=True)
class DerDischarge:
    """Most it may discharge, as a fraction 0..1 of what it could, or a trip curve of power monitoring."""

    share: float | None = None
    trip: DerCurve | None = None


@dataclass(frozen=True, slots=True)
class DerControl:
    """One rule: of one kind, default or for a time, with the part that its kind needs. Low numbers of priority go first."""

    control_id: str
    kind: str
    default: bool = True
    priority: int = 0
    starts_at_s: float | None = None
    length_s: float | None = None
    curve: DerCurve | None = None
    enter_service: DerEnterService | None = None
    power_factor: DerPowerFactor | None = None
    reactive: DerVar | None = None
    droop: DerDroop | None = None
    gradient: DerGradient | None = None
    discharge: DerDischarge | None = None
