"""What is known of a cell by its chemistry: the voltage at rest over the state of charge, limits, and usual figures.

Each table names its source. They are starting points: a cell of another maker differs by tens of millivolts, which is why the
twins bend them for every vehicle (`simulate.pack`) and `diagnose` compares cells of one pack with each other first.
"""

from dataclasses import dataclass

import numpy as np

from evloom.kernel.timegrid import Float

N_POINT = 41
"""Points of a table, evenly over the state of charge 0..1."""


@dataclass(frozen=True)
class Chemistry:
    """One kind of cell.

    ocv_v            (N_POINT,) voltage at rest at states of charge 0, 1/40, ... 1, at 25 degC
    v_max, v_min     what charging and discharging stop at; hysteresis_v half the distance between the curves of charging and discharging
    resistance_ohm_ah  resistance of 10 s times the rated capacity, at 25 degC and half charge: a cell of 150 Ah has a 150th of it
    source           where the table comes from
    """

    name: str
    ocv_v: tuple[float, ...]
    v_max: float
    v_min: float
    hysteresis_v: float
    resistance_ohm_ah: float
    source: str

    def ocv(self, soc: Float | float) -> Float:
        """Voltage (V) at rest at `soc`, linear between the points."""
        return np.asarray(np.interp(soc, np.linspace(0.0, 1.0, N_POINT), self.ocv_v))

    def slope(self, soc: Float | float) -> Float:
        """Rise of the voltage at rest (V per unit of state of charge) around `soc`, over 4 % of the charge."""
        at = np.clip(soc, 0.02, 0.98)
        return (self.ocv(at + 0.02) - self.ocv(at - 0.02)) / 0.04


def _table(text: str) -> tuple[float, ...]:
    return tuple(float(word) for word in text.split())


NMC = Chemistry(
    "NMC",
    _table(
        "2.5000 2.9212 3.1094 3.2107 3.2959 3.3787 3.4339 3.4641 3.4852 3.5056 3.5286 3.5545 3.5814 3.6068 3.6290 3.6487 3.6670 3.6855"
        " 3.7054 3.7273 3.7509 3.7750 3.7983 3.8200 3.8406 3.8624 3.8896 3.9206 3.9479 3.9713 3.9943 4.0181 4.0421 4.0640 4.0809 4.0911"
        " 4.0967 4.1048 4.1236 4.1564 4.2000"
    ),
    v_max=4.2,
    v_min=2.8,
    hysteresis_v=0.004,
    resistance_ohm_ah=0.16,
    source="LG M50 (NMC 811 against graphite with silicon), Chen et al. 2020, doi:10.1149/1945-7111/ab9050; the two electrodes' potentials"
    " of the set Chen2020 of PyBaMM 26.10, balanced between 2.5 and 4.2 V (2026-11). Resistance: 1.0-1.2 mohm at 150 Ah, usual for cars.",
)
LFP = Chemistry(
    "LFP",
    _table(
        "2.0000 2.5369 2.7853 2.9057 2.9781 3.0444 3.1080 3.1491 3.1685 3.1781 3.1857 3.1945 3.2058 3.2190 3.2324 3.2439 3.2525 3.2584"
        " 3.2621 3.2645 3.2660 3.2670 3.2678 3.2683 3.2688 3.2693 3.2700 3.2711 3.2740 3.2809 3.2926 3.3037 3.3097 3.3121 3.3132 3.3137"
        " 3.3142 3.3146 3.3164 3.3359 3.6000"
    ),
    v_max=3.65,
    v_min=2.5,
    hysteresis_v=0.012,
    resistance_ohm_ah=0.14,
    source="A123 26650 (LFP against graphite), Prada et al. 2013, doi:10.1149/2.053304jes; electrodes' potentials of the set Prada2013 of"
    " PyBaMM 26.10, balanced between 2.0 and 3.6 V (2026-11). Hysteresis: 10-15 mV, Barai et al. 2015, doi:10.1038/srep08229.",
)
SODIUM = Chemistry(
    "Na",
    _table(
        "2.0000 2.5255 2.6348 2.7363 2.8507 2.9720 3.0728 3.1578 3.2203 3.2797 3.3327 3.3751 3.4178 3.4615 3.4940 3.5167 3.5397 3.5585"
        " 3.5666 3.5732 3.8427 3.9903 4.0196 4.0300 4.0350 4.0370 4.0380 4.0390 4.0400 4.0410 4.0420 4.0430 4.0440 4.0526 4.0640 4.0733"
        " 4.0831 4.0905 4.0978 4.1040 4.1184"
    ),
    v_max=4.2,
    v_min=2.0,
    hysteresis_v=0.01,
    resistance_ohm_ah=0.2,
    source="NVPF against hard carbon, Chayambuka et al. 2022, doi:10.1016/j.electacta.2021.139726; discharge at C/50 of the set"
    " Chayambuka2022 of PyBaMM 26.10 (2026-11), its dip of 10 mV near 70 % levelled so that the table rises everywhere.",
)

BY_NAME = {chemistry.name: chemistry for chemistry in (NMC, LFP, SODIUM)}
"""The chemistries by the name that a pack bears."""
