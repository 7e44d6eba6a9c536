"""Everything on a site that is a series over time: base load, solar, carbon, and prices that come as a series."""

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from evloom.kernel.errors import InputError
from evloom.kernel.stamped import Signal
from evloom.kernel.timegrid import Float, TimeGrid, from_epoch_s
from evloom.network.site import NodeSignal, Site, StorageTable
from evloom.network.tree import LimitTree, node_total
from evloom.simulate.scenario.limits import node_row
from evloom.simulate.scenario.profiles import clear_sky_on, load_shape_mean, load_shape_on
from evloom.simulate.scenario.schema import BaseLoadSection, CarbonSection, SolarSection, StorageSection
from evloom.simulate.scenario.section import Notes
from evloom.simulate.sources.daily import DailyProfile
from evloom.simulate.sources.series import read_series_with_findings

PROFILE_STEP_S = 900
LEAD_IN_DAYS = 7
"""A computed profile starts so many days before the run, so that a forecast from past days has days to look at."""


@dataclass(frozen=True)
class Setting:
    """What every builder of a series needs: the span, how far plans look past it, the local clock, the file's folder."""

    grid: TimeGrid
    horizon_h: float
    zone: ZoneInfo
    folder: Path
    tree: LimitTree
    node_ids: frozenset[str]

    def around(self) -> TimeGrid:
        """Quarter-hours from a week before the run to past the last plan, on the quarters of the clock."""
        start = from_epoch_s(math.floor(self.grid.start_s / PROFILE_STEP_S) * PROFILE_STEP_S) - timedelta(days=LEAD_IN_DAYS)
        return TimeGrid.between(start, self.grid.end + timedelta(hours=self.horizon_h, days=1), PROFILE_STEP_S)


def base_loads(sections: tuple[BaseLoadSection, ...], setting: Setting, notes: Notes) -> tuple[NodeSignal, ...]:
    """The base loads in kW, each at its node."""
    found = []
    for item in sections:
        node = node_row(item.node, f"{item.path}.node", setting.tree, set(setting.node_ids), notes)
        signal = _base_load(item, setting, notes)
        if signal is not None:
            found.append(NodeSignal(node, signal))
    return tuple(found)


def _base_load(item: BaseLoadSection, setting: Setting, notes: Notes) -> Signal | None:
    if (item.profile is None) == (item.file is None):
        notes.refuse("load-source", item.path, _one_of(item.profile, item.file), "profile or file", "say where the load comes from, once")
        return None
    if item.file is not None:
        signal = read_file((item.file,), (item.format, item.column), f"{item.path}.file", setting, notes)
        if signal is None:
            return None
        if signal.unit != "kW" or np.nanmin(signal.actual, initial=0.0) < 0:
            value = f"{np.nanmin(signal.actual, initial=0.0):g} {signal.unit} at least"
            notes.refuse(
                "load-unit", f"{item.path}.file", value, ">= 0 kW", "give a column in kW of what is drawn; generation goes to [[solar]]"
            )
            return None
        return replace(signal, name=f"base load {item.node}", actual=signal.actual * item.scale)
    if item.profile is None or (item.peak_kw is None) == (item.mean_kw is None):
        notes.refuse(
            "load-scale", item.path, _one_of(item.peak_kw, item.mean_kw), "peak_kw or mean_kw", "scale the profile by one of the two"
        )
        return None
    grid = setting.around()
    factor_kw = item.peak_kw if item.peak_kw is not None else (item.mean_kw or 0.0) / load_shape_mean(item.profile)
    return Signal(f"base load {item.node}", "kW", grid, factor_kw * load_shape_on(item.profile, grid, setting.zone))


def _one_of(first: object, second: object) -> str:
    """How many of two keys were given where exactly one is wanted."""
    return "(neither given)" if first is None and second is None else "both given"


def solar_plants(sections: tuple[SolarSection, ...], setting: Setting, notes: Notes) -> tuple[NodeSignal, ...]:
    """Generation in kW (unsigned), each plant at its node."""
    found = []
    for item in sections:
        node = node_row(item.node, f"{item.path}.node", setting.tree, set(setting.node_ids), notes)
        signal = _solar(item, setting, notes)
        if signal is not None:
            found.append(NodeSignal(node, signal))
    return tuple(found)


def _solar(item: SolarSection, setting: Setting, notes: Notes) -> Signal | None:
    if (item.profile is None) == (item.file is None):
        notes.refuse(
            "solar-source", item.path, _one_of(item.profile, item.file), "profile or file", "say where the generation comes from, once"
        )
        return None
    if item.file is not None:
        signal = read_file((item.file,), (item.format, item.column), f"{item.path}.file", setting, notes)
        if signal is not None and signal.unit != "kW/kWp":
            notes.refuse("solar-unit", f"{item.path}.file", signal.unit, "kW per kWp", "give a column in kW per kWp")
            return None
        return None if signal is None else replace(signal, name=f"solar {item.node}", unit="kW", actual=signal.actual * item.kwp)
    if item.latitude_deg is None or item.longitude_deg is None:
        notes.refuse("missing-key", item.path, "no place", "latitude_deg and longitude_deg", "say where the panels stand")
        return None
    grid = setting.around()
    share = clear_sky_on(grid, item.latitude_deg, item.longitude_deg) * item.performance_ratio
    return Signal(f"solar {item.node}", "kW", grid, item.kwp * share)


