"""How a station wants its profiles is read once after its boot, and learnt from what it refuses."""

import pytest

from evloom.serve.live.manner import Manner, question
from evloom.wire.ocpp.command_outcome import Outcome
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place


def told(**values: str) -> Outcome:
    return Outcome(
        True, "Accepted", {"results": [{"status": "Accepted", "variable": name, "value": value} for name, value in values.items()]}
    )


@pytest.mark.parametrize(
    ("said", "unit", "periods_max", "stack_level"),
    [
        (told(ChargingScheduleAllowedChargingRateUnit="Power", ChargingScheduleMaxPeriods="6", ChargeProfileMaxStackLevel="0"), "kW", 6, 0),
        (told(ChargingScheduleAllowedChargingRateUnit="Current,Power", ChargingScheduleMaxPeriods="500"), "A", 24, 1),
        (told(RateUnit="W", PeriodsPerSchedule="1", ProfileStackLevel="9"), "kW", 1, 1),
        (told(RateUnit="A,W", PeriodsPerSchedule="many"), "A", 24, 1),
        (told(RateUnit="", PeriodsPerSchedule="0"), "A", 1, 1),
        (Outcome(False, "Unsupported"), "A", 24, 1),
        (Outcome(True, "Accepted", {"results": [{"status": "Rejected", "variable": "RateUnit", "value": "W"}]}), "A", 24, 1),
    ],
)
def test_what_a_station_says(said, unit, periods_max, stack_level):
    manner = Manner()
    manner.learn(said)
    assert (manner.unit, manner.periods_max, manner.stack_level) == (unit, periods_max, stack_level)


def test_only_2_1_is_asked_for_dynamic_profiles():
    asked = {protocol: [variable.name for variable in question(protocol).variables] for protocol in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")}
    assert [len(names) for names in asked.values()] == [3, 3, 4]
    assert asked["ocpp1.6"][0] == "ChargingScheduleAllowedChargingRateUnit"


def test_a_station_that_takes_watts_and_few_periods_is_told_so(tmp_path):
    settings = {"RateUnit": "W", "PeriodsPerSchedule": "2"}
    says, silent = Pile("A", unit="kW", settings=settings), Pile("B", unit="kW")

    async def plugged(place: Place) -> None:
        place.yard.connect()
        await place.seconds(20)
        for pile in (says, silent):
            assert pile.default is not None
            assert pile.default.schedule.unit == "kW"
            place.yard.plug(pile.station_id, 20.0)
        await place.seconds(60)
        assert [evse.follows for evse in place.board().evses] == ["follows", "follows"]

    Place(tmp_path, [says, silent], 20.0).run(plugged)
    assert says.n_read == silent.n_read == 1
    assert says.n_refused == silent.n_refused == 1  # the default, before either was asked
    assert 1 <= says.n_period <= 2
    assert says.plan is not None
    assert silent.plan is not None
