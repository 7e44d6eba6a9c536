"""Progress by sweep: written over on a terminal, now and then a line elsewhere, and the word to stop."""

import io
import math
import signal

from evloom.dispatch.solved import Round
from evloom.plan.fleet import progress
from evloom.plan.fleet.progress import Progress
from evloom.simulate.patience import Patience

FIRST, SECOND = Round(1, math.inf, -math.inf, 0.5), Round(4, 1234.5, 1230.0, 0.0)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def watched(stream):
    return Progress(stream, Patience(lambda *_: None, "sweep"))


def test_on_a_terminal_a_line_is_written_over_and_cleared():
    stream = Terminal()
    shown = watched(stream)
    assert shown(FIRST)
    assert shown(SECOND)
    shown.close()
    parts = stream.getvalue().split("\r")
    assert [part.rstrip() for part in parts[1:3]] == [
        "sweep 1: value none yet, bound none yet, gap open",
        "sweep 4: value 1,234.50, bound 1,230.00, gap 0.3645 %",
    ]
    assert parts[3:] == [" " * len("sweep 4: value 1,234.50, bound 1,230.00, gap 0.3645 %"), ""]


def test_elsewhere_a_line_comes_only_now_and_then(monkeypatch):
    stream = io.StringIO()
    shown = watched(stream)
    assert shown(SECOND)
    assert stream.getvalue() == ""
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    assert shown(SECOND)
    shown.close()
    assert stream.getvalue() == "evloom: sweep 4: value 1,234.50, bound 1,230.00, gap 0.3645 %\n"


def test_ctrl_c_is_kept_until_a_sweep_is_done_and_then_stops(capfd):
    with Patience(lambda *_: None, "sweep") as patience:
        shown = Progress(io.StringIO(), patience)
        assert shown(FIRST)
        signal.raise_signal(signal.SIGINT)
        assert patience.is_asked
        assert not shown(SECOND)
    assert "stopping after this sweep" in capfd.readouterr().err
