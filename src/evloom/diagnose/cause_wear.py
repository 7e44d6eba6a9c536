"""How the capacity and resistance of every cell moved over weeks, and how cold or fast the pack was charged meanwhile: what tells a cell
that wears evenly from one that falls ever faster, and either from one that loses lithium whenever it is charged in the cold."""

import numpy as np

from evloom.diagnose import evidence_places as at
from evloom.kernel.timegrid import Float
from evloom.vehicle.telemetry import Float32

ROWS, EVERY_DAYS = 20, 3.0
DAY, COLD, FAST, CHARGED = range(4)
"""What is known of the day of a row: its number; hours of charging below 10 degC, of fast and of all charging since the first day."""


def fresh_wear(n_cell: int) -> tuple[Float32, Float, Float]:
    """Nothing seen: capacity and resistance of the cells (ROWS, 2, n_cell), what is known of those days (ROWS, 4), hours so far (3,)."""
    return np.full((ROWS, 2, n_cell), np.nan, dtype=np.float32), np.full((ROWS, 4), np.nan), np.zeros(3)


def note_wear(wear: Float32, wear_at: Float, hours: Float, day: Float, number: float, cells: Float | None) -> None:
    """Take in a day; changes the arrays in place. day: its sums; number: which day; cells (2, n_cell), None where not known."""
    hours += np.array([day[at.D_COLD_CHARGE_S], day[at.D_FAST_CHARGE_S], day[at.D_CHARGE_S]]) / 3600.0
    if cells is None or number < wear_at[-1, DAY] + EVERY_DAYS - 0.5:
        return
    wear[:-1], wear_at[:-1] = wear[1:].copy(), wear_at[1:].copy()
    wear[-1], wear_at[-1] = cells, (number, *hours)
