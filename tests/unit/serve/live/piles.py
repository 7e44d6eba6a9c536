"""Stations as plain events for tests of the live loop: twins of piles and cars that speak on a bus and answer commands."""

from dataclasses import dataclass, field

from evloom.pile.command import ClearProfile, Command, ReadVariables, SetProfile, Trigger, UpdateDynamic
from evloom.pile.profile import TX, TX_DEFAULT, ChargingProfile
from evloom.pile.station import Sample, StationBooted, StationConnected, StationDisconnected, TransactionSaid
from evloom.serve.bus import Bus, Happening
from evloom.wire.ocpp.command_outcome import Outcome

OFFLINE_S = 30.0  # a dynamic profile ends so long after the link is lost, as it was told


@dataclass
class Pile:
    """A station with one EVSE. obeys: it does what profiles say; takes: it accepts them, where they are in its unit.

    dynamic    the power in kW that its dynamic profile (2.1) has, taken where takes_dynamic; n_pushed: how often that was told anew
    keeps_default: it takes no other fallback profile than its first
    voltage_v  what its supply really has; car_kw: most that its car takes
    settings   what it answers when it is asked for its variables; n_read how often it was; n_period the most periods that it was sent
    """

    station_id: str
    rating_kw: float = 11.04
    obeys: bool = True
    takes: bool = True
    link: bool = False
    session: str = ""
    need_kwh: float = 0.0
    register_kwh: float = 100.0
    default: ChargingProfile | None = None
    plan: ChargingProfile | None = None
    n_profile: int = 0
    unit: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    n_read: int = 0
    n_refused: int = 0
    n_period: int = 0
    n_phase: int = 3
    voltage_v: float = 230.0
    car_kw: float = float("inf")
    protocol: str = "ocpp2.0.1"
    takes_dynamic: bool = True
    takes_updates: bool = True
    dynamic: float | None = None
    n_pushed: int = 0
    lost_s: float = float("inf")
    keeps_default: bool = False
    n_default: int = 0

    @property
    def kw_per_a(self) -> float:
        """Power of one ampere on every phase in use."""
        return self.voltage_v * self.n_phase / 1000.0

    def offered_kw(self, at_s: float) -> float:
        """What the station offers its car."""
        if not self.obeys:
            return self.rating_kw
        if self.dynamic is not None and at_s < self.lost_s + OFFLINE_S:
            return min(self.rating_kw, self.dynamic)
        for profile in (self.plan, self.default):
            value = None if profile is None else _value(profile, at_s)
            if profile is not None and value is not None:
                return min(self.rating_kw, value * (self.kw_per_a if profile.schedule.unit == "A" else 1.0))
        return self.rating_kw

    def power_kw(self, at_s: float) -> float:
        """What the car draws."""
        if not self.session or self.need_kwh <= 0.0:
            return 0.0
        offered = self.offered_kw(at_s)
        return min(offered, self.car_kw) if offered >= 6.0 * self.kw_per_a - 1e-6 else 0.0


def _value(profile: ChargingProfile, at_s: float) -> float | None:
    """The ceiling in amperes at an instant; None before and after."""
    schedule = profile.schedule
    begin_s = schedule.start_at_s if schedule.start_at_s is not None else float("-inf")
    since_s = at_s - begin_s if schedule.start_at_s is not None else 0.0
    if since_s < 0.0 or (schedule.length_s is not None and schedule.start_at_s is not None and since_s >= schedule.length_s):
        return None
    return [period.ceiling for period in schedule.periods if period.start_s <= since_s][-1]


