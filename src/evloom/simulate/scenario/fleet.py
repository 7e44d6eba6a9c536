"""The vehicle models of a scenario, and which model each session's car is."""

import math
import zlib
from collections import Counter

import numpy as np

from evloom.kernel.timegrid import Bool, Float
from evloom.pile.evse import EvseTable
from evloom.simulate.scenario.schema import VehicleSection
from evloom.simulate.scenario.section import Notes
from evloom.simulate.sources.table import SessionTable
from evloom.vehicle.fleet import FleetTable

TAPER_END_H = 20.0
"""At full charge a tapering car still takes its battery's energy over this many hours (C/20), the current at which
constant-voltage charging is commonly ended; assumed by us, no car publishes it."""

IDEAL = VehicleSection(path="vehicle", model="ideal", battery_kwh=math.inf, ac_max_kw=5000.0, phases=3)
"""The car of a scenario without [[vehicle]]: takes whatever the pile gives (5000 kW is the strongest pile that a scenario may have),
no taper, never full, no discharge."""


def fleet_table(sections: tuple[VehicleSection, ...], notes: Notes) -> FleetTable:
    """One row per model; the ideal car where none is given. Curves are put on common points, which keeps them exact."""
    items = sections or (IDEAL,)
    for name, count in Counter(item.model.casefold() for item in items).items():
        if count > 1 and name:
            path = [item.path for item in items if item.model.casefold() == name][1]
            notes.refuse("duplicate-id", f"{path}.model", f'"{name}"', "a name used once", "give every model a name of its own")
    curves = [_curve(item, notes) for item in items]
    soc = np.unique(np.concatenate([points for points, _ in curves]))
    total_share = sum(item.share for item in items)
    if total_share <= 0:
        notes.refuse("share-zero", f"{items[0].path}.share", "0 in sum", "> 0 for at least one model", "say how often each model occurs")
    return FleetTable(
        tuple(item.model for item in items),
        np.array([item.battery_kwh for item in items]),
        np.array([item.ac_max_kw for item in items]),
        np.array([item.phases for item in items], dtype=np.int64),
        np.array([item.current_min_a for item in items]),
        np.tile(soc, (len(items), 1)),
        np.array([np.interp(soc, points, kw) for points, kw in curves]),
        np.array([item.charge_efficiency for item in items]),
        np.array([item.discharge_efficiency for item in items]),
        np.array([item.v2g for item in items], dtype=np.bool_),
        np.array([item.soc_floor for item in items]),
        np.array([item.wear_per_kwh for item in items]),
        np.array([item.priority for item in items]),
        np.array([item.share for item in items]) / (total_share if total_share > 0 else 1.0),
    )


def _curve(item: VehicleSection, notes: Notes) -> tuple[Float, Float]:
    """Points of the power a battery takes: as written, or flat, or flat and then falling to C/20."""
    flat_kw = max(item.ac_max_kw, item.dc_max_kw or 0.0)
    if item.curve_soc or item.curve_kw:
        soc = np.array(item.curve_soc)
        right = len(soc) == len(item.curve_kw) and len(soc) > 1 and soc[0] == 0 and soc[-1] == 1 and bool(np.all(np.diff(soc) > 0))
        if right and item.taper_soc is None and item.dc_max_kw is None:
            return soc, np.array(item.curve_kw)
        if not right:
            value = f"{len(item.curve_soc)} soc, {len(item.curve_kw)} kW"
            allowed = "as many soc as kW, soc rising from 0 to 1"
            notes.refuse("bad-curve", f"{item.path}.curve_soc", value, allowed, "write for instance curve_soc = [0, 0.5, 1]")
        else:
            advice = "keep curve_soc and curve_kw, or taper_soc and dc_max_kw"
            notes.refuse("two-curves", f"{item.path}.curve_soc", "curve_soc and taper_soc or dc_max_kw", "one of the two", advice)
    if item.taper_soc is None or not item.taper_soc < 1:
        return np.array([0.0, 1.0]), np.array([flat_kw, flat_kw])
    end_kw = min(flat_kw, item.battery_kwh / TAPER_END_H)
    if item.taper_soc == 0:
        return np.array([0.0, 1.0]), np.array([flat_kw, end_kw])
    return np.array([0.0, item.taper_soc, 1.0]), np.array([flat_kw, flat_kw, end_kw])


