"""A charging transaction as the platform knows it, folded from the words of its station.

`fold` is pure, and made for stations as they are: words come in any order, repeated, late by days, without a start, without an end, from
a clock that is off by years, with registers that lie. The same words give the same session in whatever order they came (for registers
within the bounds of `pile.register`). What is wrong is said in `Session.suspect` by stable codes, never by dropping a value.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from evloom.pile.register import (
    Heard,
    Point,
    Registers,
    Totals,
    begins_at_zero,
    bounds_kwh,
    explained_kwh,
    heard,
    joined,
    least,
    most,
    totals,
)
from evloom.pile.station import TransactionSaid

RATING_MAX_KW = 500.0
"""Rating that is assumed of an EVSE whose rating nobody told: the largest common DC outlet (CCS, 500 A at 1000 V)."""

FUTURE_MAX_S = 86400.0
"""A word dated later than this after it was heard has a wrong clock. A station that takes its local time for UTC is off by 14 h at most:
its days are wrong, its durations are right, and they are believed."""

PAST_MAX_S = 180 * 86400.0
"""A word dated earlier than this before it was heard has a wrong clock: stations do not hold words for half a year."""

CLOSED_BY_NEXT = "NewTransaction"
"""Reason of an end that we wrote ourselves, because another transaction began at the same EVSE."""

LATER_USE = "~"
"""Between an id that a station uses again and the instant at which it does."""

SUSPECT = {
    "backwards": "the energy register went down",
    "begin_zero": "the begin register was zero although the meter was not",
    "clock": "the station's clock was off by far: the time of arrival was taken",
    "end_below_begin": "the end register is below the begin register",
    "id_invalid": "the station sent no valid transaction id",
    "jump": "the energy register rose faster than the EVSE can charge",
    "no_register": "it ended and no energy register was ever sent",
    "no_start": "its start was never heard",
    "not_closed": "its end was never heard: the next transaction at the EVSE closed it",
    "refused_token": "the station charged although the token was refused",
    "seq_repeated": "two different words bore the same sequence number",
    "time_order": "it ended before it began",
}
"""Code of `Session.suspect` to what it means. Codes are never renamed."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What the fold must remember beside the session's fields: each the least, the most or the set of what the words said.

    seqs      runs of sequence numbers heard, (first, last)
    started_s, ended_s, closed_s   instants of the station's start and end, and of an end written by us; heard_s earliest of any word
    token     (0 for words before the end, instant, token, type, group)
    state     (instant, seq, charging state); reason (instant, reason)
    codes     codes that the words themselves brought
    """

    seqs: tuple[tuple[int, int], ...] = ()
    started_s: float | None = None
    ended_s: float | None = None
    closed_s: float | None = None
    heard_s: float | None = None
    token: tuple[int, float, str, str, str] | None = None
    state: tuple[float, int, str] | None = None
    reason: tuple[float, str] | None = None
    registers: Registers = field(default=Registers())
    import_power: Point | None = None
    export_power: Point | None = None
    soc: Point | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One transaction of one station.

    started_at_s     instant of its start, of its earliest word where no start was heard; known_start_s when we first heard of it
    ended_at_s       None while it runs
    begin_kwh        register that the energy is counted from, last_kwh the latest, end_kwh the one it ended with; None where not sent
    energy_kwh       charged so far, never negative; discharged_kwh by the export register
    power_kw         last metered, positive = charging; 0 after the end
    suspect          codes of SUSPECT joined by ",", "" for none
    missing_seq      sequence numbers not heard, as (first, last) of each gap
    rating_kw        most that the EVSE can give, for the guards
    trail            what the fold remembers
    """

    station_id: str = ""
    transaction: str = ""
    protocol: str = ""
    site_id: str = ""
    rating_kw: float = RATING_MAX_KW
    evse: int = 0
    connector: int = 0
    token: str = ""
    token_type: str = ""
    group_id: str = ""
    started_at_s: float = 0.0
    known_start_s: float = 0.0
    ended_at_s: float | None = None
    begin_kwh: float | None = None
    last_kwh: float | None = None
    end_kwh: float | None = None
    energy_kwh: float = 0.0
    discharged_kwh: float = 0.0
    power_kw: float = 0.0
    soc: float | None = None
    charging_state: str = ""
    reason: str = ""
    suspect: str = ""
    offline: bool = False
    missing_seq: tuple[tuple[int, int], ...] = ()
    remote_start: int | None = None
    reservation: int | None = None
    number_of_phases: int | None = None
    cable_max_a: float | None = None
    trail: Trail = field(default=Trail())

    @property
    def session_id(self) -> str:
        """Name of the session in the platform."""
        return session_id(self.station_id, self.transaction)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of `suspect`."""
        return tuple(self.suspect.split(",")) if self.suspect else ()


def session_id(station_id: str, transaction: str) -> str:
    """Name of a transaction in the platform: transaction ids are unique within their station only."""
    return f"{station_id}:{transaction}"


def later_use(transaction: str, at_s: float) -> str:
    """Name in the platform of a transaction whose id the station has used before."""
    return f"{transaction}{LATER_USE}{at_s:.0f}"


def id_at_station(transaction: str) -> str:
    """The id by which the station knows a transaction."""
    known, _, at = transaction.rpartition(LATER_USE)
    return known if known and at.isdigit() and len(at) > 8 else transaction


def instant_of(happened_at_s: float, known_at_s: float) -> tuple[float, bool]:
    """When a word is taken to have happened, and whether the station's clock could be believed."""
    believed = known_at_s - PAST_MAX_S <= happened_at_s <= known_at_s + FUTURE_MAX_S
    return (happened_at_s if believed else known_at_s), believed


