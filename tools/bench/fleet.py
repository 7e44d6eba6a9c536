"""Rows of the table for fleets: one signature from a garage to a city, each in a process of its own, with the proof beside the time.

The vehicles are generated (`evloom dispatch --generate`), 96 quarters of an hour from noon, at limits of 85 % of the uncontrolled peak.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tools.bench import rolling_one
from tools.bench.allocate_row import allocate_row
from tools.bench.environment import BUILD, FLEXMEASURES, NoEnvironmentError, run_in
from tools.bench.fleet_one import Job, Measured, measured
from tools.bench.flexmeasures_task import task_of
from tools.bench.flow_net import least_cost
from tools.bench.highs_one import PATIENCE_S, baseline
from tools.bench.row import Row

VIOLATION = 1e-6  # relative: the most that a schedule may exceed anything
THREE_LEVELS = "25/100"  # 100 vehicles at a transformer, 25 transformers at a feeder
V2G = "cost+wear"
MILLION = 1_000_000


@dataclass(frozen=True)
class Other:
    """Another program on the same problem: its name, CPU seconds (None: it gave up after PATIENCE_S), and the value it found."""

    name: str
    cpu_s: float | None
    value: float | None

    @property
    def text(self) -> str:
        """What stands in the table."""
        if self.cpu_s is None:
            return f"{self.name} over {PATIENCE_S:.0f} s"
        return f"{self.name} {self.cpu_s:.1f} s" if self.cpu_s >= 1.0 else f"{self.name} {self.cpu_s * 1e3:.0f} ms"


@dataclass(frozen=True)
class Line:
    """A row to measure: the job, the CPU seconds and memory to reach, and the other programs, the first of which the ratio is to."""

    what: str
    job: Job
    limit_s: float
    others: tuple[Callable[[Job, Measured], Other], ...] = ()
    limit_mb: float | None = None


def highs(job: Job, _: Measured) -> Other:
    """The same problem as one linear programme."""
    found = baseline(job)
    return Other("HiGHS", None if found.value is None else found.cpu_s, found.value)


def flow(job: Job, ours: Measured) -> Other:
    """The same problem as a minimum-cost flow."""
    value, cpu_s = least_cost(job.case().problem, ours.short_price_per_kwh, BUILD)
    return Other("OR-tools flow", cpu_s, value)


def flexmeasures(job: Job, _: Measured, solver: str = "highspy") -> Other:
    """The same site in FlexMeasures' device scheduler."""
    found = run_in(FLEXMEASURES, {"solver": solver, **task_of(job.case().problem, job.step_s / 60.0)})
    if "optimal" not in found["status"]:
        raise NoEnvironmentError(f"FlexMeasures ended with {found['status']}")
    name = "FlexMeasures" if solver == "highspy" else f"FlexMeasures ({solver})"
    return Other(name, float(found["cpu_s"]), 1e3 * float(found["cost"]))


pyomo = partial(flexmeasures, solver="appsi_highs")
LINES = (
    Line("V1G, 50 chargers x 96 steps, exact", Job(50, method="exact", repeats=7), 0.015, (flexmeasures, pyomo, highs)),
    Line(
        "V2G, 50 chargers x 288 steps, exact",
        Job(50, v2g_share=1.0, method="exact", n_step=288, step_s=300, repeats=3),
        0.4,
        (flexmeasures, highs),
    ),
    Line("V1G, 1,000, shared cap, exact", Job(1000, method="exact", repeats=5), 0.3, (highs,)),
    Line("V1G, 10,000, one cap, gap ≤ 0.01 %", Job(10_000, gap=1e-4, repeats=3), 0.5, (highs, flow)),
    Line("V1G, 10,000, three levels, gap ≤ 0.1 %", Job(10_000, THREE_LEVELS, repeats=3), 0.6, (highs, flow)),
    Line("V2G, 10,000, one cap, gap ≤ 0.1 %", Job(10_000, v2g_share=1.0, objective=V2G), 3.0, (highs,)),
    Line("V2G, 10,000, three levels, gap ≤ 0.1 %", Job(10_000, THREE_LEVELS, 1.0, V2G), 5.0, (highs,)),
    Line("V1G, 100,000, three levels, gap ≤ 0.1 %", Job(100_000, THREE_LEVELS), 4.0, (flow,)),
    Line("V1G, 1,000,000, one cap, gap ≤ 0.01 %", Job(MILLION, gap=1e-4), 10.0, limit_mb=2500.0),
    Line("V1G, 1,000,000, three levels, gap ≤ 0.1 %, written, verified", Job(MILLION, THREE_LEVELS, writes=True), 40.0, limit_mb=2500.0),
    Line("V2G, 1,000,000, three levels, gap ≤ 0.2 %", Job(MILLION, THREE_LEVELS, 1.0, V2G, gap=2e-3), 300.0, limit_mb=4000.0),
    Line("valley filling, 1,000,000, gap ≤ 0.01 %", Job(MILLION, objective="valley", gap=1e-4), 6.0),
)


