"""Guards before a bill: a session that they doubt is held and shown to the operator, never invoiced.

Each doubt is a `Finding`: a stable code, the value with its unit, what would have been right, and what the operator can do.
Severity "refused" holds the session; "warning" is billed and said on the receipt.
"""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.finding import Finding, Severity
from evloom.kernel.timegrid import Float, from_epoch_s
from evloom.market.bill import MeterSeries
from evloom.market.contract import ByTariff, Contract
from evloom.market.register import Registers
from evloom.market.tariff import Tariff

_RELEASE = "compare with the pile's own record; release it with corrected values, or void it"
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What still counts as plausible.

    register_slack_kwh   a register may fall by this (rounding of two fields of one message)
    power_factor         energy at most rating x time x this; slack_kwh more is let pass (times are rounded to seconds)
    rating_unknown_kw    rating of an EVSE of which none is known: above every pile that is sold (MCS: 3,750 kW)
    stay_max_s, future_max_s, late_max_s   longest session; how far ahead of our clock a session may lie; how long after its end
                         we may hear of it for the first time
    gap_s                readings further apart than this are a gap; gap_share of the energy's price may hang on how the
                         energy in gaps is divided among prices
    """

    register_slack_kwh: float = 0.01
    power_factor: float = 1.1
    slack_kwh: float = 0.2
    rating_unknown_kw: float = 3_750.0
    stay_max_s: float = 30 * _DAY_S
    future_max_s: float = 300.0
    late_max_s: float = 60 * _DAY_S
    gap_s: float = 3_600.0
    gap_share: float = 0.25


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a finished session. Instants in epoch seconds; rating_kw None where it is not known.

    known_s   when we learnt that it ended, by our own clock
    suspect    codes of `pile.transaction.Session.suspect`, read from the station's words
    missing   how many words of the session were never heard
    """

    session_id: str
    started_s: float
    ended_s: float
    known_s: float
    meter: Registers
    rating_kw: float | None = None
    discharge_rating_kw: float | None = None
    suspect: tuple[tuple[str, str], ...] = ()
    missing: int = 0


def doubts(evidence: Evidence, rules: GuardRules) -> list[Finding]:
    """Everything doubtful about a session, the worst first; [] for one that may be billed."""
    found = [*_suspects(evidence), *_times(evidence, rules), *_registers(evidence, rules)]
    if not any(f.code in ("guard.ends-before-start", "guard.no-register") for f in found):
        found += _energy(evidence, rules)
    return sorted(found, key=lambda finding: finding.severity != "refused")


MUST_BE_CORRECTED = frozenset(
    f"guard.{code}"
    for code in (
        "ends-before-start",
        "future",
        "no-register",
        "register-value",
        "register-backwards",
        "begin-at-zero",
        "energy",
        "jump",
    )
)
"""Doubts that no one can accept: such a session can be billed with corrected values only. The others may be accepted as they stand."""


def held(found: list[Finding]) -> bool:
    """Whether a session with these doubts must be held."""
    return any(finding.severity == "refused" for finding in found)


def gap_doubts(session_id: str, contract: Contract, tariff: Tariff, meter: MeterSeries, rules: GuardRules) -> list[Finding]:
    """What long gaps between readings mean for the price: energy in a gap is divided evenly, which may be wrong by some money.

    Where more than `gap_share` of the energy's price hangs on that, the session is held; else the bill says it.
    """
    gaps = np.flatnonzero((np.diff(meter.edges_s) > rules.gap_s) & (meter.charged_kwh() > 0.0))
    if not len(gaps) or not isinstance(contract.energy, ByTariff):
        return []
    spread, cost, gap_kwh = 0.0, _cost(tariff, meter), 0.0
    for k in gaps:
        price = tariff.segments(float(meter.edges_s[k]), float(meter.edges_s[k + 1])).price_per_kwh
        spread += float(price.max() - price.min()) * float(meter.charged_kwh()[k])
        gap_kwh += float(meter.charged_kwh()[k])
    if spread == 0.0:
        return []
    hold = spread > rules.gap_share * abs(cost)
    longest_h = float(np.diff(meter.edges_s)[gaps].max()) / 3600.0
    value = f"{gap_kwh:.3f} kWh in {len(gaps)} gap(s) of up to {longest_h:.1f} h across prices: {spread:.2f} {contract.currency} in doubt"
    allowed = f"readings at least every {rules.gap_s / 60:.0f} min while the price changes, or at most {rules.gap_share:.0%} of it in doubt"
    advice = "have the pile send periodic meter values; release the session to bill its energy evenly over the gap, or void it"
    if not hold:
        advice = "the energy in the gap is billed evenly over its time"
    return [_finding("guard.gap", session_id, ("meter", value), allowed, advice, "refused" if hold else "warning")]


