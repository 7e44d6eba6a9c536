"""The doctor's rounds, in a thread of their own: it follows the journal of frames, so nothing waits for it and nothing is lost.

A battery's memory is kept now and then with the place in the journal up to which it is complete. After a crash each battery goes on from
there; the journal stays for as long as somebody's memory needs it. What is told of a battery is in the database before its memory is kept.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from evloom.diagnose.card_rules import Rules
from evloom.diagnose.warning import WarningChange
from evloom.serve.doctor.ward import Ward, fresh_ward, ward_of
from evloom.serve.logs import told
from evloom.store.batteries import BatterySeen
from evloom.store.battery import parquet_journal as journal
from evloom.store.battery.codec import decode
from evloom.store.battery.parquet import joined_days
from evloom.store.battery.parquet_journal import BEGINNING, Position, Row
from evloom.store.battery.parquet_store import FrameStore
from evloom.store.battery.rules import load_rules
from evloom.store.battery.states import StateFolder
from evloom.vehicle.telemetry import Frames, Pack

_LOG = logging.getLogger("evloom.doctor")
LOOK_S = 0.2
"""Frames that come within this are looked at together."""
ROWS_MAX, FRAMES_MAX = 500, 5000
"""What is taken from the journal at a time."""
TELL_S = 10.0
"""Readings of a battery are told again after this; changes of warnings at once."""
SAVE_S, SAVE_FRAMES = 120.0, 5000
"""A memory is kept after so long, or so many frames."""
SURE_DAYS = 12
"""A memory of fewer days does not speak against a warning of an earlier one: five to learn, seven to close."""
WARDS_MAX = 2000
"""Batteries whose memory is held at the same time, about 0.3 MB each; others are read again when frames of them come."""


class News(NamedTuple):
    """What is new of a battery; standing: ids of its open warnings, None where others may be open too."""

    seen: BatterySeen
    changes: list[WarningChange]
    standing: frozenset[str] | None


Tell = Callable[[list[News]], bool]
"""Keep and publish what is new; False where that could not be done and nothing may go on, as the platform ends."""
Named = Callable[[Pack], Pack]
"""A battery as frames name it, with what people said of its vehicle."""


class Rounds:
    """One thread. `lag` may be asked from any; `floor` is the first segment of the journal that is still needed."""

    def __init__(self, store: FrameStore, folder: Path, tell: Tell, named: Named) -> None:
        self._store, self._states = store, StateFolder(folder)
        self._tell, self._named, self._rules = tell, named, load_rules()
        self._wards: OrderedDict[str, Ward] = OrderedDict()
        self._kept: dict[str, Position] = {}
        self._history: list[str] = []
        self._anew: set[str] = set()
        self._position = BEGINNING
        self._wake, self._ending = threading.Event(), threading.Event()
        self._behind_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="doctor", daemon=True)
        self.floor = 0
        self.n_frame = self.n_failed = 0

    def start(self) -> None:
        """Begin."""
        self._behind_s = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Look at what is there, keep every memory, and end; nothing where it never began. Waits; not from the event loop."""
        self._ending.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def nudge(self) -> None:
        """Frames were kept."""
        if self._behind_s is None:
            self._behind_s = time.monotonic()
        self._wake.set()

    def pause(self, seconds: float) -> None:
        """Wait in the rounds' thread, unless the end comes."""
        self._ending.wait(seconds)

    def again(self, pack_id: str) -> None:
        """Look at a battery's whole history anew: something else is known of it."""
        self._anew.add(pack_id)
        self._wake.set()

    def lag_bytes(self) -> int:
        """How much of the journal has not been looked at."""
        here, end = self._position, self._store.end
        if here >= end:
            return 0
        sizes = {journal.number(path): path.stat().st_size for path in journal.segments(self._store.folder / "journal") if path.exists()}
        between = sum(size for number, size in sizes.items() if here.segment <= number < end.segment)
        return between + end.offset - here.offset

    def lag_s(self) -> float:
        """For how long frames have been waiting, 0 where none do."""
        since_s = self._behind_s
        return 0.0 if since_s is None or self._position >= self._store.end else time.monotonic() - since_s

    def n_ward(self) -> int:
        """Batteries that are known."""
        return len(self._kept.keys() | self._wards.keys())

    def _run(self) -> None:
        """Begin with the memories that fit the journal; one of a later place is of another journal, as after a copy was put back."""
        try:
            end = self._store.end
            self._kept = {pack_id: place for pack_id, place in self._states.positions().items() if place <= end}
            self._history = [pack_id for pack_id in self._store.packs() if pack_id not in self._kept]
            while self._turn():
                pass
        except Exception:  # noqa: BLE001  nobody else would say so
            _LOG.exception("doctor.ended: frames are kept, and looked at when the platform is started again")

    def _turn(self) -> bool:
        """One round: what is in the journal, then a battery whose history nobody has looked at. False where the end has come."""
        self._wake.clear()
        until = self._store.end
        done = self._follow(until)
        if done and self._history and not self._ending.is_set():
            self._read_anew(self._history.pop())
            done = self._tell_and_keep(False)
        while done and self._anew:
            self._read_anew(self._anew.pop())
            done = self._tell_and_keep(False)
        if not done:
            return False
        if self._position >= self._store.end:
            self._behind_s = None
        if self._ending.is_set():
            if self._position < self._store.end:
                return True
            self._tell_and_keep(True)
            return False
        if not self._history:
            self._wake.wait(TELL_S)
            self._ending.wait(LOOK_S)
        return self._tell_and_keep(False)

    def _follow(self, until: Position) -> bool:
        """Take in all rows up to `until`, a batch at a time."""
        batch: list[tuple[Position, Row]] = []
        for place, row in journal.follow(self._store.folder / "journal", self._position, until):
            batch.append((place, row))
            if len(batch) >= ROWS_MAX and not self._batch(batch):
                return False
        return self._batch(batch) and self._reached(until)

    def _reached(self, until: Position) -> bool:
        self._position = max(self._position, until)
        return True

    def _batch(self, batch: list[tuple[Position, Row]]) -> bool:
        """Look at rows, battery by battery."""
        if not batch:
            return True
        rows: dict[str, list[tuple[Position, Row]]] = {}
        for place, row in batch:
            rows.setdefault(row.pack_id, []).append((place, row))
        for pack_id, its_rows in rows.items():
            self._rows(pack_id, its_rows)
        self._position = batch[-1][0]
        batch.clear()
        return self._tell_and_keep(False)

    def _rows(self, pack_id: str, rows: list[tuple[Position, Row]]) -> None:
        if rows[-1][0] <= self._kept.get(pack_id, BEGINNING) and pack_id not in self._wards:
            return  # all of it is in the memory that was kept
        frames = [(place, decode(row.frames, row.cells)) for place, row in rows]
        ward = self._ward(frames[0][1].pack)
        new = [(place, part) for place, part in frames if place > ward.position]
        if not new:
            return
        if ward.unsaved_from is None:
            ward.unsaved_from, ward.unsaved_at = new[0][0].segment, time.monotonic()
        for part in joined_days([part for _, part in new]):
            self._take(ward, part)
        ward.position = new[-1][0]

    def _take(self, ward: Ward, frames: Frames) -> None:
        for begin in range(0, frames.n, FRAMES_MAX):
            part = frames.part(slice(begin, begin + FRAMES_MAX))
            self.n_frame += part.n
            ward.n_unsaved += part.n
            ward.n_untold += part.n
            try:
                ward.take(part)
            except Exception:  # noqa: BLE001  one battery must not stop the rounds of the others
                self.n_failed += part.n
                _LOG.exception("doctor.failed: %d frames of %s are passed over", part.n, ward.pack.pack_id)

    def _ward(self, pack: Pack) -> Ward:
        """A battery's memory: held, kept, read anew from its frames, or empty."""
        ward = self._wards.get(pack.pack_id)
        if ward is not None:
            self._wards.move_to_end(pack.pack_id)
            return ward
        if pack.pack_id in self._history:
            self._history.remove(pack.pack_id)
            return self._read_anew(pack.pack_id)
        if pack.pack_id in self._kept:
            kept = self._states.get(pack.pack_id)
            try:
                if kept is None:
                    raise ValueError("there is no memory that can be read")
                self._wards[pack.pack_id] = ward_of(kept)
            except ValueError as error:
                told(_LOG, logging.WARNING, "doctor.read-anew", pack=pack.pack_id, why=str(error))
                return self._read_anew(pack.pack_id)
            return self._wards[pack.pack_id]
        self._wards[pack.pack_id] = fresh_ward(self._named(pack), BEGINNING)
        return self._wards[pack.pack_id]

    def _read_anew(self, pack_id: str) -> Ward:
        """Look at every frame of a battery that is kept."""
        ward: Ward | None = None
        with self._store.still():
            end = self._store.end
            for frames in self._store.read(pack_id, until=end):
                if ward is None:
                    ward = fresh_ward(self._named(frames.pack), end)
                self._take(ward, frames)
        if ward is None:
            ward = fresh_ward(self._named(Pack("", pack_id, 0, 0)), end)
        ward.unsaved_from, ward.unsaved_at, ward.is_anew = end.segment, time.monotonic(), True
        self._wards[pack_id] = ward
        return ward

    def _tell_and_keep(self, everything: bool) -> bool:
        """Tell what is new, then keep memories that are due; False where it could not be told."""
        now = time.monotonic()
        due = [ward for ward in self._wards.values() if ward.is_known and self._is_news(ward, everything, now)]
        if due and not self._tell([_news(ward, self._rules) for ward in due]):
            return False
        for ward in due:
            ward.told_at, ward.told_days, ward.n_untold = now, ward.state.days, 0
            ward.changes, ward.is_anew = [], False
        self._keep(self._due(everything, now))
        while len(self._wards) > WARDS_MAX:
            pack_id, ward = next(iter(self._wards.items()))
            self._keep([ward])
            del self._wards[pack_id]
        needed = [ward.unsaved_from for ward in self._wards.values() if ward.unsaved_from is not None]
        self.floor = min([*needed, self._position.segment])
        return True

    @staticmethod
    def _is_news(ward: Ward, everything: bool, now: float) -> bool:
        return bool(ward.changes) or ward.is_anew or (ward.n_untold > 0 and (everything or now - ward.told_at > TELL_S))

    def _due(self, everything: bool, now: float) -> Iterable[Ward]:
        unsaved = [ward for ward in self._wards.values() if ward.unsaved_from is not None]
        return [ward for ward in unsaved if everything or ward.n_unsaved >= SAVE_FRAMES or now - ward.unsaved_at > SAVE_S]

    def _keep(self, wards: Iterable[Ward]) -> None:
        for ward in wards:
            if ward.unsaved_from is None:
                continue
            self._states.put(ward.kept())
            self._kept[ward.pack.pack_id] = ward.position
            ward.unsaved_from, ward.n_unsaved = None, 0


def _news(ward: Ward, rules: Rules) -> News:
    is_whole = bool(ward.changes) or ward.is_anew or ward.told_days != ward.state.days
    is_sure = is_whole and ward.state.days >= SURE_DAYS
    return News(ward.seen(rules if is_whole else None), ward.changes, ward.standing() if is_sure else None)
