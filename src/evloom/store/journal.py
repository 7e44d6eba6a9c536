"""The journal: one line of JSON for every event and for the orders of every tick, in the order in which they happened.

    {"journal":1,"policy":"optimal","objective":"cost"}     a run begins
    {"PluggedIn":{...}}                                     events, by the names of pile.events
    {"Tick":{...}}                                          the loop is to run
    {"orders":[{...}],"digest":"..."}                       what it ordered, and the fingerprint of all orders so far

Floats are written so that they come back bit for bit; NaN is written as null. A line that is cut off (power failure) ends
the reading with a finding; what came before it is used.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.pile.events import Event, Known, PluggedIn, Readings, Tick, Unplugged
from evloom.pile.orders import SetPower

VERSION = 1
_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in (PluggedIn, Unplugged, Readings, Known, Tick)}


@dataclass(frozen=True)
class Header:
    """How a run in the journal was driven."""

    policy: str
    objective: str
    deadband_kw: float


@dataclass(frozen=True)
class Cycle:
    """The events up to and including a tick, the orders that followed, and the digest of all orders so far."""

    events: list[Event]
    orders: tuple[SetPower, ...]
    digest: str


class JournalWriter:
    """Writes a journal; a name that ends in .gz is compressed. Every tick is flushed, so that a kill loses at most one."""

    def __init__(self, path: Path) -> None:
        self._file: gzip.GzipFile | BufferedWriter = gzip.open(path, "wb", compresslevel=3) if path.suffix == ".gz" else path.open("wb")
        self._encoder = msgspec.json.Encoder()

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def begin(self, header: Header) -> None:
        """Start the part of one policy."""
        line = {"journal": VERSION, "policy": header.policy, "objective": header.objective, "deadband_kw": header.deadband_kw}
        self._line(line)

    def cycle(self, cycle: Cycle) -> None:
        """Add one tick."""
        for event in cycle.events:
            self._line({type(event).__name__: event})
        self._line({"orders": cycle.orders, "digest": cycle.digest})
        self._file.flush()

    def _line(self, content: object) -> None:
        self._file.write(self._encoder.encode(content) + b"\n")


@dataclass(frozen=True)
class Part:
    """One policy's run in a journal; `findings` says where it was cut off, if it was."""

    header: Header
    cycles: list[Cycle]
    findings: tuple[Finding, ...]


def read_journal(path: Path) -> list[Part]:
    """All runs in a journal. Raises InputError where the file is no journal."""
    parts: list[Part] = []
    events: list[Event] = []
    for row, line in _lines(path):
        try:
            content: dict[str, Any] = msgspec.json.decode(line)
            if "journal" in content:
                parts.append(Part(_header(path, row, content), [], ()))
                events = []
            elif "orders" in content:
                orders = msgspec.convert(content["orders"], tuple[SetPower, ...])
                parts[-1].cycles.append(Cycle(events, orders, content["digest"]))
                events = []
            else:
                ((kind, body),) = content.items()
                events.append(msgspec.convert(body, _EVENTS[kind]))
        except (msgspec.MsgspecError, KeyError, ValueError, IndexError, AttributeError) as error:
            finding = _finding(path, row, line, str(error))
            if not parts:
                raise InputError([finding]) from None
            parts[-1] = Part(parts[-1].header, parts[-1].cycles, (finding,))
            break
    if not parts:
        raise InputError([_finding(path, None, b"", "empty file")])
    return parts


def _header(path: Path, row: int, content: dict[str, Any]) -> Header:
    if content["journal"] != VERSION:
        raise InputError([_finding(path, row, str(content["journal"]).encode(), f"version {content['journal']}")])
    return Header(content["policy"], content["objective"], float(content["deadband_kw"]))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield from enumerate(file, 1)
    except EOFError:
        return
    except OSError as error:
        raise InputError([_finding(path, None, b"", error.strerror or str(error))]) from None


def _finding(path: Path, row: int | None, line: bytes, why: str) -> Finding:
    shown = line[:60].decode("utf-8", "replace").strip() + (" ..." if len(line) > 60 else "")
    allowed = f"a journal of version {VERSION}, written by evloom simulate --journal"
    return Finding(
        "journal.unreadable", "refused", path.name, row, None, f"{shown or '(nothing)'}: {why}", allowed, "what comes before it is used"
    )
