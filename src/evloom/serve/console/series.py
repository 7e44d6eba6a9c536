"""What charts show, as the page hands it to the script: instants, and for each line its values in their unit."""

import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from evloom.serve.live.board import Ahead, Board

Words = Callable[[str], str]
PAST_S = 12 * 3600.0
AHEAD_S = 24 * 3600.0
LEAST_FULL_V = 0.02


def board_chart(board: Board, zone: str, t: Words, *, small: bool = False) -> dict[str, Any]:
    """A site: load measured and planned, base load, limit, price; now is where the past meets the plan."""
    past = [one for one in board.past if board.at_s - PAST_S <= one[0] < board.at_s]
    ahead = board.ahead
    edges = [] if ahead is None else [at_s for at_s in ahead.edges_s[1:] if board.at_s < at_s <= board.at_s + AHEAD_S]
    times = [one[0] for one in past] + [board.at_s] + edges
    nothing = [None] * len(past)
    plan = [] if ahead is None else [base + ev for base, ev in zip(ahead.base_kw, ahead.ev_kw, strict=True)]
    lines = [
        _line(t("load"), "load", "kW", [*(one[1] for one in past), board.load_kw, *([None] * len(edges))]),
        _line(t("plan"), "plan", "kW", [*nothing, *_on(ahead, plan, edges)]),
        _line(
            t("base load"),
            "base",
            "kW",
            [*(one[2] for one in past), board.base_kw, *_on(ahead, [] if ahead is None else ahead.base_kw, edges)[1:]],
        ),
        _line(t("limit"), "limit", "kW", [*(_finite(one[3]) for one in past), *[board.limit_kw] * (1 + len(edges))]),
    ]
    if ahead is not None and any(price is not None for price in ahead.price_per_kwh) and not small:
        prices = _on(ahead, ahead.price_per_kwh, edges)
        lines.append(_line(t("price"), "price", f"{board.currency}/kWh", [*nothing, *prices], digits=4))
    return {"zone": zone, "now": board.at_s, "time": t("time"), "t": times, "series": lines}


def session_chart(
    points: Sequence[Any], ordered: Sequence[tuple[float, float]], plan: Sequence[tuple[float, float]], frame: Any
) -> dict[str, Any]:
    """A session: power metered and ordered, the plan ahead, state of charge. `frame` has zone, t, now_s (None once it has ended)."""
    t, now_s = frame.t, frame.now_s
    metered = {point.at.timestamp(): point.power_kw for point in points}
    soc = {point.at.timestamp(): point.soc for point in points if point.soc is not None}
    steps = dict(ordered)
    ahead = {max(at_s, now_s): power_kw for at_s, power_kw in plan} if now_s is not None else {}
    times = sorted({*metered, *steps, *ahead, *([now_s] if now_s is not None else [])})
    lines = [_line(t("metered"), "metered", "kW", [metered.get(at_s) for at_s in times], digits=2, gaps=True)]
    if steps or ahead:
        held = _held(times, {**steps, **ahead})
        lines.append(_line(t("ordered and planned"), "ordered", "kW", held, digits=2))
    if soc:
        lines.append(_line(t("state of charge"), "soc", "%", [_percent(soc.get(at_s)) for at_s in times], digits=0, gaps=True))
    return {"zone": frame.zone, "now": now_s, "time": t("time"), "t": times, "series": lines}


@dataclass(frozen=True, slots=True)
class CellBar:
    """A cell in the plot of the last frame: place and size of its bar in percent of the plot, from the middle; None without a reading."""

    name: str
    volt: float | None
    off_v: float | None
    top: float
    height: float
    is_suspect: bool


@dataclass(frozen=True, slots=True)
class CellPlot:
    """Distance of every cell from the median of its pack in the last frame; full_v is what half of the height stands for."""

    bars: tuple[CellBar, ...]
    median_v: float
    full_v: float
    spread_v: float


