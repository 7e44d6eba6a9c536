"""What is checked of every session, whatever file it came from, and what is done about it.

Each rule is a `Note`; `docs/sessions.md` explains them. The order matters: rows are refused first, then
values are repaired, then doubts are raised, and overlaps on a connector are settled last.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from evloom.kernel.timegrid import Bool, Float, Int, epoch_s
from evloom.simulate.sources.convert import Column, iso
from evloom.simulate.sources.rows import FindingLog, Note, RawTable
from evloom.simulate.sources.table import INSTANT_COLUMNS, NUMBER_COLUMNS, TEXT_COLUMNS, SessionTable

EARLIEST_S = epoch_s(datetime(2000, 1, 1, tzinfo=UTC))
LATEST_S = epoch_s(datetime(2100, 1, 1, tzinfo=UTC))
# Sessions shorter than this say little about the power a connector can give: their clocks count minutes.
STEADY_STAY_S = 900.0
# Several formats tell the time to the minute.
CLOCK_STEP_S = 60.0
# A mean power this many times the 99th percentile of the file is an outlier worth a look.
OUTLIER_TIMES = 1.5
OUTLIER_LEAST_N = 100

UNREADABLE = {
    "arrival_s": Note("session.unreadable-arrival", "refused", "arrival", "a date and time as the format writes it", "mend the cell"),
    "departure_s": Note("session.unreadable-departure", "refused", "departure", "a date and time as the format writes it", "mend the cell"),
    "energy_kwh": Note("session.unreadable-energy", "refused", "energy", "a number as the format writes it", "mend the cell"),
}
ABSENT = {
    "arrival_s": Note("session.no-arrival", "refused", "arrival", "a plug-in time", "add it"),
    "departure_s": Note(
        "session.no-departure", "refused", "departure", "a plug-out time", "an open-ended stay has no known deadline: add it"
    ),
    "energy_kwh": Note("session.no-energy", "refused", "energy", "metered energy in kWh", "add it"),
}
YEAR = Note("session.year", "refused", "arrival, departure", "2000-01-01 to 2100-01-01", "mend the year")
BACKWARDS = Note("session.ends-before-start", "refused", "departure", "later than the arrival", "mend one of the two times")
ZERO_STAY = Note("session.zero-stay", "refused", "departure", "later than the arrival", "mend one of the two times")
STAY_FROM_FILE = Note(
    "session.zero-stay", "repaired", "departure", "later than the arrival", "arrival plus the duration that the file states was taken"
)
NEGATIVE = Note("session.negative-energy", "refused", "energy_kwh", ">= 0 kWh", "mend the meter reading")
SAME_ROW = Note(
    "session.same-row", "refused", "session_id", "each session once", "the earlier row with the same id, times and energy is kept"
)
DOUBLED_ID = Note("session.doubled-id", "repaired", "session_id", "each id once", "# and a number was added to the id")
NO_ID = Note("session.no-id", "repaired", "session_id", "an id", 'the line number was taken: "line N"')
STATED_STAY = Note(
    "session.duration-disagrees",
    "warning",
    "duration",
    "departure - arrival within 120 s",
    "the two times were kept, the stated duration was not",
)
TOLD_EARLY = Note("session.told-before-arrival", "repaired", "told_departure", "later than the arrival", "taken as not told")
CHARGE_END = Note(
    "session.charging-end-outside", "repaired", "charging_end", "between arrival and departure (60 s grace)", "taken as unknown"
)
NOTHING_DELIVERED = Note("session.zero-energy", "warning", "energy_kwh", "> 0 kWh", "kept: the car holds the connector and needs nothing")
FEE_FOR_NOTHING = Note("session.fee-without-energy", "warning", "fee", "0 where no energy was delivered", "kept: a bill must explain it")
TOO_MUCH_FOR_STAY = Note(
    "session.energy-exceeds-stay",
    "warning",
    "energy_kwh",
    "power_max_kw times the stay",
    "kept: a run that obeys the power limit ends short of it",
)
BEYOND_PEERS = Note(
    "session.mean-power-outlier",
    "warning",
    "energy_kwh / stay",
    "1.5 times the 99th percentile of the file",
    "kept: check the two times and the energy",
)
OVERLAP_CUT = Note(
    "session.overlap", "repaired", "departure", "before the next arrival on the connector", "the departure was moved to the next arrival"
)
OVERLAP_MOVED = Note(
    "session.overlap", "repaired", "evse_id", "one session at a time", "the connector of the later session was taken as unknown"
)
OVERLAP_SHIFTED = Note(
    "session.overlap", "repaired", "arrival", "after the departure before it on the connector", "the arrival was moved to that departure"
)
LIMITS = {
    "requested_kwh": (0.0, np.inf, False),
    "soc_arrival": (0.0, 1.0, True),
    "soc_departure": (0.0, 1.0, True),
    "battery_kwh": (0.0, np.inf, False),
    "power_max_kw": (0.0, np.inf, False),
    "fee": (-np.inf, np.inf, True),
}


def _unknown(n: int) -> Float:
    return np.full(n, np.nan)


@dataclass
class Draft:
    """A file converted but not yet checked. Missing columns are unknown; `bad` says which cells could not be read.

    stated_stay_s   the duration as the file states it, NaN where it does not
    """

    raw: RawTable
    text: dict[str, list[str]]
    number: dict[str, Float]
    bad: dict[str, Bool]
    stated_stay_s: Float
    log: FindingLog
    zone: str = ""
    currency: str = ""
    shown: dict[str, str] = field(default_factory=dict)


def draft_of(raw: RawTable, text: dict[str, list[str]], column: dict[str, Column]) -> Draft:
    """A draft with every column of a `SessionTable`; those not given are unknown."""
    n = len(raw)
    number = {name: column[name].value.copy() if name in column else _unknown(n) for name in INSTANT_COLUMNS + NUMBER_COLUMNS}
    bad = {name: column[name].bad for name in column}
    texts = {name: text.get(name, [""] * n) for name in TEXT_COLUMNS}
    return Draft(raw, texts, number, bad, _unknown(n), FindingLog(raw.source, raw.line))


def finish(draft: Draft) -> SessionTable:
    """Check a draft and make the table of the accepted sessions, with all findings in the order of the file."""
    refused = _refuse_unusable(draft)
    refused |= _refuse_impossible(draft, refused)
    refused |= _settle_ids(draft, refused)
    kept = ~refused
    _forget_impossible(draft, kept)
    _doubt(draft, kept)
    _settle_overlaps(draft, kept)
    order = np.array(
        sorted(np.flatnonzero(kept), key=lambda i: (draft.number["arrival_s"][i], draft.text["session_id"][i])), dtype=np.int64
    )
    findings = sorted([*draft.raw.findings, *draft.log.findings], key=lambda f: (f.row is not None, f.row or 0))
    text = {name: [draft.text[name][i] for i in order] for name in TEXT_COLUMNS}
    number = {name: draft.number[name][order] for name in INSTANT_COLUMNS + NUMBER_COLUMNS}
    return SessionTable(
        session_id=text["session_id"],
        evse_id=text["evse_id"],
        driver_id=text["driver_id"],
        vehicle_model=text["vehicle_model"],
        arrival_s=number["arrival_s"],
        departure_s=number["departure_s"],
        energy_kwh=number["energy_kwh"],
        requested_kwh=number["requested_kwh"],
        told_departure_s=number["told_departure_s"],
        soc_arrival=number["soc_arrival"],
        soc_departure=number["soc_departure"],
        battery_kwh=number["battery_kwh"],
        power_max_kw=number["power_max_kw"],
        charging_end_s=number["charging_end_s"],
        fee=number["fee"],
        currency=draft.currency,
        source=draft.raw.source,
        zone=draft.zone,
        findings=tuple(findings),
        n_row=draft.raw.n_row,
    )


def _cell(draft: Draft, name: str, i: int) -> str:
    """The text of the file behind a value, for messages."""
    column = draft.shown.get(name, name)
    return repr(draft.raw.column[column][i]) if column in draft.raw.column else f"{draft.number[name][i]:g}"


def _refuse_unusable(draft: Draft) -> Bool:
    refused = np.zeros(len(draft.raw), dtype=np.bool_)
    for name, note in UNREADABLE.items():
        bad = draft.bad.get(name, np.zeros(len(draft.raw), dtype=np.bool_))
        absent = np.isnan(draft.number[name]) & ~bad
        draft.log.add(bad, note, lambda i, name=name: _cell(draft, name, i))  # type: ignore[misc]
        draft.log.add(absent, ABSENT[name], lambda i, name=name: _cell(draft, name, i))  # type: ignore[misc]
        refused |= bad | absent
    return refused


def _refuse_impossible(draft: Draft, refused: Bool) -> Bool:
    arrival_s, departure_s = draft.number["arrival_s"], draft.number["departure_s"]
    energy_kwh = draft.number["energy_kwh"]
    year = ~refused & ((np.minimum(arrival_s, departure_s) < EARLIEST_S) | (np.maximum(arrival_s, departure_s) > LATEST_S))
    equal = ~refused & ~year & (departure_s == arrival_s)
    mended = equal & (draft.stated_stay_s > 0)
    departure_s[mended] = arrival_s[mended] + draft.stated_stay_s[mended]
    backwards = ~refused & ~year & (departure_s < arrival_s)
    negative = ~refused & (energy_kwh < 0)

    def both(i: int) -> str:
        return f"{iso(departure_s[i])}, arrival {iso(arrival_s[i])}"

    draft.log.add(year, YEAR, both)
    draft.log.add(backwards, BACKWARDS, both)
    draft.log.add(equal & ~mended, ZERO_STAY, both)
    draft.log.add(mended & ~negative, STAY_FROM_FILE, lambda i: f"0 s, stated {draft.stated_stay_s[i]:.0f} s")
    draft.log.add(negative, NEGATIVE, lambda i: f"{energy_kwh[i]:g} kWh")
    wrong: Bool = year | backwards | (equal & ~mended) | negative
    return wrong


def _settle_ids(draft: Draft, refused: Bool) -> Bool:
    """Make ids unique; refuse rows that only repeat an earlier one."""
    ids, n = draft.text["session_id"], len(draft.raw)
    again, renamed, nameless = (np.zeros(n, dtype=np.bool_) for _ in range(3))
    old = list(ids)
    taken: dict[str, set[tuple[float, float, float]]] = {}
    used = set(ids)
    for i in np.flatnonzero(~refused):
        if not ids[i]:
            nameless[i] = True
            ids[i] = f"line {draft.raw.line[i]}"
        content = (draft.number["arrival_s"][i], draft.number["departure_s"][i], draft.number["energy_kwh"][i])
        if ids[i] not in taken:
            taken[ids[i]] = {content}
        elif content in taken[ids[i]]:
            again[i] = True
        else:
            taken[ids[i]].add(content)
            number = len(taken[ids[i]])
            while f"{old[i]}#{number}" in used:
                number += 1
            ids[i] = f"{old[i]}#{number}"
            used.add(ids[i])
            renamed[i] = True
    draft.log.add(nameless, NO_ID, lambda i: repr(old[i]))
    draft.log.add(again, SAME_ROW, lambda i: repr(old[i]))
    draft.log.add(renamed, DOUBLED_ID, lambda i: repr(old[i]))
    return again


def _forget_impossible(draft: Draft, kept: Bool) -> None:
    """Optional values that cannot be true become unknown, and are listed."""
    number = draft.number
    for name, (low, high, closed) in LIMITS.items():
        value = number[name]
        outside = kept & (((value < low) | (value > high)) if closed else ((value <= low) | (value > high)))
        bad = kept & draft.bad.get(name, np.zeros(len(kept), dtype=np.bool_))
        span = f"{low:g} to {high:g}" if np.isfinite(high) else f"> {low:g}" if np.isfinite(low) else "a number"
        note = Note(f"session.{name.replace('_', '-')}-range", "repaired", name, span, "taken as unknown")
        draft.log.add(outside | bad, note, lambda i, name=name: _cell(draft, name, i))  # type: ignore[misc]
        value[outside] = np.nan
    for name in ("told_departure_s", "charging_end_s"):
        bad = kept & draft.bad.get(name, np.zeros(len(kept), dtype=np.bool_))
        plain = name.removesuffix("_s")
        note = Note(
            f"session.unreadable-{plain.replace('_', '-')}", "repaired", plain, "a date and time with UTC offset", "taken as unknown"
        )
        draft.log.add(bad, note, lambda i, name=name: _cell(draft, name, i))  # type: ignore[misc]
    early = kept & (number["told_departure_s"] <= number["arrival_s"])
    draft.log.add(early, TOLD_EARLY, lambda i: f"{iso(number['told_departure_s'][i])}, arrival {iso(number['arrival_s'][i])}")
    number["told_departure_s"][early] = np.nan
    end_s = number["charging_end_s"]
    outside = kept & ((end_s < number["arrival_s"] - 60.0) | (end_s > number["departure_s"] + 60.0))
    draft.log.add(outside, CHARGE_END, lambda i: iso(end_s[i]))
    end_s[outside] = np.nan
    _clip_charging_end(number)


def _doubt(draft: Draft, kept: Bool) -> None:
    """Warnings: values that are kept as they are."""
    number = draft.number
    stay_s = number["departure_s"] - number["arrival_s"]
    energy_kwh = number["energy_kwh"]
    apart = kept & (np.abs(stay_s - draft.stated_stay_s) > 120.0)
    draft.log.add(apart, STATED_STAY, lambda i: f"{draft.stated_stay_s[i] / 3600:.3f} h, by the two times {stay_s[i] / 3600:.3f} h")
    draft.log.add(kept & (energy_kwh == 0), NOTHING_DELIVERED, lambda i: f"{energy_kwh[i]:g} kWh")
    draft.log.add(
        kept & (energy_kwh == 0) & (number["fee"] > 0), FEE_FOR_NOTHING, lambda i: f"{number['fee'][i]:g} {draft.currency}".strip()
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_kw = np.where(kept, energy_kwh / (stay_s / 3600.0), np.nan)
    beyond = kept & (energy_kwh > number["power_max_kw"] * stay_s / 3600.0 * 1.001 + 0.005)
    draft.log.add(
        beyond, TOO_MUCH_FOR_STAY, lambda i: f"{energy_kwh[i]:g} kWh in {stay_s[i] / 3600:.3f} h at {number['power_max_kw'][i]:g} kW"
    )
    steady = kept & (stay_s >= STEADY_STAY_S)
    if np.count_nonzero(steady) >= OUTLIER_LEAST_N:
        limit_kw = OUTLIER_TIMES * float(np.percentile(mean_kw[steady], 99))
        far = kept & ~beyond & (mean_kw > limit_kw) & (energy_kwh > limit_kw * (stay_s + 60.0) / 3600.0)
        draft.log.add(far, BEYOND_PEERS, lambda i: f"{mean_kw[i]:.3g} kW mean, {energy_kwh[i]:g} kWh in {stay_s[i]:.0f} s")


def _able_kw(draft: Draft, kept: Bool) -> Float:
    """Power (n,) that could have charged each session: its limit, or the highest mean power seen on its connector."""
    stay_s = draft.number["departure_s"] - draft.number["arrival_s"]
    seen: dict[str, float] = {}
    for i in np.flatnonzero(kept & (stay_s >= STEADY_STAY_S)):
        power_kw = float(draft.number["energy_kwh"][i] / (stay_s[i] / 3600.0))
        evse = draft.text["evse_id"][i]
        seen[evse] = max(seen.get(evse, 0.0), power_kw)
    highest_kw = max(seen.values(), default=0.0)
    on_connector_kw = np.array([seen.get(evse, highest_kw) for evse in draft.text["evse_id"]])
    limit_kw = draft.number["power_max_kw"]
    able_kw: Float = np.where(np.isfinite(limit_kw), limit_kw, on_connector_kw)
    return able_kw


def _settle_overlaps(draft: Draft, kept: Bool) -> None:
    """Leave no two sessions on one connector at one time. The first of these that can be true is done:

    1. the earlier session is cut at the arrival of the later one, if its energy could still have been
       delivered: at `power_max_kw`, or else at the highest mean power seen on that connector;
    2. the later session is moved to the end of the earlier one, if that is at most a minute, the
       resolution of the clock in several formats, and leaves it some stay;
    3. the connector of the later session is taken as unknown.
    """
    number, evse_ids = draft.number, draft.text["evse_id"]
    arrival_s, departure_s = number["arrival_s"], number["departure_s"]
    able_kw = _able_kw(draft, kept)
    done = {note.advice: np.zeros(len(kept), dtype=np.bool_) for note in (OVERLAP_CUT, OVERLAP_SHIFTED, OVERLAP_MOVED)}
    was_s, came_s, was_evse = departure_s.copy(), arrival_s.copy(), list(evse_ids)
    last: dict[str, int] = {}
    for i in _by_arrival(draft, kept):
        evse = evse_ids[i]
        before = last.get(evse) if evse else None
        if before is not None and departure_s[before] > arrival_s[i]:
            room_kwh = able_kw[before] * (arrival_s[i] - arrival_s[before]) / 3600.0
            if arrival_s[i] > arrival_s[before] and number["energy_kwh"][before] <= room_kwh:
                done[OVERLAP_CUT.advice][before] = True
                departure_s[before] = arrival_s[i]
            elif departure_s[before] - arrival_s[i] <= CLOCK_STEP_S and departure_s[before] < departure_s[i]:
                done[OVERLAP_SHIFTED.advice][i] = True
                arrival_s[i] = departure_s[before]
            else:
                done[OVERLAP_MOVED.advice][i] = True
                evse_ids[i] = ""
                continue
        if evse:
            last[evse] = int(i)
    _clip_charging_end(number)
    draft.log.add(done[OVERLAP_CUT.advice], OVERLAP_CUT, lambda i: f"{iso(was_s[i])} on {evse_ids[i]}, next arrival {iso(departure_s[i])}")
    draft.log.add(
        done[OVERLAP_SHIFTED.advice], OVERLAP_SHIFTED, lambda i: f"{iso(came_s[i])} on {evse_ids[i]}, taken until {iso(arrival_s[i])}"
    )
    draft.log.add(done[OVERLAP_MOVED.advice], OVERLAP_MOVED, lambda i: f"{was_evse[i]}, taken at {iso(arrival_s[i])}")


def _clip_charging_end(number: dict[str, Float]) -> None:
    end_s = number["charging_end_s"]
    np.clip(end_s, number["arrival_s"], np.fmax(number["arrival_s"], number["departure_s"]), out=end_s)


def _by_arrival(draft: Draft, kept: Bool) -> Int:
    index = np.flatnonzero(kept)
    order: Int = index[np.lexsort((draft.raw.line[index], draft.number["departure_s"][index], draft.number["arrival_s"][index]))]
    return order
