"""Real-time allocation after the plan: orders for ten thousand piles, with limits of power and phases on three levels of a tree.

Measured is what a cycle does once the plan is there: what is owed added, rounded to whole amperes, allocated within every limit, and what
is left over handed on (`dispatch.real.quantise.follow`). The independent check is timed beside it.
"""

import time
from typing import NamedTuple

import numpy as np

from evloom.dispatch.moment import Bays, Wires, wires
from evloom.dispatch.real.quantise import Ask, follow
from evloom.dispatch.verify import verify
from evloom.kernel.timegrid import Float, Int
from evloom.network.tree import LimitTree, node_total
from tools.bench.row import Row

N_PILE = 10_000
N_FEEDER, N_BOARD = 10, 20  # feeders at the substation, boards at each feeder
LIMIT_MS = 20.0
REPEATS = 21
KW_PER_A = 0.23


class Crowd(NamedTuple):
    """A moment of many piles and what the plan asks of them."""

    bays: Bays
    now: Wires
    ask: Ask
    rank: Int


def crowd(n_pile: int = N_PILE, seed: int = 1) -> Crowd:
    """Nine of ten piles taken, three of ten on three phases, the others turned over the phases; the plan wants a third more than fits."""
    rng = np.random.default_rng(seed)
    n_board = N_FEEDER * N_BOARD
    parent = np.concatenate(([-1], np.zeros(N_FEEDER), 1 + np.repeat(np.arange(N_FEEDER), N_BOARD))).astype(np.int64)
    per_board = n_pile / n_board
    share = np.concatenate(([n_pile * 1.5], np.full(N_FEEDER, n_pile / N_FEEDER * 1.6), per_board * rng.uniform(1.2, 2.4, n_board)))
    base_kw = np.concatenate((np.zeros(1 + N_FEEDER), rng.uniform(0.0, 0.3 * per_board, n_board)))
    amps = share / (3.0 * KW_PER_A) * 1.05
    names = tuple(f"node {row}" for row in range(len(parent)))
    tree = LimitTree(names, parent, share, share, amps, ("bench",) * len(parent))
    three = rng.random(n_pile) < 0.3
    kw_per_a = np.where(three, 3.0 * KW_PER_A, KW_PER_A)
    rating_kw = kw_per_a * rng.choice([16.0, 32.0], n_pile)
    connected = rng.random(n_pile) < 0.9
    nothing, ones = np.zeros(n_pile), np.ones(n_pile)
    bays = Bays(
        connected, nothing, rng.uniform(3e3, 4e4, n_pile), rng.uniform(1.0, 30.0, n_pile), rating_kw, nothing, kw_per_a, 6.0 * ones, ones,
        np.where(three, -1, np.arange(n_pile) // n_board % 3), 1 + N_FEEDER + np.arange(n_pile) % n_board, np.arange(n_pile),
        np.zeros(n_pile, dtype=np.bool_), ones, nothing,
    )  # fmt: skip
    plan_kw = np.where(connected & (rng.random(n_pile) < 0.6), rng.uniform(0.0, 1.0, n_pile) * rating_kw, 0.0)
    owed_kwh = rng.uniform(-0.1, 0.1, n_pile) * kw_per_a
    ask = Ask(plan_kw, owed_kwh, np.full(n_pile, 0.25), rng.random(n_pile) < 0.05)
    rank = np.flatnonzero(connected)
    return Crowd(bays, wires(tree, node_total(tree, base_kw), 230.0), ask, rank[np.argsort(bays.departure_s[rank], kind="stable")])


def allocate_row() -> Row:
    """The line of the table: CPU of the median of several allocations, and what is wrong with the orders (nothing)."""
    scene = crowd()
    order_kw, reason = follow(*scene)
    ours_ms, check_ms = [], []
    for _ in range(REPEATS):
        began = time.process_time()
        order_kw, reason = follow(*scene)
        between = time.process_time()
        broken = verify(scene.bays, scene.now, order_kw)
        ours_ms.append((between - began) * 1e3)
        check_ms.append((time.process_time() - between) * 1e3)
    held = int(np.count_nonzero(reason[scene.rank] >= 0))
    quality = f"{len(broken)} violations; {held:,} piles held back by a limit, {_at_limit(scene, order_kw):.0%} of boards full"
    baseline, ratio = "its independent check", float(np.median(check_ms) / np.median(ours_ms))
    what = f"allocation after the plan, {N_PILE:,} piles, 3 levels, phases, 1 A steps"
    return Row(what, float(np.median(ours_ms)), LIMIT_MS, "ms", quality, not broken and held > 0, baseline, ratio)


def _at_limit(scene: Crowd, order_kw: Float) -> float:
    """Share of the boards that have no room for one more pile at 6 A on every phase."""
    n_board = N_FEEDER * N_BOARD
    board_kw = np.bincount(scene.bays.node, weights=order_kw, minlength=1 + N_FEEDER + n_board)[1 + N_FEEDER :]
    room_kw = (scene.now.import_max_kw - scene.now.base_kw)[1 + N_FEEDER :] - board_kw
    return float(np.mean(room_kw < 18.0 * KW_PER_A))
