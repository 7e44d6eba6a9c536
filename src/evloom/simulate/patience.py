"""Ctrl-C during a study: heard at once, obeyed between two cycles."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

HEARD = "\nevloom: stopping after this {unit} and writing what is finished; Ctrl-C again stops at once and writes nothing\n"
STOPPED = b"\nevloom: interrupted; nothing is complete but what was said to be\n"


class Patience:
    """While it is entered, the first Ctrl-C is kept until `watch` is called; then it is raised. The second ends the process.

    Raised at any moment, it can fall between the steps in which compiled code takes over its arguments, and break memory;
    or into a call from compiled code, and be lost.
    Works in the main thread; elsewhere Python hears no signals and nothing is changed.
    """

    def __init__(self, watch: Callable[[str, int, int], None], unit: str = "cycle") -> None:
        self._watch = watch
        self._heard_text = HEARD.format(unit=unit).encode()
        self._asked = False
        self._before: Any = None
        self._main = threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "Patience":
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._before)

    def watch(self, policy: str, done: int, total: int) -> None:
        """Pass on how far a policy has come. Raises KeyboardInterrupt where Ctrl-C was pressed since."""
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt
        self._watch(policy, done, total)

    @property
    def is_asked(self) -> bool:
        """Whether Ctrl-C was pressed since the last cycle; for work that stops in another way than by an error."""
        return self._asked

    def _heard(self, number: int, frame: FrameType | None) -> None:
        os.write(2, STOPPED if self._asked else self._heard_text)  # print() may be what was interrupted
        if self._asked:
            os._exit(128 + number)
        self._asked = True
