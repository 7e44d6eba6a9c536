"""Charging profiles: what a charging station is told about power or current over time, the same for every version of OCPP.

Values of a schedule are in its `unit`, "A" (per phase) or "kW" (of all phases together), and signed as everywhere: positive = charging.
Instants are seconds since the epoch. Words (purposes, kinds, modes) are those of OCPP 2.1; 1.6 calls the station's maximum otherwise.
"""

from dataclasses import dataclass
from itertools import pairwise

EXTERNAL = "ChargingStationExternalConstraints"
STATION_MAX = "ChargingStationMaxProfile"
TX_DEFAULT = "TxDefaultProfile"
TX = "TxProfile"
PRIORITY = "PriorityCharging"
LOCAL_GENERATION = "LocalGeneration"
PURPOSES = (EXTERNAL, STATION_MAX, TX_DEFAULT, TX, PRIORITY, LOCAL_GENERATION)

KINDS = ("Absolute", "Recurring", "Relative", "Dynamic")
RECURRENCE_S = {"Daily": 86_400.0, "Weekly": 7 * 86_400.0}
DEFAULT_N_PHASE = 3  # OCPP 1.6 section 7.14 and 2.x ChargingSchedulePeriodType: numberPhases is 3 where it is absent
MODES = (
    "Idle",
    "ChargingOnly",
    "CentralSetpoint",
    "ExternalSetpoint",
    "ExternalLimits",
    "CentralFrequency",
    "LocalFrequency",
    "LocalLoadBalancing",
)


@dataclass(frozen=True, slots=True)
class FrequencyPoint:
    """A point of a droop curve: power to add to the baseline at a grid frequency."""

    frequency_hz: float
    power_kw: float


@dataclass(frozen=True, slots=True)
class SignalPoint:
    """A point of the curve of an aFRR signal: power to add to the baseline at a value of the signal."""

    signal: int
    power_kw: float


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a schedule, from `start_s` after the schedule's start until the next one. None = not said.

    ceiling     most it may charge; floor: most it may discharge, as a number <= 0; setpoint: what it should follow, within both
    n_phase     conductors to use (None: 3 for AC, meaningless for DC); phase the one to use of them, 1..3, where it can be switched
    *_l2, *_l3  phases 2 and 3 where they differ; then the plain one is phase 1
    mode        operation mode by OCPP 2.1, "" for charging only
    baseline_kw, by_frequency, by_signal   V2X: power on which the values of the curves are added
    """

    start_s: float
    ceiling: float | None = None
    n_phase: int | None = None
    phase: int | None = None
    floor: float | None = None
    setpoint: float | None = None
    reactive: float | None = None
    ceiling_l2: float | None = None
    ceiling_l3: float | None = None
    floor_l2: float | None = None
    floor_l3: float | None = None
    setpoint_l2: float | None = None
    setpoint_l3: float | None = None
    reactive_l2: float | None = None
    reactive_l3: float | None = None
    mode: str = ""
    baseline_kw: float | None = None
    by_frequency: tuple[FrequencyPoint, ...] = ()
    by_signal: tuple[SignalPoint, ...] = ()
    precondition: bool | None = None
    sleep: bool | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Periods in one unit, ordered by their start, the first at 0.

    start_at_s    when it starts (Absolute, Recurring); None: with the charging
    length_s      how long it lasts; None: its last period goes on
    least         minimum charging rate that makes sense for the car, in `unit`
    above_soc, above_soc_ceiling   2.1: a limit, in `unit`, from a state of charge on
    local_time    instants are meant in the station's local time (2.1)
    delay_max_s   each period starts up to so much later, at random (2.1); tolerance of a car that follows a profile of power (2.1)
    """

    unit: str
    periods: tuple[Period, ...]
    schedule_id: int = 1
    start_at_s: float | None = None
    length_s: float | None = None
    least: float | None = None
    above_soc: float | None = None
    above_soc_ceiling: float | None = None
    local_time: bool = False
    delay_max_s: float | None = None
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class ChargingProfile:
    """What a station is told, for an EVSE, all EVSE or itself. One of a purpose and stack level replaces the one before.

    purpose, kind, recurrency ("", "Daily", "Weekly")   words of OCPP; transaction: its id for TxProfile, "" for the one that begins
    schedules           one, or up to three of which a Plug & Charge car takes its choice; the first rules until it has
    valid_from_s, valid_to_s   the profile counts from and until these; None = from receipt, for ever
    offline_max_s       2.1: no longer valid after so long without a link; offline_ends: then for ever
    update_every_s, updated_at_s   Dynamic of 2.1: how often the station asks for new values, when they came
    """

    profile_id: int
    purpose: str
    stack_level: int
    kind: str
    schedules: tuple[Schedule, ...]
    recurrency: str = ""
    valid_from_s: float | None = None
    valid_to_s: float | None = None
    transaction: str = ""
    offline_max_s: float | None = None
    offline_ends: bool = False
    update_every_s: float | None = None
    updated_at_s: float | None = None

    @property
    def schedule(self) -> Schedule:
        """The schedule that rules unless the car chose another."""
        return self.schedules[0]