def beside(line: Line, ours: Measured) -> list[Other]:
    """What the other programs make of it; those that cannot be had are left out."""
    found = []
    for other in line.others:
        try:
            found.append(other(line.job, ours))
        except NoEnvironmentError as error:
            found.append(Other(f"({error})", math.nan, None))
    return found


def quality(line: Line, ours: Measured, others: list[Other]) -> str:
    """What the answer is worth: proof, truth where known, violation, what is short."""
    how = f"{ours.method}, {ours.sweeps} sweeps" if ours.sweeps else ours.method
    parts = [how, f"proved gap {ours.gap:.1e}"]
    for one in others:
        if one.value is not None:
            apart = (ours.value - one.value) / abs(ours.value - ours.fixed)
            parts.append(f"as {one.name}" if abs(apart) < 1e-9 else f"{apart:+.1e} from {one.name}")
    parts.append(f"violation {ours.violation:.0e}")
    if ours.short_share > 5e-6:
        parts.append(f"{ours.short_share:.2%} short")
    if line.job.writes:
        parts.append(f"{ours.verify_s:.1f} s of it to verify, {ours.write_s:.1f} s to write")
    return "; ".join(parts)


def rows_of(line: Line) -> Iterator[Row]:
    """The row of a line, and that of its memory."""
    ours = measured(line.job)
    others = beside(line, ours)
    sound = ours.gap <= max(line.job.gap, 1e-12) and ours.violation <= VIOLATION
    figure_s = ours.cpu_s + (ours.verify_s + ours.write_s if line.job.writes else 0.0)
    unit, times = ("ms", 1e3) if line.limit_s < 1.0 else ("s", 1.0)
    named = ", ".join(one.text for one in others) or "–"
    known = [one for one in others if one.cpu_s is not None and not math.isnan(one.cpu_s)]
    ratio = known[0].cpu_s / figure_s if known and known[0].cpu_s is not None else None
    yield Row(line.what, figure_s * times, line.limit_s * times, unit, quality(line, ours, others), sound, named, ratio)
    if line.limit_mb is not None:
        yield Row(f"{line.what}: peak memory", ours.peak_mb, line.limit_mb, "MB", "of the process, generating included", True)


def rolling_rows() -> Iterator[Row]:
    """A step of the loop for a hundred thousand vehicles of which some changed."""
    for share, gap, limit_s in ((0.01, 5e-3, 0.3), (0.05, 2e-3, 0.8)):
        one = rolling_one.measured(100_000, share, gap)
        quality = (
            f"largest gap {one.gap:.1e}; violation {one.violation:.0e}; slowest {one.slowest_s:.2f} s; everybody asked {one.full} times"
        )
        sound = one.gap <= gap and one.violation <= VIOLATION
        what = f"rolling step, 100,000 connected, {share:.0%} changed, gap ≤ {gap:.1%}, median of {rolling_one.STEPS}"
        yield Row(what, one.median_s, limit_s, "s", quality, sound, f"first plan {one.first_s:.1f} s", one.first_s / one.median_s)


def fleet_rows(quick: bool) -> Iterator[Row]:
    """All rows; quick leaves out the millions."""
    for line in LINES:
        if not (quick and line.job.n >= MILLION):
            yield from rows_of(line)
    yield from rolling_rows()
    yield allocate_row()
