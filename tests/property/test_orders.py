"""Ten thousand random moments: whatever a controlled rule decides holds every limit, and leaves nothing of use lying about."""

import numpy as np

from evloom.dispatch.allocate import allocate
from evloom.dispatch.moment import Bays, Wires
from evloom.dispatch.rules import EARLIEST_DEADLINE, EQUAL_SHARE, LEAST_LAXITY, PRICE_QUEUE, QUEUE, Outlook, decide
from evloom.dispatch.verify import verify
from tests.property.worlds import NOW_S, random_bays, random_equipment, random_wires

CONTROLLED = (EQUAL_SHARE, QUEUE, EARLIEST_DEADLINE, LEAST_LAXITY, PRICE_QUEUE)
STEP_H = 0.25


def decided(rng, rule: int, bays: Bays, wires: Wires):
    n_ahead = 8
    edges_s = NOW_S + 900.0 * np.arange(n_ahead + 1, dtype=np.float64)
    return decide(rule, bays, wires, NOW_S, STEP_H, Outlook(rng.uniform(0.0, 60.0, n_ahead), rng.uniform(-0.1, 1.0, n_ahead), edges_s))


def useful_raise_kw(bays: Bays, row: int, order_kw: float) -> float:
    """The least by which the order of a connected car could be raised to its use, 0 for not at all."""
    least_a, step_a, per_a = bays.current_min_a[row], bays.current_step_a[row], bays.kw_per_a[row]
    if bays.need_kwh[row] > 0.0:
        hours = min(STEP_H, (bays.departure_s[row] - NOW_S) / 3600.0)
        if order_kw >= bays.need_kwh[row] / hours - 1e-9:
            return 0.0
    if step_a > 0.0:
        next_kw = np.ceil(least_a / step_a - 1e-9) * step_a * per_a if order_kw == 0.0 else order_kw + step_a * per_a
    else:
        next_kw = max(least_a * per_a, 1e-3) if order_kw == 0.0 else order_kw + 1e-3
    return next_kw - order_kw if next_kw <= bays.charge_max_kw[row] + 1e-9 else 0.0


def rows_with_use(bays: Bays, wires: Wires, order_kw) -> list[int]:
    """Rows that could be raised although all limits would still hold; V2G cars that have what they were promised rest."""
    found = []
    resting = (bays.need_kwh <= 0.0) & (bays.discharge_max_kw > 0.0)
    for row in np.flatnonzero(bays.connected & ~resting).tolist():
        more_kw = useful_raise_kw(bays, row, order_kw[row])
        raised = order_kw.copy()
        raised[row] += more_kw
        if more_kw > 0.0 and not verify(bays, wires, raised):
            found.append(row)
    return found


def test_every_rule_holds_every_limit_in_ten_thousand_moments():
    rng = np.random.default_rng(20_260_101)
    n_positive = n_binding = 0
    site = random_equipment(rng)
    for i in range(10_000):
        site = random_equipment(rng) if i % 4 == 0 else site
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        for rule in CONTROLLED:
            order_kw, reason = decided(rng, rule, bays, wires)
            violations = verify(bays, wires, order_kw)
            assert not violations, (i, rule, [violation.text() for violation in violations])
            assert (order_kw >= 0.0).all()
            n_positive += int(np.count_nonzero(order_kw))
            n_binding += int(np.count_nonzero(reason >= 0))
    assert n_positive > 50_000  # the worlds are neither all empty
    assert n_binding > 20_000  # nor all without limits


def test_charge_and_discharge_together_hold_every_limit():
    rng = np.random.default_rng(7)
    n_given = 0
    for i in range(5_000):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        target_kw = rng.uniform(-1.2, 1.2, site.n) * site.rating_kw
        order_kw, _ = allocate(bays, wires, target_kw, rng.permutation(np.flatnonzero(bays.connected)))
        violations = verify(bays, wires, order_kw)
        assert not violations, (i, [violation.text() for violation in violations])
        assert (order_kw * np.sign(target_kw) >= 0.0).all()  # nobody is turned round
        n_given += int(np.count_nonzero(order_kw < 0.0))
    assert n_given > 1_500


def test_no_car_waits_beside_room_it_could_use():
    """Work conservation, for the rules that do not wait for a price: one more current step for any car would break a limit."""
    rng = np.random.default_rng(11)
    n_short = 0
    for i in range(700):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        for rule in (EQUAL_SHARE, QUEUE, EARLIEST_DEADLINE, LEAST_LAXITY):
            order_kw, _ = decided(rng, rule, bays, wires)
            assert rows_with_use(bays, wires, order_kw) == [], (i, rule)
            n_short += sum(useful_raise_kw(bays, row, order_kw[row]) > 0.0 for row in np.flatnonzero(bays.connected).tolist())
    assert n_short > 1_000


def test_a_load_that_is_not_a_number_gives_nobody_power():
    rng = np.random.default_rng(3)
    for _ in range(50):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        blind = wires._replace(base_kw=np.full_like(wires.base_kw, np.nan))
        for rule in CONTROLLED:
            order_kw, _ = decided(rng, rule, bays, blind)
            assert not order_kw.any()
        assert any(violation.code == "node.import" for violation in verify(bays, blind, np.zeros(site.n)))


def test_a_rating_that_is_not_a_number_gets_nothing_and_stops_nobody():
    rng = np.random.default_rng(4)
    for _ in range(50):
        site = random_equipment(rng)
        bays, wires = random_bays(rng, site), random_wires(rng, site)
        bays.charge_max_kw[0] = np.nan
        for rule in CONTROLLED:
            order_kw, _ = decided(rng, rule, bays, wires)
            assert np.isfinite(order_kw).all()
            assert order_kw[0] == 0.0
