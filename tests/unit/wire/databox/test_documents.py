"""Documents of a battery data box."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evloom.vehicle import telemetry as t
from evloom.vehicle.telemetry import Frames, Pack, unflagged
from evloom.wire.databox import topics
from evloom.wire.databox.translate import BadDocument, batch_bytes, box_ack, box_state, command_bytes, told

NOW_S = 1750000000.0


def frames(n=3, n_cell=4, n_probe=2, seed=0) -> Frames:
    draw = np.random.default_rng(seed)
    return unflagged(
        Pack("V1", "P1", n_cell, n_probe, "LFP", 120.0, tuple(k % max(n_probe, 1) if n_probe else -1 for k in range(n_cell))),
        at_s=NOW_S + np.arange(n),
        known_at_s=np.full(n, NOW_S + 5),
        current_a=draw.normal(0, 50, n).round(1),
        pack_v=draw.normal(380, 5, n).round(1),
        soc=draw.random(n).round(3),
        charging=draw.integers(0, 4, n),
        cell_v=draw.integers(2500, 3650, (n, n_cell)).astype(np.float64).__truediv__(1000).astype(np.float32),
        probe_c=draw.integers(-20, 60, (n, n_probe)).astype(np.float32),
    )


@given(st.integers(1, 6), st.integers(0, 400), st.integers(0, 5), st.booleans(), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_a_batch_there_and_back(n, n_cell, n_probe, packed, seed):
    sent = frames(n, n_cell, n_probe, seed)
    got = told("V1", batch_bytes(sent, 7, packed), NOW_S + 5)
    assert got.seq == 7
    assert got.frames.pack == sent.pack or np.isnan(got.frames.pack.capacity_ah)
    for name in ("at_s", "known_at_s", "current_a", "pack_v", "soc", "speed_km_per_h", "charging", "balancing", "cell_v", "probe_c"):
        np.testing.assert_array_equal(getattr(got.frames, name), getattr(sent, name))


def test_what_a_small_box_sends():
    head = b'{"seq": 1, "pack": {"id": "P", "n_cell": 2, "n_probe": 1}, "at_s": [1750000000], '
    document = head + b'"cells_mv": [[3300, 65535]], "probes_c": [[null]]}'
    got = told("V1", document, NOW_S).frames
    assert got.cell_flags[0].tolist() == [0, t.CELL_SENTINEL]
    assert got.probe_flags[0].tolist() == [t.PROBE_ABSENT]
    assert got.flags[0] == t.STATUS_NULL | t.CURRENT_ABSENT | t.PACK_VOLTAGE_ABSENT | t.SOC_ABSENT


GOOD = {
    "seq": 1,
    "pack": {"id": "P", "n_cell": 2, "n_probe": 1},
    "at_s": [1750000000, 1750000001],
    "cells_mv": [[1, 2], [3, 4]],
    "probes_c": [[20], [21]],
    "current_a": [1.0, None],
}


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"at_s": []},
        {"at_s": [1750000000]},
        {"at_s": [1750000000, 5]},
        {"at_s": [1750000000, None]},
        {"cells_mv": [[1, 2], [3]]},
        {"cells_mv": [[1, 2], [3, 70000]]},
        {"cells_mv": [[1, 2]]},
        {"probes_c": [[20], []]},
        {"current_a": [1.0]},
        {"current_a": [1.0, "much"]},
        {"charging": [1]},
        {"pack": {"id": "", "n_cell": 2}},
        {"pack": {"id": "P", "n_cell": 100000}},
        {"pack": {"id": "P", "n_cell": 2, "n_probe": 1, "probe_of_cell": [0, 1]}},
        {"pack": None},
    ],
)
def test_a_batch_that_cannot_be(change):
    assert told("V1", json.dumps(GOOD).encode(), NOW_S).frames.n == 2
    with pytest.raises(BadDocument):
        told("V1", json.dumps(GOOD | change).encode(), NOW_S)
    with pytest.raises(BadDocument):
        told("V1", msgspec.msgpack.encode(GOOD | change), NOW_S)


def test_binary_cells_of_the_wrong_length():
    with pytest.raises(BadDocument, match="bytes for 2 frames"):
        told("V1", msgspec.msgpack.encode(GOOD | {"cells_mv": b"\0" * 7}), NOW_S)


@given(st.binary(max_size=200) | st.just(b"{" * 100000) | st.just(b"\x91" * 100000))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(document):
    for read in (lambda data: told("V1", data, NOW_S), box_state, box_ack):
        try:
            read(document)
        except BadDocument:
            continue


def test_state_acknowledgement_and_command():
    state = box_state(b'{"online": true, "parked": true, "rate_s": 60, "more": 1}')
    assert (state.online, state.parked, state.interval_s, state.supply_v) == (True, True, 60.0, None)
    ack = box_ack(msgspec.msgpack.encode({"id": "a", "ok": False, "why": "low supply"}))
    assert (ack.command_id, ack.done, ack.why) == ("a", False, "low supply")
    plain = {"id": "a", "rate_s": 1.0, "until_s": NOW_S, "parked_floor_s": 60.0}
    assert json.loads(command_bytes("a", 1.0, NOW_S, 60.0)) == plain
    assert json.loads(command_bytes("a", 1.0, NOW_S, 60.0, 30)) == {**plain, "burst": 30}


def test_topics():
    assert topics.topic("LEV 1", topics.COMMAND) == "evloom/box/LEV 1/command"
    assert topics.parted("evloom/box/LEV1/telemetry") == ("LEV1", "telemetry")
    for other in ("evloom/box/LEV1", "evloom/box//telemetry", "evloom/bus/LEV1/telemetry", "evloom/box/A/telemetry/x"):
        assert topics.parted(other) is None
    for bad in ("", "a/b", "+", "x" * 65):
        with pytest.raises(ValueError, match="characters"):
            topics.topic(bad, topics.COMMAND)


def test_the_documents_of_the_page_are_read():
    page = (Path(__file__).parents[4] / "docs" / "gbt32960.md").read_text(encoding="utf-8")
    batch, command = (part.partition("```")[0] for part in page.split("```json\n")[1:])
    got = told("V1", batch.encode(), NOW_S)
    assert (got.seq, got.frames.n, got.frames.pack.n_cell, got.frames.cell_flags[1, 2]) == (17, 2, 3, t.CELL_SENTINEL)
    said = json.loads(command)
    assert json.loads(command_bytes(said["id"], said["rate_s"], said["until_s"], said["parked_floor_s"])) == said
    state, ack = (page.partition(f"`{head}")[2].partition("`")[0] for head in ('{"online": true', '{"id": "684ee180-3", "ok"'))
    assert box_state(('{"online": true' + state).encode()).supply_v == 12.6
    assert box_ack(('{"id": "684ee180-3", "ok"' + ack).encode()).done
