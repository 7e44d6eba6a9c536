"""The frozen and complete picture on which one cycle of the loop decides."""

from dataclasses import dataclass

import numpy as np

from evloom.dispatch.guard import Packs, Refusal
from evloom.dispatch.moment import Bays, Wires
from evloom.kernel.timegrid import Bool, Float, Int
from evloom.loop.sight import Piles, Sight
from evloom.network.site import Site


@dataclass(frozen=True)
class Demand:
    """The demand charge as it stands: price per kW, the highest interval of this month so far and the running interval.

    interval_s is the length of a demand interval; done_kwh and done_h what went by of the running one.
    """

    price_per_kw: float
    interval_s: int
    peak_so_far_kw: float
    done_kwh: float
    done_h: float


@dataclass(frozen=True)
class Likely:
    """How like stays went: possible departures (epoch seconds) and net energies (kWh), each list sorted by itself."""

    departure_s: Float
    energy_kwh: Float


NOTHING_LIKE = Likely(np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Ahead:
    """What is known of the time ahead.

    edges_s          (n_ahead + 1,) epoch seconds; the first is now, the others lie on the run's grid
    base_kw          (n_node, n_ahead) load nobody steers at or below each node, solar taken off; column 0 is metered
    price_per_kwh, export_price_per_kwh, carbon_kg_per_kwh   (n_ahead,); NaN where nothing is known
    """

    edges_s: Float
    base_kw: Float
    price_per_kwh: Float
    export_price_per_kwh: Float
    carbon_kg_per_kwh: Float


@dataclass(frozen=True)
class Snapshot:
    """Everything a policy may look at. session_id is "" where no car stands; storage_kwh (n_storage,).

    sight bears for each EVSE the power last ordered beside the power metered; bays is the moment made of it.
    room_kwh and spare_kwh of the cars' batteries are in sight.
    is_lost (n_evse,) marks EVSE without a link: sight and bays show no car there, and what they may draw is in the base load of
    `wires` and `ahead`. heard_s (n_evse,) is when each was last heard of, epoch seconds; -infinity for never.
    asked_kw (n_evse,) is what EVSE that do not follow, or have not shown yet that they do, are ordered all the same, NaN elsewhere: sight
    and bays show no car there either, and what they draw is in the base load. asked_why (n_evse,) is the reason, of `dispatch.reason`.
    is_outdated (n_evse,) marks EVSE that must be told their order again, even where it is the same.
    packs is what is known of the cars' batteries; refusals says which of them may not give and why: sight and bays bear that already.
    """

    now_s: float
    step_h: float
    site: Site
    evse_id: tuple[str, ...]
    session_id: tuple[str, ...]
    likely: tuple[Likely, ...]
    piles: Piles
    sight: Sight
    bays: Bays
    wires: Wires
    ahead: Ahead
    demand: Demand
    storage_kwh: Float
    is_lost: Bool
    heard_s: Float
    packs: Packs
    refusals: tuple[Refusal, ...]
    asked_kw: Float
    asked_why: Int
    is_outdated: Bool


@dataclass(frozen=True)
class Orders:
    """What a policy decides: power per EVSE and per storage (positive = import) and the reason it is not more.

    ahead_kw (n_evse, n_ahead) is the plan for the steps ahead that goes along with the orders, as piles can be set to it and within
    every limit as it is foreseen; its first column is power_kw. None: the policy has none, and orders are held.
    """

    power_kw: Float
    reason: Int
    storage_kw: Float
    ahead_kw: Float | None = None
