"""Scenario files as a whole: what is built, and that every mistake is found with its line."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from evloom.kernel.errors import InputError
from evloom.kernel.timegrid import TimeGrid
from evloom.market.contract import ByTariff, Counts, DayWindow
from evloom.simulate.scenario.load import load_scenario
from evloom.simulate.scenario.summary import summary


def refusal(path, **how):
    """The findings of a scenario that must be refused, by code."""
    with pytest.raises(InputError) as caught:
        load_scenario(path, **how)
    return {finding.code: finding for finding in caught.value.findings}


class TestBuilt:
    def test_the_whole(self, scenario_file):
        scenario = load_scenario(scenario_file())
        assert scenario.name == "small"
        assert scenario.grid == TimeGrid(datetime(2025, 6, 1, 16, tzinfo=UTC), 900, 192)
        assert scenario.site.tree.node_id == ("transformer", "board")
        assert scenario.site.tree.import_max_kw.tolist() == [95.0, 30.0]
        assert scenario.site.tree.source == ("transformer 100 kVA x 0.95", "feeder board")
        assert scenario.site.tree.export_max_kw[0] == 0.0
        assert scenario.evse.evse_id == ("A1", "A2", "A3", "B")
        assert scenario.evse.n_phase.tolist() == [1, 1, 1, 3]
        assert scenario.evse.node.tolist() == [1, 1, 1, 0]
        assert scenario.sessions.session_id == ["s1", "s2", "s3", "s4"]  # s5 leaves after the end
        assert scenario.sessions.evse_id == ["A1", "A2", "B", ""]
        assert scenario.model_row == (0, 0, 0, 0)
        assert scenario.fleet.model == ("ideal",)
        assert scenario.tariff.terms.currency == "CNY"
        assert scenario.contract is None
        assert (scenario.driver.departure, scenario.control.scarcity) == ("history", "need")
        assert scenario.findings == ()

    def test_base_load_and_its_forecast_cover_run_and_plan(self, scenario_file):
        scenario = load_scenario(scenario_file())
        signal = scenario.site.base_load[0].signal
        ahead = TimeGrid(scenario.grid.at(191), 900, 96)
        assert signal.actual_on(scenario.grid).max() == pytest.approx(50.0, rel=0.01)
        assert np.isfinite(signal.known_on(ahead, scenario.grid.start)).all()
        assert scenario.carbon is not None
        assert np.isfinite(scenario.carbon.known_on(ahead, scenario.grid.start)).all()
        assert not np.array_equal(signal.known_on(ahead, scenario.grid.start), signal.actual_on(ahead))  # a forecast, not foresight

    def test_mean_kw(self, scenario_file):
        week = ("from = 2025-06-02\nto = 2025-06-04", "from = 2025-06-02\nto = 2025-06-09")
        scenario = load_scenario(scenario_file("peak_kw = 50", "mean_kw = 20", *week))
        assert scenario.site.base_load[0].signal.actual_on(scenario.grid).mean() == pytest.approx(20.0, rel=1e-3)

    def test_span_and_sessions_of_the_command_line(self, scenario_file, tmp_path):
        path = scenario_file("[carbon]", 'source = "China 2023"\n[carbon]', 'source = "China 2023"\n[carbon]', "[carbon]")
        other = tmp_path / "other.csv"
        other.write_text("session_id,arrival,departure,energy_kwh\nx,2025-06-03T12:00+08:00,2025-06-03T13:00+08:00,3\n")
        scenario = load_scenario(path, other, "evloom", date(2025, 6, 3), datetime(2025, 6, 3, 6, tzinfo=UTC))
        assert scenario.grid == TimeGrid(datetime(2025, 6, 2, 16, tzinfo=UTC), 900, 56)
        assert scenario.sessions.session_id == ["x"]

    def test_sessions_of_the_command_line_alone(self, scenario_file, tmp_path):
        path = scenario_file('[sessions]\nfile = "sessions.csv"', "")
        assert "scenario.missing-table" in refusal(path)
        assert len(load_scenario(path, tmp_path / "sessions.csv").sessions) == 4

    def test_days_of_the_file_where_the_scenario_has_none(self, scenario_file):
        scenario = load_scenario(scenario_file("from = 2025-06-02\nto = 2025-06-04\n", ""))
        assert (scenario.grid.start, scenario.grid.n) == (datetime(2025, 6, 1, 16, tzinfo=UTC), 3 * 96)
        assert len(scenario.sessions) == 5

    def test_arriving(self, scenario_file):
        scenario = load_scenario(scenario_file('file = "sessions.csv"', 'file = "sessions.csv"\nselect = "arriving"'))
        assert len(scenario.sessions) == 5

    def test_piles_from_sessions(self, scenario_file):
        scenario = load_scenario(scenario_file('id = "A{n}"\ncount = 3', "from_sessions = true"))
        assert scenario.evse.evse_id == ("B", "A1", "A2", "A3")  # A3 stands in the file, though not in the span

    def test_contract(self, scenario_file):
        contract = """[contract]
