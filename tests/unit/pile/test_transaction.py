import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.pile.register import KEPT
from evloom.pile.station import Sample, TransactionSaid
from evloom.pile.transaction import CLOSED_BY_NEXT, SUSPECT, Session, fold, id_at_station, later_use

NOON_S = 1_800_000_000.0


def register(at_s, kwh, context="Sample.Periodic", **more):
    return Sample(at_s, "Energy.Active.Import.Register", kwh, context=context, **more)


def started(kwh=None, seq=-1, **more):
    return TransactionSaid("t", "started", seq=seq, evse=1, connector=1, token="A", token_type="ISO14443", register_kwh=kwh, **more)


def updated(*values, seq=-1, samples=(), **more):
    return TransactionSaid("t", "updated", seq=seq, evse=1, samples=(*values, *samples), **more)


def ended(kwh=None, seq=-1, reason="Local", **more):
    return TransactionSaid("t", "ended", seq=seq, register_kwh=kwh, reason=reason, **more)


def told(*words, rating_kw=22.0):
    """The session after (word, minute) pairs, each known as it happens; (word, minute, known minute) for later ones."""
    session = Session(station_id="S", rating_kw=rating_kw)
    for word, minute, *known in words:
        session = fold(session, word, NOON_S + 60 * minute, NOON_S + 60 * (known[0] if known else minute))
    return session


def at(minute):
    return NOON_S + 60 * minute


def test_energy_is_counted_from_begin_to_end_register():
    session = told((started(100.0), 0), (updated(register(at(30), 104.0)), 30), (ended(108.5), 60))
    assert (session.energy_kwh, session.suspect, session.reason, session.token) == (8.5, "", "Local", "A")
    assert (session.started_at_s, session.ended_at_s, session.session_id) == (at(0), at(60), "S:t")


def test_without_an_end_register_the_last_sample_counts():
    assert told((started(100.0), 0), (updated(register(at(30), 104.0)), 30), (ended(), 60)).energy_kwh == 4.0


def test_context_tells_begin_and_end_of_2x():
    begin, end = register(at(0), 10.0, "Transaction.Begin"), register(at(60), 17.0, "Transaction.End")
    session = told((started(seq=0), 0), (ended(seq=1, samples=(begin, end)), 60))
    assert (session.begin_kwh, session.end_kwh, session.energy_kwh, session.suspect) == (10.0, 17.0, 7.0, "")


def test_a_begin_register_that_is_repeated_in_every_word_is_no_step_back():
    words = [(updated(register(at(m), 100.0, "Transaction.Begin"), register(at(m), 100.0 + m / 10)), m) for m in (10, 20, 30)]
    session = told((started(100.0), 0), *words, (ended(), 40))
    assert (session.begin_kwh, session.energy_kwh, session.suspect) == (100.0, 3.0, "")
    assert told(*words).energy_kwh == 3.0


def test_phases_are_added_where_there_is_no_total():
    phases = [register(at(0), 1.0, phase=phase) for phase in ("L1", "L2", "L3")]
    later = [register(at(30), 2.0, phase=phase) for phase in ("L1", "L2", "L3")]
    assert told((started(seq=0, samples=(*phases,)), 0), (updated(*later, seq=1), 30)).energy_kwh == 3.0
    assert told(
        (started(), 0), (updated(*phases, register(at(0), 3.1)), 1), (updated(register(at(30), 4.1)), 30)
    ).energy_kwh == pytest.approx(1)


def test_power_is_import_less_export():
    charging, giving = Sample(at(1), "Power.Active.Import", 7.0), Sample(at(2), "Power.Active.Export", 5.0)
    assert told((updated(charging), 1)).power_kw == 7.0
    assert told((updated(charging), 1), (updated(giving), 2)).power_kw == -5.0
    assert told((updated(charging), 1), (updated(giving), 2), (ended(), 3)).power_kw == 0.0


def test_what_the_car_gave_back_is_counted_apart():
    words = [(updated(Sample(at(m), "Energy.Active.Export.Register", kwh)), m) for m, kwh in ((1, 50.0), (20, 53.5))]
    assert told((started(10.0), 0), *words).discharged_kwh == 3.5


@pytest.mark.parametrize(
    ("words", "energy_kwh", "suspect"),
    [
        ([(started(100.0), 0), (ended(90.0), 60)], 0.0, "backwards,end_below_begin"),
        ([(started(100.0), 0), (updated(register(at(9), 98.0)), 9), (ended(105.0), 60)], 5.0, "backwards"),
        ([(started(0.0), 0), (updated(register(at(9), 8123.0)), 9), (ended(8130.0), 60)], 7.0, "begin_zero,jump"),
        ([(started(0.0), 0), (ended(8130.0), 60)], 0.0, "begin_zero,jump"),
        ([(started(0.0), 0), (updated(register(at(9), 1.5)), 9), (ended(9.0), 60)], 9.0, ""),
        ([(started(100.0), 0), (ended(900.0), 60)], 800.0, "jump"),
        ([(started(100.0), 0), (ended(), 60)], 0.0, ""),
        ([(started(), 0), (ended(), 60)], 0.0, "no_register"),
        ([(ended(107.0), 60)], 0.0, "no_start"),
        ([(updated(register(at(9), 50.0)), 9)], 0.0, "no_start"),
        ([(started(100.0), 60), (ended(101.0), 0)], 1.0, "backwards,time_order"),
    ],
)
def test_registers_that_lie(words, energy_kwh, suspect):
    session = told(*words)
    assert (session.energy_kwh, session.suspect) == (energy_kwh, suspect)
    assert set(session.codes) <= set(SUSPECT)


