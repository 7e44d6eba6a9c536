"""One connection of GB/T 32960 as a state machine: bytes in; what is to be kept, what is to be answered, what is to be logged. No socket.

A vehicle logs in and speaks for itself; a platform logs in and speaks for many. What is kept is kept before its answer goes out, and an
answer to something that could not be kept says so.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from evloom.serve.telematics.settings import Telematics
from evloom.serve.telematics.vehicles import Vehicle, Vehicles
from evloom.vehicle.telemetry import Frames
from evloom.wire.gbt32960 import spoken as s
from evloom.wire.gbt32960.bad import BadData
from evloom.wire.gbt32960.frame import HEAD_BYTES, Frame
from evloom.wire.gbt32960.stream import BadFrame, Garbage, Parsed, Stream
from evloom.wire.gbt32960.translate import answer, meaning
from evloom.wire.gbt32960.words import Cipher, Command, Result

BAD_MAX = 50
"""So many bad frames after each other end a connection."""
GARBAGE_MAX_BYTES = 65536
"""So many bytes that belong to no frame, too."""
LOUD_MAX = 3
"""So many bad frames after each other are logged as warnings; the rest are told to who listens closely."""
LOGIN_AGE_S = 600.0
"""A login that was seen before and is older than this is a replay."""
_RESULTS = {
    "encrypted": Result.DECRYPTION,
    "signature": Result.SIGNATURE,
    "command": Result.ERROR,
    "checksum": Result.ERROR,
}


@dataclass(frozen=True, slots=True)
class Note:
    """Something to log: a stable word, and its fields."""

    what: str
    vin: str
    why: str = ""
    loud: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is due. `vin` names the vehicle whose reports must be kept before it goes out, "" where nothing must.

    quiet  nothing is said when all is well
    """

    frame: Frame
    result: Result
    vin: str = ""
    quiet: bool = False


@dataclass(slots=True)
class Turn:
    """What came of some bytes. `raw` are the frames to keep, by vehicle; `close` a reason to end, "" to go on.

    answers   whether terminals did what they were told to set
    """

    raw: dict[str, list[bytes]] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    close: str = ""
    n_frame: int = 0
    answers: list[tuple[str, bool]] = field(default_factory=list)


