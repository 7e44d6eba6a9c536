"""How well a fleet followed a signal, what it cost in energy, and what the reserve earned."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.portfolio.fleet import Fleet
from evloom.dispatch.portfolio.regulation import Following
from evloom.kernel.timegrid import Float


@dataclass(frozen=True)
class Tracking:
    """Figures of one run; energies in kWh over the whole of it.

    rms_error            root mean square of delivered - ordered, as a share of the root mean square of the activation in kW
    energy_error         sum of |delivered - ordered| as a share of the energy activated (both directions)
    slot_error           the same, of energies netted over each settlement slot
    activated_kwh        energy of |ordered - set-point|
    reserve_mean_kw      mean bid
    n_served, n_left     stays that left with their promise, to 1e-6 kWh, and stays that left
    surplus_kwh          most that any vehicle left with above its promise
    neutrality           |energy in the cells above plan, of all vehicles, at departure or at the end| / energy activated
    loss_kwh             lost in converters and cells by the whole fleet
    """

    rms_error: float
    energy_error: float
    slot_error: float
    activated_kwh: float
    reserve_mean_kw: float
    n_served: int
    n_left: int
    surplus_kwh: float
    neutrality: float
    loss_kwh: float


def tracking_of(fleet: Fleet, following: Following, delay_s: float = 0.0, slot_s: int = 1800) -> Tracking:
    """Figures of a run, seen as if every pile acted delay_s (0 .. one sample) after its order; 0: as it was computed.

    Within a sample in which the orders change, a late fleet still does what was ordered before for delay_s.
    slot_s is the settlement slot (half an hour in France in the years of the recorded data).
    """
    late = delay_s / following.grid.step_s
    before_kw = np.concatenate((following.delivered_kw[:1], following.delivered_kw[:-1]))
    delivered_kw = (1.0 - late) * following.delivered_kw + late * before_kw
    error_kw, called_kw = delivered_kw - following.ordered_kw, following.ordered_kw - following.set_point_kw
    slot = slot_s // following.grid.step_s
    size_kw = float(np.abs(called_kw).sum())
    activated_kwh = size_kw * following.grid.step_h
    left, above_kwh = following.has_left, following.level_kwh - _plan_kwh(fleet, following)
    return Tracking(
        rms_error=float(np.sqrt((error_kw**2).sum() / ((called_kw**2).sum() or 1.0))),
        energy_error=float(np.abs(error_kw).sum()) / (size_kw or 1.0),
        slot_error=float(np.abs(_netted(error_kw, slot)).sum() / (np.abs(_netted(called_kw, slot)).sum() or 1.0)),
        activated_kwh=activated_kwh,
        reserve_mean_kw=float(following.bid_of_sample_kw.mean()) if following.grid.n else 0.0,
        n_served=int((following.short_kwh[left] <= 1e-6).sum()),
        n_left=int(left.sum()),
        surplus_kwh=float((following.level_kwh - fleet.wanted_kwh)[left].max(initial=0.0)),
        neutrality=abs(float(above_kwh.sum())) / (activated_kwh or 1.0),
        loss_kwh=_loss_kwh(fleet, following),
    )


def _netted(power_kw: Float, slot: int) -> Float:
    """Sums over slots of so many samples; the last slot may be shorter."""
    sums: Float = np.add.reduceat(power_kw, np.arange(0, len(power_kw), slot)) if len(power_kw) else power_kw
    return sums


def _plan_kwh(fleet: Fleet, following: Following) -> Float:
    """Level planned at departure (what is reachable of the promise), or at the end of the signal on the line towards it."""
    grid = following.grid
    begin_s = np.maximum(fleet.arrival_s, grid.start_s)
    stay_s = np.maximum(fleet.departure_s - begin_s, 1.0)
    share = np.clip((grid.edges_s()[-1] - begin_s) / stay_s, 0.0, 1.0)
    reachable_kwh = fleet.arrival_kwh + fleet.charge_max_kw * fleet.charge_efficiency * stay_s / 3600.0
    planned: Float = fleet.arrival_kwh + share * (np.minimum(fleet.wanted_kwh, reachable_kwh) - fleet.arrival_kwh)
    return planned


def _loss_kwh(fleet: Fleet, following: Following) -> float:
    """Energy at the meters less what the cells gained."""
    meter_kwh = float((following.delivered_kw + following.alone_kw).sum()) * following.grid.step_h
    return meter_kwh - float((following.level_kwh - fleet.arrival_kwh).sum())


def availability_revenue(bid_kw: Float, price_per_kw: Float) -> float:
    """Money for holding reserve: bid (n,) in kW times price (n,) per kW for each span, e.g. EUR per kW and hour.

    Raises ValueError where a span has a bid and no price: an unknown price is not 0.
    """
    if bid_kw.shape != price_per_kw.shape:
        raise ValueError(f"{bid_kw.shape} bids and {price_per_kw.shape} prices")
    held = bid_kw > 0
    if not np.isfinite(price_per_kw[held]).all():
        raise ValueError(f"{int((~np.isfinite(price_per_kw[held])).sum())} spans with a bid have no price")
    return float(bid_kw[held] @ price_per_kw[held])
