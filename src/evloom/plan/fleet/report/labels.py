"""What a dispatch problem itself does not know, and a reader of its report wants to read: names, clock, currency, effort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Labels:
    """Names and circumstances of a dispatch.

    title               heading of the report
    start               timezone-aware instant at which step 0 begins; `zone` is the clock of the axes
    currency            of the prices in the problem, e.g. "EUR"
    node_ids            (n_node,) names of the nodes, rows as in the problem
    vehicle_id          row of a stay -> its name; the `__getitem__` of a list will do. Asked only for the rows that are shown
    objective           as `parse_objective` reads it; says in what unit the value is
    cpu_s, memory_bytes processor seconds and peak memory of the run, None where not measured
    largest_violation   largest breach of any rule by the independent check, relative to what is allowed; None where not checked
    """

    title: str
    start: datetime
    zone: ZoneInfo
    currency: str
    node_ids: Sequence[str]
    vehicle_id: Callable[[int], str]
    objective: str = "cost"
    cpu_s: float | None = None
    memory_bytes: int | None = None
    largest_violation: float | None = None