def storage_table(sections: tuple[StorageSection, ...], setting: Setting, notes: Notes) -> StorageTable:
    """The stationary batteries as columns."""
    ids = [item.id for item in sections]
    for item in sections:
        if item.id and ids.count(item.id) > 1 and ids.index(item.id) < sections.index(item):
            notes.refuse("duplicate-id", f"{item.path}.id", f'"{item.id}"', "an id used once", "give every battery a name of its own")
    nodes = [node_row(item.node, f"{item.path}.node", setting.tree, set(setting.node_ids), notes) for item in sections]
    return StorageTable(
        tuple(ids),
        np.array(nodes, dtype=np.int64),
        np.array([item.capacity_kwh for item in sections], dtype=np.float64),
        np.array([item.charge_max_kw for item in sections], dtype=np.float64),
        np.array([item.discharge_max_kw for item in sections], dtype=np.float64),
        np.array([item.charge_efficiency for item in sections], dtype=np.float64),
        np.array([item.discharge_efficiency for item in sections], dtype=np.float64),
        np.array([item.soc_initial for item in sections], dtype=np.float64),
        np.array([item.wear_per_kwh for item in sections], dtype=np.float64),
    )


def carbon_signal(section: CarbonSection | None, setting: Setting, notes: Notes) -> Signal | None:
    """Carbon intensity in kgCO2/kWh; a constant is known for all time."""
    if section is None:
        return None
    if (section.constant_kg_per_kwh is None) == (not section.files):
        notes.refuse(
            "carbon-source",
            section.path,
            _one_of(section.constant_kg_per_kwh, section.files or None),
            "constant_kg_per_kwh or files",
            "say where it comes from, once",
        )
        return None
    if section.constant_kg_per_kwh is None:
        signal = read_file(section.files, (section.format, section.column), f"{section.path}.files", setting, notes)
        if signal is not None and signal.unit != "kgCO2/kWh":
            notes.refuse("carbon-unit", f"{section.path}.files", signal.unit, "kgCO2/kWh", "give a column of carbon intensity")
        return signal
    if not section.source:
        notes.refuse("missing-key", f"{section.path}.source", "(not given)", "text", "say where the constant comes from, with its year")
    grid = setting.around()
    name = f"carbon intensity, {section.source}"
    return Signal(name, "kgCO2/kWh", grid, np.full(grid.n, section.constant_kg_per_kwh), known_ahead_s=math.inf)


def read_file(names: tuple[str, ...], how: tuple[str, str | None], path: str, setting: Setting, notes: Notes) -> Signal | None:
    """The series in files beside the scenario, read as (format, column); None beside findings where it cannot be used."""
    files = [setting.folder / name for name in names]
    try:
        reading = read_series_with_findings(files, how[0], how[1])
    except InputError as error:
        notes.findings.extend(error.findings)
        return None
    notes.of_rows.extend(reading.findings)
    series = reading.series
    signal = series.on(setting.around(), setting.zone) if isinstance(series, DailyProfile) else series
    gap = ~np.isfinite(signal.actual_on(setting.grid))
    if gap.any():
        first = setting.grid.at(int(np.argmax(gap))).astimezone(setting.zone)
        value = f"{int(gap.sum())} of {setting.grid.n} steps without a value, first {first:%Y-%m-%d %H:%M}"
        allowed = f"a value for every step; the file holds {signal.grid.start:%Y-%m-%d} to {signal.grid.end:%Y-%m-%d}"
        notes.refuse("series-gap", path, value, allowed, "fill the file, or run a span that it covers")
        return None
    return signal


def net_base_kw(site: Site, grid: TimeGrid) -> Float:
    """Load that nobody steers less solar, at or below every node, in kW -> (n_node, grid.n)."""
    at_node = np.zeros((site.tree.n, grid.n))
    for load in site.base_load:
        at_node[load.node] += load.signal.actual_on(grid)
    for plant in site.solar:
        at_node[plant.node] -= plant.signal.actual_on(grid)
    return node_total(site.tree, at_node)


def warn_overloads(site: Site, grid: TimeGrid, notes: Notes) -> None:
    """Say where the base load alone is above a limit: vehicles get nothing there then."""
    total = net_base_kw(site, grid)
    for row in range(site.tree.n):
        over = total[row] > site.tree.import_max_kw[row] + 1e-9
        if over.any():
            value = f"up to {total[row].max():.1f} kW, above the limit for {over.sum() * grid.step_h:g} h"
            allowed = f"<= {site.tree.import_max_kw[row]:g} kW ({site.tree.source[row]})"
            advice = f"vehicles below {site.tree.node_id[row]} get nothing in those hours; raise the limit or lower the load"
            notes.warn("load-above-limit", "base_load", value, allowed, advice)
