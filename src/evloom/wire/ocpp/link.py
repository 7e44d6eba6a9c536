"""One OCPP-J connection as a state machine: frames in, what they mean out, frames to send. No socket, no clock; the same for both roles."""

from msgspec import Struct

from evloom.wire.ocpp import frame as fr
from evloom.wire.ocpp.frame import BadFrame, Code, Frame
from evloom.wire.ocpp.version import Version

TIMEOUT, CLOSED = "Timeout", "Closed"
"""Codes of `Failed` that are ours: no answer came in time, or the link went down."""
LATE_KEPT = 64


class LinkLimits(fr.FrameLimits, frozen=True):
    """How much a peer may ask of us: bytes and nesting of a frame, calls that wait for our answer."""

    unanswered_max: int = 64


class Asked(Struct, frozen=True, gc=False):
    """The peer calls: answer or refuse it under its id."""

    call_id: str
    action: str
    payload: bytes


class Answered(Struct, frozen=True, gc=False):
    """The peer answered our call."""

    call_id: str
    action: str
    payload: bytes
    took_s: float


class Failed(Struct, frozen=True, gc=False):
    """Our call failed: the peer's error code, or TIMEOUT or CLOSED."""

    call_id: str
    action: str
    code: str
    description: str
    details: bytes = b"{}"


class Sent(Struct, frozen=True, gc=False):
    """The peer told something that wants no answer (SEND of 2.1)."""

    action: str
    payload: bytes


class Trouble(Struct, frozen=True, gc=False):
    """The peer broke a rule of the frames; it goes on.

    kind  "unreadable" (answered with an error where one is due), "odd" (understood all the same), "duplicate" (a call that is being
          answered came again, and is not asked twice), "reused" (an id that waits for its answer came with another call), "busy" (too
          many calls unanswered: refused), "late" (an answer after its time), "unknown" (an answer to nothing), "rejected" (the peer
          could not read our answer)
    """

    kind: str
    text: str
    call_id: str = ""


Received = Asked | Answered | Failed | Sent | Trouble


class _Call(Struct, gc=False):
    call_id: str
    action: str
    payload: bytes
    deadline_s: float
    sent_at_s: float = 0.0


class _Waiting(Struct, gc=False):
    """A call of the peer that waits for our answer."""

    action: str
    payload: bytes
    id_json: bytes = b""
    n_asked: int = 1