def fold(session: Session | None, said: TransactionSaid, happened_at_s: float, known_at_s: float) -> Session:
    """The session after one more word of it; None is a session of which nothing was heard.

    Begin with `Session(station_id=..., protocol=..., site_id=..., rating_kw=...)` to have those fields filled. A word whose sequence
    number was heard changes nothing.
    """
    session = session or Session()
    trail = session.trail
    if said.seq >= 0 and _has(trail.seqs, said.seq):
        return session
    instant_s, believed = instant_of(happened_at_s, known_at_s)
    total = totals(said.samples) if said.samples else Totals()
    grown = _grown(trail, said, instant_s)
    codes = {*grown.codes, *said.marks, *(() if believed else ("clock",))}
    word, sample_clock = _heard(said, total, instant_s, believed)
    if not sample_clock:
        codes.add("clock")
    grown = replace(
        grown,
        registers=heard(grown.registers, word, session.rating_kw),
        import_power=most(grown.import_power, _at(total.import_power, instant_s, believed)),
        export_power=most(grown.export_power, _at(total.export_power, instant_s, believed)),
        soc=most(grown.soc, _at(total.soc, instant_s, believed)),
        codes=grown.codes if len(codes) == len(grown.codes) else joined(codes),
    )
    return _derived(session, said, grown, known_at_s)


def _has(runs: tuple[tuple[int, int], ...], seq: int) -> bool:
    return any(first <= seq <= last for first, last in runs)


def _with(runs: tuple[tuple[int, int], ...], seq: int) -> tuple[tuple[int, int], ...]:
    """Runs of numbers with one more number, which is in none of them."""
    if seq < 0:
        return runs
    if runs and runs[-1][1] == seq - 1:
        return (*runs[:-1], (runs[-1][0], seq))
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*runs, (seq, seq))):
        if merged and merged[-1][1] + 1 == first:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def _grown(trail: Trail, said: TransactionSaid, instant_s: float) -> Trail:
    """The trail with everything of the word but its meter values."""
    ended = said.phase == "ended"
    ours = ended and said.reason == CLOSED_BY_NEXT
    token, state, reason = trail.token, trail.state, trail.reason
    if said.token:
        spoken = (1 if ended else 0, instant_s, said.token, said.token_type, said.group)
        token = spoken if token is None else min(token, spoken)
    if said.charging_state:
        told = (instant_s, said.seq, said.charging_state)
        state = told if state is None else max(state, told)
    if ended and not ours:
        why = (instant_s, said.reason)
        reason = why if reason is None else max(reason, why)
    return Trail(
        seqs=_with(trail.seqs, said.seq),
        started_s=_earlier(trail.started_s, instant_s) if said.phase == "started" else trail.started_s,
        ended_s=_later(trail.ended_s, instant_s) if ended and not ours else trail.ended_s,
        closed_s=_later(trail.closed_s, instant_s) if ours else trail.closed_s,
        heard_s=trail.heard_s if ours else _earlier(trail.heard_s, instant_s),
        token=token,
        state=state,
        reason=reason,
        registers=trail.registers,
        import_power=trail.import_power,
        export_power=trail.export_power,
        soc=trail.soc,
        codes=trail.codes,
    )


def _earlier(one_s: float | None, other_s: float) -> float:
    return other_s if one_s is None else min(one_s, other_s)


def _later(one_s: float | None, other_s: float) -> float:
    return other_s if one_s is None else max(one_s, other_s)


def _at(point: Point | None, instant_s: float, believed: bool) -> Point | None:
    """A sample's point at an instant that can be believed: its own, or that of the word."""
    if point is None or (believed and abs(point[0] - instant_s) <= PAST_MAX_S):
        return point
    return instant_s, point[1]


def _heard(said: TransactionSaid, total: Totals, instant_s: float, believed: bool) -> tuple[Heard, bool]:
    """The registers of a word, and whether the clock of all its samples could be believed."""
    begin: Point | None = None
    end: Point | None = None
    others: list[Point] = []
    good = True
    for at_s, value_kwh, context in total.imported:
        point = _at((at_s, value_kwh), instant_s, believed)
        good &= not believed or point == (at_s, value_kwh)
        if context == "Transaction.Begin":
            begin = least(begin, point)
        elif context == "Transaction.End":
            end = most(end, point)
        elif point is not None:
            others.append(point)
    if said.register_kwh is not None:
        point = (instant_s, said.register_kwh)
        if said.phase == "started":
            begin = point
        elif said.phase == "ended":
            end = point
        else:
            others.append(point)
    exported = tuple(point for raw in total.exported if (point := _at(raw, instant_s, believed)) is not None)
    return Heard(begin, end, tuple(others), exported, believed and good, said.phase == "started"), good


