"""A still picture of load against limit, one panel for each policy, as SVG: for documents that run no script."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

import numpy as np

from evloom.kernel.timegrid import Float, epoch_s
from evloom.simulate.report.figures import number
from evloom.simulate.report.shape import site_limit
from evloom.simulate.report.words import Words
from evloom.simulate.run import PolicyRun
from evloom.simulate.scores import Score
from evloom.simulate.stage import Stage

WIDTH, PANEL, TOP, LEFT, RIGHT, FOOT = 960, 190, 74, 64, 20, 46
GAP = 34
INK, SOFT, LINE = "#1b2430", "#5b6675", "#dde2e8"
BASE, CHARGE, OVER = "#b4bcc6", "#56B4E9", "#D55E00"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', Arial, sans-serif"


def picture(stage: Stage, runs: Sequence[PolicyRun], scores: Sequence[Score], start: datetime, days: int, words: Words) -> str:
    """The SVG of the local days from `start` (midnight at the site, timezone-aware), the same for the same runs."""
    grid = stage.grid
    begin = max(0, int(grid.position(start)))
    steps = slice(begin, min(grid.n, begin + round(days * 86400 / grid.step_s)))
    limit_kw, _ = site_limit(stage)
    base_kw = stage.base_kw[0][steps]
    site_kw = [base_kw + (run.track.ev_kwh + run.storage_kwh.sum(axis=0))[steps] / grid.step_h for run in runs]
    most_kw = max([float(np.max(kw, initial=1.0)) for kw in site_kw] + ([limit_kw] if np.isfinite(limit_kw) else [])) * 1.06
    parts = [_head(stage, limit_kw, bool(base_kw.any()), words)]
    for panel, (load_kw, score) in enumerate(zip(site_kw, scores, strict=True)):
        top = TOP + panel * (PANEL + GAP)
        told = words(
            "picture.panel",
            policy=words.policy(score.policy),
            peak=number(score.peak_site_kw, 0),
            cost=number(score.cost, 0),
            currency=score.currency,
        )
        parts.append(_text((LEFT, top - 9), told, INK, "start", 15))
        parts.append(_days(start, days, top, panel == len(site_kw) - 1))
        parts.append(_levels(most_kw, top))
        parts.append(_curves(base_kw, load_kw, limit_kw, most_kw, top))
    height = TOP + len(site_kw) * (PANEL + GAP) - GAP + FOOT
    zone = stage.scenario.tariff.terms.zone.key
    parts.append(_text(((LEFT + WIDTH - RIGHT) / 2, height - 8), words("picture.time", zone=zone), SOFT, "middle", 13))
    parts.append(
        f'<g transform="translate(15 {height / 2:.0f}) rotate(-90)">{_text((0, 0), words("picture.power"), SOFT, "middle", 13)}</g>'
    )
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="{FONT}">'
    )
    return "\n".join([frame, f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *parts, "</svg>", ""])


def _text(at: tuple[float, float], text: str, colour: str, anchor: str, size: int) -> str:
    """Text at (x, y); what is larger than a label is bold."""
    weight = ' font-weight="600"' if size > 13 else ""
    return f'<text x="{at[0]:.1f}" y="{at[1]:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}"{weight}>{escape(text)}</text>'


def _head(stage: Stage, limit_kw: float, has_base: bool, words: Words) -> str:
    """The name of the site and what the colours mean."""
    parts = [_text((LEFT, 24), stage.scenario.name, INK, "start", 19)]
    keys = [(CHARGE, words("picture.charge"))] + ([(BASE, words("picture.base"))] if has_base else [])
    keys += [(OVER, words("picture.over"))] if np.isfinite(limit_kw) else []
    x = float(LEFT)
    for colour, label in keys:
        parts.append(f'<rect x="{x:.0f}" y="33" width="15" height="11" rx="2" fill="{colour}"/>')
        parts.append(_text((x + 21, 43), label, SOFT, "start", 13))
        x += 42 + 13.5 * sum(1.0 if ord(c) > 0x2E80 else 0.52 for c in label)
    if np.isfinite(limit_kw):
        source = words.source(site_limit(stage)[1])
        parts.append(f'<path d="M{x:.0f} 38.5h22" stroke="{INK}" stroke-width="2" stroke-dasharray="6 4"/>')
        parts.append(_text((x + 28, 43), words("picture.limit", source=source, kw=number(limit_kw, 1)), SOFT, "start", 13))
    return "\n".join(parts)


def _days(start: datetime, days: int, top: int, labelled: bool) -> str:
    """A line at every local midnight, and with `labelled` the dates below."""
    begin_s = epoch_s(start)
    parts = []
    for day in range(days + 1):
        x = LEFT + (epoch_s(start + timedelta(days=day)) - begin_s) / (days * 86400.0) * (WIDTH - LEFT - RIGHT)
        parts.append(f'<path d="M{x:.1f} {top}V{top + PANEL}" stroke="#c3ccd5"/>')
        if labelled and day < days:
            middle = x + (WIDTH - LEFT - RIGHT) / days / 2.0
            parts.append(_text((middle, top + PANEL + 18), f"{start + timedelta(days=day):%Y-%m-%d}", SOFT, "middle", 13))
    return "\n".join(parts)


def _levels(most_kw: float, top: int) -> str:
    """Horizontal lines at round numbers of kW."""
    rough_kw = most_kw / 4.0
    unit_kw = 10.0 ** np.floor(np.log10(rough_kw))
    gap_kw = next(m * unit_kw for m in (1.0, 2.0, 5.0, 10.0) if m * unit_kw >= rough_kw)
    parts = []
    for level_kw in np.arange(0.0, most_kw, gap_kw).tolist():
        y = top + PANEL * (1.0 - level_kw / most_kw)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{LINE}"/>')
        parts.append(_text((LEFT - 8, y + 4.5), f"{level_kw:g}", SOFT, "end", 13))
    return "\n".join(parts)


def _curves(base_kw: Float, load_kw: Float, limit_kw: float, most_kw: float, top: int) -> str:
    """The areas of base load, charging and what is above the limit, and the lines of load and limit."""
    under_kw = np.minimum(base_kw, load_kw)
    parts = [_area(np.zeros(len(under_kw)), under_kw, most_kw, top, BASE), _area(under_kw, load_kw, most_kw, top, CHARGE)]
    if np.isfinite(limit_kw):
        parts.append(_area(np.minimum(load_kw, limit_kw), load_kw, most_kw, top, OVER))
    parts.append(f'<path d="{_steps(load_kw, most_kw, top)}" fill="none" stroke="{INK}" stroke-width="1.2"/>')
    if np.isfinite(limit_kw):
        y = top + PANEL * (1.0 - limit_kw / most_kw)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{INK}" stroke-width="2" stroke-dasharray="8 5"/>')
    return "\n".join(part for part in parts if part)


def _area(low_kw: Float, high_kw: Float, most_kw: float, top: int, colour: str) -> str:
    if not np.any(high_kw - low_kw > 1e-6):
        return ""
    way = _steps(high_kw, most_kw, top)
    back = _steps(low_kw[::-1], most_kw, top, backwards=True).replace("M", "L", 1)
    return f'<path d="{way}{back}Z" fill="{colour}"/>'


def _steps(values_kw: Float, most_kw: float, top: int, backwards: bool = False) -> str:
    """A path of steps over the whole width; equal neighbours are one step."""
    across = (WIDTH - LEFT - RIGHT) / max(len(values_kw), 1)
    y = np.round(top + PANEL * (1.0 - values_kw / most_kw), 1)
    path = ""
    for k in range(len(y)):
        if k and y[k] == y[k - 1] and k < len(y) - 1:
            continue
        at = (WIDTH - RIGHT - k * across) if backwards else (LEFT + k * across)
        path += f"M{at:.1f} {y[k]:g}" if not path else f"H{at:.1f}V{y[k]:g}"
    return f"{path}H{LEFT if backwards else WIDTH - RIGHT}" if path else ""
