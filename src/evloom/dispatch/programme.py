"""A linear programme under assembly: columns, rows and entries are added in blocks of arrays."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evloom.kernel.timegrid import Float, Int

Int32 = NDArray[np.int32]


@dataclass(frozen=True)
class RowMatrix:
    """Rows of a sparse matrix: start (n_row + 1,), column and value (n_entry,)."""

    start: Int32
    column: Int32
    value: Float


def row_matrix(row: Int, column: Int, value: Float, n_row: int) -> RowMatrix:
    """Triplets, each place at most once, to compressed rows; entries keep their order within a row."""
    order = np.argsort(row, kind="stable")
    start = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=n_row)))).astype(np.int32)
    return RowMatrix(start, column[order].astype(np.int32), value[order])


@dataclass
class Programme:
    """min cost'x subject to row_lower <= A x <= row_upper, lower <= x <= upper, some x in {0, 1}.

    `columns` and `rows` reserve a block and return its numbers, `entries` puts values into A.
    """

    n_column: int = 0
    n_row: int = 0
    _lower: list[Float] = field(default_factory=list)
    _upper: list[Float] = field(default_factory=list)
    _whole: list[Int] = field(default_factory=list)
    _row_lower: list[Float] = field(default_factory=list)
    _row_upper: list[Float] = field(default_factory=list)
    _row: list[Int] = field(default_factory=list)
    _column: list[Int] = field(default_factory=list)
    _value: list[Float] = field(default_factory=list)

    def columns(self, n: int, lower: ArrayLike, upper: ArrayLike) -> Int:
        """Reserve n columns with these bounds (a number, or one each) -> their numbers (n,)."""
        self._lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), (n,)))
        self._upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), (n,)))
        self.n_column += n
        return np.arange(self.n_column - n, self.n_column)

    def binaries(self, n: int, upper: ArrayLike = 1.0) -> Int:
        """Reserve n columns that may be 0 or 1 only, or 0 only where `upper` is 0 -> their numbers (n,)."""
        numbers = self.columns(n, 0.0, upper)
        self._whole.append(numbers)
        return numbers

    def rows(self, n: int, lower: ArrayLike, upper: ArrayLike) -> Int:
        """Reserve n rows with these bounds on their activity -> their numbers (n,)."""
        self._row_lower.append(np.broadcast_to(np.asarray(lower, dtype=np.float64), (n,)))
        self._row_upper.append(np.broadcast_to(np.asarray(upper, dtype=np.float64), (n,)))
        self.n_row += n
        return np.arange(self.n_row - n, self.n_row)

    def entries(self, row: Int, column: Int, value: ArrayLike) -> None:
        """Put `value` (a number, or one each) at the places (row, column), each place at most once."""
        self._row.append(row)
        self._column.append(column)
        self._value.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (len(row),)))

    @property
    def whole(self) -> Int:
        """Numbers of the columns that may be 0 or 1 only."""
        return _joined(self._whole, np.int64)

    @property
    def lower(self) -> Float:
        """(n_column,)"""
        return _joined(self._lower, np.float64)

    @property
    def upper(self) -> Float:
        """(n_column,)"""
        return _joined(self._upper, np.float64)

    @property
    def row_lower(self) -> Float:
        """(n_row,)"""
        return _joined(self._row_lower, np.float64)

    @property
    def row_upper(self) -> Float:
        """(n_row,)"""
        return _joined(self._row_upper, np.float64)

    @property
    def matrix(self) -> RowMatrix:
        """All entries so far, by rows."""
        return row_matrix(_joined(self._row, np.int64), _joined(self._column, np.int64), _joined(self._value, np.float64), self.n_row)


def _joined(parts: list[NDArray[np.generic]] | list[Float] | list[Int], kind: type) -> NDArray:  # type: ignore[type-arg]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=kind)
