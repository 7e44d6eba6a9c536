"""Solves one minimum-cost flow with OR-tools. Runs in an environment of its own, since OR-tools and highspy do not import together.

Arguments: an .npz with tail, head, capacity, cost, supply (all whole numbers), and the .npy to write the flow of each arc to.
Prints CPU seconds of the solver and its status as JSON.
"""

import json
import sys
import time

import numpy as np
from ortools.graph.python import min_cost_flow  # type: ignore[import-not-found]  # only that environment has it

if __name__ == "__main__":
    given = np.load(sys.argv[1])
    solver = min_cost_flow.SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(given["tail"], given["head"], given["capacity"], given["cost"])
    solver.set_nodes_supplies(np.arange(len(given["supply"])), given["supply"])
    began = time.process_time()
    status = solver.solve()
    cpu_s = time.process_time() - began
    np.save(sys.argv[2], solver.flows(arcs))
    json.dump({"cpu_s": cpu_s, "is_optimal": status == solver.OPTIMAL}, sys.stdout)
