"""Progress of the sweeps on standard error: a line that is written over on a terminal, now and then a line elsewhere."""

import math
import time
from typing import TextIO

from evloom.dispatch.solved import Round
from evloom.simulate.patience import Patience

EVERY_S = 5.0


class Progress:
    """The watch of an optimisation: shows value, bound and gap by sweep and stops it after Ctrl-C."""

    def __init__(self, stream: TextIO, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience
        self._is_terminal = stream.isatty()
        self._shown_s = time.monotonic()
        self._width = 0

    def __call__(self, at: Round) -> bool:
        """Show a round; whether to go on."""
        text = f"sweep {at.sweep}: value {_figure(at.value)}, bound {_figure(at.bound)}, gap {_share(at.gap)}"
        if self._is_terminal:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
            self._stream.flush()
        elif time.monotonic() - self._shown_s >= EVERY_S:
            self._shown_s = time.monotonic()
            self._stream.write(f"evloom: {text}\n")
            self._stream.flush()
        return not self._patience.is_asked

    def close(self) -> None:
        """Clear the line on a terminal."""
        if self._is_terminal and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()


def _figure(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "none yet"


def _share(gap: float) -> str:
    return f"{100.0 * gap:.4f} %" if math.isfinite(gap) else "open"