service_price_per_kwh = 0.1
v2g_tariff_share = 0.8
[[contract.time_fee]]
label = "overstay"
price_per_h = 3.3
counts = "after charging"
free_h = 0.5
window_from = "07:00"
window_to = "22:00"
[carbon]"""
        found = load_scenario(scenario_file("[carbon]", contract)).contract
        assert found is not None
        assert (found.currency, found.service_per_kwh, found.v2g) == ("CNY", Decimal("0.1"), ByTariff(Decimal("0.8")))
        fee = found.time_fees[0]
        assert (fee.price_per_h, fee.counts, fee.window) == (Decimal("3.3"), Counts.AFTER_CHARGING, DayWindow(420, 1320))

    def test_solar_and_storage(self, scenario_file):
        plant = '[[solar]]\nkwp = 40\nprofile = "solar-clear-sky"\nlatitude_deg = 30.75\nlongitude_deg = 120.76\nnode = "board"\n'
        store = '[[storage]]\nid = "S"\ncapacity_kwh = 100\ncharge_max_kw = 50\ndischarge_max_kw = 40\n[sessions]'
        scenario = load_scenario(scenario_file("[sessions]", plant + store))
        solar = scenario.site.solar[0]
        values = solar.signal.actual_on(scenario.grid)
        assert solar.node == 1
        assert values.max() == pytest.approx(40 * 0.8 * 1.03, rel=0.02)  # June noon: the sun stands 81 degrees high
        assert 47 <= np.argmax(values) % 96 <= 49  # noon by the sun is 11:55 by the clock
        assert scenario.site.storage.capacity_kwh.tolist() == [100.0]

    def test_prices_from_a_file(self, scenario_file, tmp_path):
        """A series tariff: 21 hours at 0.1 EUR and then 0.4."""
        hours = "\n".join(f"2025-06-{2 + h // 24:02}T{h % 24:02}:00+08:00,{0.1 if h < 21 else 0.4}" for h in range(72))
        (tmp_path / "prices.csv").write_text(f"time,price_eur_per_kwh\n{hours}\n")
        tariff = 'file = "prices.csv"\nformat = "evloom"\nname = "hourly"\ncurrency = "EUR"\nzone = "Asia/Shanghai"'
        scenario = load_scenario(scenario_file('name = "zhejiang-jiaxing-2025"', tariff))
        price = scenario.tariff.price_on(scenario.grid)
        assert price[:84] == pytest.approx(0.1)
        assert price[84:] == pytest.approx(0.4)
        wrong = refusal(scenario_file('name = "zhejiang-jiaxing-2025"', tariff.replace('"EUR"', '"CNY"')))
        assert "EUR/kWh" in wrong["scenario.tariff-unit"].value

    def test_summary_names_limits_piles_sessions_and_tariff(self, scenario_file):
        text = summary(load_scenario(scenario_file()))
        for part in (
            "2025-06-02 00:00 CST to 2025-06-04 00:00 CST",
            "transformer: 95 kW, export 0 kW; source: transformer 100 kVA x 0.95",
            "board: 30 kW; source: feeder board, below transformer",
            "4 piles with 4 bays at 220 V",
            "3 x 7.04 kW AC 1-phase",
            "4 in the span, 56 kWh",
            "zhejiang-jiaxing-2025",
            "5 rows read, 5 accepted",
        ):
            assert part in text, part


class TestWarned:
    def test_limit_below_the_base_load(self, scenario_file):
        scenario = load_scenario(scenario_file("rating_kva = 100", "rating_kva = 40"))
        [finding] = scenario.findings
        assert (finding.code, finding.severity) == ("scenario.load-above-limit", "warning")
        assert "38 kW" in finding.allowed
        assert "get nothing" in finding.advice

    def test_no_sessions_in_the_span(self, scenario_file):
        scenario = load_scenario(scenario_file(), start=date(2026, 1, 1), end=date(2026, 1, 2))
        assert len(scenario.sessions) == 0
        assert [finding.code for finding in scenario.findings] == ["scenario.no-sessions"]
        assert "2025-06-02" in scenario.findings[0].advice
        assert "0 in the span" in summary(scenario)

    def test_unknown_pile_is_left_out_and_counted(self, scenario_file):
        scenario = load_scenario(scenario_file("count = 3", "count = 1"))
        assert scenario.sessions.session_id == ["s1", "s3", "s4"]
        [finding] = scenario.sessions.findings
        assert (finding.code, finding.severity, finding.value) == ("session.unknown-evse", "refused", "A2 of session s2")
        assert "1 session left out" in summary(scenario)

    def test_any_bay(self, scenario_file):
        scenario = load_scenario(
            scenario_file("count = 3", "count = 1", 'file = "sessions.csv"', 'file = "sessions.csv"\nkeep_evse_id = false')
        )
        assert scenario.sessions.evse_id == [""] * 4
        assert scenario.sessions.findings == ()

    def test_refused_session_rows_do_not_stop_the_scenario(self, scenario_file):
        bad = "session_id,evse_id,arrival,departure,energy_kwh\n"
        bad += "s1,A1,2025-06-02T18:00+08:00,2025-06-02T17:00+08:00,12\n"
        bad += "s2,A2,2025-06-02T18:00+08:00,2025-06-02T20:00+08:00,-1\n"
        bad += "s3,A3,2025-06-02T18:00+08:00,2025-06-02T20:00+08:00,5\n"
        scenario = load_scenario(scenario_file(sessions=bad))
        assert scenario.sessions.session_id == ["s3"]
        assert "3 rows read, 1 accepted (0 of them repaired), 2 refused" in summary(scenario)


MANY_MISTAKES = (
    *("rating_kva = 100", "rating_kva = -100"),
    *("max_kw = 30", 'max_kw = 30\nparent = "bord"'),
    *("rating_kw = 7.04", "rating_w = 7040"),
    *("voltage_v = 220", 'voltage_v = "220"'),
    *("phases = 3", "phases = 2"),
    *("peak_kw = 50", "peak_kw = nan"),
    *('file = "sessions.csv"', 'file = "session.csv"'),
    *('name = "zhejiang-jiaxing-2025"', 'name = "zhejiang"'),
    *("constant_kg_per_kwh = 0.582", "constant_kg_per_kwh = 582"),
    *("[carbon]", "[carbonn]\nx = 1\n[carbon]"),
)


class TestRefused:
    def test_all_mistakes_at_once_each_with_its_line(self, scenario_file):
        path = scenario_file(*MANY_MISTAKES)
        with pytest.raises(InputError) as caught:
            load_scenario(path)
        found = {(finding.code, finding.row) for finding in caught.value.findings}
        lines = path.read_text().splitlines()
        line = {text: number for number, text in enumerate(lines, 1)}
        assert {
            ("scenario.out-of-range", line["rating_kva = -100"]),
            ("scenario.unknown-node", line['parent = "bord"']),
            ("scenario.unknown-key", line["rating_w = 7040"]),
            ("scenario.wrong-type", line['voltage_v = "220"']),
            ("scenario.not-allowed", line["phases = 2"]),
            ("scenario.out-of-range", line["peak_kw = nan"]),
            ("tariff.prices", line['name = "zhejiang"']),
            ("scenario.out-of-range", line["constant_kg_per_kwh = 582"]),
            ("scenario.unknown-table", line["[carbonn]"]),
        } <= found
        texts = [finding.text() for finding in caught.value.findings]
        assert any("session.csv" in text for text in texts)
        assert any("rating_w = 7040" in text and "did you mean rating_kw" in text for text in texts)
        assert any("[carbon]" in text and "carbonn" in text for text in texts)
        rows = [finding.row for finding in caught.value.findings if finding.row]
        assert rows == sorted(rows)
        assert any("-100 kVA" in text and "> 0" in text for text in texts)

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("rating_kva = 100", "", "missing-key"),
            ("rating_kva = 100", "rating_kva = 100\npower_factor = 95", "out-of-range"),
            ("[transformer]\nrating_kva = 100", "", "missing-table"),
            ('zone = "Asia/Shanghai"', 'zone = "Asia/Shanghia"', "unknown-zone"),
            ("rating_kw = 22", "rating_kw = inf", "out-of-range"),
            ("rating_kw = 22", "rating_kw = true", "wrong-type"),
            ("count = 3", "count = 3.5", "wrong-type"),
            ('id = "B"', 'id = "A1"', "duplicate-id"),
            ('id = "board"', 'id = "transformer"', "duplicate-id"),
            ("max_kw = 30", 'max_kw = 30\nparent = "board"', "limit-ring"),
            ("max_kw = 30", "", "limit-without-value"),
            ('node = "board"', 'node = "bord"', "unknown-node"),
            ("to = 2025-06-04", "to = 2025-06-01", "span-empty"),
            ("peak_kw = 50", "", "load-scale"),
            ('profile = "apartment-block"', 'profile = "apartmentblock"', "not-allowed"),
            ('profile = "apartment-block"', 'profile = "apartment-block"\nfile = "x.csv"', "load-source"),
            ('source = "China 2023"', "", "missing-key"),
            ('file = "sessions.csv"', "", "sessions-source"),
            ('file = "sessions.csv"', 'file = "packaged:jpl-2019-07"', "unknown-data"),
            ('"optimal"]', '"optimum"]', "unknown-policy"),
            ('name = "small"', 'name = "small"\nobjective = "cots"', None),
            ('[tariff]\nname = "zhejiang-jiaxing-2025"', "", "missing-key"),
            ("[[pile]]\nid = ", "[[pyle]]\nid = ", "unknown-table"),
            ("[site]", "[[site]]", "wrong-type"),
            ("[[limit]]", "[limit]", "wrong-type"),
        ],
    )
    def test_one_mistake(self, scenario_file, old, new, code):
        found = refusal(scenario_file(old, new))
        assert ("objective.unknown" if code is None else f"scenario.{code}") in found

    def test_no_piles(self, scenario_file):
        path = scenario_file()
        text = path.read_text()
        path.write_text(text[: text.index("[[pile]]")] + text[text.index("[sessions]") :])
        assert "scenario.no-piles" in refusal(path)

    def test_sessions_of_another_site(self, scenario_file):
        found = refusal(
            scenario_file(sessions="session_id,evse_id,arrival,departure,energy_kwh\na,Z,2025-06-02T18:00+08:00,2025-06-02T19:00+08:00,1\n")
        )
        assert list(found) == ["scenario.unknown-evse"]
        assert "from_sessions" in found["scenario.unknown-evse"].advice

    def test_tariff_with_a_hole(self, scenario_file):
        periods = """currency = "CNY"
