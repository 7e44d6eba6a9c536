"""The connection: who asked what, who waits, who is late. Two links talk to each other where that shows it best."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evloom.wire.ocpp.frame import Code
from evloom.wire.ocpp.link import CLOSED, TIMEOUT, Answered, Asked, Failed, Link, LinkLimits, Received, Sent, Trouble
from evloom.wire.ocpp.version import Version

V16, V201, V21 = Version.V16, Version.V201, Version.V21


def sent(link: Link) -> list[list[object]]:
    return [json.loads(frame) for frame in link.take_outgoing()]


def test_a_call_of_the_peer_is_answered():
    link = Link(V16)
    assert link.receive('[2,"7","Heartbeat",{}]', 0.0) == [Asked("7", "Heartbeat", b"{}")]
    assert (link.n_unanswered, sent(link)) == (1, [])
    link.answer("7", b'{"currentTime":"2026-03-01T12:00:00Z"}')
    assert (link.n_unanswered, sent(link)) == (0, [[3, "7", {"currentTime": "2026-03-01T12:00:00Z"}]])
    with pytest.raises(ValueError, match="no call '7' waits"):
        link.answer("7", b"{}")


@pytest.mark.parametrize(("version", "word"), [(V16, "FormationViolation"), (V201, "FormatViolation")])
def test_a_call_of_the_peer_is_refused_in_the_words_of_its_version(version, word):
    link = Link(version)
    link.receive('[2,"7","Heartbeat",{}]', 0.0)
    link.refuse("7", Code.FORMAT, "no")
    assert sent(link) == [[4, "7", word, "no", {}]]


def test_a_call_of_ours_is_answered():
    link = Link(V16, id_prefix="k-")
    call_id = link.call("Reset", b'{"type":"Soft"}', 10.0, 30.0)
    assert sent(link) == [[2, call_id, "Reset", {"type": "Soft"}]]
    assert call_id == "k-1"
    assert link.next_deadline_s() == 40.0
    assert link.receive(f'[3,"{call_id}",{{"status":"Accepted"}}]', 11.5) == [Answered(call_id, "Reset", b'{"status":"Accepted"}', 1.5)]
    assert link.next_deadline_s() is None


def test_an_error_answers_a_call_of_ours():
    link = Link(V16)
    call_id = link.call("Reset", b"{}", 0.0, 30.0)
    got = link.receive(f'[4,"{call_id}","NotSupported","cannot",{{"x":1}}]', 1.0)
    assert got == [Failed(call_id, "Reset", "NotSupported", "cannot", b'{"x":1}')]


def test_one_call_each_way_at_a_time():
    link = Link(V201)
    ids = [link.call("Reset", b"{}", 0.0, 30.0) for _ in range(3)]
    assert [frame[1] for frame in sent(link)] == ids[:1]
    assert link.n_unsent == 2
    link.receive('[2,"s1","Heartbeat",{}]', 0.0)
    link.answer("s1", b"{}")
    assert sent(link) == [[3, "s1", {}]], "what the peer asks does not wait for what we asked"
    link.receive(f'[3,"{ids[0]}",{{}}]', 1.0)
    assert [frame[1] for frame in sent(link)] == ids[1:2]


def test_a_call_without_an_answer_runs_out_and_the_next_goes():
    link = Link(V16)
    first, second = link.call("Reset", b"{}", 0.0, 30.0), link.call("ClearCache", b"{}", 1.0, 60.0)
    assert link.expire(29.9) == []
    failed = link.expire(30.0)
    assert [(item.call_id, item.code) for item in failed] == [(first, TIMEOUT)]
    assert [frame[1] for frame in sent(link)] == [first, second]
    assert link.receive(f'[3,"{first}",{{}}]', 31.0) == [Trouble("late", "answer", first)]
    assert link.receive(f'[3,"{second}",{{}}]', 32.0) == [Answered(second, "ClearCache", b"{}", 2.0)]


def test_a_call_that_waited_too_long_is_never_sent():
    link = Link(V16)
    first, second = link.call("Reset", b"{}", 0.0, 30.0), link.call("ClearCache", b"{}", 0.0, 5.0)
    assert link.next_deadline_s() == 5.0
    assert [(item.call_id, item.code) for item in link.expire(6.0)] == [(second, TIMEOUT)]
    link.receive(f'[3,"{first}",{{}}]', 7.0)
    assert [frame[1] for frame in sent(link)] == [first]


@pytest.mark.parametrize("text", ['[3,"x",{}]', '[4,"x","GenericError","",{}]', '[4,"-1","GenericError","",{}]'])
def test_an_answer_to_nothing_is_trouble_and_no_exception(text):
    link = Link(V16)
    assert [item.kind for item in link.receive(text, 0.0) if isinstance(item, Trouble)] == ["unknown"]
    assert sent(link) == []
    link.call("Reset", b"{}", 0.0, 30.0)
    assert isinstance(link.receive(text, 0.0)[0], Trouble), "the call that waits is another"
    assert link.next_deadline_s() == 30.0


def test_an_answer_that_cannot_be_read_ends_the_call_at_once():
    """Grizzl-E firmware leaves out a bracket (lbbrhzn/ocpp #442)."""
    for version, told in ((V16, []), (V21, [[5, "FormatViolation"]])):
        link = Link(version)
        first, second = link.call("GetConfiguration", b"{}", 0.0, 30.0), link.call("Reset", b"{}", 0.0, 30.0)
        link.take_outgoing()
        failed, trouble = link.receive(f'[3,"{first}",{{"configurationKey":[]', 1.0)
        assert isinstance(failed, Failed)
        assert (failed.call_id, failed.code) == (first, Code.FORMAT.word(version))
        assert isinstance(trouble, Trouble)
        *rejected, call = sent(link)
        assert [[frame[0], frame[2]] for frame in rejected] == told
        assert call[1] == second
        assert len(link.receive('[3,"x",[', 1.0)) == 1


def test_the_same_call_again_is_asked_once_and_answered_once():
    link = Link(V16)
    text = '[2,"1","StatusNotification",{"connectorId":1}]'
    assert len(link.receive(text, 0.0)) == 1
    assert [item.kind for item in link.receive(text, 1.0) if isinstance(item, Trouble)] == ["duplicate"]
    link.answer("1", b"{}")
    assert sent(link) == [[3, "1", {}]]
    assert link.receive(text, 2.0) == [Asked("1", "StatusNotification", b'{"connectorId":1}')], "an id may come again once it was answered"


def test_two_calls_under_one_id_are_both_asked_and_both_answered():
    link = Link(V16)
    link.receive('[2,"1","StatusNotification",{"connectorId":1}]', 0.0)
    asked, trouble = link.receive('[2,"1","StatusNotification",{"connectorId":2}]', 0.0)
    assert asked == Asked("1", "StatusNotification", b'{"connectorId":2}')
    assert isinstance(trouble, Trouble)
    assert trouble.kind == "reused"
    link.answer("1", b"{}")
    link.answer("1", b"{}")
    assert sent(link) == [[3, "1", {}], [3, "1", {}]]
    assert link.n_unanswered == 0


def test_an_id_that_is_a_number_is_answered_as_a_number():
    link = Link(V16)
    asked, odd = link.receive('[2,41,"Heartbeat",{}]', 0.0)
    assert asked == Asked("41", "Heartbeat", b"{}")
    assert isinstance(odd, Trouble)
    assert odd.kind == "odd"
    link.answer("41", b"{}")
    link.receive('[2,42,"Heartbeat",{}]', 0.0)
    link.refuse("42", Code.INTERNAL, "no")
    link.receive('[2,43,"Heartbeat",[]]', 0.0)
    assert [frame[:2] for frame in sent(link)] == [[3, 41], [4, 42], [4, 43]]


def test_too_many_calls_at_once_are_refused():
    link = Link(V16, LinkLimits(unanswered_max=2))
    for number in range(3):
        received = link.receive(f'[2,"{number}","Heartbeat",{{}}]', 0.0)
    assert [item.kind for item in received if isinstance(item, Trouble)] == ["busy"]
    assert [frame[:3] for frame in sent(link)] == [[4, "2", "GenericError"]]
    link.answer("0", b"{}")
    assert isinstance(link.receive('[2,"3","Heartbeat",{}]', 0.0)[0], Asked)


@pytest.mark.parametrize(
    ("version", "answer"),
    [(V16, [4, "-1", "FormationViolation"]), (V201, [4, "-1", "RpcFrameworkError"]), (V21, [4, "-1", "RpcFrameworkError"])],
)
def test_unreadable_bytes_are_answered_under_minus_one(version, answer):
    link = Link(version)
    assert [item.kind for item in link.receive(b"\xff\xfe", 0.0) if isinstance(item, Trouble)] == ["unreadable"]
    (frame,) = sent(link)
    assert frame[:3] == answer
    assert len(frame) == 5


def test_message_types_that_a_version_does_not_have():
    for version, answers in ((V16, []), (V201, [[4, "a", "MessageTypeNotSupported"]])):
        link = Link(version)
        link.receive('[6,"a","NotifyPeriodicEventStream",{}]', 0.0)
        assert [frame[:3] for frame in sent(link)] == answers


def test_send_and_result_error_of_21():
    link = Link(V21)
    assert link.receive('[6,"a","NotifyPeriodicEventStream",{"id":1}]', 0.0) == [Sent("NotifyPeriodicEventStream", b'{"id":1}')]
    assert link.receive('[5,"b","FormatViolation","cannot read",{}]', 0.0) == [Trouble("rejected", "FormatViolation: cannot read", "b")]
    assert sent(link) == [], "neither has an answer"
    call_id = link.send("NotifyPeriodicEventStream", b"{}")
    link.reject("c", Code.TYPE, "wrong type")
    assert sent(link) == [[6, call_id, "NotifyPeriodicEventStream", {}], [5, "c", "TypeConstraintViolation", "wrong type", {}]]


@pytest.mark.parametrize("version", [V16, V201])
def test_older_versions_send_neither(version):
    link = Link(version)
    with pytest.raises(ValueError, match="no SEND"):
        link.send("X", b"{}")
    link.reject("c", Code.TYPE, "wrong type")
    assert sent(link) == []


def test_a_link_that_goes_down_fails_what_waited():
    link = Link(V16)
    ids = [link.call("Reset", b"{}", 0.0, 30.0) for _ in range(2)]
    link.receive('[2,"1","Heartbeat",{}]', 0.0)
    assert [(item.call_id, item.code) for item in link.close()] == [(call_id, CLOSED) for call_id in ids]
    assert (link.n_unanswered, link.n_unsent, link.take_outgoing(), link.close()) == (0, 0, [], [])


def test_ids_are_short_enough_whatever_the_prefix():
    link = Link(V16, id_prefix="p" * 50)
    assert len(link.call("Reset", b"{}", 0.0, 1.0)) <= 36


def test_both_ends_of_a_connection():
    ours, theirs = Link(V21, id_prefix="o"), Link(V21, id_prefix="t")
    ours.call("GetReport", b'{"requestId":1}', 0.0, 30.0)
    theirs.call("Heartbeat", b"{}", 0.0, 30.0)
    (asked_us,) = [item for frame in theirs.take_outgoing() for item in ours.receive(frame, 0.1)]
    (asked_them,) = [item for frame in ours.take_outgoing() for item in theirs.receive(frame, 0.1)]
    assert isinstance(asked_us, Asked)
    assert isinstance(asked_them, Asked)
    ours.answer(asked_us.call_id, b"{}")
    theirs.refuse(asked_them.call_id, Code.NOT_SUPPORTED, "no reports")
    (answered,) = [item for frame in ours.take_outgoing() for item in theirs.receive(frame, 0.2)]
    (failed,) = [item for frame in theirs.take_outgoing() for item in ours.receive(frame, 0.2)]
    assert answered == Answered("t1", "Heartbeat", b"{}", 0.2)
    assert failed == Failed("o1", "GetReport", "NotSupported", "no reports")


FRAMES = [b'[2,"1","H",{}]', b'[2,"1","H",{"a":1}]', b'[3,"1",{}]', b'[4,"1","X","",{}]', b'[3,"2",{}]']
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), st.binary(max_size=40)),
        st.tuples(
            st.just("receive"),
            st.sampled_from([b'[2,"1","H",{}]', b'[2,"1","H",{"a":1}]', b'[3,"1",{}]', b'[4,"1","X","",{}]', b'[3,"2",{}]']),
        ),
        st.tuples(st.just("call"), st.floats(0.0, 10.0)),
        st.tuples(st.just("expire"), st.floats(0.0, 100.0)),
        st.tuples(st.just("answer"), st.none()),
    ),
    max_size=30,
)


@given(ACTS)
def test_whatever_happens_each_call_of_ours_ends_once_and_one_is_out_at_a_time(acts):
    link = Link(V21)
    begun: set[str] = set()
    ended: list[str] = []
    waiting: list[str] = []
    out = 0
    for what, value in acts:
        received: list[Received] = []
        if what == "receive":
            received = link.receive(value, 0.0)
        elif what == "call":
            begun.add(link.call("Reset", b"{}", 0.0, value))
        elif what == "expire":
            received = list(link.expire(value))
        elif waiting:
            link.answer(waiting.pop(0), b"{}")
        waiting += [item.call_id for item in received if isinstance(item, Asked)]
        over = [item.call_id for item in received if isinstance(item, Answered | Failed)]
        ended += over
        out += sum(frame.startswith(b"[2,") for frame in link.take_outgoing())
        assert out - len(ended) <= 1
    ended += [item.call_id for item in link.close()]
    assert sorted(ended) == sorted(begun)
