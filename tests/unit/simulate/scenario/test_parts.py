"""Limit tree, piles, span, profiles and fleet of a scenario, each from its sections."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import TimeGrid, epoch_s
from evloom.simulate.scenario.fleet import assign_models, fleet_table
from evloom.simulate.scenario.limits import Node, limit_tree
from evloom.simulate.scenario.lines import LineIndex
from evloom.simulate.scenario.piles import check_currents, evse_table, expand_piles, pile_nodes
from evloom.simulate.scenario.profiles import LOAD_SHAPES, clear_sky_on, load_shape_mean, load_shape_on, sun_height
from evloom.simulate.scenario.schema import PileSection, TimeSection, VehicleSection
from evloom.simulate.scenario.section import Notes
from evloom.simulate.scenario.span import instant, parse_moment, span_of
from evloom.simulate.sources.table import SessionTable


@pytest.fixture
def notes():
    return Notes("scenario.toml", LineIndex(""), [])


def codes(notes):
    return [finding.code for finding in notes.findings]


def node(name, parent="transformer", kw=10.0):
    return Node(name, parent, kw, np.inf, np.inf, f"board {name}", f"limit.{name}")


ROOT = Node("transformer", "", 100.0, 0.0, np.inf, "transformer", "transformer")


def sessions(rows, **columns):
    """Rows of (session_id, evse_id, driver_id, arrival hour, departure hour, kWh) on 2024-01-01 UTC."""
    start_s = epoch_s(datetime(2024, 1, 1, tzinfo=UTC))
    n = len(rows)
    unknown = np.full(n, np.nan)
    return SessionTable(
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        columns.get("vehicle_model", [""] * n),
        np.array([start_s + 3600 * row[3] for row in rows]),
        np.array([start_s + 3600 * row[4] for row in rows]),
        np.array([float(row[5]) for row in rows]),
        requested_kwh=unknown,
        told_departure_s=unknown,
        soc_arrival=unknown,
        soc_departure=unknown,
        battery_kwh=unknown,
        power_max_kw=unknown,
        charging_end_s=unknown,
        fee=unknown,
    )


class TestLimitTree:
    def test_children_written_before_their_parent(self, notes):
        tree = limit_tree([ROOT, node("c", "b"), node("b", "a"), node("a")], notes)
        assert tree.node_id == ("transformer", "a", "b", "c")
        assert tree.parent.tolist() == [-1, 0, 1, 2]
        assert notes.findings == []

    def test_unknown_parent_is_named_with_what_there_is(self, notes):
        tree = limit_tree([ROOT, node("a", "bord"), node("bord2")], notes)
        assert codes(notes) == ["scenario.unknown-node"]
        assert "bord2" in notes.findings[0].allowed
        assert "a" not in tree.node_id

    def test_every_limit_of_a_ring_is_found_and_what_hangs_below_it_is_not_blamed(self, notes):
        limit_tree([ROOT, node("a", "c"), node("b", "a"), node("c", "b"), node("d", "c"), node("self", "self")], notes)
        assert codes(notes) == ["scenario.limit-ring"] * 4
        assert [finding.field for finding in notes.findings] == ["limit.a.parent", "limit.b.parent", "limit.c.parent", "limit.self.parent"]

    def test_duplicate_ids(self, notes):
        limit_tree([ROOT, node("a"), node("a"), node("transformer")], notes)
        assert codes(notes) == ["scenario.duplicate-id"] * 2

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    def test_any_parents_give_a_tree_or_a_finding(self, parents):
        notes = Notes("scenario.toml", LineIndex(""), [])
        nodes = [ROOT] + [node(f"n{row}", f"n{above}") for row, above in enumerate(parents)]
        tree = limit_tree(nodes, notes)
        assert tree.n == 1  # nothing here leads to the transformer
        assert notes.refused


class TestPiles:
    def piles(self, notes, *sections, evse=()):
        piles = expand_piles(sections, evse, notes)
        tree = limit_tree([ROOT, node("board"), *pile_nodes(piles)], notes)
        return evse_table(piles, tree, {"transformer", "board"}, notes), tree

    def test_single_phase_piles_take_turns_over_the_whole_site(self, notes):
        three = PileSection(path="pile[0]", id="A{n}", count=4, rating_kw=7.0)
        fixed = PileSection(path="pile[1]", id="B", rating_kw=7.0, phase="C")
        more = PileSection(path="pile[2]", id="C{n}", count=2, rating_kw=7.0, node="board")
        evse, tree = self.piles(notes, three, fixed, more)
        assert evse.evse_id == ("A1", "A2", "A3", "A4", "B", "C1", "C2")
        assert evse.phase.tolist() == [0, 1, 2, 0, 2, 1, 2]
        assert [tree.node_id[row] for row in evse.node] == ["transformer"] * 5 + ["board"] * 2
        assert notes.findings == []

    def test_two_bays_share_the_rating_of_their_pile(self, notes):
        section = PileSection(path="pile[0]", id="P{n:02}", count=2, rating_kw=7.0, bays=2, discharge_max_kw=5.0, node="board")
        evse, tree = self.piles(notes, section)
        assert evse.evse_id == ("P01-1", "P01-2", "P02-1", "P02-2")
        assert evse.pile.tolist() == [0, 0, 1, 1]
        assert evse.phase.tolist() == [0, 0, 1, 1]
        assert evse.one_at_a_time.all()
        shared = tree.node_id.index("P02")
        assert evse.node.tolist()[2:] == [shared, shared]
        assert tree.node_id[tree.parent[shared]] == "board"
        assert (tree.import_max_kw[shared], tree.export_max_kw[shared]) == (7.0, 5.0)
        assert tree.source[shared] == "pile P02 rating 7 kW"

    def test_both_bays_at_once_may_charge(self, notes):
        evse, _ = self.piles(notes, PileSection(path="pile[0]", rating_kw=7.0, bays=2, bays_at_once=2))
        assert not evse.one_at_a_time.any()
        self.piles(notes, PileSection(path="pile[0]", rating_kw=7.0, bays_at_once=2))
        assert codes(notes) == ["scenario.bays-at-once"]

    def test_direct_current_has_three_phases_and_no_current_steps(self, notes):
        evse, _ = self.piles(notes, PileSection(path="pile[0]", rating_kw=150.0, dc=True))
        assert (evse.n_phase[0], evse.current_min_a[0], evse.current_step_a[0]) == (3, 0.0, 0.0)

    def test_piles_from_sessions_beside_declared_ones(self, notes):
        declared = PileSection(path="pile[0]", id="B", rating_kw=11.0)
        template = PileSection(path="pile[1]", from_sessions=True, rating_kw=7.0)
        evse, _ = self.piles(notes, declared, template, evse=["C", "A", "B", "A", ""])
        assert evse.evse_id == ("B", "A", "C")
        assert evse.charge_max_kw.tolist() == [11.0, 7.0, 7.0]

    @pytest.mark.parametrize(
        ("section", "code"),
        [
            ({"id": "P", "count": 2}, "duplicate-id"),
            ({"id": "P{m}"}, "bad-template"),
            ({"discharge_max_kw": 8.0}, "discharge-above-rating"),
            ({"node": "bord"}, "unknown-node"),
            ({"from_sessions": True, "bays": 2}, "bays-from-sessions"),
            ({"from_sessions": True}, "no-piles"),
        ],
    )
    def test_mistakes(self, notes, section, code):
        self.piles(notes, PileSection(path="pile[0]", rating_kw=7.0, **section))
        assert f"scenario.{code}" in codes(notes)

    def test_rating_below_least_current(self, notes):
        weak = PileSection(path="pile[0]", rating_kw=4.0, phases=3)
        check_currents((weak, PileSection(path="pile[1]", rating_kw=4.0, dc=True)), 230.0, notes)
        assert [(finding.code, finding.field) for finding in notes.findings] == [("scenario.rating-below-minimum", "pile[0].rating_kw")]
        assert "4.14 kW" in notes.findings[0].allowed


class TestSpan:
    @pytest.mark.parametrize(
        ("start", "end", "zone", "hours"),
        [
            (date(2019, 6, 1), date(2019, 7, 1), "US/Pacific", 720),
            (date(2024, 3, 31), date(2024, 4, 1), "Europe/Berlin", 23),
            (date(2024, 10, 27), date(2024, 10, 28), "Europe/Berlin", 25),
            (date(2024, 2, 28), date(2024, 3, 1), "Asia/Shanghai", 48),  # a leap day
            (date(2023, 2, 28), date(2023, 3, 1), "Asia/Shanghai", 24),
            (date(2018, 11, 4), date(2018, 11, 5), "America/Sao_Paulo", 23),  # midnight does not exist
            (date(2024, 11, 3), date(2024, 11, 4), "America/Havana", 25),  # midnight comes twice
            (parse_moment("2024-01-01T08:00"), parse_moment("2024-01-01T09:30"), "Asia/Kolkata", 1.5),
        ],
    )
    def test_local_days_have_their_true_length(self, start, end, zone, hours, notes):
        grid = span_of(TimeSection(path="time", zone=zone, start=start, end=end, step_s=900), ZoneInfo(zone), None, notes)
        assert grid.n * grid.step_h == hours
        assert notes.findings == []

    def test_june_2019_in_california_starts_at_7_utc(self, notes):
        grid = span_of(
            TimeSection(path="time", zone="US/Pacific", start=date(2019, 6, 1), end=date(2019, 7, 1)), ZoneInfo("US/Pacific"), None, notes
        )
        assert (grid.start, grid.end) == (datetime(2019, 6, 1, 7, tzinfo=UTC), datetime(2019, 7, 1, 7, tzinfo=UTC))

    def test_midnight_that_does_not_exist_is_the_first_instant_of_the_day(self):
        zone = ZoneInfo("America/Sao_Paulo")
        local = instant(date(2018, 11, 4), zone).astimezone(zone)
        assert (local.day, local.hour) == (4, 1)

    def test_days_of_the_sessions_where_none_are_given(self, notes):
        zone = ZoneInfo("Asia/Shanghai")  # 16:00 UTC is midnight there
        grid = span_of(
            TimeSection(path="time", zone="Asia/Shanghai"), zone, sessions([("a", "", "", 3, 5, 1), ("b", "", "", 4, 17, 1)]), notes
        )
        assert (grid.start, grid.end) == (datetime(2023, 12, 31, 16, tzinfo=UTC), datetime(2024, 1, 2, 16, tzinfo=UTC))
        grid = span_of(TimeSection(path="time", zone="Asia/Shanghai"), zone, sessions([("a", "", "", 3, 16, 1)]), notes)
        assert grid.end == datetime(2024, 1, 1, 16, tzinfo=UTC)

    def test_mistakes(self, notes):
        zone = ZoneInfo("UTC")
        span_of(TimeSection(path="time", zone="UTC", start=date(2024, 1, 2), end=date(2024, 1, 1), step_s=420), zone, None, notes)
        span_of(TimeSection(path="time", zone="UTC", start=date(2024, 1, 2)), zone, None, notes)
        assert codes(notes) == ["scenario.step-not-in-hour", "scenario.span-empty", "scenario.missing-key"]

    def test_moments_at_the_command_line(self):
        assert parse_moment("2019-06-01") == date(2019, 6, 1)
        assert parse_moment("2019-06-01T08:00") == datetime(2019, 6, 1, 8)  # noqa: DTZ001
        assert instant(parse_moment("2019-06-01T08:00+02:00"), ZoneInfo("UTC")).hour == 6
        with pytest.raises(InputError, match="not-a-date"):
            parse_moment("1.6.2019")


class TestProfiles:
    @pytest.mark.parametrize("name", LOAD_SHAPES)
    def test_a_shape_reaches_its_peak_and_has_the_mean_it_says(self, name):
        zone = ZoneInfo("Asia/Shanghai")
        grid = TimeGrid(instant(date(2025, 6, 2), zone), 60, 7 * 1440)
        share = load_shape_on(name, grid, zone)
        assert share.max() == pytest.approx(1.0, abs=2e-3)
        assert share.min() > 0.1
        assert share.mean() == pytest.approx(load_shape_mean(name), rel=1e-6)

    def test_shapes_follow_the_local_clock_and_the_weekend(self):
        zone = ZoneInfo("Europe/Berlin")
        for day, share in ((date(2024, 3, 29), 1.0), (date(2024, 4, 2), 1.0), (date(2024, 3, 30), 0.3)):  # summer time began on the 31st
            noon = instant(datetime.combine(day, datetime.min.time().replace(hour=14)), zone)
            assert load_shape_on("office-building", TimeGrid(noon, 60, 1), zone)[0] == pytest.approx(share, abs=1e-3)

    @pytest.mark.parametrize(
        ("when", "latitude_deg", "longitude_deg", "height_deg"),
        [
            # heights at culmination: 90 - |latitude - declination|; declination and time of noon from the almanac
            (datetime(2024, 6, 20, 12, 2, tzinfo=UTC), 51.48, 0.0, 90 - 51.48 + 23.44),
            (datetime(2024, 12, 21, 11, 58, tzinfo=UTC), 51.48, 0.0, 90 - 51.48 - 23.44),
            (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, 90.0),
            (datetime(2024, 11, 3, 11, 44, tzinfo=UTC), 0.0, 0.0, 90 - 15.1),
            (datetime(2024, 6, 21, 4, 0, tzinfo=UTC), 30.75, 120.76, 90 - 30.75 + 23.44),  # Jiaxing, near local noon
        ],
    )
    def test_height_of_the_sun(self, when, latitude_deg, longitude_deg, height_deg):
        height = sun_height(np.array([epoch_s(when)]), latitude_deg, longitude_deg)[0]
        assert np.rad2deg(np.arcsin(height)) == pytest.approx(height_deg, abs=0.6)

    def test_length_of_the_day(self):
        """Greenwich, 2024-06-20: the centre of the sun is up 16.4 h without refraction; 2024-12-21: 7.6 h."""
        for day, hours in ((datetime(2024, 6, 20, tzinfo=UTC), 16.4), (datetime(2024, 12, 21, tzinfo=UTC), 7.6)):
            up = clear_sky_on(TimeGrid(day, 60, 1440), 51.48, 0.0) > 0
            assert up.sum() / 60 == pytest.approx(hours, abs=0.1)

    def test_clear_sky_at_the_zenith_and_at_night(self):
        share = clear_sky_on(TimeGrid(datetime(2024, 3, 20, tzinfo=UTC), 60, 1440), 0.0, 0.0)
        assert share.max() == pytest.approx(1.098 * np.exp(-0.059), abs=1e-4)
        assert share[0] == 0.0


def car(model="car", **values):
    return VehicleSection(path="vehicle[0]", model=model, **{"battery_kwh": 60.0, "ac_max_kw": 7.0, **values})


class TestFleet:
    def test_curves_of_different_points_stay_exact(self, notes):
        fleet = fleet_table(
            (
                car("flat"),
                car("taper", taper_soc=0.8, dc_max_kw=100.0),
                car("curve", curve_soc=(0.0, 0.3, 1.0), curve_kw=(50.0, 120.0, 10.0)),
            ),
            notes,
        )
        assert fleet.curve_soc.tolist() == [[0.0, 0.3, 0.8, 1.0]] * 3
        assert fleet.curve_kw[0].tolist() == [7.0] * 4
        assert fleet.curve_kw[1].tolist() == [100.0, 100.0, 100.0, 3.0]  # 60 kWh / 20 h
        assert fleet.curve_kw[2] == pytest.approx([50.0, 120.0, 120 - 110 * 5 / 7, 10.0])
        assert fleet.share == pytest.approx([1 / 3] * 3)
        assert notes.findings == []

    def test_the_ideal_car_takes_what_the_pile_gives(self, notes):
        fleet = fleet_table((), notes)
        assert fleet.model == ("ideal",)
        assert np.isinf(fleet.battery_kwh[0])
        assert np.ptp(fleet.curve_kw) == 0
        assert not fleet.v2g.any()

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"curve_soc": (0.0, 1.0), "curve_kw": (5.0,)}, "bad-curve"),
            ({"curve_soc": (0.0, 0.9), "curve_kw": (5.0, 1.0)}, "bad-curve"),
            ({"curve_soc": (0.0, 0.5, 0.5, 1.0), "curve_kw": (5.0, 4.0, 3.0, 1.0)}, "bad-curve"),
            ({"curve_soc": (0.0, 1.0), "curve_kw": (5.0, 1.0), "taper_soc": 0.8}, "two-curves"),
            ({"share": 0.0}, "share-zero"),
        ],
    )
    def test_mistakes(self, notes, values, code):
        fleet_table((car(**values),), notes)
        assert codes(notes) == [f"scenario.{code}"]

    def test_same_name_twice(self, notes):
        fleet_table((car("A"), car("a")), notes)
        assert codes(notes) == ["scenario.duplicate-id"]


class TestModels:
    fleet_sections = (car("small", battery_kwh=20.0, ac_max_kw=3.5, share=1.0), car("large", battery_kwh=80.0, share=3.0))

    def assign(self, notes, table, rating_kw=7.0):
        piles = expand_piles((PileSection(path="pile[0]", rating_kw=rating_kw),), (), notes)
        tree = limit_tree([ROOT], notes)
        return assign_models(table, fleet_table(self.fleet_sections, notes), evse_table(piles, tree, {"transformer"}, notes), notes)

    def test_shares_hold_and_a_driver_keeps_his_car(self, notes):
        table = sessions([(f"s{row}", "", f"driver {row % 1000}", row, row + 8, 5) for row in range(3000)])
        rows = np.array(self.assign(notes, table)).reshape(3, 1000)
        assert (rows == rows[0]).all()
        assert rows.mean() == pytest.approx(0.75, abs=0.04)

    def test_other_sessions_change_nothing(self, notes):
        rows = [(f"s{row}", "", f"driver {row}", row, row + 8, 5) for row in range(50)]
        assert self.assign(notes, sessions(rows))[10:] == self.assign(notes, sessions(rows[10:]))

    def test_a_named_model_is_taken_and_too_much_energy_rules_a_model_out(self, notes):
        many = [(f"s{row}", "", f"driver {row}", 0, 8, 30) for row in range(40)]
        assert set(self.assign(notes, sessions(many))) == {1}
        named = sessions(many, vehicle_model=["SMALL"] * 40)
        assert set(self.assign(notes, named)) == {0}
        fast = [(f"s{row}", "", f"driver {row}", 0, 2, 10) for row in range(40)]  # 5 kW: too much for 3.5 kW on board
        assert set(self.assign(notes, sessions(fast))) == {1}
        assert notes.findings == []

    def test_more_than_any_car_can_take_is_said(self, notes):
        assert self.assign(notes, sessions([("s", "", "", 0, 24, 90)])) == (1,)
        assert codes(notes) == ["scenario.no-model-fits"]
