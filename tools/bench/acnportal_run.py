"""Run inside acnportal's own environment: sessions in by standard input, delivered energies out by standard output, both JSON.

Nothing of acnportal is changed or subclassed. Its batteries are its ideal ones.
"""

import json
import sys
import time
import warnings
from datetime import datetime
from typing import Any

import pytz  # type: ignore[import-untyped]  # acnportal insists on it; only that environment has it
from acnportal import acnsim, algorithms  # type: ignore[import-not-found]  # as above

RULES = {"earliest-deadline": algorithms.earliest_deadline_first, "least-laxity": algorithms.least_laxity_first}


def simulator(task: dict[str, Any]) -> Any:
    """One site with the stations, the sessions and the limit on the total current of the task."""
    network = acnsim.ChargingNetwork()
    for name in task["station"]:
        if task["rates_a"]:
            evse = acnsim.FiniteRatesEVSE(name, task["rates_a"])
        else:
            evse = acnsim.EVSE(name, max_rate=task["current_max_a"])
        network.register_evse(evse, task["voltage_v"], 0)
    network.add_constraint(acnsim.Current(task["station"]), task["limit_a"], name="total")
    events = acnsim.EventQueue()
    for session in task["sessions"]:
        power_max_kw = task["current_max_a"] * task["voltage_v"] / 1000
        battery = acnsim.Battery(session["energy_kwh"], 0, power_max_kw)
        car = acnsim.EV(
            session["arrival"], session["departure"], session["request_kwh"], session["station"], session["session_id"], battery
        )
        events.add_event(acnsim.PluginEvent(session["arrival"], car))
    rule = algorithms.SortedSchedulingAlgo(RULES[task["rule"]])
    start = pytz.utc.localize(datetime(2019, 6, 1))  # noqa: DTZ001 localize wants it without a zone
    return acnsim.Simulator(network, rule, events, start, period=task["period_min"], verbose=False)


def main() -> None:
    """Read the task, run it, and write what each session got, in kWh, and the CPU seconds of the run alone."""
    warnings.simplefilter("ignore")
    task = json.load(sys.stdin)
    simulation = simulator(task)
    began = time.process_time()
    simulation.run()
    cpu_s = time.process_time() - began
    delivered = {name: float(car.energy_delivered) for name, car in simulation.ev_history.items()}
    json.dump({"cpu_s": cpu_s, "delivered_kwh": delivered}, sys.stdout)


if __name__ == "__main__":
    main()
