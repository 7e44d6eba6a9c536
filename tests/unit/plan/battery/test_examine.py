"""One pack from its frames to what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evloom.diagnose import quality
from evloom.diagnose.card import card_of
from evloom.plan.battery.examine import Examiner, examine
from evloom.plan.battery.output import row_of, vehicle_json
from evloom.plan.battery.tally import Tally
from evloom.store.battery.rules import load_rules
from evloom.vehicle.telemetry import Frames, Pack, unflagged
from tests.unit.diagnose.packs import BEGIN_S, DAY_S
from tests.unit.plan.battery.fleets import pack

RULES = load_rules()


def said(pieces: list[Frames]) -> str:
    """Everything that is told of a pack."""
    examined = examine(pieces)
    return vehicle_json(examined, card_of(examined.pack, examined.health, examined.warnings, RULES))


def cut(frames: Frames, size: int) -> list[Frames]:
    """The frames in pieces."""
    return [frames.part(slice(at, at + size)) for at in range(0, frames.n, size)]


def test_a_leak_is_told_with_everything_that_belongs_to_it() -> None:
    content = json.loads(said([pack("car", leak_ah=2.5)]))
    warning = content["warnings"][0]
    assert (content["vehicle_id"], content["level"], content["days"]) == ("car", warning["level"], 18)
    assert (warning["cell"], warning["cell_name"], warning["state"], warning["closed"]) == (7, "V_8", "open", None)
    assert warning["level_highest"] in ("inspect", "stop")
    assert BEGIN_S + 6 * DAY_S < np.datetime64(warning["first_seen"][:-1]).astype("datetime64[s]").astype(float) < BEGIN_S + 14 * DAY_S
    assert sum(each["probability"] for each in warning["causes"]) == pytest.approx(1.0, abs=1e-3)
    assert warning["history"][0]["kind"] == "opened"
    assert {each["name"] for each in warning["evidence"]} >= {"charge of the cell"}
    assert all({"key", "en", "zh"} == set(each) for each in warning["advice"])
    assert content["health"]["coverage"]["frames"] > 0
    assert content["card"]["grade"]["name"] in ("A", "B", "C", "D", "E", "")


@pytest.mark.parametrize("size", [1000, 97])
def test_pieces_of_any_size_tell_the_same(size: int) -> None:
    frames = pack("car", days=12, leak_ah=4.0)
    assert said(cut(frames, size)) == said([frames])


def test_a_pack_that_moves_takes_its_history_along() -> None:
    frames = pack("first", leak_ah=2.5)
    late = frames.at_s >= BEGIN_S + 13 * DAY_S
    moved = replace(frames.part(late), pack=replace(frames.pack, vehicle_id="second"))
    examined = examine([frames.part(~late), moved])
    assert examined.vehicles == ("first", "second")
    assert examined.warnings[0].vehicle_id == "second"
    assert examined.warnings[0].cell == examine([frames]).warnings[0].cell == 7


def test_frames_of_another_pack_are_the_mistake_of_who_gives_them() -> None:
    examiner = Examiner(pack("car", days=1).pack)
    with pytest.raises(ValueError, match="frames of other"):
        examiner.take(pack("other", days=1))
    with pytest.raises(ValueError, match="nothing to examine"):
        examine([])


@pytest.mark.parametrize(("n_cell", "code"), [(0, "battery.few-cells"), (1, "battery.few-cells"), (400, "battery.constant")])
def test_what_frames_lack_is_said(n_cell: int, code: str) -> None:
    at_s = BEGIN_S + 30.0 * np.arange(500)
    frames = unflagged(Pack("car", "car", n_cell, 0), at_s=at_s, cell_v=np.full((500, n_cell), 3.7, dtype=np.float32))
    examined = examine([frames])
    assert code in [finding.code for finding in examined.findings]
    assert "battery.short-history" in row_of(examined).lacks
    assert examined.warnings == ()


def test_what_was_doubted_is_counted_by_its_name() -> None:
    frames = pack("car", days=3)
    cell_v = frames.cell_v.copy()
    cell_v[100, 3] = 65.535
    counted = examine([replace(frames, cell_v=cell_v)]).tally
    assert (counted.cell_flagged, counted.flagged["corrupt"]) == ({"sentinel": 1}, 1)


def test_a_few_frames_of_a_clock_that_was_not_set_do_not_stretch_the_span() -> None:
    frames = pack("car", days=10)
    astray = unflagged(frames.pack, at_s=np.array([BEGIN_S - 400 * DAY_S]), cell_v=frames.cell_v[:1], probe_c=frames.probe_c[:1])
    tally = Tally()
    for part in (quality.flag(astray)[0], frames):
        tally.add(part)
    assert (tally.frames, tally.days) == (frames.n + 1, 10)
    assert tally.first_s == frames.at_s.min()
