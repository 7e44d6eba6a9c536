"""The journal: one line of JSON for every event and for the orders of every tick, in the order in which they happened.

    {"journal":1,"policy":"optimal","objective":"cost",...} a run begins; `Frame` says of what site and when
    {"PluggedIn":{...}}                                     events, by the names of pile.events
    {"Tick":{...}}                                          the loop is to run
    {"orders":[{...}],"digest":"..."}                       what it ordered, and the fingerprint of all orders so far
    {"end":"optimal","cycles":193}                          the run was finished

Floats are written so that they come back bit for bit; NaN is written as null. A line that is cut off (power failure) ends
the reading with a finding; what came before it is used. A run without its last line was interrupted; a finding says so.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import get_args

import msgspec

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding, Severity
from evloom.pile.events import Event
from evloom.pile.orders import SetPower

VERSION = 1
_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True)
class Frame:
    """What the rows and steps in a run's events refer to.

    start_s epoch seconds of step 0; step_s length of a step; n_step steps of the run, n_ahead more that are looked ahead;
    evse_id, node_id, storage_id in the order of the loop's rows.
    """

    start_s: float
    step_s: int
    n_step: int
    n_ahead: int
    evse_id: tuple[str, ...]
    node_id: tuple[str, ...]
    storage_id: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """How a run in the journal was driven; its numbers say how steady orders had to be (`dispatch.real.dwell.Steady`).

    fallback_a, hold_s, stale_s   what piles do without a link (`dispatch.fallback.Fallback`), a current for each EVSE; none: as the
                                  scenario says. hold_s, stale_s None: without end
    """

    policy: str
    objective: str
    deadband_kw: float
    frame: Frame
    min_on_s: float = 0.0
    min_off_s: float = 0.0
    orders_per_hour: float = 0.0
    fallback_a: tuple[float, ...] = ()
    hold_s: float | None = None
    stale_s: float | None = None
    keep_s: float = 0.0


@dataclass(frozen=True)
class Cycle:
    """The events up to and including a tick, the orders that followed, and the digest of all orders so far."""

    events: list[Event]
    orders: tuple[SetPower, ...]
    digest: str


class JournalWriter:
    """Writes a journal; a name that ends in .gz is compressed. Every tick is flushed, so that a kill loses at most one.

    Raises OSError where the file cannot be made. Where it cannot be written later (full disk), `error` says so, nothing more is
    written, and the run goes on: what it is about is not the journal.
    """

    def __init__(self, path: Path) -> None:
        packed = path.suffix == ".gz"
        self._file: gzip.GzipFile | BufferedWriter = gzip.open(path, "wb", compresslevel=3) if packed else path.open("wb")  # noqa: SIM115
        self._encoder = msgspec.json.Encoder()
        self.error: OSError | None = None

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as closing:
            self.error = self.error or closing

    def begin(self, header: Header) -> None:
        """Start the part of one policy."""
        self._write([{"journal": VERSION, **{name: getattr(header, name) for name in header.__dataclass_fields__}}])

    def cycle(self, cycle: Cycle) -> None:
        """Add one tick."""
        self._write([*({type(event).__name__: event} for event in cycle.events), {"orders": cycle.orders, "digest": cycle.digest}])

    def end(self, policy: str, cycles: int) -> None:
        """Say that the policy's run is complete."""
        self._write([{"end": policy, "cycles": cycles}])

    def _write(self, contents: list[object]) -> None:
        if self.error is not None:
            return
        try:
            self._file.write(b"".join(self._encoder.encode(content) + b"\n" for content in contents))
            self._file.flush()
        except OSError as error:
            self.error = error


@dataclass(frozen=True)
class Part:
    """One policy's run in a journal; `findings` says where it was cut off or became unreadable, if it did."""

    header: Header
    cycles: list[Cycle]
    findings: tuple[Finding, ...]


@dataclass
class _Reading:
    """The parts read so far, the events since the last orders, and whether the last part has ended."""

    source: str
    parts: list[Part] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    ended: bool = True

    def take(self, row: int, line: bytes) -> None:
        """Take in one line. Raises msgspec.MsgspecError or ValueError for what is no line of a journal."""
        content = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if "journal" in content:
            self.close(row)
            self.parts.append(Part(_header(line, content), [], ()))
            self.events, self.ended = [], False
        elif self.ended:
            raise ValueError("a run must begin with its policy")
        elif "orders" in content:
            made = msgspec.json.decode(line, type=_Made)
            self.parts[-1].cycles.append(Cycle(self.events, made.orders, made.digest))
            self.events = []
        elif "end" in content:
            self.ended = True
        else:
            self.events.append(_event(content))

    def close(self, row: int | None) -> None:
        """Say of a part that has not ended that it was interrupted."""
        if not self.ended:
            last = self.parts[-1]
            value = f"{last.header.policy} stops after {len(last.cycles)} ticks"
            allowed = "a run with its end line"
            note = Finding(
                "journal.unfinished", "warning", self.source, row, None, value, allowed, "it was interrupted; what is there is used"
            )
            self.parts[-1] = replace(last, findings=(*last.findings, note))


class _Made(msgspec.Struct):
    orders: tuple[SetPower, ...]
    digest: str


def read_journal(path: Path) -> list[Part]:
    """All runs in a journal. Raises InputError where the file is no journal."""
    reading, row, line = _Reading(path.name), 0, b""
    try:
        for row, line in _lines(path):
            reading.take(row, line)
        reading.close(None)
    except (msgspec.MsgspecError, ValueError, EOFError, OSError, zlib.error) as error:
        shown = line[:60].decode("utf-8", "replace").strip() + (" ..." if len(line) > 60 else "") if row else str(path)
        value = f"{shown}: {_reason(error)}"
        allowed = f"a journal of version {VERSION}, written by evloom simulate --journal"
        advice = "what comes before it is used" if reading.parts else "check the path"
        # A file that is cut off was written by a process that still runs or was killed: what is there is whole.
        severity: Severity = "warning" if isinstance(error, EOFError) and reading.parts else "refused"
        finding = Finding("journal.unreadable", severity, path.name, row or None, None, value, allowed, advice)
        if not reading.parts:
            raise InputError([finding]) from None
        reading.parts[-1] = replace(reading.parts[-1], findings=(*reading.parts[-1].findings, finding))
    if not reading.parts:
        advice = "name a journal that a run was written to"
        raise InputError([Finding("journal.empty", "refused", path.name, None, None, "0 lines", "at least one run", advice)])
    return reading.parts


def _event(content: dict[str, msgspec.Raw]) -> Event:
    if len(content) != 1:
        raise ValueError("one kind of event a line")
    ((kind, body),) = content.items()
    if kind not in _EVENTS:
        raise ValueError(f"event {kind!r} is none of {', '.join(_EVENTS)}")
    return msgspec.json.decode(body, type=_EVENTS[kind])


def _header(line: bytes, content: dict[str, msgspec.Raw]) -> Header:
    version = msgspec.json.decode(content["journal"])
    if version != VERSION:
        raise ValueError(f"version {version}")
    return msgspec.json.decode(line, type=Header)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        yield from enumerate(file, 1)


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the compressed file is cut off"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