def assign_models(sessions: SessionTable, fleet: FleetTable, evse: EvseTable, notes: Notes) -> tuple[int, ...]:
    """Row of `fleet` for every session.

    A session that names a model of the fleet has it. The others draw one by `share`, the same for every stay of a
    driver and the same in every run, among the models that could have taken in what all his stays took in; where no
    model could, the one with the largest battery stands in and a warning says so. The draw is a checksum of the
    driver's (else the session's) id, so other sessions in the file change nothing.
    """
    if len(sessions) == 0:
        return ()
    who = [driver or f"session {name}" for driver, name in zip(sessions.driver_id, sessions.session_id, strict=True)]
    row_of: dict[str, int] = {}
    owner = np.array([row_of.setdefault(name, len(row_of)) for name in who], dtype=np.int64)
    fits = np.ones((len(row_of), len(fleet.model)), dtype=np.bool_)
    np.logical_and.at(fits, owner, _able(sessions, fleet, evse))
    chance = np.cumsum(np.where(fits, fleet.share, 0.0), axis=1)
    level = np.array([(zlib.crc32(name.encode()) + 0.5) / 2**32 for name in row_of]) * chance[:, -1]
    drawn = np.argmax(chance > level[:, None], axis=1)
    hopeless = chance[:, -1] <= 0
    drawn[hopeless] = int(np.argmax(fleet.battery_kwh))
    by_name = {name.casefold(): row for row, name in enumerate(fleet.model)}
    named = np.array([by_name.get(model.casefold(), -1) for model in sessions.vehicle_model], dtype=np.int64)
    beyond = sorted({who[row] for row in np.flatnonzero(hopeless[owner] & (named < 0))})
    if beyond:
        value = f"{len(beyond)} of {len(row_of)} drivers or cars, first {beyond[0]}"
        allowed = "a model whose battery and power can take what the sessions took"
        notes.warn("no-model-fits", "vehicle", value, allowed, "the model with the largest battery stands in; add a larger [[vehicle]]")
    return tuple(np.where(named >= 0, named, drawn[owner]).tolist())


def _able(sessions: SessionTable, fleet: FleetTable, evse: EvseTable) -> Bool:
    """Which models could have taken the energy of each session, by battery and by power and time -> (n_session, n_model).

    Power is that of the strongest AC pile through the on-board charger or of the strongest DC pile; a tapering car takes
    longer than this says, so it may still come out short, as it would in truth.
    """
    n_phase = np.minimum(fleet.n_phase[:, None], evse.n_phase[None, :])
    ac_kw = np.minimum(fleet.ac_max_kw[:, None], evse.charge_max_kw * evse.efficiency * n_phase / np.maximum(evse.n_phase, 1))
    dc_kw = np.minimum(fleet.curve_kw.max(axis=1)[:, None], evse.charge_max_kw * evse.efficiency)
    most_kw = np.where(evse.dc[None, :], dc_kw, np.minimum(ac_kw, dc_kw)).max(axis=1, initial=0.0)
    stay_h = (sessions.departure_s - sessions.arrival_s) / 3600.0
    energy_kwh = np.nan_to_num(sessions.energy_kwh)
    enough_power = energy_kwh[:, None] <= most_kw[None, :] * stay_h[:, None] * (1 + 1e-9)
    able: Bool = enough_power & (energy_kwh[:, None] * fleet.charge_efficiency[None, :] <= fleet.battery_kwh[None, :])
    return able
