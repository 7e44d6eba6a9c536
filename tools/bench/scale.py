"""Large sites: how many EVSE-steps a CPU second holds, and a year of ten thousand EVSE."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from evloom.simulate.run import PolicyRun, run_policy
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.stage import Stage, stage

STEP_S = 300
FIRST = date(2025, 6, 1)

# Half the piles have three phases. Two feeders and the transformer bind, in kW and in A per phase; every car tapers from 80 %.
SCENARIO = """
[time]
zone = "Europe/Amsterdam"
from = {first}
to = {last}
step_s = {step_s}
[transformer]
rating_kva = {root_kw}
power_factor = 1
phase_max_a = {root_a}
[[limit]]
id = "A"
max_kw = {feeder_kw}
phase_max_a = {feeder_a}
[[limit]]
id = "B"
max_kw = {feeder_kw}
phase_max_a = {feeder_a}
[[pile]]
id = "A{{n}}"
count = {half}
rating_kw = 11
phases = 3
node = "A"
[[pile]]
id = "B{{n}}"
count = {half}
rating_kw = 7.4
node = "B"
[[vehicle]]
model = "small"
battery_kwh = 45
ac_max_kw = 7.4
taper_soc = 0.8
[[vehicle]]
model = "large"
battery_kwh = 75
ac_max_kw = 11
phases = 3
taper_soc = 0.8
[sessions.generate]
kind = "{kind}"
[driver]
departure = "told"
energy = "told"
[control]
replan = "step"
[tariff]
name = "zhejiang-jiaxing-2025"
"""


@dataclass(frozen=True)
class Speed:
    """A rule on a large site. occupancy is the share of EVSE-steps with a car; balance_kwh what energy is unaccounted for."""

    rule: str
    cpu_s: float
    evse_steps: int
    occupancy: float
    stays: int
    delivered: float
    over_kw: float
    balance_kwh: float

    @property
    def per_cpu_s(self) -> float:
        """EVSE-steps per CPU second, in millions."""
        return self.evse_steps / self.cpu_s / 1e6

    @property
    def sound(self) -> bool:
        """No limit exceeded and no energy lost."""
        return self.over_kw <= 0.0 and self.balance_kwh <= 1e-9 * self.evse_steps

    @property
    def quality(self) -> str:
        """In words."""
        return (
            f"no limit exceeded; {self.delivered:.1%} delivered; energy balance {self.balance_kwh:.0e} kWh; {self.occupancy:.0%} occupied"
        )


def site(n_evse: int, days: int, kind: str, folder: Path) -> Stage:
    """A stage with generated sessions; its file is written to `folder`."""
    ampere_per_kw = 1000 / (3 * 230) * 1.1
    root_kw, feeder_kw = 0.9 * n_evse, 0.55 * n_evse
    text = SCENARIO.format(
        first=FIRST, last=FIRST + timedelta(days), step_s=STEP_S, root_kw=root_kw, root_a=root_kw * ampere_per_kw,
        feeder_kw=feeder_kw, feeder_a=feeder_kw * ampere_per_kw, half=n_evse // 2, kind=kind,
    )  # fmt: skip
    path = folder / f"site-{n_evse}-{days}.toml"
    path.write_text(text)
    return stage(load_scenario(path))


def speed(ready: Stage, rule: str, warm: bool = True) -> Speed:
    """Run a rule; with `warm` once before, so that compiling does not count."""
    if warm:
        run_policy(ready, rule, "cost")
    run = run_policy(ready, rule, "cost")
    evse_steps = len(ready.step) * ready.scenario.evse.n
    stay_steps = float((ready.cars.departure_s - ready.cars.arrival_s).sum()) / STEP_S
    return Speed(
        rule, run.cpu_s, evse_steps, stay_steps / evse_steps, len(ready.session),
        float(run.track.in_kwh.sum() / ready.cars.energy_kwh.sum()), float(run.track.over_kw.max()), _unaccounted_kwh(run),
    )  # fmt: skip


def _unaccounted_kwh(run: PolicyRun) -> float:
    """Between what the cars took, what the steps hold and what went through the transformer."""
    cars_kwh = float(run.track.in_kwh.sum() - run.track.out_kwh.sum())
    return float(np.abs(np.array([run.track.ev_kwh.sum(), run.track.node_kwh[0].sum()]) - cars_kwh).max())