class Yard:
    """All piles of a test, with the clock that they live on."""

    def __init__(self, bus: Bus, now_s) -> None:
        self.bus, self.now_s = bus, now_s
        self.piles: dict[str, Pile] = {}
        self.last_s: float | None = None
        self.n = 0

    def add(self, *piles: Pile) -> None:
        for pile in piles:
            self.piles[pile.station_id] = pile

    def say(self, station_id: str, event: object) -> None:
        self.n += 1
        self.bus.publish(Happening("station", station_id, event, self.now_s(), self.now_s(), self.n))

    def connect(self, *ids: str) -> None:
        for name in ids or self.piles:
            pile = self.piles[name]
            pile.dynamic = None if self.now_s() > pile.lost_s + OFFLINE_S else pile.dynamic
            pile.link, pile.lost_s = True, float("inf")
            self.say(name, StationConnected(pile.protocol))
            self.say(name, StationBooted("Twin", "T1"))

    def disconnect(self, *ids: str) -> None:
        for name in ids:
            self.piles[name].link, self.piles[name].lost_s = False, self.now_s()
            self.say(name, StationDisconnected("gone"))

    def plug(self, name: str, need_kwh: float, token: str = "") -> None:
        pile = self.piles[name]
        self.pass_time()
        pile.session, pile.need_kwh, pile.plan, pile.dynamic = f"t{self.n}", need_kwh, None, None
        self._words(pile, "started", token)

    def unplug(self, name: str) -> None:
        pile = self.piles[name]
        self.pass_time()
        self._words(pile, "ended", "")
        pile.session, pile.plan, pile.dynamic = "", None, None

    def _words(self, pile: Pile, phase: str, token: str) -> None:
        if pile.link:
            at_s = self.now_s()
            samples = (
                Sample(at_s, "Energy.Active.Import.Register", pile.register_kwh),
                Sample(at_s, "Power.Active.Import", pile.power_kw(at_s)),
                Sample(at_s, "Voltage", pile.voltage_v, phase="L1-N"),
            )
            self.say(
                pile.station_id,
                TransactionSaid(pile.session, phase, evse=1, token=token, samples=samples if phase != "started" else samples[:1]),
            )

    def pass_time(self) -> None:
        """Let cars charge up to now."""
        now_s = self.now_s()
        if self.last_s is not None:
            for pile in self.piles.values():
                kwh = min(pile.need_kwh, pile.power_kw(self.last_s) * (now_s - self.last_s) / 3600.0)
                pile.register_kwh += kwh
                pile.need_kwh -= kwh
        self.last_s = now_s

    def total_kw(self) -> float:
        return sum(pile.power_kw(self.now_s()) for pile in self.piles.values())

    def read(self) -> None:
        """Every pile with a car sends its meter."""
        self.pass_time()
        for pile in self.piles.values():
            if pile.session:
                self._words(pile, "updated", "")

    async def quick(self, station_id: str, command: Command, timeout_s: float) -> Outcome:
        """Commands of the platform."""
        pile = self.piles[station_id]
        if not pile.link:
            return Outcome(False, "NotConnected")
        self.pass_time()
        if isinstance(command, Trigger):
            self._words(pile, "updated", "")
            return Outcome(True, "Accepted")
        if isinstance(command, ReadVariables):
            pile.n_read += 1
            rows = [{"status": "Accepted", "variable": name, "value": value} for name, value in pile.settings.items()]
            return Outcome(True, "Accepted", {"results": rows})
        if isinstance(command, ClearProfile | UpdateDynamic) or (isinstance(command, SetProfile) and command.profile.kind == "Dynamic"):
            return _dynamic(pile, command)
        assert isinstance(command, SetProfile)
        if not pile.takes or pile.unit not in ("", command.profile.schedule.unit):
            pile.n_refused += 1
            return Outcome(False, "Rejected")
        pile.n_period = max(pile.n_period, len(command.profile.schedule.periods))
        if command.profile.purpose == TX_DEFAULT:
            if pile.keeps_default and pile.default is not None:
                return Outcome(False, "Rejected")
            pile.default, pile.n_default = command.profile, pile.n_default + 1
        elif command.profile.purpose == TX and pile.session == command.profile.transaction:
            pile.plan, pile.n_profile = command.profile, pile.n_profile + 1
        else:
            return Outcome(False, "Rejected")
        return Outcome(True, "Accepted")


def _dynamic(pile: Pile, command: Command) -> Outcome:
    """A command about dynamic profiles."""
    if isinstance(command, ClearProfile):
        pile.dynamic = None
        return Outcome(True, "Accepted")
    if isinstance(command, UpdateDynamic):
        if pile.dynamic is None or not pile.takes_updates:
            return Outcome(False, "Rejected")
        pile.n_pushed += 1
        pile.dynamic = _kw(pile, command.setpoint if command.setpoint is not None else command.ceiling, command.unit)
        return Outcome(True, "Accepted")
    assert isinstance(command, SetProfile)
    if not pile.takes_dynamic or pile.protocol != "ocpp2.1" or command.profile.transaction != pile.session:
        return Outcome(False, "Rejected")
    period = command.profile.schedule.periods[0]
    pile.dynamic = _kw(pile, period.setpoint if period.setpoint is not None else period.ceiling, command.profile.schedule.unit)
    return Outcome(True, "Accepted")


def _kw(pile: Pile, value: float | None, unit: str) -> float:
    assert value is not None
    return value * pile.kw_per_a if unit == "A" else value