def _cost(tariff: Tariff, meter: MeterSeries) -> float:
    segments = tariff.segments(float(meter.edges_s[0]), float(meter.edges_s[-1]))
    counted = np.concatenate(([0.0], np.cumsum(meter.charged_kwh())))
    return float(np.diff(np.interp(segments.edges_s, meter.edges_s, counted)) @ segments.price_per_kwh)


def _finding(
    code: str, session_id: str, what: tuple[str, str], allowed: str, advice: str = _RELEASE, severity: Severity = "refused"
) -> Finding:
    return Finding(code, severity, f"session {session_id}", None, what[0], what[1], allowed, advice)


def _at(instant_s: float) -> str:
    try:
        return f"{from_epoch_s(instant_s):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError):
        return repr(instant_s)


def _suspects(evidence: Evidence) -> list[Finding]:
    who, missing = evidence.session_id, evidence.missing
    found = [_finding("guard.suspect", who, ("suspect", f"{code}: {words}"), "no such code") for code, words in evidence.suspect]
    if missing:
        advice = "billed by the registers that were heard; if the words come, a correction follows"
        found.append(_finding("guard.missing-words", who, ("seq", f"{missing} words not heard"), "every word", advice, "warning"))
    return found


def _times(evidence: Evidence, rules: GuardRules) -> list[Finding]:
    start_s, end_s, known_s, who = evidence.started_s, evidence.ended_s, evidence.known_s, evidence.session_id
    found = []
    if not (np.isfinite(start_s) and np.isfinite(end_s) and start_s <= end_s):
        found.append(_finding("guard.ends-before-start", who, ("ended_at", _at(end_s)), f"at or after the start, {_at(start_s)}"))
    elif end_s - start_s > rules.stay_max_s:
        value = f"a session of {(end_s - start_s) / _DAY_S:.1f} days"
        found.append(_finding("guard.too-long", who, ("ended_at", value), f"at most {rules.stay_max_s / _DAY_S:.0f} days"))
    if max(start_s, end_s) > known_s + rules.future_max_s:
        value = f"{_at(max(start_s, end_s))}, {(max(start_s, end_s) - known_s) / 60:.0f} min after we heard of it"
        found.append(_finding("guard.future", who, ("ended_at", value), f"at most {rules.future_max_s / 60:.0f} min ahead of our clock"))
    elif end_s < known_s - rules.late_max_s:
        value = f"{_at(end_s)}, {(known_s - end_s) / _DAY_S:.0f} days before we heard of it"
        found.append(_finding("guard.too-old", who, ("ended_at", value), f"heard of within {rules.late_max_s / _DAY_S:.0f} days"))
    return found


