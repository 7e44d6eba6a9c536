"""Looking tokens up for `authorise.judge`."""

import logging
from collections import OrderedDict
from dataclasses import dataclass

from evloom.serve.desk.authorise import NO_TOKEN, Shown, TokenRules, judge, row_for
from evloom.serve.logs import told
from evloom.store.connection import Connection
from evloom.store.database import Database
from evloom.store.desk import TokenRow, runs_elsewhere, tokens, was_ordered
from evloom.wire.ocpp.spoken import Verdict

_LOG = logging.getLogger("evloom.desk")
ORDERED_S = 900.0
"""So long after a remote start a station may begin a transaction for its token: drivers plug in late."""

REMEMBERED_S = 10.0
REMEMBERED_MAX = 4096
"""Some stations show the token with every word of a transaction. For these it is looked up again after so long."""

REFUSED_S = 600.0
"""The log says so often at most that a token was refused at a station."""

TEXT_MAX = 255
"""A token is no longer in any version."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and the registered token that it is about, None for none."""

    verdict: Verdict
    row: TokenRow | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A token that is shown: by which station, for which transaction ("" for none yet), and whether it begins it."""

    station_id: str
    token: str
    token_type: str = ""
    transaction: str = ""
    begins: bool = False


class Tokens:
    """Verdicts on tokens, from the database."""

    def __init__(self, db: Database, rules: TokenRules) -> None:
        self._db = db
        self._rules = rules
        self._remembered: OrderedDict[tuple[str, str, str], tuple[float, Judged]] = OrderedDict()
        self._refused: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def judged(self, asking: Asking, now_s: float) -> Judged:
        """The verdict now."""
        if asking.token_type == NO_TOKEN:
            return Judged(Verdict())
        text, rules = asking.token[:TEXT_MAX], self._rules

        def look(conn: Connection) -> Judged:
            rows = tokens(conn, text, asking.station_id)
            row = row_for(rows, asking.token_type)
            ordered = row is None and was_ordered(conn, asking.station_id, text, now_s - ORDERED_S)
            busy = asking.begins and not rules.concurrent and runs_elsewhere(conn, text, asking.station_id, asking.transaction)
            return Judged(judge(Shown(text, asking.token_type, asking.begins, busy, ordered), rows, rules, now_s), row)

        judged = await self._db.read(look)
        self._log(asking, judged, now_s)
        self._remember(asking, judged, now_s)
        return judged

    async def judged_again(self, asking: Asking, now_s: float) -> Judged:
        """The verdict in the midst of a transaction, which may be a few seconds old."""
        at_s, judged = self._remembered.get((asking.station_id, asking.token, asking.token_type), (0.0, None))
        if judged is not None and 0.0 <= now_s - at_s < REMEMBERED_S:
            return judged
        return await self.judged(asking, now_s)

    def _log(self, asking: Asking, judged: Judged, now_s: float) -> None:
        """Say that a token was refused: often it is a card that nobody has registered."""
        status = judged.verdict.status
        said = (asking.station_id, asking.token, asking.token_type)
        if judged.verdict.accepted or now_s - self._refused.get(said, -REFUSED_S) < REFUSED_S:
            return
        self._refused[said] = now_s
        if len(self._refused) > REMEMBERED_MAX:
            self._refused.popitem(last=False)
        advice = "register it in the console or by POST /api/v1/tokens" if judged.row is None else ""
        told(_LOG, logging.WARNING, "token.refused", station=asking.station_id, token=asking.token[:TEXT_MAX], status=status, advice=advice)

    def _remember(self, asking: Asking, judged: Judged, now_s: float) -> None:
        if judged.verdict.status == "ConcurrentTx":
            return
        self._remembered[asking.station_id, asking.token, asking.token_type] = (now_s, judged)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
