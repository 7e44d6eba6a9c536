"""Scenario files from a seed: trees of limits, piles of every sort, cars that taper and discharge, wrong beliefs, sessions at odd times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2025, 6, 2, 16, tzinfo=UTC)  # midnight in Shanghai
HEADER = "session_id,evse_id,driver_id,arrival,departure,energy_kwh,told_departure,requested_kwh\n"


def random_site(folder: Path, seed: int, hours: int = 24) -> Path:
    """Write a scenario of `hours` and its sessions into `folder`; the path of the scenario."""
    rng = np.random.default_rng(seed)
    parts = [_head(rng, hours), *_limits(rng)]
    piles, evse_id = _piles(rng)
    parts += [*piles, *_vehicles(rng), *_units(rng), _tariff(rng), _inputs(rng)]
    (folder / "sessions.csv").write_text(HEADER + "".join(_sessions(rng, evse_id, hours)), encoding="utf-8")
    path = folder / "scenario.toml"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _head(rng: np.random.Generator, hours: int) -> str:
    end = (START + timedelta(hours=hours)).isoformat()
    phase = f"phase_max_a = {rng.uniform(40, 200):.1f}" if rng.random() < 0.5 else ""
    return f"""name = "random"
[time]
zone = "Asia/Shanghai"
from = {START.isoformat()}
to = {end}
step_s = {rng.choice([300, 900, 1800, 3600])}
[transformer]
rating_kva = {rng.uniform(15, 120):.1f}
export_max_kw = {rng.choice([0, 5])}
{phase}"""


def _limits(rng: np.random.Generator) -> list[str]:
    """Two nodes, one below the other."""
    board = f'[[limit]]\nid = "board"\nmax_kw = {rng.uniform(10, 60):.1f}\nphase_max_a = {rng.uniform(20, 90):.1f}\nexport_max_kw = 20'
    return [board, f'[[limit]]\nid = "circuit"\nparent = "board"\nphase_max_a = {rng.uniform(12, 60):.1f}']


def _piles(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    piles, evse_id = [], []
    for number in range(int(rng.integers(2, 7))):
        node = rng.choice(["transformer", "board", "circuit"])
        bays = int(rng.choice([1, 1, 2]))
        names = [f"P{number}"] if bays == 1 else [f"P{number}-1", f"P{number}-2"]
        evse_id += names
        text = f'[[pile]]\nid = "P{number}"\nnode = "{node}"\nbays = {bays}\nbays_at_once = {rng.integers(1, bays + 1)}\n'
        if rng.random() < 0.3:
            text += f"dc = true\nrating_kw = {rng.choice([20, 60])}\nefficiency = 0.94\ndischarge_max_kw = {rng.choice([0, 20])}\n"
        else:
            rating_kw, phases = [(3.68, 1), (7.36, 1), (11.04, 3), (22.08, 3)][int(rng.integers(4))]
            text += f'rating_kw = {rating_kw}\nphases = {phases}\nphase = "rotate"\ncurrent_step_a = {rng.choice([0, 0.5, 1])}\n'
        piles.append(text)
    return piles, evse_id


def _vehicles(rng: np.random.Generator) -> list[str]:
    plain = '[[vehicle]]\nmodel = "plain"\nbattery_kwh = 100\nac_max_kw = 11\nphases = 3\ndc_max_kw = 60\n'
    taper = f'[[vehicle]]\nmodel = "taper"\nbattery_kwh = {rng.uniform(30, 60):.1f}\nac_max_kw = 7.4\ntaper_soc = 0.8\ndc_max_kw = 50\n'
    giver = '[[vehicle]]\nmodel = "giver"\nbattery_kwh = 60\nac_max_kw = 11\nphases = 3\ndc_max_kw = 60\nv2g = true\n'
    return [plain, taper + "charge_efficiency = 0.95\n", giver + "charge_efficiency = 0.96\ndischarge_efficiency = 0.95\n"]


def _units(rng: np.random.Generator) -> list[str]:
    """Base load, solar power and a stationary battery, each only sometimes."""
    base = f'[[base_load]]\nnode = "board"\nprofile = "apartment-block"\npeak_kw = {rng.uniform(2, 25):.1f}\n'
    solar = '[[solar]]\nkwp = 15\nprofile = "solar-clear-sky"\nlatitude_deg = 30.75\nlongitude_deg = 120.76\n'
    storage = '[[storage]]\nid = "S"\ncapacity_kwh = 30\ncharge_max_kw = 10\ndischarge_max_kw = 10\n'
    return [text for text, share in ((base, 0.6), (solar, 0.3), (storage, 0.3)) if rng.random() < share]


def _tariff(rng: np.random.Generator) -> str:
    if rng.random() < 0.3:
        return '[tariff]\nname = "flat"\ncurrency = "EUR"\nzone = "UTC"\nprice_per_kwh = 0.3\n'
    return '[tariff]\nname = "zhejiang-jiaxing-2025"\ndemand_per_kw_month = 10\n'


def _inputs(rng: np.random.Generator) -> str:
    knows = ["told", "history", "true"]
    deadband_kw = rng.choice([0.0, 0.0, 0.0, 0.7])
    dwell_s = float(rng.choice([0.0, 600.0])) if deadband_kw > 0.0 else 0.0
    return (
        '[sessions]\nfile = "sessions.csv"\nselect = "arriving"\n'
        f'[driver]\ndeparture = "{rng.choice(knows)}"\nenergy = "{rng.choice(knows)}"\n'
        f'[control]\nreplan = "{rng.choice(["event", "step"])}"\nhorizon_h = {rng.choice([6, 24])}\n'
        f"deadband_kw = {deadband_kw}\nmin_on_s = {dwell_s}\nmin_off_s = {dwell_s}\norders_per_hour = {dwell_s / 150.0}\n"
    )


def _sessions(rng: np.random.Generator, evse_id: list[str], hours: int) -> list[str]:
    """Stays one after the other at every EVSE, some at none, some past the end; what is told is wrong."""
    rows: list[str] = []
    for name in [*evse_id, "", ""]:
        at_h = rng.uniform(0, 4)
        while at_h < hours:
            stay_h = rng.exponential(4.0) + 0.05
            arrival, departure = (START + timedelta(seconds=round(3600 * each)) for each in (at_h, at_h + stay_h))
            told = (departure + timedelta(minutes=round(rng.normal(0, 60)))).isoformat() if rng.random() < 0.8 else ""
            kwh = rng.exponential(12.0)
            asked = f"{kwh * rng.choice([0.5, 1.0, 1.7]):.2f}" if rng.random() < 0.8 else ""
            rows.append(f"s{len(rows)},{name},d{rng.integers(5)},{arrival.isoformat()},{departure.isoformat()},{kwh:.3f},{told},{asked}\n")
            at_h += stay_h + rng.choice([0.0, rng.exponential(2.0)]) + 0.01
    return rows