def _registers(evidence: Evidence, rules: GuardRules) -> list[Finding]:
    meter, who = evidence.meter, evidence.session_id
    if len(meter.import_kwh) < 2:
        value = f"{len(meter.import_kwh)} reading(s) of the import register"
        return [_finding("guard.no-register", who, ("register", value), "a reading at the start and one at the end")]
    found = []
    for name, at_s, kwh in (("import", meter.import_at_s, meter.import_kwh), ("export", meter.export_at_s, meter.export_kwh)):
        bad = np.flatnonzero(~np.isfinite(kwh) | (kwh < 0.0))
        for k in bad[:1]:
            value = f"{kwh[k]:g} kWh at {_at(float(at_s[k]))} ({name})"
            found.append(_finding("guard.register-value", who, ("register", value), "a finite register of 0 kWh or more"))
        falls = np.flatnonzero(np.diff(kwh) < -rules.register_slack_kwh) if not len(bad) else ()
        for k in falls[:3]:
            value = f"{kwh[k]:.3f} kWh, then {kwh[k + 1]:.3f} kWh at {_at(float(at_s[k + 1]))} ({name})"
            found.append(_finding("guard.register-backwards", who, ("register", value), "a register that never falls"))
    return found


def _energy(evidence: Evidence, rules: GuardRules) -> list[Finding]:
    meter = evidence.meter
    found = _begin_at_zero(evidence, rules)
    if found:
        return found
    rating = evidence.rating_kw if evidence.rating_kw is not None else rules.rating_unknown_kw
    sides = [("charged", meter.import_at_s, meter.import_kwh, rating)]
    if len(meter.export_kwh) > 1:
        back = evidence.discharge_rating_kw if evidence.discharge_rating_kw else rating
        sides.append(("given back", meter.export_at_s, meter.export_kwh, back))
    for word, at_s, kwh, rating_kw in sides:
        found += _too_much(evidence, rules, (word, at_s, kwh, rating_kw))
    return found


def _begin_at_zero(evidence: Evidence, rules: GuardRules) -> list[Finding]:
    """A register that says 0 at the start and its count of years in the next word: the 0 is not a reading."""
    at_s, kwh = evidence.meter.import_at_s, evidence.meter.import_kwh
    first = np.flatnonzero(kwh > 0.0)
    if kwh[0] != 0.0 or not len(first):
        return []
    k = int(first[0])
    most_kwh = _most_kwh(evidence.rating_kw, float(at_s[k] - evidence.started_s), rules)
    if kwh[k] <= most_kwh:
        return []
    value = f"0 kWh at the start, then {kwh[k]:.3f} kWh at {_at(float(at_s[k]))}"
    allowed = f"at most {most_kwh:.3f} kWh by then: the zero is no reading"
    return [_finding("guard.begin-at-zero", evidence.session_id, ("register", value), allowed)]


def _most_kwh(rating_kw: float | None, span_s: float, rules: GuardRules) -> float:
    rating = rules.rating_unknown_kw if rating_kw is None else rating_kw
    return rating * rules.power_factor * max(span_s, 0.0) / 3600.0 + rules.slack_kwh


def _too_much(evidence: Evidence, rules: GuardRules, side: tuple[str, Float, Float, float]) -> list[Finding]:
    word, at_s, kwh, rating_kw = side
    span_s = max(float(at_s[-1]), evidence.ended_s) - min(float(at_s[0]), evidence.started_s)
    total_kwh, most_kwh = float(kwh[-1] - kwh[0]), _most_kwh(rating_kw, span_s, rules)
    who, factor = evidence.session_id, f"{rating_kw:g} kW x {rules.power_factor:g}"
    if total_kwh > most_kwh:
        value = f"{total_kwh:.3f} kWh {word} in {span_s / 3600:.2f} h"
        return [_finding("guard.energy", who, ("energy", value), f"at most {most_kwh:.3f} kWh ({factor})")]
    step_kwh, most = np.diff(kwh), [_most_kwh(rating_kw, float(s), rules) for s in np.diff(at_s)]
    for k in np.flatnonzero(step_kwh > most)[:1]:
        value = f"{step_kwh[k]:.3f} kWh {word} between {_at(float(at_s[k]))} and {_at(float(at_s[k + 1]))}"
        return [_finding("guard.jump", who, ("register", value), f"at most {most[k]:.3f} kWh ({factor})")]
    return []
