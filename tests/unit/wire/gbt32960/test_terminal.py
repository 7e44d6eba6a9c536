"""What a terminal says means what the frames held, to the resolution of the standard."""

from dataclasses import replace

import numpy as np

from evloom.simulate.pack.fleet import fleet
from evloom.vehicle.telemetry import joined
from evloom.wire.gbt32960 import terminal
from evloom.wire.gbt32960.assembly import Assembly
from evloom.wire.gbt32960.frame import unpacked
from evloom.wire.gbt32960.spoken import LoggedIn, Reported
from evloom.wire.gbt32960.translate import meaning

VIN = "LSVTWIN0000000001"


def test_a_terminal_logs_in_with_its_battery():
    said = meaning(unpacked(terminal.login(VIN, "PACK-0001", 1_790_000_000.0)))
    assert isinstance(said, LoggedIn)
    assert said.packs == ("PACK-0001",)
    assert said.at_s == 1_790_000_000.0


def test_reports_mean_what_the_frames_held_and_what_is_not_known_stays_so():
    frames = next(iter(fleet(3, 1, {"none": 1.0}, 2)))[0].part(slice(0, 300))
    current_a = frames.current_a.copy()
    current_a[7] = np.nan
    frames = replace(frames, current_a=current_a)
    assembly = Assembly(VIN)
    assembly.log_in(("PACK-0001",))
    for row in range(frames.n):
        said = meaning(unpacked(terminal.report(VIN, frames, row)))
        assert isinstance(said, Reported)
        assembly.add(said, float(frames.known_at_s[row]))
    seen = joined(assembly.take(everything=True))
    assert seen.n == frames.n
    np.testing.assert_allclose(seen.at_s, np.round(frames.at_s))
    np.testing.assert_allclose(seen.current_a, frames.current_a, atol=0.0501)
    np.testing.assert_allclose(seen.cell_v, frames.cell_v, atol=0.000501)
    np.testing.assert_allclose(seen.probe_c, frames.probe_c, atol=0.501)
    np.testing.assert_array_equal(seen.charging, frames.charging)
