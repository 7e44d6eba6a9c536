"""What a running session costs so far."""

import asyncio
from decimal import Decimal
from functools import partial
from pathlib import Path

from evloom.serve.billing.running import RunningCost, cost_so_far, final_cost, message
from evloom.store.database import Database, opened
from tests.unit.store.charged import HOUR_S, T0, hear, operator, priced, words

D = Decimal


def filled(tmp_path: Path, *, prices: bool = True) -> Database:
    """A car that has charged for an hour and three quarters, and goes on."""
    db = opened(f"sqlite:///{tmp_path / 'evloom.db'}")
    db.write_now(operator)
    if prices:
        db.write_now(priced)
    hear(db, words()[:-1])
    return db


def test_cost_and_price_by_now(tmp_path: Path) -> None:
    db = filled(tmp_path)
    running = db.read_now(lambda conn: cost_so_far(conn, "A:1", T0 + 1.8 * HOUR_S))
    db.close_now()
    assert running is not None
    # 7 kWh peak 6.31, 5.25 kWh sharp 6.33, service 12.25 x 0.40
    assert (running.total, running.energy_kwh, running.currency) == (D("17.54"), D("12.250000"), "CNY")
    assert (running.price.category, running.until_s) == ("sharp", T0 + 3 * HOUR_S)
    assert message(running, "en") == "12.2 kWh, 17.54 CNY so far; now 1.6064 CNY/kWh (sharp, until 21:00)"
    assert message(running, "zh") == "12.2 kWh, 17.54 CNY 至今; 当前 1.6064 CNY/kWh (尖, 至 21:00)"


def test_nothing_to_tell(tmp_path: Path) -> None:
    db = filled(tmp_path, prices=False)
    assert db.read_now(lambda conn: [cost_so_far(conn, name, T0) for name in ("A:1", "A:none")]) == [None, None]
    db.close_now()


def test_the_last_cost_is_that_of_the_bill(tmp_path: Path) -> None:
    db = filled(tmp_path)
    hear(db, words()[-1:])
    running = db.read_now(lambda conn: cost_so_far(conn, "A:1", T0 + 20 * HOUR_S))
    db.close_now()
    assert running is not None
    assert running.total == D("20.35")


def test_a_final_cost_is_told_of_what_has_ended_and_is_not_doubtful(tmp_path: Path) -> None:
    db = filled(tmp_path)
    assert db.read_now(lambda conn: final_cost(conn, "A:1")) is None
    hear(db, [*words()[-1:], *words("2", begin_kwh=0.0, start_s=T0 + 9 * HOUR_S), *words("3", start_s=T0 + 12 * HOUR_S)[1:]])
    sure, from_zero, no_start = (db.read_now(partial(final_cost, session_id=name)) for name in ("A:1", "A:2", "A:3"))
    db.close_now()
    assert sure is not None
    assert sure.total == D("20.35")
    assert from_zero is not None  # its energy is possible: guards alone decide
    assert no_start is None


def test_it_is_worked_out_anew_only_now_and_then(tmp_path: Path) -> None:
    async def test(db: Database) -> list[Decimal]:
        costs, now_s = RunningCost(db), T0 + 1.8 * HOUR_S
        told = [await costs.of("A:1", now_s)]
        await db.append(words()[-1:])
        await db.caught_up()
        told += [await costs.of("A:1", now_s + 5.0), await costs.of("A:1", now_s + 6.0, final=True)]
        await db.close()
        return [running.total for running in told if running is not None]

    assert asyncio.run(test(filled(tmp_path))) == [D("17.54"), D("17.54"), D("20.35")]
