"""How far the work has come, on standard error: a bar that is written over on a terminal, now and then a line elsewhere."""

import time
from typing import TextIO

from evloom.simulate.patience import Patience

EVERY_S = 10.0
REDRAW_S = 0.1
WIDTH = 24


class Progress:
    """Counts jobs and frames and shows them; raises KeyboardInterrupt after Ctrl-C, between two pieces of work."""

    def __init__(self, stream: TextIO, patience: Patience, sizes: dict[int, int]) -> None:
        self._stream, self._patience, self._sizes = stream, patience, sizes
        self._total = max(sum(sizes.values()), 1)
        self._is_terminal = stream.isatty()
        self._begun_s = self._shown_s = time.monotonic()
        self._done = self.n_frame = self.n_pack = self.n_suspect = 0
        self._width = 0

    def frames(self, n: int) -> None:
        """So many frames more have been read."""
        self.n_frame += n
        if self._patience.is_asked:
            raise KeyboardInterrupt
        self._show()

    def job(self, number: int, n_pack: int, n_suspect: int) -> None:
        """A job is done."""
        self._done += self._sizes[number]
        self.n_pack += n_pack
        self.n_suspect += n_suspect
        self._show()

    def _show(self) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < (REDRAW_S if self._is_terminal else EVERY_S):
            return
        self._shown_s = now_s
        share = self._done / self._total
        text = f"{100 * share:3.0f} %  {self.text()}, {now_s - self._begun_s:.0f} s"
        if self._is_terminal:
            bar = "#" * round(WIDTH * share)
            line = f"[{bar.ljust(WIDTH, '.')}] {text}"
            self._stream.write("\r" + line.ljust(self._width))
            self._width = len(line)
        else:
            self._stream.write(f"evloom: {text}\n")
        self._stream.flush()

    def text(self) -> str:
        """What is told beside the bar."""
        return f"{self.n_pack:,} packs, {self.n_suspect:,} suspect, {self.n_frame:,} frames"

    def close(self) -> None:
        """Clear the line on a terminal."""
        if self._is_terminal and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
