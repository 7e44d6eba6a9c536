"""Several streams of tables to one in order of time, each stream's own order kept."""

from collections.abc import Iterator

import polars as pl

KEY = "__key"


def merged(streams: list[Iterator[pl.DataFrame]]) -> Iterator[pl.DataFrame]:
    """Tables in order of the highest `at_s` so far of each stream, so that rows that came late in their stream come late here too."""
    heads = [head for head in (_Head(stream) for stream in streams) if head.table is not None]
    while heads:
        bound_s = min(head.end_s for head in heads)
        parts = [head.take(bound_s) for head in heads if head.begin_s <= bound_s]
        whole = pl.concat([part for part in parts if len(part)], how="diagonal_relaxed")
        yield whole.sort(KEY, maintain_order=True).drop(KEY)
        heads = [head for head in heads if head.table is not None]


class _Head:
    """The table of a stream that is next, with the column KEY."""

    def __init__(self, stream: Iterator[pl.DataFrame]) -> None:
        self._stream = stream
        self._highest_s = float("-inf")
        self.table: pl.DataFrame | None = None
        self._advance()

    @property
    def begin_s(self) -> float:
        """The key of the first row."""
        assert self.table is not None
        return float(self.table[KEY][0])

    @property
    def end_s(self) -> float:
        """The key of the last row."""
        return self._highest_s

    def _advance(self) -> None:
        table = next(self._stream, None)
        self.table = None
        if table is not None:
            key = pl.max_horizontal(pl.col("at_s").cum_max(), pl.lit(self._highest_s))
            self.table = table.with_columns(key.alias(KEY))
            self._highest_s = float(self.table[KEY][-1])

    def take(self, bound_s: float) -> pl.DataFrame:
        """The rows up to `bound_s`; goes on to the next table when none is left."""
        assert self.table is not None  # a head without a table is dropped by `merged`
        taken = self.table.filter(pl.col(KEY) <= bound_s)
        if len(taken) == len(self.table):
            self._advance()
        else:
            self.table = self.table.slice(len(taken))
        return taken
