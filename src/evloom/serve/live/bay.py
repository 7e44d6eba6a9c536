"""What the live loop knows of one EVSE: its car, its meter, what it was told and how it follows. A fold of what its station says."""

from dataclasses import dataclass, field

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.loop.told import Plan, value_at
from evloom.pile.follow import SETTLE_S, Check, Conduct
from evloom.pile.profile_plan import Bucket
from evloom.pile.station import NeedsSeen, Sample, TransactionSaid
from evloom.serve.live.supply import voltage_of

IMPORT, EXPORT = "Energy.Active.Import.Register", "Energy.Active.Export.Register"
POWER_IN, POWER_OUT, CURRENT_IN, SOC = "Power.Active.Import", "Power.Active.Export", "Current.Import", "SoC"
IDLE_KW = 0.05  # a car that draws less than this draws nothing
REFUSED = "refused_token"  # the mark of a word with a token that was refused (`serve.desk`)
DONE_S = 180.0  # a car that was offered power and drew none for so long wants no more
ASK_AGAIN_S = 1800.0  # and is asked again after this: some fall asleep, some pre-heat in the morning
BEFORE_S = 300.0  # what a car said before its transaction began counts for it for so long
PHASE_A = 1.0  # a phase with more current than this is in use


@dataclass(slots=True)
class Told:
    """A plan that may be in force at the EVSE from from_s until until_s, told in amperes of voltage_v."""

    plan: Plan
    from_s: float
    until_s: float = float("inf")
    voltage_v: float = 0.0


@dataclass(slots=True)
class Meter:
    """The last readings of a session: registers in kWh, power in kW (positive = charging), when they were taken."""

    begin_kwh: float | None = None
    import_kwh: float | None = None
    export_begin_kwh: float | None = None
    export_kwh: float | None = None
    summed_kwh: float = 0.0
    power_kw: float = 0.0
    rise_kw: float = 0.0
    at_s: float = float("-inf")
    register_s: float = float("-inf")
    n: int = 0
    soc: float | None = None
    n_phase: int | None = None


