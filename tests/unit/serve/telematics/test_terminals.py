"""The period of a terminal's reports: told, taken up, refused, taken back; only to terminals that are linked."""

from evloom.serve.telematics.link import Link
from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.terminals import Terminals
from evloom.serve.telematics.vehicles import Vehicles
from evloom.wire.gbt32960.parameters import period_of
from evloom.wire.gbt32960.stream import Stream
from evloom.wire.gbt32960.translate import answer
from evloom.wire.gbt32960.words import Result
from tests.unit.serve.telematics.test_link import NOW_S, login
from tests.unit.wire.gbt32960 import samples


class Scene:
    """A vehicle with its link; what it was told waits in `told`."""

    def __init__(self) -> None:
        self.now_s = float(NOW_S)
        self.rules, self.vehicles = Telematics(terminal_period_s=20.0, box_tries=2), Vehicles()
        self.terminals = Terminals(self.rules, self.vehicles, lambda: self.now_s)
        self.told: list[bytes] = []
        self.came()

    def came(self) -> None:
        self.link = Link(self.vehicles, self.rules)
        self.link.on_tell = self.told.append
        self.link.receive(login(serial=int(self.now_s) % 65000), self.now_s)

    def periods(self) -> list[int | None]:
        """What goes out now."""
        for speaker, data in self.terminals.due():
            speaker.tell(data)
        return [period_of(samples.read(frame)) for frame in self.frames()]

    def frames(self):
        return Stream().feed(b"".join(self.told))

    def says(self, result: Result) -> None:
        """The terminal answers everything that it was told."""
        for frame in self.frames():
            for vin, done in self.link.receive(answer(frame, result, self.now_s), self.now_s).answers:
                self.terminals.answered(vin, done)
        self.told.clear()

    def order(self, interval_s: float, hold_s: float = 3600.0):
        return self.terminals.order(samples.VIN, interval_s, self.now_s + hold_s)


def test_it_takes_up_a_period_and_is_told_to_go_back_when_that_is_over():
    scene = Scene()
    order = scene.order(0.2)
    assert scene.periods() == [1]
    scene.says(Result.SUCCESS)
    assert order.status == "acknowledged"
    again = scene.order(1.0)
    assert (again.status, scene.periods()) == ("acknowledged", [])  # it has it
    scene.now_s += 3600.0
    assert scene.periods() == [20]
    scene.says(Result.SUCCESS)
    assert scene.terminals.boxes()[0].interval_s == 20.0
    scene.now_s += 1e6
    assert scene.periods() == []


def test_slower_than_what_a_vehicle_has_to_do_is_never_asked_for():
    scene = Scene()
    scene.order(900.0)
    assert scene.periods() == [30]


def test_one_that_refuses_is_not_asked_again_before_it_logs_in_anew():
    scene = Scene()
    order = scene.order(2.0)
    scene.periods()
    scene.says(Result.ERROR)
    assert order.status == "refused"
    scene.now_s += 700.0
    assert (scene.order(3.0).status, scene.periods()) == ("refused", [])
    scene.link.ended()
    scene.came()
    scene.periods()
    assert scene.order(3.0).status == "waiting"
    assert scene.periods() == [3]


def test_one_that_is_away_is_told_when_it_is_back_and_a_silent_one_again_when_it_shows_itself():
    scene = Scene()
    scene.periods()
    scene.link.ended()
    order = scene.order(2.0)
    assert (scene.periods(), order.n_try) == ([], 0)
    scene.came()
    for _ in range(2):
        assert scene.periods() == [2]
        scene.told.clear()
        scene.now_s += 10.0
    assert (scene.periods(), order.status, scene.terminals.newly_silent()) == ([], "unanswered", [samples.VIN])
    scene.link.ended()
    scene.came()
    assert scene.periods() == [2]
    scene.says(Result.SUCCESS)
    assert scene.terminals.boxes()[0].interval_s == 2.0


def test_what_was_never_taken_up_needs_no_way_back():
    scene = Scene()
    scene.periods()
    scene.link.ended()
    scene.order(2.0)
    scene.now_s += 3600.0
    scene.came()
    assert scene.periods() == []
