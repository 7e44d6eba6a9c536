"""A transaction of a token that was refused gets nothing; a profile refused for a transaction that has ended says nothing of its pile."""

import pytest

from evloom.pile.station import TransactionSaid
from tests.unit.serve.live.piles import Pile
from tests.unit.serve.live.yard import Place


async def begun(place: Place, *names: str) -> None:
    place.yard.connect()
    await place.settled()
    await place.seconds(2)
    for name in names:
        place.yard.plug(name, 40.0)


def test_a_refused_token_gets_nothing_until_one_is_taken(tmp_path):
    async def main(place: Place) -> None:
        await begun(place, "A", "B")
        session = place.yard.piles["A"].session
        place.yard.say("A", TransactionSaid(session, "updated", evse=1, token="stranger", marks=("refused_token",)))
        await place.seconds(60)
        now_s = place.clock.now_s()
        assert place.yard.piles["A"].power_kw(now_s) == 0.0
        assert place.yard.piles["B"].power_kw(now_s) == pytest.approx(11.04)
        refused = place.board().evses[0]
        assert refused.reason.key == "token_refused"
        assert refused.follows == "follows"
        place.yard.say("A", TransactionSaid(session, "updated", evse=1, token="friend"))
        await place.seconds(30)
        assert place.yard.piles["A"].power_kw(place.clock.now_s()) == pytest.approx(11.04)

    Place(tmp_path, [Pile("A"), Pile("B")], 60.0).run(main)


def test_one_that_charges_for_a_refused_token_all_the_same_is_load_that_nobody_steers(tmp_path):
    async def main(place: Place) -> None:
        await begun(place, "A", "B")
        session = place.yard.piles["A"].session
        place.yard.say("A", TransactionSaid(session, "updated", evse=1, token="stranger", marks=("refused_token",)))
        await place.seconds(60)
        assert place.board().evses[0].follows == "ignores"
        assert place.yard.total_kw() <= 20.0 + 1e-6

    Place(tmp_path, [Pile("A", obeys=False), Pile("B")], 20.0).run(main)


def test_a_transaction_that_ended_without_a_link_leaves_its_pile_as_it_was(tmp_path):
    """The link is back before the station says that the transaction has ended; what it is told for it, it refuses."""

    async def main(place: Place) -> None:
        await begun(place, "A")
        await place.seconds(60)
        pile = place.yard.piles["A"]
        ended = pile.session
        place.yard.disconnect("A")
        await place.seconds(30)
        pile.session, pile.plan = "", None
        place.yard.connect("A")
        await place.seconds(25)
        row = place.board().evses[0]
        assert row.trouble.startswith("refused")
        assert row.follows == "follows"
        place.yard.say("A", TransactionSaid(ended, "ended", evse=1, offline=True))
        place.yard.plug("A", 40.0)
        await place.seconds(15)
        assert place.board().evses[0].follows == "follows"
        assert place.yard.total_kw() == pytest.approx(11.04)

    Place(tmp_path, [Pile("A")], 60.0).run(main)
