"""The span of a run: local days and instants become one grid of UTC steps."""

import difflib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.kernel.timegrid import TimeGrid, from_epoch_s
from evloom.simulate.scenario.schema import TimeSection
from evloom.simulate.scenario.section import FIRST_YEAR, LAST_YEAR, Moment, Notes
from evloom.simulate.sources.table import SessionTable

LONGEST_DAYS = 3660


def zone_of(section: TimeSection, notes: Notes) -> ZoneInfo:
    """The time zone of the scenario; UTC beside a finding where the name is not known."""
    try:
        return ZoneInfo(section.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if section.zone:
            near = difflib.get_close_matches(section.zone, available_timezones(), n=1)
            advice = f"did you mean {near[0]}?" if near else 'write it as "Continent/City", for instance "Europe/Berlin"'
            notes.refuse("unknown-zone", f"{section.path}.zone", f'"{section.zone}"', "an IANA name", advice)
        return ZoneInfo("UTC")


def instant(moment: Moment, zone: ZoneInfo) -> datetime:
    """The UTC instant of a moment: a date is local midnight, a naive date-time is read on the clocks of `zone`.

    An hour that occurs twice means its first occurrence; one that a clock change skips means the same elapsed
    time after the last hour that existed, so a midnight that does not exist is the first instant of its day.
    """
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min, tzinfo=zone)
    elif moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)


def parse_moment(text: str) -> Moment:
    """A moment as typed at a command line: "2019-06-01", "2019-06-01T08:00" or with an offset. Raises InputError."""
    for read in (date.fromisoformat, datetime.fromisoformat):
        try:
            moment: Moment = read(text)
        except ValueError:
            continue
        if FIRST_YEAR <= moment.year <= LAST_YEAR:
            return moment
    allowed = f"2019-06-01, 2019-06-01T08:00 or 2019-06-01T08:00+02:00; years {FIRST_YEAR} to {LAST_YEAR}"
    raise InputError(
        [Finding("scenario.not-a-date", "refused", "command line", None, None, f'"{text}"', allowed, "write the date as ISO 8601")]
    )


def span_of(section: TimeSection, zone: ZoneInfo, sessions: SessionTable | None, notes: Notes) -> TimeGrid:
    """The grid from `from` to `to`; where one is not given, the days of the sessions. A grid of one day where neither is known."""
    if 3600 % section.step_s:
        advice = "choose 60, 300, 600, 900, 1800 or 3600"
        notes.refuse("step-not-in-hour", f"{section.path}.step_s", f"{section.step_s} s", "a divisor of 3600 s", advice)
    start = _border(section.start, zone, sessions, 0)
    end = _border(section.end, zone, sessions, 1)
    for name, border in (("from", start), ("to", end)):
        if border is None:
            advice = f"add {name} to [time], or name a session file whose days are taken"
            notes.refuse("missing-key", f"{section.path}.{name}", "(not given)", "a date or date-time", advice)
    start = start or end or datetime(2000, 1, 1, tzinfo=UTC)
    end = end or start + timedelta(days=1)
    if end <= start:
        value = f"{end.astimezone(zone):%Y-%m-%d %H:%M}"
        notes.refuse(
            "span-empty", f"{section.path}.to", value, f"after {start.astimezone(zone):%Y-%m-%d %H:%M}", "to must be later than from"
        )
        end = start + timedelta(days=1)
    if (end - start).days > LONGEST_DAYS:
        advice = "run it in pieces"
        notes.refuse("span-too-long", f"{section.path}.to", f"{(end - start).days} days", f"<= {LONGEST_DAYS} days", advice)
        end = start + timedelta(days=1)
    return TimeGrid.between(start, end, section.step_s)


def _border(moment: Moment | None, zone: ZoneInfo, sessions: SessionTable | None, last: int) -> datetime | None:
    """The moment given, or local midnight before the first arrival, or (last = 1) after the last departure."""
    if moment is not None:
        return instant(moment, zone)
    if sessions is None or len(sessions) == 0:
        return None
    edge_s = float(sessions.departure_s.max()) if last else float(sessions.arrival_s.min())
    day = from_epoch_s(edge_s).astimezone(zone).date()
    midnight = instant(day, zone)
    return midnight if midnight == from_epoch_s(edge_s) else instant(day + timedelta(days=last), zone)
