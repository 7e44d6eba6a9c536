"""`price-queue` without the rush: every car takes the cheapest hours of its stay, but its own place among equally cheap ones.

It needs no plan for the site: each car's place follows from its session's name, so that the cars could do it by themselves.
"""

from typing import NamedTuple

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.rules import PRICE_QUEUE, precedence
from evloom.dispatch.starts import RAMP_S, Band, cheap_band, draw_of, latest_start_s, ramp_loss_h, ramped_kw, start_in, window_of
from evloom.kernel.timegrid import Float
from evloom.loop.rule_policy import filled
from evloom.loop.snapshot import Orders, Snapshot
from evloom.pile.limit import quantise_down, quantise_up

MARGIN_S = 600.0  # places end this long before the believed departure where time allows: drivers come early


class Place(NamedTuple):
    """A car's place: it runs in the steps that are sure, and from start_s on (epoch seconds) in those it may choose from, as long as it
    needs them. begun_s is when it first ran (infinity: not yet), on whether it runs now."""

    start_s: float
    band: Band
    begun_s: float
    on: bool = False


class SpreadPolicy:
    """The rule price-queue with starts spread over equally cheap hours and a ramp. Its memory is every session's place.

    Without memory, after a restart, cars that wait draw their places anew among the hours that are left.
    """

    name = "price-queue"
    controlled = True

    def decide(self, snapshot: Snapshot, memory: object) -> tuple[Orders, object]:
        """Orders for now, and the places by session; stationary batteries rest."""
        before = memory if isinstance(memory, dict) else {}
        places: dict[str, Place] = {}
        target_kw = np.zeros(len(snapshot.evse_id))
        price_per_kwh = filled(snapshot.ahead.price_per_kwh)
        rank = precedence(PRICE_QUEUE, snapshot.bays, snapshot.now_s)
        for row in rank[snapshot.bays.need_kwh[rank] > 0.0]:
            name = snapshot.session_id[row]
            places[name] = _place(snapshot, int(row), price_per_kwh, before.get(name))
            target_kw[row] = _target_kw(snapshot, int(row), places[name])
        power_kw, reason = allocate(snapshot.bays, snapshot.wires, target_kw, rank)
        return Orders(power_kw, reason, np.zeros(len(snapshot.storage_kwh))), places


def _place(snapshot: Snapshot, row: int, price_per_kwh: Float, held: Place | None) -> Place:
    """The car's place, kept while it still suffices, and whether it begins now."""
    bays, edges_s, now_s = snapshot.bays, snapshot.ahead.edges_s, snapshot.now_s
    begun = held is not None and held.begun_s < np.inf
    hours = _hours(snapshot, row, begun)
    end_s = float(max(bays.departure_s[row] - MARGIN_S, min(bays.departure_s[row], now_s + hours * 3600.0)))
    band = held.band if held is not None else cheap_band(edges_s, price_per_kwh, end_s, hours)
    sure_h, window = window_of(edges_s, price_per_kwh, end_s, band)
    if held is not None and (sure_h + window.length_s / 3600.0) < hours:
        band = cheap_band(edges_s, price_per_kwh, end_s, hours)
        sure_h, window = window_of(edges_s, price_per_kwh, end_s, band)
    left_h = max(0.0, hours - sure_h)
    if held is None or band != held.band:
        is_new = now_s - bays.arrival_s[row] < snapshot.step_h * 3600.0
        at_once = begun or (is_new and len(window.from_s) > 0 and window.from_s[0] <= now_s)
        start_s = now_s if at_once else start_in(window, left_h, draw_of(snapshot.session_id[row]))
        held = Place(start_s, band, held.begun_s if held is not None else np.inf)
    due = now_s >= held.start_s or now_s + snapshot.step_h * 3600.0 > latest_start_s(window, left_h)
    on = price_per_kwh[0] <= band.sure or (due and price_per_kwh[0] <= band.most and left_h > 1e-6)
    return held._replace(on=on, begun_s=min(held.begun_s, now_s) if on else held.begun_s)


def _hours(snapshot: Snapshot, row: int, begun: bool) -> float:
    """How long the car needs; what the ramp costs counts until it has begun, and there is no ramp where no time is left for it."""
    rating_kw = max(_most_kw(snapshot, row), 1e-6)
    full_h = float(snapshot.bays.need_kwh[row]) / rating_kw
    ramped_h = full_h + (0.0 if begun else ramp_loss_h(rating_kw, _least_kw(snapshot, row)))
    return ramped_h if snapshot.now_s + ramped_h * 3600.0 <= snapshot.bays.departure_s[row] else full_h


def _most_kw(snapshot: Snapshot, row: int) -> float:
    """The highest power that the pile can be set to for this car, and that the car takes."""
    bays = snapshot.bays
    pile_set = float(bays.kw_per_a[row]), float(bays.current_min_a[row]), float(bays.current_step_a[row])
    return min(quantise_down(float(bays.charge_max_kw[row]), *pile_set), float(snapshot.sight.car_max_kw[row]))


def _least_kw(snapshot: Snapshot, row: int) -> float:
    return float(snapshot.bays.current_min_a[row] * snapshot.bays.kw_per_a[row])


def _target_kw(snapshot: Snapshot, row: int, place: Place) -> float:
    """The power of a car now: on the ramp or full where this step is one of its own, else 0."""
    if not place.on:
        return 0.0
    bays, now_s = snapshot.bays, snapshot.now_s
    rating_kw = float(bays.charge_max_kw[row])
    needed_s = float(bays.need_kwh[row]) / max(_most_kw(snapshot, row), 1e-6) * 3600.0
    if now_s + needed_s + RAMP_S > bays.departure_s[row]:
        return rating_kw
    ramp_kw = ramped_kw(rating_kw, _least_kw(snapshot, row), now_s - place.begun_s, snapshot.step_h * 3600.0)
    need_kw = float(bays.need_kwh[row]) / min(snapshot.step_h, (float(bays.departure_s[row]) - now_s) / 3600.0)
    return min(ramp_kw, quantise_up(need_kw, float(bays.kw_per_a[row]), float(bays.current_min_a[row]), float(bays.current_step_a[row])))
