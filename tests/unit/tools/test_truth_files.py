import json

import numpy as np
import pytest

from evloom.simulate.pack.fleet import fleet
from tools.truth.files import gather, has_pack, read_pack, read_packs, write_pack
from tools.truth.twin_fleet import shares, write_fleet


def test_what_is_written_is_read_again(tmp_path):
    ((frames, truth),) = fleet(3, 1, {"internal-short": 1.0}, 3, {"LFP": 1.0}, 60.0)
    write_pack(tmp_path, frames, truth)
    again, told = read_pack(tmp_path, frames.pack.vehicle_id)
    assert again.pack == frames.pack
    for name in ("at_s", "known_at_s", "current_a", "pack_v", "soc", "charging", "bms_level", "balancing", "cell_v", "probe_c"):
        assert np.array_equal(getattr(again, name), getattr(frames, name), equal_nan=True)
    assert (told.fault, told.cell, told.onset_s) == (truth.fault, truth.cell, truth.onset_s)
    assert told.capacity_ah == pytest.approx(truth.capacity_ah, abs=1e-4)
    assert told.parameters == truth.parameters


def test_a_broken_run_goes_on_and_gives_the_same(tmp_path):
    what = ({"none": 0.5, "weak-cell": 0.5}, {"NMC": 1.0}, 60.0)
    first = write_fleet(tmp_path / "a", 5, (1, 2), *what)
    more = write_fleet(tmp_path / "a", 5, (3, 2), *what)
    whole = write_fleet(tmp_path / "b", 5, (3, 2), *what)
    assert first + more == whole
    assert has_pack(tmp_path / "a", "twin-5-00002")
    for name in ("truth.json", "twin-5-00000.parquet", "twin-5-00002.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list(read_packs(tmp_path / "b"))) == 3


def test_the_list_of_truths_grows_with_the_folder(tmp_path):
    assert gather(tmp_path) == 0
    for frames, truth in fleet(3, 2, {"none": 1.0}, 2, {"NMC": 1.0}, 60.0):
        write_pack(tmp_path, frames, truth)
    assert gather(tmp_path) == gather(tmp_path) == 2
    assert [entry["truth"]["fault"] for entry in json.loads((tmp_path / "truth.json").read_text())] == ["none", "none"]


def test_shares_are_read():
    assert shares("none=0.9,internal-short=0.1") == {"none": 0.9, "internal-short": 0.1}
