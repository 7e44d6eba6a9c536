"""Columns of a table to rows of readings, whatever their number, and what is null to NaN."""

import numpy as np
import polars as pl
import pytest

from evloom.store.battery.segment import _matrix


@pytest.mark.parametrize("n_row", [0, 1, 15, 16, 33, 64])
@pytest.mark.parametrize("n_cell", [1, 2, 17])
def test_columns_become_rows(n_row, n_cell):
    readings = np.random.default_rng(n_row).normal(3.7, 0.1, (n_row, n_cell)).astype(np.float32)
    table = pl.DataFrame({f"V_{k + 1}": readings[:, k] for k in reversed(range(n_cell))} | {"soc": np.zeros(n_row)})
    assert np.array_equal(_matrix(table, "V_"), readings)
    assert _matrix(table, "T_").shape == (n_row, 0)


def test_what_is_null_is_no_reading():
    table = pl.DataFrame({"V_1": [3.7, None, 3.6], "V_2": [None, None, 3.5]}, schema={"V_1": pl.Float32, "V_2": pl.Float32})
    expected = np.array([[3.7, np.nan], [np.nan, np.nan], [3.6, 3.5]], dtype=np.float32)
    assert np.array_equal(_matrix(table, "V_"), expected, equal_nan=True)
