"""What stations are answered that ask for their plan, or tell what a car needs."""

import pytest

from evloom.pile.station import NeedsSeen
from evloom.serve.live.actuator import PLAN_ID
from evloom.serve.live.answers import Answers
from evloom.wire.ocpp.spoken import Dynamic
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place


def test_a_pull_is_answered_with_the_plan_for_now(tmp_path):
    async def plugged(place: Place) -> None:
        answers = Answers()
        assert answers.dynamic("A", PLAN_ID + 1) == Dynamic()  # the loops are not there yet
        answers.live = place.live
        place.yard.connect()
        await place.settled()
        assert not answers.dynamic("A", PLAN_ID + 1).given  # no car
        place.yard.plug("A", 20.0)
        await place.seconds(40)
        assert answers.dynamic("A", PLAN_ID + 1).limit_kw == pytest.approx(place.yard.total_kw())
        assert not answers.dynamic("A", 7).given  # a profile of somebody else
        assert answers.needs("A", NeedsSeen(1, "DC")).status == "Processing"
        assert answers.needs("nobody", NeedsSeen(1, "DC")).status == "Rejected"

    Place(tmp_path, [Pile("A")], 20.0).run(plugged)
