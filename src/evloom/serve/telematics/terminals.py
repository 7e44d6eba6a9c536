"""How often terminals of GB/T 32960 report: parameter 0x02, set by command 0x81. No network here.

The standard lets a platform set it, and has nothing that ends it: a terminal keeps a period until it is told another. So what was wanted
until some time is taken back by us, with the period of the settings. Vehicles that another platform forwards are told nothing.
"""

from collections.abc import Callable

from evloom.serve.telematics.rates import Box, Order, Rates
from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.vehicles import Speaker, Vehicles
from evloom.wire.databox.translate import BoxAck, BoxState
from evloom.wire.gbt32960.translate import period_bytes

PERIOD_MIN_S, PERIOD_MAX_S = 1.0, 30.0
"""What both editions can say (the one of 2016 up to 600 s); a vehicle has to report every 30 s at least."""
REFUSED = "the terminal answered that it could not"


class Terminals:
    """Terminals that are linked, or were: what is wanted of each, and what it said to that."""

    def __init__(self, rules: Telematics, vehicles: Vehicles, now_s: Callable[[], float]) -> None:
        self._vehicles, self._now_s = vehicles, now_s
        self._periods = _Periods(rules, vehicles)
        self._unwilling: set[str] = set()

    def boxes(self) -> list[Box]:
        """Every terminal that was linked; those that do not answer first."""
        return self._periods.boxes()

    def order(self, vehicle_id: str, interval_s: float, until_s: float, burst: int = 1) -> Order:
        """Want a report every `interval_s` seconds until `until_s`, in whole seconds that the standard can say, which knows no bursts.

        Nothing is sent to a terminal that has this period already, nor to one that has refused since it logged in.
        """
        order = self._periods.order(vehicle_id, interval_s, until_s, self._now_s(), burst)
        if vehicle_id in self._unwilling:
            order.status, order.why = "refused", REFUSED
        elif self._periods.box(vehicle_id).interval_s == order.asked_s:
            order.status = "acknowledged"
        return order

    def due(self) -> list[tuple[Speaker, bytes]]:
        """What to send now, and to whom. It counts as sent."""
        now_s = self._now_s()
        self._look(now_s)
        out: list[tuple[Speaker, bytes]] = []
        for vin, order in self._periods.due(now_s):
            vehicle = self._vehicles.get(vin)
            if vehicle is not None and vehicle.speaker is not None:
                out.append((vehicle.speaker, period_bytes(vehicle.edition, vin, int(order.asked_s), now_s)))
        return out

    def answered(self, vin: str, done: bool) -> None:
        """A terminal says whether it has set what it was told."""
        order = self._periods.box(vin).order
        if order is None or order.status not in ("sent", "unanswered"):
            return
        if not done:
            self._unwilling.add(vin)
        self._periods.acknowledged(
            vin, BoxAck(order.command_id, done, order.asked_s if done else None, "" if done else REFUSED), self._now_s()
        )

    def newly_silent(self) -> list[str]:
        """Terminals that were found not to answer since this was asked last."""
        return self._periods.newly_silent()

    def _look(self, now_s: float) -> None:
        """Who came and who went. One that comes back is told again what it did not take up."""
        moved, self._vehicles.moved = self._vehicles.moved, set()
        for vin in moved:
            vehicle = self._vehicles.get(vin)
            here = vehicle is not None and vehicle.linked
            if here:
                self._unwilling.discard(vin)
            if here or self._periods.knows(vin):
                self._periods.state(vin, BoxState(here, None, None, None, None, ""), now_s)


class _Periods(Rates):
    """As for boxes, but in whole seconds; nobody keeps a command for a terminal that is away, and nothing ends a period but another."""

    def __init__(self, rules: Telematics, vehicles: Vehicles) -> None:
        super().__init__(rules)
        self._vehicles = vehicles

    def knows(self, vin: str) -> bool:
        """Whether it was linked before."""
        return vin in self._boxes

    def due(self, now_s: float) -> list[tuple[str, Order]]:
        """Commands to send now; a terminal that has taken up what is over is told to go back."""
        for vin, order in list(self._open.items()):
            if now_s >= order.until_s and order.status == "acknowledged":
                self.order(vin, self._rules.terminal_period_s, float("inf"), now_s)
        return super().due(now_s)

    def _can_hear(self, vehicle_id: str) -> bool:
        vehicle = self._vehicles.get(vehicle_id)
        return vehicle is not None and vehicle.linked

    def _asked_s(self, box: Box, interval_s: float) -> float:
        return float(round(min(max(interval_s, PERIOD_MIN_S, self._rules.box_floor_s), PERIOD_MAX_S)))
