"""Values as people read them: numbers, instants on a clock, spans of time, money. And the engine of templates that uses them."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from evloom.kernel.timegrid import from_epoch_s
from evloom.serve.console.assets import address
from evloom.serve.console.faults import advice_words, allowed_words
from evloom.serve.console.language import Lang, said
from evloom.serve.console.nav import groups_for
from evloom.serve.console.visit import Visit

NOTHING = "–"


def number(value: float | Decimal | str | None, digits: int = 1) -> str:
    """A number with so many decimals, a dash for none."""
    if value is None or value == "":
        return NOTHING
    as_float = float(value)
    if not math.isfinite(as_float):
        return NOTHING
    text = f"{as_float:,.{digits}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0.0 else text


def plain(value: object) -> str:
    """A value as it is typed into a field: numbers without needless zeros, nothing for None."""
    if value is None or isinstance(value, msgspec.UnsetType):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def money(value: float | Decimal | str | None, currency: str = "") -> str:
    """An amount with two decimals and its currency."""
    return NOTHING if value is None or value == "" else f"{number(value, 2)} {currency}".strip()


def local(at: datetime | float, zone: str) -> datetime:
    """An instant on the clock of a zone."""
    return (from_epoch_s(at) if isinstance(at, int | float) else at).astimezone(ZoneInfo(zone))


def when(at: datetime | float | None, zone: str, now_s: float) -> str:
    """An instant: the time alone today, else with its date, and with the year where it is another."""
    if at is None:
        return NOTHING
    there, here = local(at, zone), local(now_s, zone)
    if there.date() == here.date():
        return f"{there:%H:%M}"
    return f"{there:%m-%d %H:%M}" if there.year == here.year else f"{there:%Y-%m-%d %H:%M}"


def span(seconds: float | None, lang: Lang) -> str:
    """A span of time in words: "2 h 5 min"."""
    if seconds is None:
        return NOTHING
    minutes = max(0, round(seconds / 60.0))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    return " ".join(f"{n} {said(unit, lang)}" for n, unit in parts if n or (unit == "min" and not days and not hours)) or NOTHING


def share(value: float | None, of: float | None) -> float:
    """A part of a whole, 0..1, for bars."""
    return 0.0 if not value or not of else min(max(value / of, 0.0), 1.0)


def json_text(content: object) -> str:
    """JSON for an attribute; autoescape does the rest."""
    return msgspec.json.encode(content, enc_hook=str).decode()


def path_part(text: object) -> str:
    """A name as one part of a path."""
    return quote(str(text), safe="")


@cache
def engine() -> Environment:
    """The engine: every text is escaped, a name that is not there is an error."""
    made = Environment(
        loader=PackageLoader("evloom.serve.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters.update(num=number, plain=plain, money=money, json=json_text, part=path_part, zip=zip)
    made.globals.update(share=share, nothing=NOTHING, asset=address)
    return made


def render(visit: Visit, template: str, zone: str, **values: Any) -> str:
    """A template for a visitor, instants on the clock of `zone`."""
    return engine().get_template(template).render(**_frame(visit, zone), **values)


def _frame(visit: Visit, zone: str) -> Mapping[str, Any]:
    """What every template knows."""
    lang, now_s = visit.lang, visit.now_s

    def words(text: object) -> str:
        return said(str(text), lang)

    named: dict[str, Callable[..., Any] | object] = {
        "t": visit.t,
        "w": words,
        "when": lambda at, own="": when(at, own or zone, now_s),
        "exactly": lambda at, own="": NOTHING if at is None else f"{local(at, own or zone):%Y-%m-%d %H:%M:%S}",
        "since": lambda at: NOTHING if at is None else span(now_s - (at if isinstance(at, float) else at.timestamp()), lang),
        "span": lambda seconds: span(seconds, lang),
        "allowed": lambda fault: allowed_words(fault, lang),
        "advice": lambda fault: advice_words(fault, lang),
    }
    page = {
        "lang": lang,
        "zone": zone,
        "now_s": now_s,
        "visit": visit,
        "me": visit.caller if visit.known else None,
        "csrf": visit.caller.csrf if visit.known else "",
        "groups": groups_for(visit) if visit.known else (),
        "here": visit.request.url.path,
        "version": visit.platform.version,
        "addresses": addresses(visit),
    }
    return named | page


def addresses(visit: Visit) -> list[str]:
    """Where chargers connect, to be typed into them."""
    gateway, host = visit.platform.gateway, visit.request.url.hostname or "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    if gateway is None:
        return []
    found = [f"ws://{shown}:{gateway.port}/ocpp/STATION_ID"] if gateway.port else []
    return [*found, *([f"wss://{shown}:{gateway.tls_port}/ocpp/STATION_ID"] if gateway.tls_port else [])]
