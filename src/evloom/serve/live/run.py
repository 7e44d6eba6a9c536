"""A run of a site's loop: a fresh loop, its journal, and the scenario on which the journal is replayed beside it."""

import logging
from collections.abc import Sequence
from pathlib import Path

from evloom.dispatch.fallback import Fallback
from evloom.dispatch.real.dwell import Steady
from evloom.kernel.compiled import note_compiled
from evloom.kernel.timegrid import TimeGrid
from evloom.loop.driver import Loop
from evloom.loop.record import Record
from evloom.loop.state import State
from evloom.pile.events import Event, Known, LinkLost, PluggedIn, Readings, Strayed, Tick
from evloom.pile.orders import SetPower
from evloom.serve.live.told import HOLD_S
from evloom.serve.logs import told
from evloom.serve.site.build import Built, aim_of, built, n_ahead, policy_of, run_grid, terms_of
from evloom.serve.site.plan import EvsePlan, SitePlan
from evloom.serve.site.scenario import scenario_text
from evloom.store.journal import Cycle, Frame, Header, JournalWriter

_LOG = logging.getLogger("evloom.live")
KERNELS = "live-loop"
STEADY = Steady(min_on_s=600.0, min_off_s=600.0, deadband_kw=0.7, orders_per_hour=4.0, keep_s=1800.0)
"""How steady live orders are: docs/real-chargers.md has what each part costs."""


class Run:
    """One run. `folder` is where its two files go; None: no journal is kept."""

    def __init__(self, made: Built, grid: TimeGrid, fallback_a: Sequence[float], stale_s: float, folder: Path | None) -> None:
        self.made, self.grid = made, grid
        fallback = Fallback(tuple(fallback_a), HOLD_S, stale_s)
        self.loop = Loop(State(made.site, made.evse, terms_of(made, grid, fallback)), policy_of(made.plan), STEADY)
        self.journal: JournalWriter | None = None
        self.name, self.cycles = "", 0
        if folder is not None:
            self._open(folder, fallback)

    def _open(self, folder: Path, fallback: Fallback) -> None:
        """Begin the two files; a run whose files cannot be made goes on without them and says so."""
        plan = self.made.plan
        begin = f"{self.grid.start:%Y-%m-%dT%H%MZ}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = len(list(folder.glob(f"{begin}*.toml")))
            self.name = begin if not taken else f"{begin}-{taken + 1}"
            (folder / f"{self.name}.toml").write_text(scenario_text(self.made, self.grid, fallback), encoding="utf-8")
            self.journal = JournalWriter(folder / f"{self.name}.jsonl.gz")
        except OSError as error:
            told(_LOG, logging.ERROR, "journal.not-written", site=plan.site_id, why=str(error))
            return
        ids = self.made.evse.evse_id, self.made.site.tree.node_id, self.made.site.storage.storage_id
        frame = Frame(self.grid.start_s, self.grid.step_s, self.grid.n, n_ahead(plan), *ids)
        steady = STEADY.min_on_s, STEADY.min_off_s, STEADY.orders_per_hour
        default_a = fallback.default_a if isinstance(fallback.default_a, tuple) else ()
        self.journal.begin(
            Header(
                plan.policy, aim_of(plan), STEADY.deadband_kw, frame, *steady, default_a, fallback.hold_s, fallback.stale_s, STEADY.keep_s
            )
        )

    def tick(self, events: list[Event]) -> tuple[tuple[SetPower, ...], Record]:
        """Take in what happened, decide, and write both down."""
        orders, record = self.loop.tick(events)
        self.cycles += 1
        if self.journal is not None:
            self.journal.cycle(Cycle(events, orders, self.loop.digest.text()))
            if self.journal.error is not None:
                told(_LOG, logging.ERROR, "journal.not-written", site=self.made.plan.site_id, why=str(self.journal.error))
                self.journal = None
        return orders, record

    def close(self) -> None:
        """The run is over."""
        if self.journal is not None:
            self.journal.end(self.made.plan.policy, self.cycles)
            self.journal.__exit__(None, None, None)
            self.journal = None


def warm_up() -> None:
    """Decide on a made-up site, so that no car waits while kernels are compiled: that is done once on a machine (`warming` may do it).

    Three cars want more than the site has, by price and without one: that goes through what decisions on real sites go through.
    """
    priced: dict[str, object] = {"price_per_kwh": 1.0}
    for tariff in (priced, None):
        evse = tuple(EvsePlan(name, 1) for name in "ABC")
        plan = SitePlan("warm-up", 10.0, evse=evse, tariff=tariff)
        made, now_s = built(plan), 1.7e9
        run, ids = Run(made, run_grid(plan, now_s), (6.0, 6.0, 0.0), 900.0, None), [item.evse_id for item in evse]
        cars = [PluggedIn(now_s, name, name, now_s + 7200.0, 9.0, 7.0, 1, 6.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, [], []) for name in ids]
        run.tick([Known(now_s, "price", 0, [0.5, 1.0] * 50), *cars, Tick(now_s, 10.0 / 3600.0)])
        drawn = Readings(now_s + 10.0, 0.0, ids, [0.01] * 3, [3.0, 3.0, 0.0], [False] * 3, [0.0] * 3, [None] * 3, [])
        run.tick([drawn, Tick(now_s + 10.0, 10.0 / 3600.0)])
        run.tick([Strayed(now_s, ids[0], 1.0, 1.0), LinkLost(now_s + 20.0, ids[1]), Tick(now_s + 20.0, 10.0 / 3600.0)])
    note_compiled(KERNELS)
