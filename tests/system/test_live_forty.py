"""Forty piles on a transformer of 200 kW, of which five ignore their orders and five lose their link, on a clock that jumps.

The loop, its database and its commands are real; piles and cars are twins that speak in plain events (tests/unit/serve/live/piles.py).
"""

import random
from dataclasses import dataclass

import pytest

from evloom.cli import main as evloom
from evloom.store.sites import Need
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place

LIMIT_KW, BASE_KW, PERIOD_S = 200.0, 30.0, 10.0
EVENING_S = 1_780_053_600.0  # 2026-05-29 19:20 in Shanghai
HOURS, LEAVES_H = 2.5, 2.6
STEP_S = 2
PEAK, VALLEY = 1.2, 0.3
TARIFF = {
    "name": "evening",
    "periods": [
        {"category": "peak", "start": "00:00", "end": "20:20", "price_per_kwh": PEAK},
        {"category": "valley", "start": "20:20", "end": "24:00", "price_per_kwh": VALLEY},
    ],
}
VALLEY_S = EVENING_S + 3600.0
IGNORE, LOSE = range(10, 15), {20: 600.0, 21: 900.0, 22: 1500.0, 23: 2400.0, 24: 4200.0}


@dataclass
class Night:
    """What an evening came to: longest time above the limit in a row, highest load, energy, its cost, profiles sent."""

    longest_s: float = 0.0
    highest_kw: float = 0.0
    energy_kwh: float = 0.0
    cost: float = 0.0
    n_profile: int = 0
    standings: tuple[str, ...] = ()


def night_of(tmp_path, policy: str) -> Night:
    """An evening under a policy; always the same cars."""
    rng, night = random.Random(11), Night()
    cars = sorted((rng.uniform(0.0, 1800.0), k, rng.uniform(3.0, 7.0)) for k in range(40))
    lost = dict(LOSE)
    piles = [Pile(f"CP{k:02}", obeys=k not in IGNORE) for k in range(40)]

    async def evening(place: Place) -> None:
        yard, above_s, before_kwh = place.yard, 0.0, 4000.0
        yard.connect()
        await place.settled()
        place.live.base_load("s", "site", BASE_KW, EVENING_S, 1e9)
        while (since_s := place.clock.now_s() - EVENING_S) < HOURS * 3600.0:
            while cars and cars[0][0] <= since_s:
                _, k, kwh = cars.pop(0)
                yard.plug(f"CP{k:02}", kwh)
                session = f"session:CP{k:02}:{yard.piles[f'CP{k:02}'].session}"
                await place.live.tell_need(Need(session, EVENING_S + LEAVES_H * 3600.0, wanted_kwh=kwh))
            for k in [k for k, at_s in lost.items() if at_s <= since_s]:
                yard.disconnect(f"CP{k:02}")
                del lost[k]
            await place.seconds(STEP_S, STEP_S)
            load_kw = yard.total_kw() + BASE_KW
            above_s = above_s + STEP_S if load_kw > LIMIT_KW + 1e-6 else 0.0
            night.longest_s, night.highest_kw = max(night.longest_s, above_s), max(night.highest_kw, load_kw)
            now_kwh = sum(pile.register_kwh for pile in piles)
            night.cost += (now_kwh - before_kwh) * (PEAK if place.clock.now_s() <= VALLEY_S else VALLEY)
            night.energy_kwh, before_kwh = now_kwh - 4000.0, now_kwh
        night.n_profile = sum(pile.n_profile for pile in piles)
        night.standings = tuple(row.follows for row in place.board().evses)

    Place(tmp_path, piles, LIMIT_KW, start_s=EVENING_S, tariff=TARIFF, policy=policy, step_s=600).run(evening)
    return night


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    folders = {policy: tmp_path_factory.mktemp(policy) for policy in ("optimal", "equal-share")}
    found = {policy: night_of(folder, policy) for policy, folder in folders.items()}
    for policy, night in found.items():
        print(f"\n{policy}: {night}")  # noqa: T201  figures for the page, shown by pytest -s
    return found, folders


def test_above_the_limit_for_no_longer_than_a_control_period(nights):
    for night in nights[0].values():
        assert night.longest_s <= PERIOD_S
        assert night.highest_kw > 0.9 * LIMIT_KW  # the limit was met


def test_those_that_ignore_their_orders_are_known_and_no_others(nights):
    for night in nights[0].values():
        assert {k for k, standing in enumerate(night.standings) if standing == "ignores"} == set(IGNORE)


def test_energy_of_an_equal_share_at_lower_cost(nights):
    optimal, equal = nights[0]["optimal"], nights[0]["equal-share"]
    # A car that waits for the valley and loses its link meanwhile ends a little short (0.27 kWh of 194). Whether the equal share reaches
    # one of those that lose theirs is a matter of milliseconds, and of 4.5 kWh.
    assert optimal.energy_kwh >= max(equal.energy_kwh - 0.3, 193.9)
    assert optimal.cost < equal.cost


def test_few_profiles_are_written(nights):
    # The fallback, the trial of a new pile (two or three, once in its life), the plan, and what changed of it in an evening at the limit.
    assert nights[0]["optimal"].n_profile < 40 * 10


@pytest.mark.parametrize("policy", ["optimal", "equal-share"])
def test_the_journal_replays_to_the_same_orders(nights, policy, capsys):
    """The scenario beside it says everything that the replay needs."""
    for toml in sorted((nights[1][policy] / "journal" / "s").glob("*.toml")):
        assert evloom(["simulate", str(toml), "--replay", str(toml.with_suffix(".jsonl.gz"))]) == 0
        assert "same orders, same digest" in capsys.readouterr().out