zone = "Asia/Shanghai"
periods = [
  { category = "low", start = "00:00", end = "15:00", price_per_kwh = 0.3 },
  { category = "high", start = "17:00", end = "24:00", price_per_kwh = 0.9 },
]"""
        found = refusal(scenario_file('name = "zhejiang-jiaxing-2025"', periods))
        assert any("15:00" in finding.text() and "17:00" in finding.text() for finding in found.values())

    def test_series_that_does_not_cover_the_span(self, scenario_file, tmp_path):
        (tmp_path / "load.csv").write_text("time,load_kw\n2025-06-02T00:00+08:00,5\n2025-06-02T01:00+08:00,6\n")
        found = refusal(scenario_file('profile = "apartment-block"\npeak_kw = 50', 'file = "load.csv"'))
        assert "2025-06-02 02:00" in found["scenario.series-gap"].value

    def test_series_in_the_wrong_unit(self, scenario_file, tmp_path):
        hours = "\n".join(f"2025-06-{1 + h // 24:02}T{h % 24:02}:00+08:00,5" for h in range(120))
        (tmp_path / "load.csv").write_text(f"time,load_kwh\n{hours}\n")
        assert "scenario.load-unit" in refusal(scenario_file('profile = "apartment-block"\npeak_kw = 50', 'file = "load.csv"'))


class TestWholeFile:
    def test_missing_file_names_a_near_one(self, scenario_file):
        path = scenario_file()
        found = refusal(path.with_name("scenari.toml"))
        assert "scenario.toml" in found["scenario.not-found"].advice

    def test_directory(self, scenario_file):
        found = refusal(scenario_file().parent)
        assert "scenario.toml" in found["scenario.is-directory"].value

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_utf_16(self, scenario_file, encoding):
        path = scenario_file()
        path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
        assert "UTF-8" in refusal(path)["scenario.not-utf-8"].advice

    def test_latin_1_names_the_line(self, scenario_file):
        path = scenario_file()
        path.write_bytes(path.read_bytes().replace(b'"small"', '"Köln"'.encode("latin-1")))
        assert "line 1" in refusal(path)["scenario.not-utf-8"].value

    def test_utf_8_with_byte_order_mark_is_fine(self, scenario_file):
        path = scenario_file()
        path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
        assert load_scenario(path).name == "small"

    def test_syntax_error_has_its_line(self, scenario_file):
        path = scenario_file("rating_kva = 100", "rating_kva = 100 kVA")
        finding = refusal(path)["scenario.syntax"]
        assert finding.row == path.read_text().splitlines().index("rating_kva = 100 kVA") + 1

    def test_empty_file(self, tmp_path):
        path = tmp_path / "scenario.toml"
        path.write_text("")
        found = refusal(path)
        assert "scenario.missing-table" in found
        assert "scenario.no-piles" in found