def _derived(session: Session, said: TransactionSaid, trail: Trail, known_at_s: float) -> Session:
    """The session's fields from its trail."""
    ended_s = trail.ended_s if trail.ended_s is not None else trail.closed_s
    begin_kwh, last_kwh = bounds_kwh(trail.registers, session.rating_kw, ended_s is not None)
    first = trail.started_s if trail.started_s is not None else trail.heard_s
    _, _, token, token_type, group = trail.token or (0, 0.0, "", "", "")
    registers = trail.registers
    return Session(
        station_id=session.station_id,
        transaction=session.transaction or said.transaction,
        protocol=session.protocol,
        site_id=session.site_id,
        rating_kw=session.rating_kw,
        evse=max(session.evse, said.evse),
        connector=max(session.connector, said.connector),
        token=token,
        token_type=token_type,
        group_id=group,
        started_at_s=first if first is not None else ended_s or 0.0,
        known_start_s=min(session.known_start_s or known_at_s, known_at_s),
        ended_at_s=ended_s,
        begin_kwh=begin_kwh,
        last_kwh=None if registers.last is None else registers.last[1],
        end_kwh=last_kwh if ended_s is not None else None,
        energy_kwh=0.0 if begin_kwh is None or last_kwh is None else max(last_kwh - begin_kwh, 0.0),
        discharged_kwh=_discharged_kwh(registers),
        power_kw=0.0 if ended_s is not None else _power_kw(trail),
        soc=None if trail.soc is None else trail.soc[1],
        charging_state=trail.state[2] if trail.state else "",
        reason=trail.reason[1] if trail.reason else (CLOSED_BY_NEXT if trail.closed_s is not None else ""),
        suspect=",".join(_suspect(trail, first, ended_s, session.rating_kw)),
        offline=session.offline or said.offline,
        missing_seq=_missing(trail.seqs, trail.started_s is not None),
        remote_start=_greater(session.remote_start, said.remote_start),
        reservation=_greater(session.reservation, said.reservation),
        number_of_phases=_greater(session.number_of_phases, said.number_of_phases),
        cable_max_a=said.cable_max_a if session.cable_max_a is None else _later(said.cable_max_a, session.cable_max_a),
        trail=trail,
    )


def _greater(one: int | None, other: int | None) -> int | None:
    """Numbers do not change within a transaction; where they do, the order of words must not decide."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _discharged_kwh(registers: Registers) -> float:
    first, last = registers.export_first, registers.export_last
    return 0.0 if first is None or last is None else max(last[1] - first[1], 0.0)


def _power_kw(trail: Trail) -> float:
    """The latest power: import less export where both were metered at once, else the later of them."""
    imported, exported = trail.import_power, trail.export_power
    if exported is None or (imported is not None and imported[0] > exported[0]):
        return 0.0 if imported is None else imported[1]
    if imported is None or exported[0] > imported[0]:
        return -exported[1]
    return imported[1] - exported[1]


def _missing(runs: tuple[tuple[int, int], ...], started: bool) -> tuple[tuple[int, int], ...]:
    """Gaps between the runs; before the first run too, where the start was not heard (sequences begin at 0, some at 1)."""
    if len(runs) == 1 and (started or runs[0][0] == 0):
        return ()
    gaps = [(one[1] + 1, other[0] - 1) for one, other in pairwise(runs)]
    if runs and not started and runs[0][0] > 0:
        gaps.insert(0, (0, runs[0][0] - 1))
    return tuple(gaps)


def _suspect(trail: Trail, first_s: float | None, ended_s: float | None, rating_kw: float) -> Iterable[str]:
    """Codes of all that is wrong, in order."""
    registers, codes = trail.registers, set(trail.codes)
    if trail.started_s is None:
        codes.add("no_start")
    if registers.backwards:
        codes.add("backwards")
    if begins_at_zero(registers, rating_kw):
        codes.add("begin_zero")
    if registers.jump:
        codes.add("jump")
    if ended_s is None:
        return joined(codes)
    if trail.ended_s is None:
        codes.add("not_closed")
    if first_s is not None and ended_s < first_s:
        codes.add("time_order")
    begin_kwh, end_kwh = bounds_kwh(registers, rating_kw, True)
    if begin_kwh is None or end_kwh is None:
        codes.add("no_register")
    elif end_kwh < begin_kwh:
        codes.add("end_below_begin")
    elif first_s is not None and "clock" not in codes and end_kwh - begin_kwh > explained_kwh(rating_kw, max(ended_s - first_s, 0.0)):
        codes.add("jump")
    return joined(codes)