def cells_chart(now: dict[str, Any] | None, suspects: Collection[int]) -> CellPlot | None:
    """The plot of the cells; None where no cell said anything."""
    volts = [] if now is None else now.get("cell_v") or []
    known = [volt for volt in volts if volt is not None]
    if not known:
        return None
    median_v = statistics.median(known)
    full_v = max(LEAST_FULL_V, *(abs(volt - median_v) for volt in known))
    bars = []
    for cell, volt in enumerate(volts):
        off_v = None if volt is None else volt - median_v
        size = 0.0 if off_v is None else 50.0 * abs(off_v) / full_v
        top = 50.0 - size if (off_v or 0.0) > 0.0 else 50.0
        bars.append(CellBar(f"V_{cell + 1}", volt, off_v, round(top, 2), round(max(size, 0.6), 2), cell in suspects))
    return CellPlot(tuple(bars), median_v, full_v, max(known) - min(known))


def days_chart(days: dict[str, Any], zone: str, t: Words) -> dict[str, Any] | None:
    """How the charge of the cells spread day by day, in percent of the capacity; None before there are two days."""
    if len(days.get("at_s", [])) < 2:
        return None
    names = (
        ("high", t("highest cell"), "own"),
        ("p95", t("95 % are below"), "band"),
        ("p05", t("5 % are below"), "band"),
        ("low", t("lowest cell"), "suspect"),
    )
    lines = [_line(label, style, "%", [100.0 * value for value in days[name]], digits=2) for name, label, style in names]
    return {"zone": zone, "now": None, "time": t("day"), "days": True, "axis": t("% of the capacity"), "t": days["at_s"], "series": lines}


def evidence_chart(lines: Sequence[Any], zone: str, t: Words) -> dict[str, Any] | None:
    """The plot of a warning: the suspect beside the limits of its pack; None where it has none. Shares are drawn in percent."""
    if not lines or len(lines[0].at) < 2:
        return None
    times = [at.timestamp() for at in lines[0].at]
    drawn = []
    for place, one in enumerate(lines):
        is_share = one.unit.startswith("share")
        scale, unit = (100.0, "%") if is_share else (1.0, one.unit)
        values = [None if value is None else scale * value for value in one.value]
        drawn.append(_line(t(one.name), ("suspect", "band", "band", "own")[min(place, 3)], unit, values, digits=2))
    axis = t("% of the capacity") if lines[0].unit.startswith("share") else f"{drawn[0]['label']}, {drawn[0]['unit']}"
    return {"zone": zone, "now": None, "time": t("day"), "days": True, "axis": axis, "t": times, "series": drawn}


def _held(times: Sequence[float], steps: dict[float, float]) -> list[float | None]:
    """A step function at given instants, each value held until the next."""
    held: list[float | None] = []
    last: float | None = None
    for at_s in times:
        last = steps.get(at_s, last)
        held.append(last)
    return held


def _on(ahead: Ahead | None, values: Sequence[Any], edges: Sequence[float]) -> list[Any]:
    """Values of steps at now and at the edges after it; the last is held to the end of the last step."""
    if ahead is None:
        return [None] * (1 + len(edges))
    index = {at_s: k for k, at_s in enumerate(ahead.edges_s)}
    last = len(values) - 1
    return [values[min(index.get(at_s, 0), last)] for at_s in (ahead.edges_s[0], *edges)]


def _line(label: str, style: str, unit: str, values: Sequence[Any], *, digits: int = 1, gaps: bool = False) -> dict[str, Any]:
    rounded = [None if value is None else round(float(value), max(digits, 2) + 1) for value in values]
    return {"label": label, "style": style, "unit": unit, "digits": digits, "gaps": gaps, "values": rounded}


def _percent(value: float | None) -> float | None:
    return None if value is None else 100.0 * value


def _finite(value: float) -> float | None:
    return value if abs(value) < 1e12 else None
