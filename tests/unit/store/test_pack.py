"""Texts come back as they were, and small; the format does not change."""

import hashlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evloom.store.pack import SAID, SENT, packed, unpacked
from evloom.store.pack_words import SAID_1, SENT_1
from tests.unit.store.words import charging


@given(st.binary(max_size=300), st.sampled_from((SAID, SENT)))
def test_any_text_comes_back(text, words):
    assert unpacked(packed(text, words)) == text


@given(st.text(max_size=300), st.sampled_from((SAID, SENT)))
def test_long_texts_too(text, words):
    many = text.encode() * 40
    assert unpacked(packed(many, words)) == many


def test_what_was_kept_before_is_read():
    assert unpacked('{"a":1}') == b'{"a":1}'
    assert unpacked(b'{"a":1}') == b'{"a":1}'
    assert unpacked(b"\x01 no deflated text") == b"\x01 no deflated text"
    assert unpacked(b"") == b""


def test_an_entry_shrinks_to_a_tenth():
    body = msgspec.json.encode(charging("S1", "T1", 3)[2].event)
    assert len(packed(body, SAID)) < 0.15 * len(body)


def test_the_vocabulary_is_for_ever():
    """Databases hold texts that only these bytes can read. A better vocabulary gets a number of its own."""
    assert hashlib.sha256(SAID_1).hexdigest() == "4eff6990a5607019e3343bd1769bf808f838cc715ada863bc2e1d024b9cd3c55"
    assert hashlib.sha256(SENT_1).hexdigest() == "6d6219a9564281ebe246bed962cd178267732cd13266c976e3f16f506084db27"
    kept = bytes.fromhex("0123dce5412a4ce11d2ef41218bd97550b00")
    assert unpacked(kept) == b'{"evse":1,"connector":1,"status":"Charging","detail":"SuspendedEVSE","error":"NoError"}'