def test_a_clock_off_by_years_is_replaced_by_the_time_of_arrival():
    session = fold(fold(None, started(1.0), 0.0, at(0)), ended(2.0), at(60) + 20 * 365 * 86400, at(60))
    assert (session.started_at_s, session.ended_at_s, session.energy_kwh) == (at(0), at(60), 1.0)
    assert session.suspect == "clock"


def test_the_clock_of_a_sample_may_be_wrong_alone():
    session = told((started(1.0), 0), (updated(register(0.0, 1.5)), 10), (ended(2.0), 60))
    assert (session.suspect, session.energy_kwh) == ("clock", 1.0)


def test_an_end_that_we_wrote_is_marked_until_the_stations_own_comes():
    ours = ended(reason=CLOSED_BY_NEXT)
    session = told((started(1.0), 0), (updated(register(at(9), 2.0)), 9), (ours, 30))
    assert (session.ended_at_s, session.reason, session.suspect, session.energy_kwh) == (at(30), CLOSED_BY_NEXT, "not_closed", 1.0)
    late = fold(session, ended(2.5, reason="EVDisconnected"), at(20), at(90))
    assert (late.ended_at_s, late.reason, late.suspect, late.energy_kwh) == (at(20), "EVDisconnected", "", 1.5)


def test_offline_words_that_come_late():
    session = told((ended(8.0, seq=4), 60, 61), (started(1.0, seq=0, offline=True), 0, 70), (updated(seq=1, offline=True), 5, 71))
    assert (session.started_at_s, session.known_start_s, session.offline) == (at(0), at(61), True)
    assert (session.missing_seq, session.suspect) == (((2, 3),), "")


def test_the_token_of_the_start_stays_that_of_the_session():
    stop = ended(2.0, token="B", token_type="Central", group="G")
    assert told((stop, 9), (started(1.0), 0)).token == "A"
    assert told((stop, 9)).token == "B"


def test_marks_of_a_word_are_kept():
    assert told((started(1.0, marks=("id_invalid",)), 0)).suspect == "id_invalid"


kwhs = st.integers(0, 60).map(lambda n: n / 4)
minutes = st.integers(0, 400)


@st.composite
def words(draw):
    """The words of one transaction, with lying registers and clocks, each with its own instants."""
    numbered = draw(st.booleans())
    found = []
    for seq in range(draw(st.integers(1, KEPT // 2))):
        minute = draw(minutes)
        samples = tuple(register(at(minute), draw(kwhs)) for _ in range(draw(st.integers(0, 1))))
        make = draw(st.sampled_from([started, ended, lambda kwh, **more: updated(**more)]))
        state = draw(st.sampled_from(["", "Charging", "Idle"]))
        word = make(draw(st.none() | kwhs), seq=seq if numbered else -1, samples=samples, charging_state=state)
        happened_s = draw(st.sampled_from([at(minute)] * 5 + [0.0]))
        found.append((word, happened_s, at(minute + draw(st.integers(0, 60)))))
    return found


def folded(said):
    session = None
    for word, happened_s, known_s in said:
        session = fold(session, word, happened_s, known_s)
    return session


@given(words(), st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(said, random):
    mixed = [*said, *random.sample(said, random.randint(0, len(said)))]
    random.shuffle(mixed)
    assert folded(mixed) == folded(said)


@given(words())
def test_energy_is_never_negative_and_codes_are_known(said):
    session = folded(said)
    assert session.energy_kwh >= 0.0
    assert set(session.codes) <= set(SUSPECT)


@given(st.lists(kwhs, min_size=1, max_size=60), st.integers(1, 30))
def test_an_honest_meter_is_never_suspect(steps_kwh, minutes_apart):
    rating_kw = 15.0 * 60 / minutes_apart
    total_kwh, said = 100.0, [(started(100.0, seq=0), 0)]
    for n, step_kwh in enumerate(steps_kwh, 1):
        total_kwh += step_kwh
        said.append((updated(register(at(n * minutes_apart), total_kwh), seq=n), n * minutes_apart))
    said.append((ended(total_kwh, seq=len(said)), len(said) * minutes_apart))
    session = told(*said, rating_kw=rating_kw)
    assert (session.suspect, session.energy_kwh) == ("", pytest.approx(total_kwh - 100.0))


@given(st.lists(kwhs, min_size=2, max_size=40))
def test_in_order_a_step_back_is_always_found(registers_kwh):
    said = [(started(), 0), *((updated(register(at(n), kwh)), n) for n, kwh in enumerate(registers_kwh))]
    falls = any(later < earlier for earlier, later in pairwise(registers_kwh))
    assert ("backwards" in told(*said, rating_kw=1e6).codes) == falls


@pytest.mark.parametrize("known", ["t", "a~b", "~1", "x~2030"])
def test_an_id_that_is_used_again(known):
    assert id_at_station(later_use(known, NOON_S)) == known
    assert id_at_station(known) == known


def test_the_page_lists_every_mark():
    page = (Path(__file__).parents[3] / "docs" / "ocpp-meaning.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)) == SUSPECT
