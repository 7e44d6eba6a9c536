"""The two recorded cars: no alarm on the one, the drifting cell named on the other well before its own management's level 3."""

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evloom.diagnose.doctor import finish, fresh, step
from evloom.diagnose.warning import WarningChange
from evloom.vehicle.telemetry import Frames, Pack, unflagged

DATA = Path(os.environ.get("EVLOOM_DATA", Path(__file__).parents[4] / "shared" / "data")) / "battery_field_frames"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason=f"the recorded frames are not at {DATA}")


def car(number: int, offset_c: float) -> Frames:
    with zipfile.ZipFile(DATA / f"car{number}_processed.zip") as archive:
        table = pl.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), infer_schema_length=20000)
    table = table.with_columns(pl.col("tboxTime").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("s")).sort("tboxTime", maintain_order=True)

    def column(name: str) -> np.ndarray:
        return table[name].cast(pl.Float64).to_numpy()

    def wide(prefix: str) -> np.ndarray:
        return table.select([name for name in table.columns if name.startswith(prefix)]).to_numpy().astype(np.float32)

    cell_v, probe_c = wide("V_"), wide("T_") - np.float32(offset_c)
    pack = Pack(f"car{number}", f"car{number}", cell_v.shape[1], probe_c.shape[1])
    return unflagged(
        pack,
        at_s=column("tboxTime"),
        current_a=-column("BMSBatteryCurrent"),
        pack_v=column("BMSBatteryVoltage"),
        soc=column("vehBMSPackSOC") / 100.0,
        speed_km_per_h=column("vehSpeed"),
        odometer_km=column("vehOdo"),
        cell_v=cell_v,
        probe_c=probe_c,
        **({"bms_level": column("BMSWarningInformation").astype(np.int64)} if number == 2 else {}),
    )


def examine(frames: Frames) -> list[WarningChange]:
    state, changes = step(fresh(frames.pack), frames)
    return changes + finish(state)[1]


def test_the_car_without_a_fault_raises_no_alarm() -> None:
    assert examine(car(1, 0.0)) == []


def test_the_drifting_cell_is_named_before_its_management_says_level_3() -> None:
    frames = car(2, 40.0)
    first_level_3_s = frames.at_s[frames.bms_level == 3][0]
    cells = [change for change in examine(frames) if change.warning.cell is not None]
    assert cells[0].warning.cell == 81  # counted from 0
    assert cells[0].at_s < first_level_3_s - 7 * 86400.0
    assert len({change.warning.cell for change in cells}) <= 3
    assert any(change.warning.level == "inspect" for change in cells)
