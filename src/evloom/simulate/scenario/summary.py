"""What a loaded scenario holds, in a page of text for `evloom simulate --check`."""

from collections import Counter
from zoneinfo import ZoneInfo

import numpy as np

from evloom.simulate.scenario.model import Scenario
from evloom.simulate.sources.table import read_report


def summary(scenario: Scenario) -> str:
    """Span, limits with their sources, piles, vehicles, prices, sessions and every finding, as lines of text."""
    parts = [_span(scenario), *_limits(scenario), *_piles(scenario), *_supply(scenario), _vehicles(scenario)]
    parts += [*_prices(scenario), *_sessions(scenario), _plan(scenario)]
    parts += [f"finding:   {finding.text()}" for finding in scenario.findings]
    return "\n".join(parts)


def _span(scenario: Scenario) -> str:
    zone = ZoneInfo(scenario.site.zone)
    start, end = scenario.grid.start.astimezone(zone), scenario.grid.end.astimezone(zone)
    steps = f"{scenario.grid.n} steps of {scenario.grid.step_s / 60:g} min"
    return f"{scenario.name}\nspan:      {start:%Y-%m-%d %H:%M %Z} to {end:%Y-%m-%d %H:%M %Z} ({scenario.site.zone}), {steps}"


def _limits(scenario: Scenario) -> list[str]:
    """One line for each node with a rating of its own; piles that share one between bays are counted."""
    tree = scenario.site.tree
    shared = {
        int(node)
        for node, count in Counter(scenario.evse.node.tolist()).items()
        if count > 1 and tree.source[int(node)].startswith("pile ")
    }
    lines = []
    for row in (row for row in range(tree.n) if row not in shared):
        limits = [f"{tree.import_max_kw[row]:g} kW"] if np.isfinite(tree.import_max_kw[row]) else []
        limits += [f"{tree.phase_max_a[row]:g} A per phase"] if np.isfinite(tree.phase_max_a[row]) else []
        limits += [f"export {tree.export_max_kw[row]:g} kW"] if np.isfinite(tree.export_max_kw[row]) else []
        below = "" if row == 0 else f", below {tree.node_id[int(tree.parent[row])]}"
        lines.append(f"limit:     {tree.node_id[row]}: {', '.join(limits)}; source: {tree.source[row]}{below}")
    if shared:
        lines.append(f"limit:     {len(shared)} piles share their rating between their bays")
    return lines


def _piles(scenario: Scenario) -> list[str]:
    """Piles of one kind in one line."""
    evse = scenario.evse
    kinds: Counter[str] = Counter()
    for pile in np.unique(evse.pile):
        rows = np.flatnonzero(evse.pile == pile)
        row = int(rows[0])
        supply = (
            "DC"
            if evse.dc[row]
            else f"AC {evse.n_phase[row]}-phase from {evse.current_min_a[row]:g} A in steps of {evse.current_step_a[row]:g} A"
        )
        back = f", back {evse.discharge_max_kw[row]:g} kW" if evse.discharge_max_kw[row] > 0 else ""
        once = ", one at a time" if evse.one_at_a_time[row] else ""
        bays = f", {len(rows)} bays{once}" if len(rows) > 1 else ""
        kinds[f"{evse.charge_max_kw[row]:g} kW {supply}{back}{bays}, at {_home(scenario, row)}"] += 1
    head = f"piles:     {len(np.unique(evse.pile))} piles with {evse.n} bays at {scenario.site.voltage_v:g} V"
    single = evse.phase[(evse.n_phase == 1) & ~evse.dc]
    spread = f"; single-phase bays on A, B, C: {', '.join(str(int((single == p).sum())) for p in range(3))}" if len(single) else ""
    return [head + spread, *(f"           {count} x {kind}" for kind, count in kinds.items())]


def _home(scenario: Scenario, row: int) -> str:
    """The node a bay hangs on; for a bay that shares its pile's rating the node above the pile."""
    tree, node = scenario.site.tree, int(scenario.evse.node[row])
    return tree.node_id[int(tree.parent[node])] if tree.source[node].startswith("pile ") else tree.node_id[node]


def _supply(scenario: Scenario) -> list[str]:
    grid, site = scenario.grid, scenario.site
    lines = []
    for kind, signals in (("base load", site.base_load), ("solar", site.solar)):
        for item in signals:
            values = item.signal.actual_on(grid)
            energy_kwh = values.sum() * grid.step_h
            lines.append(f"{kind + ':':11}{site.tree.node_id[item.node]}: peak {values.max():.1f} kW, {energy_kwh:.0f} kWh")
    for row, name in enumerate(site.storage.storage_id):
        store = site.storage
        rates = f"{store.charge_max_kw[row]:g} kW in, {store.discharge_max_kw[row]:g} kW out"
        lines.append(f"storage:   {name}: {store.capacity_kwh[row]:g} kWh, {rates}")
    return lines


def _vehicles(scenario: Scenario) -> str:
    fleet, drawn = scenario.fleet, Counter(scenario.model_row)
    size = [f"{kwh:g} kWh" if np.isfinite(kwh) else "never full" for kwh in fleet.battery_kwh]
    models = [f"{name} {size[row]} ({drawn[row]} sessions)" for row, name in enumerate(fleet.model)]
    consent = f"; {int(fleet.v2g.sum())} of {len(fleet.model)} models consent to discharge"
    return "vehicles:  " + ", ".join(models) + consent


def _prices(scenario: Scenario) -> list[str]:
    terms, grid = scenario.tariff.terms, scenario.grid
    price = scenario.tariff.price_on(grid)
    span = f"{price.min():g} to {price.max():g} {terms.currency}/kWh" if grid.n else "no step"
    demand = f", demand charge {terms.demand.price_per_kw_month:g} {terms.currency}/kW and month" if terms.demand else ""
    lines = [f"tariff:    {terms.name} ({terms.zone.key}): {span}{demand}; source: {terms.source or 'the scenario'}"]
    if scenario.contract is not None:
        lines.append(f"contract:  {scenario.contract.name}")
    if scenario.carbon is not None:
        carbon = scenario.carbon.actual_on(grid)
        lines.append(f"carbon:    {scenario.carbon.name}: {carbon.min():.3f} to {carbon.max():.3f} kg/kWh")
    return lines


def _sessions(scenario: Scenario) -> list[str]:
    table = scenario.sessions
    report = read_report(table).text().splitlines()
    lines = [
        f"sessions:  {len(table)} in the span, {table.energy_kwh.sum():.0f} kWh, {len(set(table.driver_id) - {''})} drivers known by id"
    ]
    n_free = sum(name == "" for name in table.evse_id)
    if n_free:
        lines.append(f"           {n_free} of them take a free bay at arrival")
    n_left_out = sum(finding.code == "session.unknown-evse" for finding in table.findings)
    if n_left_out:
        lines.append(f"           {n_left_out} session{'s' * (n_left_out > 1)} left out: at an EVSE that the scenario does not have")
    return lines + ["           " + line for line in report]


def _plan(scenario: Scenario) -> str:
    control, driver = scenario.control, scenario.driver
    aims = f"policies {', '.join(scenario.policies)}; objective {scenario.objective}"
    beliefs = f"departure {driver.departure}, energy {driver.energy}"
    return f"run:       {aims}; replan at every {control.replan}, look {control.horizon_h:g} h ahead; {beliefs}"