class Link:
    """A connection.

    Calls of ours wait in a queue: one is outstanding at a time, whatever the other direction does. `id_prefix` (at most 20 characters)
    should differ between the connections of a station, so that an answer to an old connection is never taken for one of this.
    """

    __slots__ = ("_late", "_limits", "_n_called", "_outgoing", "_outstanding", "_prefix", "_queue", "_waiting", "version")

    def __init__(self, version: Version, limits: LinkLimits | None = None, id_prefix: str = "") -> None:
        self.version = version
        self._limits = limits or LinkLimits()
        self._prefix = id_prefix[:20]
        self._n_called = 0
        self._waiting: dict[str, _Waiting] = {}
        self._queue: list[_Call] = []
        self._outstanding: _Call | None = None
        self._late: list[str] = []
        self._outgoing: list[bytes] = []

    @property
    def n_unsent(self) -> int:
        """How many of our calls wait for their turn."""
        return len(self._queue)

    @property
    def n_unanswered(self) -> int:
        """How many calls of the peer wait for our answer."""
        return len(self._waiting)

    def receive(self, text: str | bytes, now_s: float) -> list[Received]:
        """What one frame means. Never raises, whatever came; an error that it deserves is put into the outgoing frames."""
        frame = fr.parse(text, self.version, self._limits)
        if isinstance(frame, BadFrame):
            return self._bad(frame, now_s)
        if frame.kind == fr.CALL and frame.call_id not in self._waiting and len(self._waiting) < self._limits.unanswered_max:
            self._waiting[frame.call_id] = _Waiting(frame.word, frame.payload, frame.id_json)
            received: list[Received] = [Asked(frame.call_id, frame.word, frame.payload)]
        else:
            received = self._rare(frame, now_s)
        if frame.oddity:
            received.append(Trouble("odd", f"{frame.word}: {frame.oddity}", frame.call_id))
        return received

    def _rare(self, frame: Frame, now_s: float) -> list[Received]:
        if frame.kind == fr.CALL:
            return self._again(frame)
        if frame.kind == fr.SEND:
            return [Sent(frame.word, frame.payload)]
        if frame.kind == fr.CALLRESULTERROR:
            return [Trouble("rejected", f"{frame.word}: {frame.description}", frame.call_id)]
        call = self._outstanding
        if call is None or call.call_id != frame.call_id:
            late = frame.call_id in self._late
            what = f"error {frame.word}: {frame.description}" if frame.kind == fr.CALLERROR else "answer"
            return [Trouble("late" if late else "unknown", what, frame.call_id)]
        self._next(now_s)
        if frame.kind == fr.CALLRESULT:
            return [Answered(call.call_id, call.action, frame.payload, now_s - call.sent_at_s)]
        return [Failed(call.call_id, call.action, frame.word, frame.description, frame.payload)]

    def _again(self, frame: Frame) -> list[Received]:
        """A call under an id that is being answered, or one too many."""
        known = self._waiting.get(frame.call_id)
        if known is None or known.n_asked >= self._limits.unanswered_max:
            text = f"{len(self._waiting)} calls wait for an answer"
            self._outgoing.append(self._error(frame.call_id, Code.GENERIC, text, frame.id_json))
            return [Trouble("busy", text, frame.call_id)]
        if (known.action, known.payload) == (frame.word, frame.payload):
            return [Trouble("duplicate", f"{frame.word} came again before it was answered", frame.call_id)]
        known.n_asked += 1
        return [
            Asked(frame.call_id, frame.word, frame.payload),
            Trouble("reused", f"{frame.word} under the id of an unanswered {known.action}", frame.call_id),
        ]

    def _bad(self, frame: BadFrame, now_s: float) -> list[Received]:
        """A frame that cannot be read. Where it answers our call, the call has failed: there is nothing to wait for."""
        trouble = Trouble("unreadable", frame.text, frame.call_id)
        if frame.answer:
            self._outgoing.append(self._error(frame.call_id, frame.code, frame.text, frame.id_json))
        call = self._outstanding
        if frame.kind not in (fr.CALLRESULT, fr.CALLERROR) or call is None or call.call_id != frame.call_id:
            return [trouble]
        self.reject(call.call_id, frame.code, frame.text)
        self._next(now_s)
        return [Failed(call.call_id, call.action, frame.code.word(self.version), f"the answer cannot be read: {frame.text}"), trouble]

    def _error(self, call_id: str, code: Code, text: str, id_json: bytes = b"") -> bytes:
        made = fr.error_frame(fr.CALLERROR, call_id, code.word(self.version), text, b"{}")
        return made.replace(fr.quoted(call_id), id_json, 1) if id_json else made

    def call(self, action: str, payload: bytes, now_s: float, timeout_s: float) -> str:
        """Ask the peer; returns the id. `timeout_s` runs from now, waiting for the turn included."""
        self._n_called += 1
        call = _Call(f"{self._prefix}{self._n_called}", action, payload, now_s + timeout_s)
        self._queue.append(call)
        if self._outstanding is None:
            self._next(now_s)
        return call.call_id

    def _next(self, now_s: float) -> None:
        """Put the next call on the wire, where there is one."""
        self._outstanding = call = self._queue.pop(0) if self._queue else None
        if call is not None:
            call.sent_at_s = now_s
            self._outgoing.append(fr.call_frame(call.call_id, call.action, call.payload))

    def answer(self, call_id: str, payload: bytes) -> None:
        """Answer a call of the peer; ValueError when none under this id waits."""
        waiting = self._answered(call_id)
        self._outgoing.append(fr.result_frame(call_id, payload, waiting.id_json))

    def refuse(self, call_id: str, code: Code | str, description: str, details: bytes = b"{}") -> None:
        """Answer a call of the peer with an error; a `Code` is written as the version spells it."""
        waiting = self._answered(call_id)
        word = code.word(self.version) if isinstance(code, Code) else code
        made = fr.error_frame(fr.CALLERROR, call_id, word, description, details)
        self._outgoing.append(made.replace(fr.quoted(call_id), waiting.id_json, 1) if waiting.id_json else made)

    def _answered(self, call_id: str) -> _Waiting:
        waiting = self._waiting.get(call_id)
        if waiting is None:
            raise ValueError(f"no call {call_id!r} waits for an answer")
        if waiting.n_asked == 1:
            del self._waiting[call_id]
        else:
            waiting.n_asked -= 1
        return waiting

    def reject(self, call_id: str, code: Code, description: str) -> None:
        """Tell the peer that its answer could not be read (CALLRESULTERROR); only 2.1 has a frame for that, else nothing is sent."""
        if self.version is Version.V21:
            self._outgoing.append(fr.error_frame(fr.CALLRESULTERROR, call_id, code.word(self.version), description, b"{}"))

    def send(self, action: str, payload: bytes) -> str:
        """Tell the peer something that wants no answer; 2.1 only. Returns the id."""
        if self.version is not Version.V21:
            raise ValueError(f"{self.version} has no SEND")
        self._n_called += 1
        call_id = f"{self._prefix}{self._n_called}"
        self._outgoing.append(fr.send_frame(call_id, action, payload))
        return call_id

    def take_outgoing(self) -> list[bytes]:
        """The frames to put on the wire now, in order; they are forgotten here."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def expire(self, now_s: float) -> list[Failed]:
        """The calls of ours whose time is over; the next one is put on the wire."""
        failed = []
        for call in [call for call in self._queue if call.deadline_s <= now_s]:
            self._queue.remove(call)
            failed.append(Failed(call.call_id, call.action, TIMEOUT, "was not sent in time: an earlier call got no answer"))
        outstanding = self._outstanding
        if outstanding is not None and outstanding.deadline_s <= now_s:
            self._late = [*self._late[1 - LATE_KEPT :], outstanding.call_id]
            text = f"no answer within {now_s - outstanding.sent_at_s:.1f} s"
            failed.insert(0, Failed(outstanding.call_id, outstanding.action, TIMEOUT, text))
            self._next(now_s)
        return failed

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do, None when no call of ours waits."""
        waiting = [call.deadline_s for call in self._queue]
        if self._outstanding is not None:
            waiting.append(self._outstanding.deadline_s)
        return min(waiting, default=None)

    def close(self) -> list[Failed]:
        """The link is down: every call of ours that has no answer."""
        calls = ([self._outstanding] if self._outstanding else []) + list(self._queue)
        self._outstanding = None
        self._queue.clear()
        self._waiting.clear()
        self._outgoing.clear()
        return [Failed(call.call_id, call.action, CLOSED, "the link went down") for call in calls]