class Link:
    """A connection. `leave` is how others ask it to end, `tell` how they send something."""

    def __init__(self, vehicles: Vehicles, rules: Telematics) -> None:
        self._vehicles, self._rules = vehicles, rules
        self._stream = Stream()
        self._speaks_for: dict[str, Vehicle] = {}
        self._n_bad = self._garbage_bytes = 0
        self.platform = ""
        self.leaving = ""
        self.on_leave: Callable[[], None] = lambda: None
        self.on_tell: Callable[[bytes], None] = lambda _: None

    @property
    def logged_in(self) -> bool:
        """Whether a vehicle or a platform is logged in."""
        return bool(self.platform or self._speaks_for)

    @property
    def waiting(self) -> bool:
        """Whether half a frame has come."""
        return self._stream.waiting > 0

    def leave(self, reason: str) -> None:
        """End the connection; `on_leave` is called."""
        self.leaving = self.leaving or reason
        self.on_leave()

    def tell(self, data: bytes) -> None:
        """Send something that was not asked for; `on_tell` is called."""
        if not self.leaving:
            self.on_tell(data)

    def receive(self, data: bytes, now_s: float) -> Turn:
        """Bytes have come."""
        return self._turn(self._stream.feed(data), now_s)

    def give_up(self, now_s: float) -> Turn:
        """The rest of a half frame did not come."""
        return self._turn(self._stream.give_up(), now_s)

    def ended(self) -> list[Frames]:
        """The connection is gone: rows that were not whole yet."""
        gone = [vehicle for vehicle in self._speaks_for.values() if self._vehicles.leave(vehicle, self)]
        self._speaks_for.clear()
        return [frames for vehicle in gone for frames in vehicle.assembly.take(everything=True)]

    def rows(self, vin: str) -> list[Frames]:
        """The rows of a vehicle that are whole; without any, none that is empty, so that its frames have where to be kept."""
        vehicle = self._vehicles.of(vin)
        return vehicle.assembly.take() or [vehicle.assembly.nothing()]

    def not_kept(self, vin: str, raw: list[bytes]) -> None:
        """What came could not be kept: it may come again."""
        vehicle = self._vehicles.of(vin)
        for one in raw:
            vehicle.reports.forget(one)

    def _turn(self, found: list[Parsed], now_s: float) -> Turn:
        turn = Turn()
        for event in found:
            if isinstance(event, Garbage):
                self._garbage_bytes += event.n_byte
            elif isinstance(event, BadFrame):
                self._bad(event, turn)
            else:
                self._frame(event, now_s, turn)
            if turn.close:
                break
        if self._n_bad > BAD_MAX or self._garbage_bytes > GARBAGE_MAX_BYTES:
            turn.close = turn.close or "nothing but bytes that are no frames"
        return turn

    def _bad(self, bad: BadFrame, turn: Turn) -> None:
        """A wrong report is answered (B.2.1), a wrong login is passed over (B.1)."""
        self._n_bad += 1
        turn.notes.append(Note("frame.bad", bad.vin, bad.reason, loud=self._n_bad <= LOUD_MAX))
        if bad.reason == "checksum" and bad.vin in self._speaks_for and bad.command in (Command.REPORT, Command.SUPPLEMENT):
            frame = Frame(bad.edition, bad.command, bad.answer, bad.vin, Cipher.PLAIN, bad.raw[HEAD_BYTES:-1])
            turn.replies.append(Reply(frame, Result.ERROR))

    def _frame(self, frame: Frame, now_s: float, turn: Turn) -> None:
        turn.n_frame += 1
        self._garbage_bytes = 0
        if frame.answer != Result.COMMAND:
            if frame.command == Command.SET and frame.vin in self._speaks_for:
                turn.answers.append((frame.vin, frame.answer == Result.SUCCESS))
            return  # answers are not answered (6.3.2)
        try:
            said = meaning(frame)
        except BadData as bad:
            self._n_bad += 1
            self._refuse(frame, turn, bad.reason, str(bad), _RESULTS.get(bad.reason, Result.STRUCTURE))
            return
        self._n_bad = 0
        match said:
            case s.Reported():
                self._reported(frame, said, now_s, turn)
            case s.LoggedIn():
                self._log_in(frame, said, now_s, turn)
            case s.LoggedOut():
                self._log_out(frame, turn)
            case s.PlatformIn():
                self._platform_in(frame, said, turn)
            case s.PlatformOut():
                turn.replies.append(Reply(frame, Result.SUCCESS if self.platform else Result.ERROR))
                turn.close = "logged out"
            case s.Alive():
                self._alive(frame, now_s, turn)
            case s.ClockAsked():
                turn.replies.append(Reply(frame, Result.SUCCESS))
            case s.NotSpoken():
                self._refuse(frame, turn, "command", f"{said.what} is not done here", Result.ERROR)

    def _alive(self, frame: Frame, now_s: float, turn: Turn) -> None:
        vehicle = self._speaks_for.get(frame.vin)
        if vehicle is not None:
            vehicle.heard_s = now_s
        turn.replies.append(Reply(frame, Result.SUCCESS if vehicle is not None or self.platform else Result.ERROR))

    def _reported(self, frame: Frame, said: s.Reported, now_s: float, turn: Turn) -> None:
        vehicle = self._speaks_for.get(frame.vin)
        if vehicle is None and self.platform and self._admitted(frame.vin):
            vehicle = self._speak_for(frame.vin, now_s, turn)
        if vehicle is None:
            self._refuse(frame, turn, "not logged in", "a report before the login of its vehicle", Result.ERROR)
            return
        vehicle.heard_s, vehicle.edition = now_s, frame.edition
        quiet = self._rules.answer_reports == "standard" and not self.platform
        if not vehicle.reports.add(frame.raw):
            vehicle.n_replay += 1
            turn.notes.append(Note("report.replayed", frame.vin, loud=vehicle.n_replay == 1))
            turn.replies.append(Reply(frame, Result.SUCCESS, quiet=quiet))
            return
        if said.signed and not vehicle.unverified:
            vehicle.unverified = True
            turn.notes.append(Note("signature.not-verified", frame.vin, "signatures are kept, and not checked"))
        vehicle.n_report += 1
        vehicle.assembly.add(said, now_s)
        self._keep(frame, turn)
        turn.replies.append(Reply(frame, Result.SUCCESS, frame.vin, quiet))

    def _log_in(self, frame: Frame, said: s.LoggedIn, now_s: float, turn: Turn) -> None:
        vin = frame.vin
        if not self._admitted(vin):
            self._refuse(frame, turn, "unknown", "nobody has registered this vehicle", Result.VIN_UNKNOWN)
        elif not self.platform and self._speaks_for and vin not in self._speaks_for:
            self._refuse(frame, turn, "second", "this connection speaks for another vehicle already", Result.ERROR)
        else:
            vehicle = self._vehicles.of(vin)
            if not vehicle.logins.add(frame.raw) and abs(now_s - said.at_s) > LOGIN_AGE_S:
                self._refuse(frame, turn, "replayed", "this very login was seen before, and its time is past", Result.ERROR)
                return
            vehicle = self._speak_for(vin, now_s, turn)
            vehicle.serial, vehicle.iccid, vehicle.edition = said.serial, said.iccid, frame.edition
            vehicle.assembly.log_in(said.packs)
            self._keep(frame, turn)
            off_s = said.at_s - now_s
            turn.notes.append(Note("vehicle.in", vin, f"its clock is {off_s:+.0f} s off" if abs(off_s) > LOGIN_AGE_S else ""))
            turn.replies.append(Reply(frame, Result.SUCCESS, vin))

    def _log_out(self, frame: Frame, turn: Turn) -> None:
        vehicle = self._speaks_for.pop(frame.vin, None)
        if vehicle is None:
            self._refuse(frame, turn, "not logged in", "a logout without a login", Result.ERROR)
            return
        self._vehicles.leave(vehicle, self)
        self._keep(frame, turn)
        turn.notes.append(Note("vehicle.out", frame.vin))
        turn.replies.append(Reply(frame, Result.SUCCESS, frame.vin))

    def _platform_in(self, frame: Frame, said: s.PlatformIn, turn: Turn) -> None:
        if said.encrypts:
            self._refuse(frame, turn, "encrypted", "a platform that encrypts is not understood", Result.DECRYPTION)
            return
        known = any(_same(one, f"{said.user}:{said.password}") for one in self._rules.platforms)
        if not known or (self._speaks_for and not self.platform):
            self._refuse(frame, turn, "password", f"platform {said.user!r} is not known by this name and password", Result.ERROR)
            turn.close = "a platform that is not known"
            return
        self.platform = said.user
        turn.notes.append(Note("platform.in", self.platform))
        turn.replies.append(Reply(frame, Result.SUCCESS))

    def _speak_for(self, vin: str, now_s: float, turn: Turn) -> Vehicle:
        """From now on this connection speaks for the vehicle. The one that did before ends, if it was the vehicle's own (B.2.7)."""
        vehicle = self._vehicles.of(vin)
        before = self._vehicles.enter(vehicle, self, now_s)
        if isinstance(before, Link):
            before._speaks_for.pop(vin, None)
            if not before.platform:
                before.leave("the same vehicle connected anew")
                turn.notes.append(Note("vehicle.again", vin))
        self._speaks_for[vin] = vehicle
        return vehicle

    def _admitted(self, vin: str) -> bool:
        return bool(vin) and (not self._rules.vehicles or vin in self._rules.vehicles)

    def _keep(self, frame: Frame, turn: Turn) -> None:
        turn.raw.setdefault(frame.vin, []).append(frame.raw)

    def _refuse(self, frame: Frame, turn: Turn, word: str, why: str, result: Result) -> None:
        vehicle = self._vehicles.get(frame.vin)
        if vehicle is not None:
            vehicle.n_refused += 1
        turn.notes.append(Note("frame.refused", frame.vin, f"{word}: {why}", loud=self._n_bad <= LOUD_MAX))
        turn.replies.append(Reply(frame, result))


def reply_bytes(reply: Reply, kept: bool, now_s: float) -> bytes:
    """The answer as bytes, none where silence is the answer."""
    if not kept:
        return answer(reply.frame, Result.ERROR, now_s)
    return b"" if reply.quiet and reply.result == Result.SUCCESS else answer(reply.frame, reply.result, now_s)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
