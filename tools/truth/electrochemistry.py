"""Cells by PyBaMM: voltage and state of one cell along a given current, with a shunt across it, plating, ageing and lost lithium.

Needs the extra `truth` (docs/battery-truth.md); the rest of `tools.truth` does not know PyBaMM.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from evloom.kernel.timegrid import Float
from evloom.simulate.pack.use import DAY_S

pybamm: Any = importlib.import_module("pybamm")
pybamm.set_logging_level("ERROR")

SETS = {"NMC": ("OKane2022", "Mohtat2020", "Chen2020", "Ecker2015"), "LFP": ("Prada2013",)}
"""Parameter sets by chemistry; each names its paper in PyBaMM (`pybamm.print_citations`)."""
WINDOW_V = {"NMC": (2.8, 4.2), "LFP": (2.5, 3.6)}
"""Voltages at rest between which capacity is counted."""
MESH = {"x_n": 8, "x_s": 5, "x_p": 8, "r_n": 15, "r_p": 15}
OPTIONS = {"SEI": "solvent-diffusion limited", "lithium plating": "partially reversible"}
DEAD_PER_S = 3e-5  # rate at which plated lithium is lost for good in a cell that plates; ours, thirty times that of the set
GRID = np.linspace(0.001, 0.999, 400)


@dataclass(frozen=True)
class Electrodes:
    """Balance of a new cell: filling of both electrodes when empty and full, their capacity (Ah), potentials on GRID."""

    empty: tuple[float, float]
    full: tuple[float, float]
    negative_ah: float
    positive_ah: float
    negative_v: Float
    positive_v: Float

    @property
    def capacity_ah(self) -> float:
        """Charge of the new cell between empty and full."""
        return (self.full[0] - self.empty[0]) * self.negative_ah

    def rest_v(self, x: Float, y: Float) -> Float:
        """Voltage at rest at fillings x of the negative and y of the positive electrode."""
        return np.asarray(np.interp(y, GRID, self.positive_v) - np.interp(x, GRID, self.negative_v))

    def around(self, x: float, y: float, window_v: tuple[float, float]) -> tuple[float, float]:
        """Charge (Ah) that lies below and above a state, down to and up to the voltages of the window."""
        q = np.linspace(-1.3, 1.3, 26001) * self.capacity_ah
        v = self.rest_v(x + q / self.negative_ah, y - q / self.positive_ah)
        inside = (x + q / self.negative_ah > 0.0015) & (y - q / self.positive_ah > 0.0015) & (v > window_v[0]) & (v < window_v[1])
        inside &= (x + q / self.negative_ah < 0.998) & (y - q / self.positive_ah < 0.998)
        return float(-q[inside].min()), float(q[inside].max())


@dataclass(frozen=True)
class Trip:
    """What all cells of a journey go through: knots (seconds from its begin), current in multiples of the new capacity (1/h, positive =
    charging), temperature; instants at which the solver begins anew; instants of the frames."""

    knot_s: Float
    c_rate: Float
    temp_c: Float
    break_s: Float
    frame_s: Float


@dataclass(frozen=True)
class CellCase:
    """One cell of the journey. Fillings at the begin; factors on size, exchange currents, diffusivity; how much warmer it is than the mean.

    siemens_per_ah   (n_knot,) conductance of a shunt across it per Ah of capacity, or None
    plating          factor on the rate of plating from plating_s on
    lost             lithium lost (share of the capacity) between two instants: a function of seconds; size likewise a factor
    """

    x: float
    y: float
    size: float = 1.0
    kinetics: tuple[float, float] = (1.0, 1.0)
    diffusion: float = 1.0
    warmer_c: float = 0.0
    siemens_per_ah: Float | None = None
    plating: float = 1.0
    plating_s: float = 0.0
    lost: Callable[[float], float] | None = None
    resized: Callable[[float], float] | None = None


@dataclass(frozen=True)
class CellRun:
    """What came of it, at the frames up to `n` (fewer where the cell was empty before the end): voltage, fillings of both electrodes;
    on each midnight the charge (share of a new cell) below and above it, as the truth of its capacity."""

    n: int
    cell_v: Float
    x: Float
    capacity_share: Float
    size: Float
    extra: dict[str, float] = field(default_factory=dict)


def electrodes(name: str, window_v: tuple[float, float]) -> Electrodes:
    """Balance of a parameter set between two voltages."""
    values = pybamm.ParameterValues(name)
    symbols = pybamm.LithiumIonParameters()
    kelvin = values.evaluate(symbols.T_init)

    def potential(electrode: Any) -> Float:
        return np.array([float(np.squeeze(values.evaluate(electrode.prim.U(pybamm.Scalar(at), kelvin)))) for at in GRID])

    values["Upper voltage cut-off [V]"], values["Open-circuit voltage at 100% SOC [V]"] = window_v[1], window_v[1]
    values["Lower voltage cut-off [V]"], values["Open-circuit voltage at 0% SOC [V]"] = window_v[0], window_v[0]
    x0, x1, y1, y0 = (float(value) for value in pybamm.lithium_ion.get_min_max_stoichiometries(values))
    q_n, q_p = (float(np.squeeze(values.evaluate(part.Q_init))) for part in (symbols.n.prim, symbols.p.prim))
    return Electrodes((x0, y0), (x1, y1), q_n, q_p, potential(symbols.n), potential(symbols.p))


class CellModel:
    """A parameter set along a trip; `run` solves one cell. Models are built anew where a cell has a shunt or plates."""

    def __init__(self, name: str, chemistry: str, trip: Trip, ageing: bool) -> None:
        self.name, self.trip, self.ageing = name, trip, ageing
        self.window_v = WINDOW_V[chemistry]
        self.electrodes = electrodes(name, self.window_v)
        self._plain: Any = None

    def run(self, case: CellCase) -> CellRun:
        """Solve one cell: in one piece, or in pieces of three days where it loses lithium or size on the way."""
        if case.siemens_per_ah is not None or case.plating != 1.0:
            simulation = self._build(case)
        else:
            simulation = self._plain = self._plain or self._build(CellCase(0.5, 0.5))
        ends = self._pieces(case)
        frame_s = self.trip.frame_s
        cell_v, x, y = np.full(len(frame_s), np.nan), np.full(len(frame_s), np.nan), np.full(len(frame_s), np.nan)
        here, n = (case.x, case.y), 0
        for begin_s, end_s in pairwise(ends):
            lost = case.lost(end_s) - case.lost(begin_s) if case.lost else 0.0
            here = (here[0] - lost * (self.electrodes.full[0] - self.electrodes.empty[0]), here[1])
            told, done_s = self._piece(simulation, case, here, (begin_s, end_s))
            rows = (frame_s > begin_s) & (frame_s <= done_s)
            at_s = told[0]
            for column, series in ((cell_v, told[1]), (x, told[2]), (y, told[3])):
                column[rows] = np.interp(frame_s[rows], at_s, series)
            here = (float(told[2][-1]), float(told[3][-1]))
            n = int(np.searchsorted(frame_s, done_s, side="right"))
            if done_s < end_s - 1.0:
                break
        return self._told(case, n, (cell_v, x, y))

    def _pieces(self, case: CellCase) -> list[float]:
        end_s = float(self.trip.frame_s[-1])
        if case.lost is None and case.resized is None:
            return [0.0, end_s]
        quiet_s = self.trip.break_s
        wanted = np.arange(3.0 * DAY_S, end_s - DAY_S, 3.0 * DAY_S)
        # Where a car sleeps for days on end, or until the very end, two of them fall on the same instant.
        found = np.searchsorted(quiet_s, wanted)
        between = np.unique(quiet_s[found[found < len(quiet_s)]])
        return [0.0, *(float(at) for at in between if 0.0 < at < end_s), end_s]

    def _piece(self, simulation: Any, case: CellCase, here: tuple[float, float], span: tuple[float, float]) -> tuple[list[Float], float]:
        """Time, voltage, two fillings of a stretch, and the second at which it ended."""
        begin_s, end_s = span
        trip = self.trip
        size = case.size * (case.resized(end_s) if case.resized else 1.0)
        inputs = {
            "x": here[0], "y": here[1], "size": size, "warmer": case.warmer_c,
            "kinetics_n": case.kinetics[0], "kinetics_p": case.kinetics[1], "diffusion": case.diffusion,
        }  # fmt: skip
        breaks = trip.break_s[(trip.break_s > begin_s) & (trip.break_s < end_s)]
        frames = trip.frame_s[(trip.frame_s > begin_s) & (trip.frame_s < end_s)]
        solution = simulation.solve(t_eval=np.concatenate([[begin_s], breaks, [end_s]]), t_interp=frames, inputs=inputs)
        names = ("Voltage [V]", "Negative electrode stoichiometry", "Positive electrode stoichiometry")
        return [solution.t, *(solution[name].entries for name in names)], float(solution.t[-1])

    def charge_apart(self, case: CellCase, run: CellRun) -> float:
        """By how much (share of the capacity) the charge in the negative electrode of a cell without shunt differs in the end from
        the current that went through it: what the solver has missed, and lithium lost."""
        trip, here_s = self.trip, self.trip.frame_s[run.n - 1]
        knots = trip.knot_s <= here_s
        passed = float(np.trapezoid(trip.c_rate[knots], trip.knot_s[knots])) / 3600.0 / case.size
        return (float(run.x[-1]) - case.x) / (self.electrodes.full[0] - self.electrodes.empty[0]) - passed

    def _told(self, case: CellCase, n: int, series: tuple[Float, Float, Float]) -> CellRun:
        cell_v, x, y = (column[:n] for column in series)
        days = int(np.ceil((self.trip.frame_s[n - 1] if n else 0.0) / DAY_S)) if n else 0
        share, size = np.ones(days), np.ones(days)
        for day in range(days):
            row = min(int(np.searchsorted(self.trip.frame_s, day * DAY_S)), n - 1)
            below, above = self.electrodes.around(float(x[row]), float(y[row]), self.window_v)
            size[day] = case.size * (case.resized(day * DAY_S) if case.resized else 1.0)
            share[day] = (below + above) / self.electrodes.capacity_ah * size[day]
        return CellRun(n, cell_v, x, share, size)

    def _build(self, case: CellCase) -> Any:
        """A simulation whose inputs are those of `_piece`; the shunt and the plating of `case` are built in."""
        trip = self.trip
        values = self._values(case)
        scale_a = self.electrodes.capacity_ah
        wanted_a = pybamm.Interpolant(trip.knot_s, -trip.c_rate * scale_a, pybamm.t) / pybamm.InputParameter("size")
        options: dict[str, Any] = dict(OPTIONS) if self.ageing or case.plating != 1.0 else {}
        if case.siemens_per_ah is not None:
            siemens = pybamm.Interpolant(trip.knot_s, case.siemens_per_ah * scale_a, pybamm.t) / pybamm.InputParameter("size")
            # Positive is discharging there: the cell gives what the pack draws and what the shunt takes.
            options["operating mode"] = lambda variables: variables["Current [A]"] - wanted_a - variables["Voltage [V]"] * siemens
        else:
            values["Current function [A]"] = wanted_a
        model = pybamm.lithium_ion.SPMe(options)
        outputs = ["Voltage [V]", "Negative electrode stoichiometry", "Positive electrode stoichiometry"]
        # Short first steps and none long, or the solver steps over a whole trip. The current of a cell with a shunt follows the
        # pack's at once: its kinks are no error of integration.
        steps = {"dt_init": 5.0, "dt_max": 600.0, "suppress_algebraic_error": case.siemens_per_ah is not None}
        solver = pybamm.IDAKLUSolver(rtol=1e-5, atol=1e-6, output_variables=outputs, options=steps)
        return pybamm.Simulation(model, parameter_values=values, solver=solver, var_pts=MESH)

    def _values(self, case: CellCase) -> Any:
        values = pybamm.ParameterValues(self.name)
        if self.ageing or case.plating != 1.0:
            _lend_ageing(values)
        trip = self.trip
        temp_k = pybamm.Interpolant(trip.knot_s, trip.temp_c + 273.15, pybamm.t) + pybamm.InputParameter("warmer")
        values["Ambient temperature [K]"] = temp_k
        values["Lower voltage cut-off [V]"], values["Upper voltage cut-off [V]"] = self.window_v[0] - 0.7, self.window_v[1] + 0.6
        for side, at in (("negative", "x"), ("positive", "y")):
            most = values[f"Maximum concentration in {side} electrode [mol.m-3]"]
            values[f"Initial concentration in {side} electrode [mol.m-3]"] = most * pybamm.InputParameter(at)
            _times(values, f"{side.capitalize()} particle diffusivity [m2.s-1]", pybamm.InputParameter("diffusion"))
            kinetics = pybamm.InputParameter(f"kinetics_{side[0]}")
            _times(values, f"{side.capitalize()} electrode exchange-current density [A.m-2]", kinetics)
        if case.plating != 1.0:
            factor = 1.0 + (case.plating - 1.0) * (pybamm.t > case.plating_s)
            _times(values, "Exchange-current density for plating [A.m-2]", factor)
            _times(values, "Exchange-current density for stripping [A.m-2]", factor)
            values["Dead lithium decay constant [s-1]"] = DEAD_PER_S
        return values


def _times(values: Any, name: str, factor: Any) -> None:
    """Multiply a parameter, be it a number or a function."""
    before = values[name]
    if callable(before):
        values[name] = lambda *arguments: before(*arguments) * factor
    else:
        values[name] = before * factor


def _lend_ageing(values: Any) -> None:
    """Parameters of SEI and plating from OKane2022, where a set has none of its own."""
    lender = pybamm.ParameterValues("OKane2022")
    lent = {key: lender[key] for key in lender if key not in values}
    values.update(lent, check_already_exists=False)
