"""What the loop ordered of each running session, kept by this process as it happens: the chart of a session shows it beside the meter."""

from collections import OrderedDict

from evloom.serve.bus import Bus, Happening
from evloom.serve.live.live import Live

SESSIONS_MAX = 5000
STEPS_MAX = 2000
NEWS_KW = 0.05
"""A change of an order that a chart would not show."""
Steps = list[tuple[float, float]]


class Trace:
    """Steps (instant, kW) of orders by session; the oldest sessions are forgotten first."""

    def __init__(self, bus: Bus, live: Live) -> None:
        self._live = live
        self._steps: OrderedDict[str, Steps] = OrderedDict()
        bus.listen("cycle", self._cycled)

    def of(self, session_id: str) -> Steps:
        """What was ordered of a session since this process has run."""
        return self._steps.get(session_id, [])

    def _cycled(self, happening: Happening) -> None:
        board = self._live.board(happening.subject)
        for bay in board.evses if board is not None else ():
            if bay.session_id and bay.ordered_kw is not None:
                self._order(bay.session_id, happening.at_s, bay.ordered_kw)

    def _order(self, session_id: str, at_s: float, power_kw: float) -> None:
        steps = self._steps.setdefault(session_id, [])
        if steps and abs(steps[-1][1] - power_kw) < NEWS_KW:
            return
        steps.append((at_s, power_kw))
        if len(steps) > STEPS_MAX:
            del steps[0]
        if len(self._steps) > SESSIONS_MAX:
            self._steps.popitem(last=False)
