"""CPU of one cycle of the live loop: what is heard, the decision, the journal, for sites of 30, 300 and 1,000 EVSE.

    .venv/bin/python -m tools.bench.serve_loop

Every EVSE has a car that sent its meter since the last cycle. Chargers and database are left out: the row is the loop alone.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from evloom.loop.record import Record
from evloom.pile.events import Event
from evloom.pile.follow import Conduct
from evloom.pile.orders import SetPower
from evloom.pile.station import Sample, TransactionSaid
from evloom.serve.live.base import BaseLoads
from evloom.serve.live.bay import Bay
from evloom.serve.live.field import LiveField
from evloom.serve.live.needs import Belief, Limits
from evloom.serve.live.site_loop import Decision, Setting, SiteLoop
from evloom.serve.site.build import Built, built
from evloom.serve.site.plan import EvsePlan, LimitPlan, SitePlan

SIZES = (30, 300, 1000)
CYCLES = 20
PERIOD_S = 10.0
START_S = 1_780_000_200.0


class _Clock:
    """The clock that the bench moves."""

    at_s = START_S

    def now_s(self) -> float:
        """The present."""
        return self.at_s

    async def sleep_until(self, instant_s: float) -> None:
        """Nobody sleeps here."""
        self.at_s = max(self.at_s, instant_s)


async def _here(tick: Callable[[list[Event]], Decision], events: list[Event]) -> Decision:
    return tick(events)


def site_of(n: int) -> Built:
    """A site of `n` EVSE on boards of ten, scarce: a third of all may charge at full power."""
    boards = tuple(LimitPlan(f"B{k}", max_kw=60.0) for k in range(-(-n // 10)))
    evse = tuple(EvsePlan(f"CP{k:04}", 1, f"B{k // 10}", rating_kw=11.04, n_phase=3) for k in range(n))
    return built(
        SitePlan("bench", 11.04 * n / 3.0, zone="Asia/Shanghai", limits=boards, evse=evse, tariff={"name": "zhejiang-jiaxing-2025"})
    )


def row_of(n: int) -> str:
    """One row: EVSE, CPU per cycle, what of it are readings, peak memory, orders in a cycle."""
    made, clock, orders = site_of(n), _Clock(), [0]
    bays = {item.evse_id: Bay(item.evse_id, item.station, 1, row, item.rating_kw, link=True) for row, item in enumerate(made.plan.evse)}

    def act(bay: Bay, order: SetPower) -> None:
        bay.telling(((order.at_s, order.power_kw), *order.ahead), clock.at_s)
        bay.taken(bay.told[-1].plan, clock.at_s)
        orders[0] += 1

    with tempfile.TemporaryDirectory() as folder:
        field = LiveField(made, bays, BaseLoads(made.site.tree.node_id), act, PERIOD_S)
        loop = SiteLoop(made, field, Setting(clock, PERIOD_S, Path(folder), _here), _nothing)
        asyncio.run(loop.cycle())
        for bay in bays.values():
            bay.conduct = Conduct("follows")
            bay.begin(TransactionSaid("t", "started", evse=1), f"{bay.station_id}:t", clock.at_s, 4.14)
            belief = Belief(clock.at_s + 3600.0 * (3 + bay.row % 9), 10.0 + bay.row % 25, [], [], 1.0, told=True)
            field.plugged(bay, belief, Limits(11.04, 0.0, 3))
        asyncio.run(loop.cycle())
        orders[0] = 0
        reading_s, begun_s = 0.0, time.process_time()
        for _ in range(CYCLES):
            clock.at_s += PERIOD_S
            before_s = time.process_time()
            for bay in bays.values():
                bay.heard(TransactionSaid("t", "updated", evse=1, samples=tuple(_samples(bay, clock.at_s))), clock.at_s)
            reading_s += time.process_time() - before_s
            asyncio.run(loop.cycle())
        cpu_s = (time.process_time() - begun_s) / CYCLES
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.gz")) / loop_cycles(loop)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return (
        f"| {n} | {cpu_s * 1e3:.1f} | {reading_s / CYCLES * 1e3:.1f} | {orders[0] / CYCLES:.1f} | {size / 1024.0:.1f} | {memory_mb:.0f} |"
    )


def loop_cycles(loop: SiteLoop) -> int:
    """Cycles of the running run."""
    return max(1, loop.run.cycles if loop.run is not None else 1)


def _samples(bay: Bay, at_s: float) -> Iterator[Sample]:
    power_kw = bay.allowed_kw(at_s)
    yield Sample(at_s, "Energy.Active.Import.Register", 100.0 + bay.net_kwh + power_kw * PERIOD_S / 3600.0)
    yield Sample(at_s, "Power.Active.Import", power_kw)


def _nothing(loop: SiteLoop, record: Record) -> None:
    """After a cycle nobody is told."""


def main() -> int:
    """Print the table."""
    sizes = tuple(int(text) for text in sys.argv[1:]) or SIZES
    row_of(10)  # kernels are compiled or loaded
    print("| EVSE | CPU per cycle, ms | of it readings, ms | orders a cycle | journal, KiB a cycle | memory, MiB |")
    print("|--:|--:|--:|--:|--:|--:|")
    for n in sizes:
        print(row_of(n))
    return 0


if __name__ == "__main__":
    sys.exit(main())
