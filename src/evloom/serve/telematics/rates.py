"""How often each box samples: what was ordered, what the box has taken up, and which boxes do not answer. No network here."""

from dataclasses import dataclass
from typing import Literal

from evloom.serve.telematics.settings import Telematics
from evloom.wire.databox.translate import BoxAck, BoxState

Status = Literal["waiting", "sent", "acknowledged", "refused", "unanswered", "expired"]
"""
waiting       it goes out at the next occasion
sent          it went out, and the box has not answered yet
acknowledged  the box keeps it
refused       the box said why it does not
unanswered    it went out as often as the settings allow; it goes out again when the box shows itself
expired       its time is over: the box went back to its own interval
"""


@dataclass(slots=True)
class Order:
    """An interval that is wanted of a box, and how many frames each time. `asked_s` is what was sent: no less than the floor."""

    command_id: str
    interval_s: float
    until_s: float
    asked_s: float
    status: Status = "waiting"
    why: str = ""
    n_try: int = 0
    first_s: float = float("nan")
    next_s: float = 0.0
    burst: int = 1


@dataclass(slots=True)
class Box:
    """A box that was heard of. `interval_s` is the one that it last said it keeps, NaN where it never said."""

    vehicle_id: str
    heard_s: float = float("nan")
    online: bool = False
    parked: bool | None = None
    interval_s: float = float("nan")
    supply_v: float = float("nan")
    firmware: str = ""
    n_batch: int = 0
    n_repeated: int = 0
    n_bad: int = 0
    order: Order | None = None

    @property
    def silent_since_s(self) -> float:
        """Since when it does not acknowledge what it was told; NaN where it does."""
        order = self.order
        return order.first_s if order is not None and order.status == "unanswered" else float("nan")


class Rates:
    """The orders of all boxes."""

    def __init__(self, rules: Telematics) -> None:
        self._rules = rules
        self._boxes: dict[str, Box] = {}
        self._open: dict[str, Order] = {}
        self._silent: list[str] = []
        self._n_order = 0

    def boxes(self) -> list[Box]:
        """Every box that was heard of or ordered something; those that do not answer first."""
        return sorted(self._boxes.values(), key=lambda box: (box.silent_since_s != box.silent_since_s, box.vehicle_id))

    def box(self, vehicle_id: str) -> Box:
        """A box; made where it is new."""
        box = self._boxes.get(vehicle_id)
        if box is None:
            box = self._boxes[vehicle_id] = Box(vehicle_id)
        return box

    def order(self, vehicle_id: str, interval_s: float, until_s: float, now_s: float, burst: int = 1) -> Order:
        """Want a frame (`burst` of them, a second apart) every `interval_s` seconds until `until_s`; it takes the place of what was
        wanted before.

        Raises ValueError for an interval that is not above 0, or a time that is past.
        """
        if not interval_s > 0.0:
            raise ValueError("an interval must be above 0 s")
        if not until_s > now_s:
            raise ValueError("the time until which it holds is past")
        box = self.box(vehicle_id)
        order = Order(self._new_id(now_s), interval_s, until_s, self._asked_s(box, interval_s), next_s=now_s, burst=burst)
        box.order = self._open[vehicle_id] = order
        return order

    def due(self, now_s: float) -> list[tuple[str, Order]]:
        """Commands to send now. They count as sent; what has expired or was tried often enough is settled."""
        out: list[tuple[str, Order]] = []
        for vehicle_id, order in list(self._open.items()):
            if now_s >= order.until_s:
                order.status = "expired"
                del self._open[vehicle_id]
            elif order.status in ("waiting", "sent") and now_s >= order.next_s and self._can_hear(vehicle_id):
                if order.n_try >= self._rules.box_tries:
                    order.status, order.why = "unanswered", f"not acknowledged after {order.n_try} tries"
                    self._silent.append(vehicle_id)
                    continue
                order.first_s = now_s if order.n_try == 0 else order.first_s
                order.n_try += 1
                order.status, order.next_s = "sent", now_s + self._rules.box_retry_s
                out.append((vehicle_id, order))
        return out

    def newly_silent(self) -> list[str]:
        """Boxes that were found not to answer since this was asked last."""
        silent, self._silent = self._silent, []
        return silent

    def acknowledged(self, vehicle_id: str, ack: BoxAck, now_s: float) -> bool:
        """A box answers; False where it answers to nothing that is open."""
        box = self.box(vehicle_id)
        box.heard_s = now_s
        order = box.order
        if order is None or order.command_id != ack.command_id or order.status == "expired":
            return False
        order.status, order.why = ("acknowledged", "") if ack.done else ("refused", ack.why or "the box did not say why")
        if ack.interval_s is not None and ack.interval_s > 0.0:
            box.interval_s = ack.interval_s
        return True

    def state(self, vehicle_id: str, state: BoxState, now_s: float) -> None:
        """A box says how it is. One that comes back, or begins or ends to drive, is told again what is wanted."""
        box = self.box(vehicle_id)
        back = state.online and not box.online
        box.online = state.online
        box.parked = box.parked if state.parked is None else state.parked
        box.firmware = state.firmware or box.firmware
        box.supply_v = box.supply_v if state.supply_v is None else state.supply_v
        if state.interval_s is not None and state.interval_s > 0.0:
            box.interval_s = state.interval_s
        if state.online:
            box.heard_s = now_s
            self._again(box, back, now_s)

    def heard(self, vehicle_id: str, now_s: float) -> Box:
        """Telemetry came of a box."""
        box = self.box(vehicle_id)
        box.heard_s, box.online = now_s, True
        return box

    def _again(self, box: Box, back: bool, now_s: float) -> None:
        order = box.order
        if order is None or order.status in ("expired", "refused"):
            return
        asked_s = self._asked_s(box, order.interval_s)
        forgotten = back and order.status == "acknowledged" and box.interval_s != order.asked_s
        if asked_s != order.asked_s or forgotten or order.status == "unanswered":
            order.command_id, order.asked_s = self._new_id(now_s), asked_s
            order.status, order.n_try, order.next_s = "waiting", 0, now_s

    def _can_hear(self, vehicle_id: str) -> bool:
        """Whether it is of any use to send something: a broker keeps it for a box."""
        return True

    def _asked_s(self, box: Box, interval_s: float) -> float:
        """What a box may be asked for: never more often than the floor, and the higher one while it is parked."""
        floor_s = self._rules.box_parked_floor_s if box.parked else self._rules.box_floor_s
        return max(interval_s, floor_s)

    def _new_id(self, now_s: float) -> str:
        self._n_order += 1
        return f"{int(now_s):x}-{self._n_order}"
