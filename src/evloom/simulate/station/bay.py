"""A bay of a virtual station: the car that stands at it, what it is offered, what it draws, and the transaction that counts it."""

from dataclasses import dataclass, field

import numpy as np

from evloom.pile.limit import quantise_down
from evloom.simulate.station.spec import BaySpec
from evloom.simulate.twin import Cars, draw, empty_world, plug_in, unplug


def one_car(battery_kwh: float, soc: float, draw_max_kw: float, energy_kwh: float = np.inf, v2g: bool = False) -> Cars:
    """A car by itself, with a taper from 80 % on; it stays for ever and takes at most energy_kwh."""

    def only(value: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        return np.array([value], dtype=np.float64)

    curve_soc, curve_kw = np.array([[0.0, 0.8, 1.0]]), np.array([[draw_max_kw, draw_max_kw, draw_max_kw * 0.1]])
    return Cars(
        arrival_s=only(-np.inf), departure_s=only(np.inf), energy_kwh=only(energy_kwh), battery_kwh=only(battery_kwh), soc=only(soc),
        draw_max_kw=only(draw_max_kw), charge_efficiency=only(0.92), discharge_efficiency=only(0.92), soc_floor=only(0.2),
        soc_full=only(1.0), model=np.zeros(1, dtype=np.int64), v2g=np.array([v2g]), curve_soc=curve_soc, curve_kw=curve_kw,
    )  # fmt: skip


@dataclass
class Transaction:
    """A transaction at a bay.

    number      what it is called on the wire: the station's own in 2.x; in 1.6 what the central system said, "" before it did
    state       charging state by OCPP 2.x; seq the next sequence number; said_at_s when its meter was last read out
    """

    number: str
    token: str
    token_type: str
    started_at_s: float
    begin_kwh: float
    remote_start: int | None = None
    state: str = "EVConnected"
    seq: int = 0
    said_at_s: float = 0.0
    group: str = ""
    is_priority: bool = False
    charging_since_s: float | None = None
    refused: bool = False


@dataclass
class Bay:
    """The state of a bay. Energies in kWh at the meter since the station was made; power positive = charging."""

    evse: int
    spec: BaySpec
    voltage_v: float
    register_kwh: float = 0.0
    given_kwh: float = 0.0
    offered_kw: float = 0.0
    operative: bool = True
    faulted: bool = False
    reservation: int | None = None
    plugged_at_s: float | None = None
    transaction: Transaction | None = None
    last_status: str = ""
    cars: Cars | None = None
    _advanced_s: float = 0.0
    _shift_s: float = 0.0
    _rating: "np.ndarray[tuple[int], np.dtype[np.float64]]" = field(default_factory=lambda: np.zeros(1))
    _energy: "np.ndarray[tuple[int], np.dtype[np.float64]]" = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        self._world = empty_world(np.array([self.spec.efficiency]))

    @property
    def plugged(self) -> bool:
        """A car is there."""
        return self.cars is not None

    @property
    def power_kw(self) -> float:
        """What flows now."""
        return float(self._world.draw_kw[0])

    @property
    def soc(self) -> float | None:
        """State of charge of the car, None where nothing is known of its battery."""
        soc = float(self._world.soc[0])
        return soc if self.plugged and np.isfinite(soc) else None

    @property
    def is_full(self) -> bool:
        """The car draws nothing although it is offered power."""
        return self.offered_kw > 0.0 and self.power_kw <= 0.0

    @property
    def n_phase(self) -> int:
        """Conductors in use: 0 for direct current."""
        return 0 if self.spec.dc else self.spec.n_phase

    @property
    def kw_per_a(self) -> float:
        """Power of one ampere per phase."""
        return self.voltage_v * max(self.spec.n_phase, 1) / 1000.0

    def plug(self, cars: Cars, row: int, now_s: float, shift_s: float = 0.0) -> None:
        """A car comes. shift_s: virtual time less the time in `cars`."""
        self.cars, self.plugged_at_s, self._advanced_s, self._shift_s = cars, now_s, now_s, shift_s
        plug_in(0, row, self._world, cars)

    def unplug(self) -> None:
        """The car leaves."""
        self.cars, self.plugged_at_s, self.offered_kw = None, None, 0.0
        unplug(0, self._world)

    def settable_kw(self, wanted_kw: float) -> float:
        """What the pile can be set to that is at most `wanted_kw`; discharging (negative) as it is asked for."""
        if wanted_kw <= 0.0:
            return max(wanted_kw, -self.spec.discharge_max_kw)
        most_kw = min(wanted_kw, self.spec.rating_kw)
        if self.spec.dc:
            return most_kw
        return float(quantise_down(most_kw, self.kw_per_a, self.spec.current_min_a, 0.0))

    def advance(self, now_s: float) -> None:
        """Let time pass until `now_s` at what is offered."""
        if self.cars is not None and now_s > self._advanced_s:
            self._draw(self._advanced_s, now_s)
            kwh = float(self._energy[0])
            self.register_kwh += max(kwh, 0.0)
            self.given_kwh += max(-kwh, 0.0)
        self._advanced_s = now_s

    def offer(self, power_kw: float) -> None:
        """Offer (or, negative, ask for) so much from now on."""
        self.offered_kw = self.settable_kw(power_kw) if self.transaction is not None else 0.0
        if self.cars is not None:
            self._draw(self._advanced_s, self._advanced_s)

    def _draw(self, from_s: float, to_s: float) -> None:
        if self.cars is not None:
            self._rating[0] = self.offered_kw
            draw(self._rating, from_s - self._shift_s, to_s - self._shift_s, self._world, self.cars, self._energy)
