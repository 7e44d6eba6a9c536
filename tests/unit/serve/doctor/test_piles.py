"""A suspect battery at a pile: the loop is told within one control step, says why, and lets go when the warning closes."""

from dataclasses import replace

import pytest

from evloom.serve.bus import Happening
from evloom.serve.doctor.events import BatteryHeard, BatteryWarned
from evloom.serve.doctor.piles import Piles, Standing, standing_of
from evloom.store import batteries, people, registry, warnings
from evloom.store.batteries import BatterySeen
from tests.unit.serve.doctor.packs import change
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import START_S, Place

LIMIT_KW = 0.3 * 20.0 / 0.95
"""0.3 C of 20 kWh, at the meter: what a pile can be set to is 9 A, 6.21 kW."""
SEEN = BatterySeen("P", "V", "NMC", 96, 24, 150.0, 900.0, START_S, START_S, 10, 3, 2, 1.5, 0.5, 1, "{}")


def vehicle(conn, vehicle_id: str = "V", **more) -> None:
    values = {"org_id": "o", "name": "", "driver_id": "", "tokens": '["CARD"]', "pack_id": "", "chemistry": "", "note": ""}
    batteries.put_vehicle(conn, vehicle_id, {**values, "battery_kwh": 20.0, "created_at_s": 0.0, **more})


def suspect(conn, level: int = 2, **more) -> None:
    batteries.save(conn, replace(SEEN, level=level, **more))
    if level:
        warnings.save_change(conn, change(level=("watch", "inspect", "stop")[level - 1]), START_S)


class Care:
    """Piles beside the loops of a place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.piles = Piles(place.db, place.bus, place.live, place.clock.now_s)

    async def warned(self, kind: str = "opened") -> None:
        """The doctor says so."""
        event = BatteryWarned("o", "P", "V", "P:cell:3:1000", kind, "inspect", "internal-short", 3, None, 1.5)
        self.place.bus.publish(Happening("battery", "P", event, self.place.clock.now_s(), self.place.clock.now_s()))
        await self.settled()

    async def settled(self) -> None:
        """Let the look-ups be answered."""
        while tasks := [task for task in self.piles._tasks if not task.done()]:
            for task in tasks:
                await task
        await self.place.settled()


def with_care(tmp_path, story, *fill, token: str = "CARD", **plan) -> None:
    async def main(place: Place) -> None:
        await place.db.write(lambda conn: [job(conn) for job in fill])
        care = Care(place)
        await care.piles.start()
        try:
            place.yard.connect()
            await place.settled()
            await place.seconds(2)
            place.yard.plug("A", 40.0, token)
            await care.settled()
            await story(place, care)
        finally:
            await care.piles.stop()

    Place(tmp_path, [Pile("A")], 60.0, **plan).run(main)


def session_of(place: Place) -> str:
    return f"A:{place.yard.piles['A'].session}"


def power_kw(place: Place) -> float:
    return place.yard.piles["A"].power_kw(place.clock.now_s())


def standing(care: Care, place: Place) -> Standing:
    found = care.piles.standing(session_of(place))
    assert found is not None
    return found


def test_a_car_that_comes_with_an_open_warning_is_charged_gently_from_its_first_order_on(tmp_path):
    async def story(place: Place, care: Care) -> None:
        for _ in range(60):
            await place.seconds(1)
            await care.settled()
            assert power_kw(place) <= LIMIT_KW
        assert power_kw(place) == pytest.approx(6.21)
        told = place.explain(session_of(place))
        assert "battery diagnosis" in told.text()
        assert "电池诊断" in told.text("zh")
        assert told.binds == "battery diagnosis"
        assert standing(care, place).pack_id == "P"
        held = await place.db.read(lambda conn: warnings.held(conn, session_of(place))) or {}
        assert (held["level"], held["warning_id"]) == (2, "P:cell:3:1000")

    with_care(tmp_path, story, vehicle, suspect)


def test_a_warning_limits_within_one_control_step_and_lifts_when_it_closes(tmp_path):
    async def story(place: Place, care: Care) -> None:
        await place.seconds(60)
        assert power_kw(place) == pytest.approx(11.04)
        await place.db.write(suspect)
        await care.warned()
        await place.seconds(2)
        assert power_kw(place) == pytest.approx(6.21)
        place.post.rebuild(place.post.made)  # a new run of the loop is told again
        await place.seconds(15)
        assert power_kw(place) == pytest.approx(6.21)
        await place.db.write(lambda conn: suspect(conn, 3))
        await care.warned("updated")
        await place.seconds(2)
        assert power_kw(place) == 0.0
        assert "park it outside" in place.explain(session_of(place)).text()
        await place.db.write(lambda conn: suspect(conn, 0))
        await care.warned("closed")
        await place.seconds(1300)
        assert power_kw(place) == pytest.approx(11.04)
        assert "battery diagnosis" not in place.explain(session_of(place)).text()
        held = await place.db.read(lambda conn: warnings.held(conn, session_of(place))) or {}
        assert held["level"] == 3

    with_care(tmp_path, story, vehicle, lambda conn: suspect(conn, 0))


def test_its_own_telemetry_says_when_it_is_full_enough(tmp_path):
    async def story(place: Place, care: Care) -> None:
        await place.seconds(60)
        assert power_kw(place) == pytest.approx(6.21)
        now_s = place.clock.now_s()
        place.bus.publish(Happening("battery", "P", BatteryHeard("o", "P", "V", 2, 0.81, now_s, 20), now_s, now_s))
        await place.seconds(2)
        assert power_kw(place) == 0.0
        assert "charged to 80.0 %" in place.explain(session_of(place)).text()

    with_care(tmp_path, story, vehicle, suspect)


def test_a_card_that_means_no_car_is_left_alone_until_a_car_is_registered(tmp_path):
    async def story(place: Place, care: Care) -> None:
        await place.seconds(60)
        assert power_kw(place) == pytest.approx(11.04)
        assert care.piles.standing(session_of(place)) is None
        await place.db.write(vehicle)
        care.piles.again()
        await care.settled()
        await place.seconds(2)
        assert power_kw(place) == pytest.approx(6.21)

    with_care(tmp_path, story, suspect_of_nobody)


def suspect_of_nobody(conn) -> None:
    people.put_organisation(conn, "o", "o")
    suspect(conn)


def test_of_a_drivers_cars_the_one_that_charges_is_meant_else_the_worst(tmp_path):
    def fill(conn) -> None:
        registry.put_token(conn, "CARD", "ISO14443", {"org_id": "o", "driver_id": "li"})
        for name, level, charging in (("V", 2, 0), ("W", 0, 1)):
            vehicle(conn, name, driver_id="li", tokens="[]")
            batteries.save(conn, replace(SEEN, pack_id=f"{name}-pack", vehicle_id=name, level=level, charging=charging))

    async def story(place: Place, care: Care) -> None:
        assert standing(care, place).vehicle_id == "W"
        late = await place.db.read(lambda conn: standing_of(conn, "A", "CARD", START_S + 7200.0))
        assert late is not None
        assert (late.vehicle_id, late.soc, late.battery_kwh) == ("V", None, 20.0)

    with_care(tmp_path, story, fill)


def test_the_energy_of_a_battery_follows_from_its_cells_where_nobody_told(tmp_path):
    async def story(place: Place, care: Care) -> None:
        assert standing(care, place).battery_kwh == pytest.approx(150.0 * 96 * 3.75 / 1000.0, rel=0.01)

    with_care(tmp_path, story, lambda conn: vehicle(conn, battery_kwh=None), suspect)
