"""`/tmp/truth/bin/python -m tools.bench.diagnose_halfcells`: the half-cell potentials in src/evloom/diagnose/capacity_table.py.

Run by an interpreter that has PyBaMM (docs/battery-truth.md); the sets name their papers. Each potential stands at N_POINT even fillings.
"""

from pathlib import Path
from typing import Any

import numpy as np

from tools.truth.electrochemistry import pybamm

OUT = Path(__file__).parents[2] / "src" / "evloom" / "diagnose" / "capacity_table.py"
N_POINT = 121
WANTED = (
    ("SILICON_GRAPHITE", "n", "Chen2020", "graphite with silicon of the LG M50, Chen et al. 2020, doi:10.1149/1945-7111/ab9050"),
    ("GRAPHITE_MOHTAT", "n", "Mohtat2020", "graphite, Mohtat et al. 2020, doi:10.1149/1945-7111/aba5d1"),
    ("GRAPHITE_ECKER", "n", "Ecker2015", "graphite of a Kokam cell, Ecker et al. 2015, doi:10.1149/2.0551509jes"),
    ("GRAPHITE_KIM", "n", "NCA_Kim2011", "graphite, Kim et al. 2011, doi:10.1149/1.3597614"),
    ("NMC_811", "p", "Chen2020", "NMC 811 of the LG M50, Chen et al. 2020, doi:10.1149/1945-7111/ab9050"),
    ("NMC_532", "p", "Mohtat2020", "NMC 532, Mohtat et al. 2020, doi:10.1149/1945-7111/aba5d1"),
    ("NMC_KOKAM", "p", "Ecker2015", "NMC of a Kokam cell, Ecker et al. 2015, doi:10.1149/2.0551509jes"),
    ("NCA", "p", "NCA_Kim2011", "NCA, Kim et al. 2011, doi:10.1149/1.3597614"),
    ("LFP", "p", "Prada2013", "LFP of an A123 26650, Prada et al. 2013, doi:10.1149/2.053304jes"),
)  # fmt: skip


def potential(name: str, side: str) -> np.ndarray[Any, Any]:
    """Potential (V) of an electrode of a parameter set at N_POINT fillings 0..1, held within what a table can say."""
    values, symbols = pybamm.ParameterValues(name), pybamm.LithiumIonParameters()
    kelvin = values.evaluate(symbols.T_init)
    electrode = getattr(symbols, side)
    grid = np.linspace(0.0, 1.0, N_POINT).clip(0.002, 0.998)
    told = [float(np.squeeze(values.evaluate(electrode.prim.U(pybamm.Scalar(at), kelvin)))) for at in grid]
    return np.clip(told, 0.0, 5.2)


def main() -> None:
    """Write the table."""
    lines = [
        '"""Potentials of electrodes over their filling, at 25 degC: what the shape of a cell\'s curve is made of (`capacity_curves`).',
        "",
        "Written by `python -m tools.bench.diagnose_halfcells` from parameter sets of PyBaMM 26.10 (2026-11); each names its paper.",
        '"""',
        "",
        f"N_FILLING = {N_POINT}",
        '"""Points of each, evenly over fillings 0..1."""',
        "",
    ]
    for label, side, name, source in WANTED:
        words = [f"{value:.4f}" for value in potential(name, side)]
        rows = [" ".join(words[k : k + 18]) for k in range(0, len(words), 18)]
        lines += [f"# {source}", f"{label} = (", *[f'    "{row} "' for row in rows], ")"]
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