@dataclass(slots=True)
class Bay:
    """An EVSE. session_id "" while no car is in a transaction.

    drew_s     when it last drew power; offered_s since when it was offered any; done_s since when it takes none
    room_kw    what it is counted with while it is not steered, NaN while it is
    asked_kw   what it was asked for when it was last said not to be steered
    car_s      when its car said what it needs: some stations pass that on before the transaction begins
    refused    its token was refused: it gets nothing
    sure       a word of its transaction was heard since the link is there; n_refused: profiles refused in a row since then
    astray     why it was last said not to be steered
    trouble    why the last order is not in force, "" where it is; again_s: it is not tried before
    asked_s    when it was last asked for a reading; infinity where it does not know how
    default    "installed", "refused" or "" for its fallback profile; default_a: its current; default_kept: it was not taken lower
    dynamic_for the transaction for which a dynamic profile is installed; dynamic_kw: what it was told last; beneath: the plan under it
    voltage_v  what a current is counted with; measured_v: by its last reading; in_kw: it is told kilowatts and converts them itself
    """

    evse_id: str
    station_id: str
    number: int
    row: int
    rating_kw: float
    link: bool = False
    transaction: str = ""
    session_id: str = ""
    token: str = ""
    since_s: float = 0.0
    charging_state: str = ""
    meter: Meter = field(default_factory=Meter)
    car: NeedsSeen | None = None
    told: list[Told] = field(default_factory=list)
    conduct: Conduct = field(default_factory=Conduct)
    fresh: bool = False
    peak_kw: float = 0.0
    drew_s: float = float("-inf")
    offered_s: float = float("inf")
    done_s: float = float("inf")
    room_kw: float = float("nan")
    asked_kw: float = 0.0
    astray: str = ""
    trouble: str = ""
    again_s: float = 0.0
    asked_s: float = float("-inf")
    protocol: str = ""
    default: str = ""
    default_a: float = 0.0
    default_kept: bool = False
    car_s: float = float("-inf")
    refused: bool = False
    sure: bool = False
    n_refused: int = 0
    dynamic_for: str = ""
    dynamic_kw: float = float("nan")
    beneath: Plan = ()
    bucket: Bucket | None = None
    voltage_v: float = 230.0
    measured_v: float | None = None
    in_kw: bool = False

    def begin(self, said: TransactionSaid, session_id: str, at_s: float, default_kw: float) -> None:
        """A session begins; the pile gives its default until it is told otherwise."""
        self.transaction, self.session_id, self.since_s = said.transaction, session_id, at_s
        self.token, self.meter = said.token, Meter()
        self.car = self.car if abs(at_s - self.car_s) <= BEFORE_S else None
        self.refused, self.sure, self.n_refused = REFUSED in said.marks, True, 0
        self.trouble, self.again_s = "", 0.0  # whatever was refused was for another transaction
        self.told = [Told(((at_s, default_kw),), at_s, voltage_v=self.voltage_v)]
        self.dynamic_for, self.dynamic_kw, self.beneath = "", float("nan"), ()
        self.charging_state, self.peak_kw, self.room_kw = said.charging_state, 0.0, float("nan")
        self.drew_s, self.offered_s, self.done_s = float("-inf"), float("inf"), float("inf")

    def end(self) -> None:
        """The session ended."""
        self.transaction = self.session_id = self.token = ""
        self.meter, self.car, self.told, self.fresh = Meter(), None, [], False

    def heard(self, said: TransactionSaid, at_s: float) -> None:
        """A word of the running session."""
        self.charging_state = said.charging_state or self.charging_state
        if said.token or REFUSED in said.marks:
            self.token, self.refused = said.token or self.token, REFUSED in said.marks
        self.sure = True
        if said.number_of_phases in (1, 3):
            self.meter.n_phase = said.number_of_phases
        if said.register_kwh is not None and not said.samples:
            self._register(said.register_kwh)
        self.read(said.samples, at_s)

    def read(self, samples: tuple[Sample, ...], at_s: float) -> None:
        """Readings of the EVSE's meter that came at at_s. Samples of several instants count in their order."""
        for instant_s in dict.fromkeys(sample.at_s for sample in samples):
            self._read_one([sample for sample in samples if sample.at_s == instant_s], at_s)

    def _read_one(self, samples: list[Sample], at_s: float) -> None:
        meter, before_kwh = self.meter, self.meter.import_kwh
        self.measured_v = voltage_of(samples) or self.measured_v
        register, export, soc = (_total(samples, name) for name in (IMPORT, EXPORT, SOC))
        if register is not None:
            self._register(register)
        if export is not None:
            meter.export_begin_kwh = export if meter.export_begin_kwh is None else meter.export_begin_kwh
            meter.export_kwh = max(export, meter.export_kwh or 0.0)
        meter.soc = meter.soc if soc is None else soc
        power_in, power_out = _total(samples, POWER_IN), _total(samples, POWER_OUT)
        hours, since_h = (at_s - meter.at_s) / 3600.0, (at_s - meter.register_s) / 3600.0
        meter.register_s = at_s if register is not None else meter.register_s
        if power_in is not None or power_out is not None:
            power_kw = (power_in or 0.0) - (power_out or 0.0)
        elif register is not None and before_kwh is not None and 0.0 < since_h < 1.0:
            power_kw = max(register - before_kwh, 0.0) / since_h
        else:
            return
        if register is None and meter.import_kwh is None and 0.0 < hours < 1.0:
            meter.summed_kwh += meter.power_kw * hours
        self._phases(samples, power_kw)
        self._drawn(power_kw, at_s)

    def _drawn(self, power_kw: float, at_s: float) -> None:
        meter = self.meter
        meter.rise_kw = power_kw - meter.power_kw
        meter.power_kw, meter.at_s, meter.n, self.fresh = power_kw, at_s, meter.n + 1, True
        self.peak_kw = max(self.peak_kw, power_kw)
        offered = self.allowed_kw(at_s) > IDLE_KW
        self.offered_s = min(self.offered_s, at_s) if offered else float("inf")
        if abs(power_kw) > IDLE_KW:
            self.drew_s, self.done_s = at_s, float("inf")
        elif offered and at_s - max(self.offered_s, self.drew_s) > DONE_S:
            self.done_s = min(self.done_s, at_s)

    def _register(self, register_kwh: float) -> None:
        meter = self.meter
        if meter.begin_kwh is None or (meter.begin_kwh == 0.0 and register_kwh > 1.0 and (meter.import_kwh or 0.0) == 0.0):
            meter.begin_kwh = register_kwh  # a begin of 0 on a meter that is not at 0 was never read
        meter.import_kwh = max(register_kwh, meter.import_kwh or 0.0)

    def _phases(self, samples: list[Sample], power_kw: float) -> None:
        """Which conductors the car uses, told by the currents once it draws."""
        by_phase = {sample.phase[:2]: sample.value for sample in samples if sample.measurand == CURRENT_IN and sample.phase[:2] in _LINES}
        if len(by_phase) == len(_LINES) and power_kw > 1.0:
            self.meter.n_phase = 1 if sum(value > PHASE_A for value in by_phase.values()) == 1 else 3

    @property
    def net_kwh(self) -> float:
        """Energy charged in this session, less what was discharged, at the meter."""
        meter = self.meter
        taken_kwh = meter.summed_kwh if meter.import_kwh is None or meter.begin_kwh is None else meter.import_kwh - meter.begin_kwh
        given_kwh = 0.0 if meter.export_kwh is None or meter.export_begin_kwh is None else meter.export_kwh - meter.export_begin_kwh
        return taken_kwh - given_kwh

    def is_done(self, now_s: float) -> bool:
        """It was offered power and took none; after a while it is asked again."""
        return 0.0 <= now_s - self.done_s < ASK_AGAIN_S

    def allowed_kw(self, at_s: float) -> float:
        """Highest order that may have been in force shortly before at_s."""
        values = [
            max(value_at(told.plan, max(at_s - SETTLE_S, told.from_s)), value_at(told.plan, at_s)) * self._by_now(told)
            for told in self.told
            if told.until_s + SETTLE_S >= at_s
        ]
        return max(values, default=0.0)

    @property
    def is_settling(self) -> bool:
        """Its last reading was taken before the car can have followed a higher order: that it draws less says nothing of the car."""
        if not self.told or not 0.0 <= self.meter.at_s - self.told[-1].from_s < SETTLE_S:
            return False
        return self.meter.power_kw < value_at(self.told[-1].plan, self.meter.at_s) - IDLE_KW

    def check(self, most_kw: float) -> Check:
        """The last reading beside what was ordered; a car is able to draw what it drew before, at a new pile what car and pile can."""
        could_kw = most_kw if self.conduct.standing == "untried" else max(self.peak_kw, self.meter.power_kw)
        return Check(self.allowed_kw(self.meter.at_s), self.meter.power_kw, could_kw)

    def is_unread(self, now_s: float, period_s: float) -> bool:
        """No reading tells yet whether it does what it was told last, or whether it goes on ignoring it."""
        if not self.session_id or not self.link or self.trouble or not self.told or now_s - self.asked_s < 0.9 * period_s:
            return False
        settled_s = self.told[-1].from_s + SETTLE_S
        is_old = now_s - self.meter.at_s >= 0.9 * period_s
        return is_old and now_s >= settled_s and (self.meter.at_s < settled_s or not self.conduct.is_steered or self.conduct.over > 0)

    def highest_kw(self, at_s: float) -> float:
        """The most that it may draw by the plans that may be in force, now or later."""
        tolds = [told for told in self.told if told.until_s + SETTLE_S >= at_s]
        steps = ((power_kw, self._by_now(told)) for told in tolds for _, power_kw in ((at_s, value_at(told.plan, at_s)), *told.plan[1:]))
        return max((power_kw * factor for power_kw, factor in steps), default=0.0)

    def ahead_kw(self, at_s: Float) -> Float:
        """The most that it may draw at instants (n,) by the plans that may be in force."""
        highest: Float = np.zeros(len(at_s))
        for told in self.told:
            if told.until_s + SETTLE_S >= at_s[0]:
                begins_s, power_kw = np.array(told.plan, dtype=np.float64).T
                place = np.searchsorted(begins_s, at_s, side="right") - 1
                highest = np.maximum(highest, np.where(place >= 0, power_kw[place], 0.0) * self._by_now(told))
        return highest

    def _by_now(self, told: Told) -> float:
        """What was told in amperes is another power where the voltage changed."""
        return self.voltage_v / told.voltage_v if told.voltage_v else 1.0

    def telling(self, plan: Plan, at_s: float) -> None:
        """A plan is being sent: from now on it may be in force."""
        self.told = [told for told in self.told if told.until_s + SETTLE_S >= at_s]
        self.told.append(Told(plan, at_s, voltage_v=self.voltage_v))

    def taken(self, plan: Plan, at_s: float) -> None:
        """The station accepted the plan: no other is in force."""
        for told in self.told:
            if told.plan is not plan:
                told.until_s = min(told.until_s, at_s)

    def not_taken(self, plan: Plan) -> None:
        """The station refused the plan: it is not in force."""
        self.told = [told for told in self.told if told.plan is not plan]


_LINES = frozenset({"L1", "L2", "L3"})


def _total(samples: list[Sample], measurand: str) -> float | None:
    """The value of a measurand over all phases: as sent, else the sum of its phases; at the outlet rather than elsewhere."""
    found = [sample for sample in samples if sample.measurand == measurand]
    outlet = [sample for sample in found if sample.location in ("Outlet", "")] or found
    whole = [sample.value for sample in outlet if sample.phase in ("", "L1-L2-L3")]
    if whole:
        return whole[-1]
    lines = {sample.phase[:2]: sample.value for sample in outlet if sample.phase[:2] in _LINES and "L" not in sample.phase[2:]}
    return sum(lines.values()) if lines else None
