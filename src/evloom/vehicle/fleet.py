"""Vehicle models as columns: what a car can draw and give."""

from dataclasses import dataclass

from evloom.kernel.timegrid import Bool, Float, Int


@dataclass(frozen=True)
class FleetTable:
    """One row per vehicle model, columns of shape (n_model,).

    battery_kwh        usable energy of the battery, > 0
    ac_max_kw          on-board charger, at the inlet; n_phase 1 or 3
    current_min_a      least current the car accepts without going to sleep (6 A by default)
    curve_soc,         charging power the battery accepts against state of charge, at the inlet:
    curve_kw           (n_model, n_point), soc rising from 0 to 1; linear in between. It holds for AC and DC,
                       so it carries the DC fast-charge curve as well as the taper near full
    charge_efficiency  inlet to cells, discharge_efficiency cells to inlet, (0..1]
    v2g                the owner consents to discharge; soc_floor is how far down
    wear_per_kwh       money per kWh discharged, for battery life
    priority           class of the need under scarcity, > 0: a higher one is served first where the site shares by priority
    share              how often the model occurs where a session does not name its model, sums to 1
    """

    model: tuple[str, ...]
    battery_kwh: Float
    ac_max_kw: Float
    n_phase: Int
    current_min_a: Float
    curve_soc: Float
    curve_kw: Float
    charge_efficiency: Float
    discharge_efficiency: Float
    v2g: Bool
    soc_floor: Float
    wear_per_kwh: Float
    priority: Float
    share: Float