def faults_of(profile: ChargingProfile) -> list[str]:
    """What makes a profile one that a station must refuse by OCPP (2.x use case K01), in words; empty when it is sound."""
    faults = []
    if profile.purpose not in PURPOSES:
        faults.append(f"purpose {profile.purpose!r} is none of {', '.join(PURPOSES)}")
    if profile.kind not in KINDS:
        faults.append(f"kind {profile.kind!r} is none of {', '.join(KINDS)}")
    if profile.stack_level < 0:
        faults.append(f"stack level {profile.stack_level} is below 0")
    if not 1 <= len(profile.schedules) <= 3:
        faults.append(f"{len(profile.schedules)} schedules, must be 1 to 3")
    if profile.kind == "Recurring" and (profile.recurrency not in RECURRENCE_S or any(s.start_at_s is None for s in profile.schedules)):
        faults.append("a recurring profile needs a recurrency, Daily or Weekly, and the start of its schedule")
    if profile.kind == "Relative" and any(s.start_at_s is not None for s in profile.schedules):
        faults.append("a relative schedule has no start of its own")
    if profile.transaction and profile.purpose != TX:
        faults.append(f"a transaction belongs to {TX}, not to {profile.purpose}")
    if profile.valid_from_s is not None and profile.valid_to_s is not None and profile.valid_to_s <= profile.valid_from_s:
        faults.append("valid until before valid from")
    for schedule in profile.schedules:
        faults += _schedule_faults(schedule)
    return faults


def _schedule_faults(schedule: Schedule) -> list[str]:
    faults = []
    starts = [period.start_s for period in schedule.periods]
    if schedule.unit not in ("A", "kW"):
        faults.append(f"unit {schedule.unit!r} is neither A nor kW")
    if not starts or starts[0] != 0.0:
        faults.append("the first period of a schedule starts at 0")
    if any(later <= earlier for earlier, later in pairwise(starts)):
        faults.append("periods are to follow each other, each later than the one before")
    for period in schedule.periods:
        mode = period.mode or "ChargingOnly"
        if mode not in MODES:
            faults.append(f"operation mode {mode!r} is none of {', '.join(MODES)}")
        if mode == "ChargingOnly" and period.ceiling is None:
            faults.append(f"the period at {period.start_s:g} s has no limit")
        if mode in ("CentralSetpoint", "CentralFrequency") and period.setpoint is None:
            faults.append(f"the period at {period.start_s:g} s has no setpoint")
        if period.floor is not None and period.floor > 0.0:
            faults.append(f"the discharge limit {period.floor:g} of the period at {period.start_s:g} s is above 0")
    return faults
